"""The losses of structures: one row each; their equations are in structured_references.py."""

import torch
from torch import Tensor

from companion import losses
from tests.losses import structured_references as equations
from tests.losses.info import OwnInfo

DOUBLE = torch.float64


SCORES = {
    "transitions": torch.tensor([[0.5, -1.0, 0.3], [1.2, 0.1, -0.7], [-0.4, 0.8, 0.2]], dtype=DOUBLE),
    "start": torch.tensor([0.3, -0.2, 0.9], dtype=DOUBLE),
    "end": torch.tensor([-0.6, 0.4, 0.1], dtype=DOUBLE),
}


NEEDED = {"transitions": SCORES["transitions"]}


ENDS = {name: SCORES[name] for name in ("start", "end")}


PRICES = torch.tensor([[0.0, 1.0, 4.0], [2.0, 0.0, 3.0], [0.5, 2.5, 0.0]], dtype=DOUBLE)


def normal(*shape: int, draw: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=draw, dtype=DOUBLE)


def whole(high: int, *shape: int, draw: torch.Generator) -> Tensor:
    return torch.randint(high, shape, generator=draw)


def ctc_example(rows: int, draw: torch.Generator) -> tuple[Tensor, ...]:
    targets = torch.where(whole(2, rows, 2, draw=draw) > 0, 1, 2)
    return normal(4, rows, 4, draw=draw), targets, 3 + whole(2, rows, draw=draw), 1 + whole(2, rows, draw=draw)


def ctc_far_out() -> list[tuple[Tensor, ...]]:
    """Ties; sure and wrong; sure of another class; a target that is too long, and one of nothing."""
    logits = torch.zeros(4, 5, 4)
    logits[:, 1, 3], logits[1:, 2, 0], logits[:, 3, 1], logits[:, 4, 2] = 1e4, -1e4, 30.0, -1e4
    targets = torch.tensor([[1, 2, 1], [2, 2, 0], [1, 1, 0], [1, 1, 1], [0, 0, 0]])
    return [(logits, targets, torch.full((5,), 4), torch.tensor([3, 2, 2, 3, 0]))]


def ctc_nothing() -> list[tuple[Tensor, ...]]:
    none = torch.zeros(0, dtype=torch.long)
    too_long = torch.randn(2, 1, 3), torch.tensor([[1, 1]]), torch.tensor([2]), torch.tensor([2])
    return [too_long, (torch.zeros(3, 0, 4), none.view(0, 2), none, none)]


def chain_example(rows: int, draw: torch.Generator) -> tuple[Tensor, ...]:
    mask = whole(2, rows, 4, draw=draw) > 0
    mask[:, 2] = True
    return normal(rows, 4, 3, draw=draw), whole(3, rows, 4, draw=draw), mask


def chains_far_out() -> list[tuple[Tensor, ...]]:
    """Ties; sure and wrong; sure and right; everything large; nothing kept."""
    emissions = torch.zeros(5, 3, 3)
    emissions[1, :, 0], emissions[2, :, 1], emissions[3] = 1e4, 1e4, torch.tensor([9999.5, -1e4, 9999.0])
    tags = torch.tensor([[0, 1, 2], [2, 1, 2], [1, 1, 1], [2, -100, 0], [-100, -100, -100]])
    mask = torch.tensor([[1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 0, 1], [0, 0, 0]]).bool()
    return [(emissions, tags, mask)]


def chains_nothing() -> list[tuple[Tensor, ...]]:
    shapes = [(0, 3), (2, 0), (2, 3)]
    return [(torch.randn(*s, 3), torch.zeros(s, dtype=torch.long), torch.zeros(s, dtype=torch.bool)) for s in shapes]


def tokens_far_out() -> list[tuple[Tensor, ...]]:
    logits = torch.tensor([[[1e4, 0.0, -1e4], [0.0, 0.0, 0.0]], [[-1e4, 20.0, 0.0], [1e4, 1e4, 0.0]]])
    return [(logits, torch.tensor([[2, 1], [1, 0]]), torch.tensor([[True, True], [True, False]]))]


def views_far_out() -> list[tuple[Tensor, ...]]:
    """Lengths from 0 to 1e4."""
    one = torch.tensor([[-8e3, -1e4, -8e3], [6.25e-5, -2.5e-5, 2e-4], [0.0, 0.0, 0.0], [-0.875, -0.5, 0.75]])
    other = torch.tensor([[2e3, -5e3, 5e3], [0.625, -0.625, 0.75], [0.0, -1.25, -0.625], [0.0, 0.0, 0.0]])
    return [(one, other)]


def far_values() -> Tensor:
    return torch.tensor([[1e4, -2.0], [-1e4, 3.0], [0.0, 0.0], [0.5, 0.25], [0.5, 0.25], [1e2, 1e-4]])


NO_EDGES = torch.zeros(2, 0, dtype=torch.long)


FAR_EDGES = torch.tensor([[0, 1, 2, 3, 5], [1, 2, 3, 4, 0]])


