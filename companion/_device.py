"""Where the book's notebooks run."""

import torch


def device() -> torch.device:
    """The first GPU that torch can use, else the CPU.

    Returns:
        ``torch.device("cuda")`` where CUDA (or ROCm) is available, ``torch.device("cpu")`` elsewhere.

    Example:
        >>> import companion
        >>> companion.device().type in {"cuda", "cpu"}
        True
    """
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
