"""The rows of the registry for the losses for noisy labels.

Two do not fit a row and have contracts of their own: ``mixup_loss`` takes two targets (noisy_labels/test_mixup.py),
``ELRLoss`` remembers (noisy_labels/test_elr.py).
"""

import torch

from companion import losses
from tests.losses import references
from tests.losses.info import LossInfo, Options

PRIOR = torch.tensor([0.5, 0.25, 0.125, 0.125])
TRANSITION = torch.tensor(
    [[0.75, 0.125, 0.0625, 0.0625], [0.25, 0.5, 0.125, 0.125], [0.0, 0.125, 0.875, 0.0], [0.125, 0.25, 0.0, 0.625]],
    dtype=torch.float64,
)  # exact in float32; rows are true, columns observed


def _transition(classes: int) -> Options:
    """The noise among the first classes: what goes to the others stays where it was."""
    noise = TRANSITION[:classes, :classes].clone()
    noise.diagonal().add_(1 - noise.sum(dim=1))
    return {"transition": noise.float()}


NOT_A_COST = {"test_never_negative": "is lower than 0 for some predictions, by its definition"}
DIFFERENCE = {
    "test_gradient_is_exact_on_adversarial_logits": "pulls of two classes cancel to less than their rounding, "
    "on some rows; held to the rounding of softmax by the test below it"
}
NEVER_FREE = {"test_a_perfect_prediction_costs_nothing": "charges a certain prediction too, by its definition"}
NO_PEER = {
    "test_all_other_classes_may_be_impossible": "every class has a share; an impossible one makes the loss infinite",
    "test_an_impossible_class_that_is_not_wanted_costs_nothing": "as above: no class is unwanted in the sum over all",
}

NOISY = [
    LossInfo(losses.mae_loss, losses.MAELoss, references.mae),
    LossInfo(
        losses.generalized_cross_entropy,
        losses.GeneralizedCrossEntropyLoss,
        references.generalized_cross_entropy,
        sweep=({}, {"q": 1.0}, {"q": 0.0625}),
    ),
    LossInfo(
        losses.truncated_gce_loss,
        losses.TruncatedGCELoss,
        references.truncated_gce,
        sweep=({"k": 0.375}, {"k": 0.0, "q": 0.5}),  # not 0.5: a tie of two classes would stand on the kink
    ),
    LossInfo(
        losses.reverse_cross_entropy,
        losses.ReverseCrossEntropyLoss,
        references.reverse_cross_entropy,
        sweep=({}, {"A": -2.0}),
    ),
    LossInfo(
        losses.symmetric_cross_entropy,
        losses.SymmetricCrossEntropyLoss,
        references.symmetric_cross_entropy,
        sweep=({}, {"alpha": 6.0, "beta": 0.125, "A": -6.0}, {"alpha": 0.0}),
    ),
    LossInfo(
        losses.normalized_cross_entropy,
        losses.NormalizedCrossEntropyLoss,
        references.normalized_cross_entropy,
        excused=DIFFERENCE,
    ),
    LossInfo(
        losses.active_passive_loss,
        losses.ActivePassiveLoss,
        references.active_passive,
        sweep=({}, {"alpha": 10.0, "beta": 0.125, "A": -2.0}),
        excused=DIFFERENCE,
    ),
    LossInfo(
        losses.taylor_cross_entropy,
        losses.TaylorCrossEntropyLoss,
        references.taylor_cross_entropy,
        sweep=({}, {"order": 1}, {"order": 5}),
    ),
    LossInfo(
        losses.bi_tempered_loss,
        losses.BiTemperedLoss,
        references.bi_tempered,
        sweep=({}, {"t1": 0.5, "t2": 4.0}, {"t1": 0.0, "t2": 1.0}, {"t1": 1.0, "t2": 1.5}, {"t1": 1.0, "t2": 1.0}),
        excused=DIFFERENCE,
    ),
    LossInfo(
        losses.generalized_js_loss,
        losses.GeneralizedJSLoss,
        references.generalized_js,
        sweep=({}, {"pi": 0.125}, {"pi": 0.875}),
    ),
    LossInfo(
        losses.bootstrap_loss,
        losses.BootstrapLoss,
        references.bootstrap,
        sweep=({}, {"beta": 0.75}, {"beta": 1.0}),
        excused={"test_numbers_must_be_numbers": "`beta` may be None: the default depends on the mode"},
    ),
    LossInfo(
        losses.forward_correction_loss,
        losses.ForwardCorrectionLoss,
        references.forward_correction,
        needs=_transition,
        excused={**DIFFERENCE, **NEVER_FREE},
    ),
    LossInfo(
        losses.backward_correction_loss,
        losses.BackwardCorrectionLoss,
        references.backward_correction,
        needs=_transition,
        excused={**NOT_A_COST, **NEVER_FREE, **NO_PEER},
    ),
    LossInfo(
        losses.peer_loss,
        losses.PeerLoss,
        references.peer,
        needs=lambda classes: {"prior": PRIOR[:classes]},
        sweep=({}, {"alpha": 0.25}, {"alpha": 0.0}),
        excused={**NOT_A_COST, **NEVER_FREE, **NO_PEER},
    ),
    LossInfo(
        losses.negative_learning_loss,
        losses.NegativeLearningLoss,
        references.negative_learning,
        excused={
            "test_a_better_logit_never_costs_more": "the target is what the example is not, so more of it costs more",
            "test_a_perfect_prediction_costs_nothing": "the target is what the example is not",
            "test_large_images_do_not_overflow_half_precision": "the target there is cheap as a complementary label",
            "test_all_other_classes_may_be_impossible": "then the complementary label is certain: infinite loss",
        },
    ),
    LossInfo(
        losses.confidence_penalty_loss,
        losses.ConfidencePenaltyLoss,
        references.confidence_penalty,
        sweep=({"beta": 0.125}, {"beta": 1.0}, {"beta": 0.0}),
        excused={
            **NOT_A_COST,
            "test_a_better_logit_never_costs_more": "rewards doubt, so a better logit may cost more",
        },
    ),
]