STRUCTURED = [
    OwnInfo(
        losses.ctc_loss,
        losses.CTCLoss,
        ctc_example,
        equations.ctc,
        ctc_far_out,
        ctc_nothing,
        sweep=({}, {"blank": 3}),
    ),
    OwnInfo(
        losses.sequence_cross_entropy,
        losses.SequenceCrossEntropyLoss,
        lambda rows, draw: (
            normal(rows, 3, 4, draw=draw),
            whole(4, rows, 3, draw=draw),
            torch.ones(rows, 3, dtype=torch.bool),
        ),
        equations.tokens,
        tokens_far_out,
        chains_nothing,
        sweep=({}, {"per": "sequence"}, {"label_smoothing": 0.25}),
    ),
    OwnInfo(
        losses.crf_loss,
        losses.CRFLoss,
        chain_example,
        equations.crf,
        chains_far_out,
        chains_nothing,
        sweep=({}, ENDS),
        needs=NEEDED,
        learned=SCORES,
    ),
    OwnInfo(
        losses.structured_hinge_loss,
        losses.StructuredHingeLoss,
        chain_example,
        equations.structured_hinge,
        chains_far_out,
        chains_nothing,
        sweep=({}, ENDS, {"cost": 2.5}, {"cost": PRICES}),
        needs=NEEDED,
        learned={**SCORES, "cost": PRICES},
    ),
    OwnInfo(
        losses.energy_nll_loss,
        losses.EnergyNLLLoss,
        lambda rows, draw: (normal(rows, 4, draw=draw), whole(4, rows, draw=draw)),
        equations.energy_nll,
        lambda: [(torch.tensor([[1e4, 0.0, -1e4], [0.0, 20.0, 30.0], [5.0, 5.0, 5.0]]), torch.tensor([0, 0, 2]))],
        lambda: [(torch.randn(2, 3), torch.tensor([-100, -100])), (torch.zeros(0, 3), torch.zeros(0).long())],
    ),
    OwnInfo(
        losses.nce_loss,
        losses.NCELoss,
        lambda rows, draw: tuple(normal(*s, draw=draw) for s in ((rows,), (rows,), (rows, 3), (rows, 3))),
        equations.nce,
        lambda: [
            tuple(torch.tensor(v) for v in ([1e4, 0.0], [-1e4, 50.0], [[1e4, -30.0], [0.0, 7.0]], [[0.0, 9.0]] * 2))
        ],
        lambda: [(torch.zeros(0), torch.zeros(0), torch.zeros(0, 2), torch.zeros(0, 2))],
        slopes=(0, 1, 2, 3),
    ),
    OwnInfo(
        losses.contrastive_divergence_loss,
        losses.ContrastiveDivergenceLoss,
        lambda rows, draw: (normal(rows, draw=draw), normal(rows, draw=draw)),
        equations.contrastive_divergence,
        lambda: [(torch.tensor([1e4, -1e4, 0.0, 9999.5]), torch.tensor([-1e4, 5.0, 0.0, 9999.0]))],
        lambda: [(torch.zeros(0), torch.zeros(0))],
        sweep=({}, {"strength": 0.1}),
        slopes=(0, 1),
    ),
    OwnInfo(
        losses.score_matching_loss,
        losses.ScoreMatchingLoss,
        lambda rows, draw: (
            normal(rows, 3, draw=draw),
            normal(rows, 3, draw=draw),
            normal(rows, draw=draw).exp(),
        ),
        equations.score_matching,
        lambda: [
            (
                torch.tensor([[1e4, -3.0], [0.0, 0.0], [-1e4, 1e4]]),
                torch.tensor([[0.5, -1.0], [0.0, 0.0], [2.0, 3.0]]),
                torch.tensor([1e4, 1.0, 1e-4]),
            )
        ],
        lambda: [(torch.zeros(0, 3), torch.zeros(0, 3), torch.ones(0))],
        slopes=(0, 1, 2),
    ),
    OwnInfo(
        losses.info_nce_loss,
        losses.InfoNCELoss,
        lambda rows, draw: tuple(normal(n, 3, draw=draw) for n in (rows, rows, 4)),
        equations.info_nce,
        lambda: [(*views, *negatives) for views in views_far_out() for negatives in ((), (views[1].flip(0),))],
        lambda: [
            (torch.zeros(0, 3), torch.zeros(0, 3)),
            (torch.randn(1, 3), torch.randn(1, 3)),
            (torch.randn(2, 3), torch.randn(2, 3), torch.zeros(0, 3)),
        ],
        sweep=({}, {"temperature": 0.5}),
        learned={"temperature": 0.3},
        slopes=(0, 1),
    ),
    OwnInfo(
        losses.graph_contrastive_loss,
        losses.GraphContrastiveLoss,
        lambda rows, draw: (normal(rows, 3, draw=draw), normal(rows, 3, draw=draw)),
        equations.graph_contrastive,
        views_far_out,
        lambda: [(torch.zeros(0, 3), torch.zeros(0, 3)), (torch.randn(1, 3), torch.randn(1, 3))],
        sweep=({}, {"temperature": 0.1}),
        learned={"temperature": 0.3},
        slopes=(0, 1),
    ),
    OwnInfo(
        losses.link_prediction_loss,
        losses.LinkPredictionLoss,
        lambda rows, draw: (normal(6, 3, draw=draw), whole(6, 2, rows, draw=draw), whole(6, 2, 3, draw=draw)),
        equations.link_prediction,
        lambda: [(far_values(), FAR_EDGES, FAR_EDGES.flip(1))],
        lambda: [(torch.randn(3, 2), NO_EDGES, NO_EDGES), (torch.zeros(0, 2), NO_EDGES, NO_EDGES)],
        excused={"test_rows_must_line_up": "edges and negatives may be any number of pairs each"},
    ),
    OwnInfo(
        losses.laplacian_smoothness_loss,
        losses.LaplacianSmoothnessLoss,
        lambda rows, draw: (normal(6, 2, draw=draw), whole(6, 2, rows, draw=draw), normal(rows, draw=draw).exp()),
        equations.laplacian_smoothness,
        lambda: [(far_values(), FAR_EDGES, torch.tensor([1.0, 0.5, 1e4, 2.0, 0.0]))],
        lambda: [(torch.randn(3, 2), NO_EDGES, torch.ones(0)), (torch.ones(3, 2), FAR_EDGES[:, :2], torch.ones(2))],
        slopes=(0, 2),
    ),
]
