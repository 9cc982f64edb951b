"""What the contract must notice: one text of one module changed, and for the plumbing the test that must then fail."""

from collections.abc import Callable
from typing import NamedTuple

from tests.losses import test_contract_derivatives as derivatives
from tests.losses import test_contract_dtypes as dtypes
from tests.losses import test_contract_inputs as inputs
from tests.losses import test_contract_reduction as reduction
from tests.losses import test_contract_values as values
from tests.losses.noisy_labels import test_elr as elr
from tests.losses.noisy_labels import test_mixup as mixup
from tests.losses.noisy_mutants import NOISY
from tests.losses.region_mutants import REGIONS


class Mutant(NamedTuple):
    """In `module` it says `new` instead of `old`, and `loss` suffers."""

    loss: str
    module: str
    old: str
    new: str
    test: Callable[..., None] = values.test_value_and_gradient_are_those_of_the_paper


OF_A_LOSS = [
    Mutant("cross_entropy", "losses.classification.cross_entropy", "-F.logsigmoid(m)", "-F.logsigmoid(-m)"),
    Mutant(
        "cross_entropy",
        "losses.classification.cross_entropy",
        "        label_smoothing=label_smoothing,\n        reduction=reduction,\n    )\n\n\n",
        "        reduction=reduction,\n    )\n\n\n",
    ),
    Mutant("poly_loss", "losses.classification.poly", "sigmoid(-m) -", "sigmoid(m) -"),
    Mutant("poly_loss", "losses.classification.poly", "epsilon * sigmoid", "sigmoid"),
    Mutant("focal_loss", "losses.imbalance.focal", "gamma * F.logsigmoid(-m)", "gamma * F.logsigmoid(m)"),
    Mutant("focal_loss", "losses.imbalance.focal", "return -torch.exp", "return torch.exp"),
    Mutant("focal_loss", "losses.imbalance.focal", "alpha=_alpha_per_class(alpha, input),", ""),
    Mutant("binary_focal_loss", "losses.imbalance.focal", "gamma * F.logsigmoid(-m)", "F.logsigmoid(-m)"),
    Mutant(
        "binary_focal_loss",
        "losses.imbalance.focal",
        "        alpha=alpha,\n",
        "        alpha=None if alpha is None else 1 - alpha,\n",
    ),
    Mutant(
        "class_balanced_loss", "losses.imbalance.class_balanced", 'scheme="effective", beta=beta', 'scheme="inverse"'
    ),
    Mutant("class_balanced_loss", "losses.imbalance.class_balanced", "gamma=gamma,", ""),
    Mutant("class_balanced_loss", "losses.imbalance.class_weights", "return w / w.mean()", "return w"),
    Mutant("logit_adjusted_loss", "losses.imbalance.logit_adjusted", "x = x + on_classes", "x = x - on_classes"),
    Mutant("logit_adjusted_loss", "losses.imbalance.logit_adjusted", "tau * log_prior", "log_prior"),
    Mutant("balanced_softmax_loss", "losses.imbalance.balanced_softmax", "prior=counts", "prior=1 / counts"),
    Mutant("balanced_softmax_loss", "losses.imbalance.balanced_softmax", "prior=counts", "prior=counts.sqrt()"),
    Mutant("ldam_loss", "losses.imbalance.ldam", "m - scale * lead", "m + scale * lead"),
    Mutant("ldam_loss", "losses.imbalance.ldam", "pow(-0.25)", "pow(-0.5)"),
    Mutant("ldam_loss", "losses.imbalance.ldam", "(n / n.min())", "n"),
    Mutant("cost_sensitive_loss", "losses.imbalance.cost_sensitive", "F.embedding(t, cost)", "F.embedding(t, cost.mT)"),
    Mutant("cost_sensitive_loss", "losses.imbalance.cost_sensitive", "dims=([1], [1])", "dims=([1], [0])"),
    Mutant("missed_false_loss", "losses.domain.missed_false", "miss_weight / both", "false_weight / both"),
    Mutant("missed_false_loss", "losses.domain.missed_false", "-both * F", "-F"),
    *(
        Mutant(prefix + loss, module, old, new)
        for prefix in ("", "binary_")
        for loss, module, old, new in (
            ("dice_loss", "losses.regions.dice", "alpha = beta = 0.5", "alpha = beta = 1.0"),
            ("dice_loss", "losses.regions.dice", "alpha, beta, smooth", "alpha, beta, 0.0"),
            ("tversky_loss", "losses.regions.tversky", "tversky(counts, alpha, beta", "tversky(counts, beta, alpha"),
            (
                "tversky_loss",
                "losses.regions.tversky",
                "(input, target, batch=batch",
                "(input, target, batch=not batch",
            ),
            (
                "fbeta_loss",
                "losses.regions.fbeta",
                "alpha, beta = 1 / (1 + beta**2), beta**2 /",
                "beta, alpha = 1 / (1 + beta**2), beta**2 /",
            ),
            ("fbeta_loss", "losses.regions.fbeta", "beta**2", "beta"),
            ("fbeta_loss", "losses.regions.fbeta", "absent=absent, weight", 'absent="penalise", weight'),
            ("tversky_loss", "losses.regions._counts", "alpha * fp + beta * fn", "alpha * fn + beta * fp"),
            ("dice_loss", "losses.regions._counts", "size - fn + errors", "size + errors"),
        )
    ),
    *(Mutant(loss, f"losses.noisy_labels.{file}", old, new) for loss, file, old, new in NOISY),
    *(Mutant(loss, f"losses.regions.{file}", old, new) for loss, file, old, new in REGIONS),
]

