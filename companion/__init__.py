"""Loss functions for PyTorch, each one exact, finite and documented.

``from companion.losses import FocalLoss, focal_loss`` gives a loss as a module and as a function.
``from companion.weighters import SoftAdapt`` weighs the parts of a loss while the model learns.
``companion.diagnostics`` looks at labels and finds what is wrong with them.
``python -m companion profile FILE.csv --target COLUMN`` profiles a table before a loss is chosen.
``companion.device()`` is where the book's notebooks run. Data sets, metrics, seeded experiments and
plots live in ``companion.data``, ``companion.metrics``, ``companion.experiments`` and
``companion.plots``; they need the extra ``data`` and are imported by name only.
"""

from companion import diagnostics, losses, weighters
from companion._device import device

__all__ = ["device", "diagnostics", "losses", "weighters"]
__version__ = "0.1.0"
