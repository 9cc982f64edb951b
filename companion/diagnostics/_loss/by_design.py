"""Which of our losses has which trait on purpose, and why: what would be a finding is a note there."""

import functools
from collections.abc import Mapping
from typing import Any

Traits = Mapping[str, str]

REGION = {
    "batch-coupling": "it scores a region, and with plain (N, C) input or `batch=True` the batch is the region",
    "reduction": "`smooth` is added once to a region however large, and absent classes may be left out of the mean",
}
PAIRS = {
    "batch-coupling": "rows are compared with one another",
    "memory-growth": "it needs the table of all pairs of rows; `chunk_size` bounds it where it is offered",
    "reduction": "more rows are more negatives, and rows without a partner do not count",
}
GIVES_UP = {"saturation": "examples that seem hopeless, and so mislabelled or outliers, are given up"}
IMPROPER = {"not-lowest-at-truth": "for targets between 0 and 1 its minimum is not the target; it is for 0 and 1"}
OF_TWO = "it takes no prediction and target, but two sets of the same kind"

TRAITS: Mapping[str, Traits] = {
    **dict.fromkeys(
        (
            f"{kind}{name}_loss"
            for kind in ("", "binary_")
            for name in ("dice", "tversky", "fbeta", "generalized_dice", "jaccard", "focal_tversky", "mcc", "boundary")
        ),
        REGION,
    ),
    **dict.fromkeys(("lovasz_softmax_loss", "lovasz_hinge_loss"), REGION),
    **dict.fromkeys(
        (
            "nt_xent_loss",
            "supervised_contrastive_loss",
            "triplet_loss",
            "info_nce_loss",
            "graph_contrastive_loss",
        ),
        PAIRS,
    ),
    **dict.fromkeys(("truncated_gce_loss", "tukey_loss", "welsch_loss"), GIVES_UP),
    "binary_focal_loss": IMPROPER,
    "forward_correction_loss": {"saturation": "a label may be wrong as often as `transition` says, and costs no more"},
    "ELRLoss": {"detached": "the memory takes in the prediction without a gradient, as in the paper"},
    "ctc_loss": {"batch-coupling": "the first axis is time"},
    "sparsity_kl": {"batch-coupling": "the activity of a unit is its mean over the batch"},
}
NO_TRUTH: Mapping[str, str] = {
    "backward_correction_loss": "it is corrected for noise and has no lower bound at any one label",
    "binary_boundary_loss": "it takes distances to a contour, no target",
    "boundary_loss": "it takes distances to a contour, no target",
    "contrastive_divergence_loss": OF_TWO,
    "contrastive_loss": OF_TWO,
    "elbo_loss": OF_TWO,
    "energy_nll_loss": "it takes energies, which are low where the class is right",
    "gaussian_nll_loss": "its second argument is the logarithm of the variance",
    "graph_contrastive_loss": OF_TWO,
    "info_nce_loss": OF_TWO,
    "introvae_loss": OF_TWO,
    "mixup_loss": "it mixes two targets",
    "nce_loss": OF_TWO,
    "negative_learning_loss": "its target is a class that is not the true one",
    "nt_xent_loss": OF_TWO,
    "peer_loss": "it subtracts the loss of the average label, and has no lower bound",
    "score_matching_loss": "its second argument is noise",
}


def traits(loss: Any) -> Traits:
    """Trait -> reason, for a loss of ours."""
    return TRAITS.get(_ours(loss), {})


def no_truth(loss: Any) -> str | None:
    """Why the arguments of a loss of ours do not tell the right prediction."""
    return NO_TRUTH.get(_ours(loss))


def name_of(loss: Any) -> str:
    """What to call a loss."""
    loss = _whole(loss)
    return str(getattr(loss, "__name__", type(loss).__name__))


def _ours(loss: Any) -> str:
    """The name of a function of ours, also of its twin; empty for a loss of others."""
    loss = _whole(loss)
    function = getattr(loss, "function", None) or (loss if hasattr(loss, "__name__") else type(loss))
    ours = str(getattr(function, "__module__", "")).startswith("companion.losses.")
    return str(function.__name__) if ours else ""


def _whole(loss: Any) -> Any:
    """The function of a partial one."""
    while isinstance(loss, functools.partial):
        loss = loss.func
    return loss