OF_THE_PLUMBING = [
    Mutant(
        "focal_loss",
        "_margin",
        "(gm / ctx.s).neg_()",
        "(gm / ctx.s)",
        derivatives.test_gradient_backward_forward_and_batched,
    ),
    Mutant(
        "focal_loss",
        "_margin",
        "e * (gm / s).neg()",
        "e * (gm / s)",
        derivatives.test_second_derivatives_backward_and_forward_over_backward,
    ),
    Mutant(
        "focal_loss",
        "_margin",
        "- torch.where(alone, 1.0, s).log()",
        "+ torch.where(alone, 1.0, s).log()",
        derivatives.test_forward_mode_agrees_with_backward_mode,
    ),
    Mutant(
        "cross_entropy",
        "_margin",
        ".add_(e.amax(dim=1).log_())",
        "",
        values.test_value_and_gradient_are_those_of_the_paper,
    ),
    Mutant(
        "cross_entropy",
        "_margin",
        '.masked_fill((y == 0) & (m == float("-inf")), 0.0)',
        "",
        values.test_an_impossible_class_that_is_not_wanted_costs_nothing,
    ),
    Mutant(
        "binary_dice_loss",
        "_margin",
        "return F.logsigmoid(x).exp()",
        "return torch.sigmoid(x)",
        values.test_gradient_is_exact_on_adversarial_logits,
    ),
    Mutant(
        "focal_loss",
        "_margin",
        "others - torch.log1p(-others.exp())",
        "others",
        values.test_value_is_exact_on_adversarial_logits,
    ),
    Mutant(
        "binary_focal_loss",
        "_margin",
        "f(x), f(-x)",
        "f(-x), f(x)",
        values.test_value_and_gradient_are_those_of_the_paper,
    ),
    Mutant(
        "focal_loss",
        "_margin",
        "return x.float() if x.dtype in",
        "return x if x.dtype in",
        dtypes.test_half_precision_is_computed_in_float32,
    ),
    Mutant(
        "focal_loss",
        "_reduce",
        "loss = loss.masked_fill(~valid, 0.0)",
        "pass",
        reduction.test_what_is_ignored_may_be_anything,
    ),
    Mutant(
        "focal_loss",
        "_reduce",
        "norm.masked_fill(norm == 0, 1)",
        "norm",
        reduction.test_all_ignored_is_zero_with_zero_gradient,
    ),
    Mutant(
        "focal_loss",
        "_reduce",
        "elif valid is not None:",
        "elif False:",
        reduction.test_ignoring_rows_is_leaving_them_out,
    ),
    Mutant("focal_loss", "_reduce", "max(loss.numel(), 1)", "loss.numel()", inputs.test_nothing_costs_nothing),
    Mutant(
        "focal_loss",
        "_reduce",
        "norm = None if weight is None else factors[-1][target]",
        "norm = None",
        reduction.test_weight_scales_the_loss_of_its_class_and_enters_the_mean,
    ),
    Mutant(
        "focal_loss",
        "_reduce",
        "sample_weight.shape, *[1] * missing",
        "[1] * missing, *sample_weight.shape",
        reduction.test_sample_weight_is_for_the_leading_axes,
    ),
    Mutant(
        "focal_loss",
        "_reduce",
        "target = target.long()",
        "pass",
        dtypes.test_a_class_number_above_127_is_not_ignored_as_uint8,
    ),
    Mutant(
        "dice_loss",
        "losses.regions._wrong",
        ".scatter(1, t, 0.0).masked_fill(~valid, 0.0)",
        ".scatter(1, t, 0.0)",
        reduction.test_ignoring_rows_is_leaving_them_out,
    ),
    Mutant(
        "dice_loss",
        "losses.regions._wrong",
        "valid.to(bits).neg_()",
        "valid.to(bits).fill_(-1)",
        reduction.test_what_is_ignored_may_be_anything,
    ),
    Mutant(
        "dice_loss",
        "losses.regions._wrong",
        "gx = wrong.mul_((gm - s) + h)",
        "gx = wrong.mul_(gm + h)",
        values.test_value_and_gradient_are_those_of_the_paper,
    ),
    Mutant(
        "jaccard_loss",
        "losses.regions._wrong",
        "s.mul_(ctx.pt).neg_()",
        "s.mul_(ctx.pt)",
        values.test_value_and_gradient_are_those_of_the_paper,
    ),
    Mutant(
        "lovasz_softmax_loss",
        "losses.regions._wrong",
        "(h * wrong).sum(dim=1",
        "(2 * h * wrong).sum(dim=1",
        derivatives.test_second_derivatives_backward_and_forward_over_backward,
    ),
    Mutant(
        "tversky_loss",
        "losses.regions._wrong",
        "-(s * pt)",
        "s * pt",
        derivatives.test_second_derivatives_backward_and_forward_over_backward,
    ),
    Mutant(
        "focal_tversky_loss",
        "losses.regions.focal_tversky",
        "nothing = loss < torch.finfo(loss.dtype).tiny ** 0.5",
        "nothing = loss < 0",
        derivatives.test_all_is_finite_up_to_ten_thousand,
    ),
    Mutant(
        "mcc_loss",
        "losses.regions.mcc",
        "torch.where(2 * above_chance > root, near_one, 1 - above_chance / root)",
        "(1 - above_chance / root)",
        values.test_value_is_exact_on_adversarial_logits,
    ),
    Mutant(
        "dice_loss",
        "losses.regions._counts",
        "(size if absent",
        "(seen if absent",
        reduction.test_absent_classes_are_skipped_or_counted,
    ),
    Mutant(
        "dice_loss",
        "losses.regions._counts",
        "whole.masked_fill(whole < torch.finfo(whole.dtype).tiny, 1.0)",
        "whole",
        derivatives.test_all_is_finite_up_to_ten_thousand,
    ),
    Mutant(
        "binary_dice_loss",
        "losses.regions._counts",
        "(1 - y) - sigmoid(-m)",
        "(1 - y) - sigmoid(m)",
        values.test_value_and_gradient_are_those_of_the_paper,
    ),
]

WITH_OWN_CONTRACT = [
    Mutant("mixup_loss", "losses.noisy_labels.mixup", "[share, 1 - share]", "[1 - share, share]", mixup.test_by_hand),
    Mutant(
        "mixup_loss",
        "losses.noisy_labels.mixup",
        "        weight=weight,\n        sample_weight=shares",
        "        sample_weight=shares",
        mixup.test_each_label_counts_in_the_mean_with_its_share_and_weight,
    ),
    Mutant("ELRLoss", "losses.noisy_labels.elr", "self.strength * apart", "-self.strength * apart", elr.test_by_hand),
    Mutant("ELRLoss", "losses.noisy_labels.elr", "torch.log1p(-memory)", "torch.log(memory)", elr.test_by_hand),
    Mutant("ELRLoss", "losses.noisy_labels.elr", "x.detach()", "x", elr.test_the_memory_gets_no_gradient),
]
