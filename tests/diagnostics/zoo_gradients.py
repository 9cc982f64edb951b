"""Faulty losses whose gradient is not that of their value, whose value jumps, or whose minimum is elsewhere."""

import torch
import torch.nn.functional as F

from companion import losses
from tests.diagnostics import zoo_data as data
from tests.diagnostics import zoo_healthy as healthy

GRADIENTS, sick = data.ward()
COST = torch.tensor([[0.0, 1.0, 4.0], [2.0, 0.0, 1.0], [8.0, 0.5, 0.0]])


class DroppedFactor(torch.autograd.Function):
    @staticmethod
    def forward(ctx, r):
        ctx.save_for_backward(r)
        return r.square()

    @staticmethod
    def backward(ctx, g):
        (r,) = ctx.saved_tensors
        return g * r


class SwappedSign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, m):
        ctx.save_for_backward(m)
        return F.softplus(-m)

    @staticmethod
    def backward(ctx, g):
        (m,) = ctx.saved_tensors
        return g * (-m).sigmoid()


class ForgottenUpstream(torch.autograd.Function):
    @staticmethod
    def forward(ctx, r):
        ctx.save_for_backward(r)
        return r.square()

    @staticmethod
    def backward(ctx, g):
        (r,) = ctx.saved_tensors
        return 2 * r


class HalfJacobian(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        p = z.softmax(1)
        ctx.save_for_backward(p)
        return p

    @staticmethod
    def backward(ctx, g):
        (p,) = ctx.saved_tensors
        return g * p * (1 - p)


class WrongAtTheEdge(torch.autograd.Function):
    @staticmethod
    def forward(ctx, r):
        ctx.save_for_backward(r)
        return torch.where(r.abs() < 1, r.square() / 2, r.abs() - 0.5)

    @staticmethod
    def backward(ctx, g):
        (r,) = ctx.saved_tensors
        return g * r


@sick(data.NUMBERS, "gradient-wrong", healthy=F.mse_loss)
def square_with_a_factor_dropped(input, target):
    """The backward of r^2 says r."""
    healthy.same_shape(input, target)
    return DroppedFactor.apply(input - target).mean()


@sick(data.BINARY, "gradient-wrong", healthy=F.binary_cross_entropy_with_logits)
def logistic_with_a_sign_swapped(input, target):
    """A gradient reversal where none is meant."""
    healthy.same_shape(input, target)
    return SwappedSign.apply(input * (2 * target - 1)).mean()


@sick(data.NUMBERS, "gradient-wrong", healthy=F.mse_loss)
def square_that_forgets_what_follows(input, target):
    """pytorch/pytorch#11750: the backward does not multiply by the gradient it is given."""
    healthy.same_shape(input, target)
    return ForgottenUpstream.apply(input - target).mean()


@sick(data.SOFT, "gradient-wrong", healthy=healthy.soft_cross_entropy)
def softmax_with_half_its_jacobian(input, target):
    """deep-spin/entmax: the backward of a simplex mapping must take the mean out."""
    return (HalfJacobian.apply(input) - target).square().sum(1).mean()


@sick(data.NUMBERS, "gradient-wrong", healthy=healthy.huber)
def huber_whose_backward_has_no_edge(input, target):
    """Right for residuals below 1, wrong beyond: a test near 0 passes."""
    healthy.same_shape(input, target)
    return WrongAtTheEdge.apply(input - target).mean()


@sick(data.CLASSES, "detached", healthy=losses.focal_loss)
def focal_with_its_factor_detached(input, target):
    """HanxunH/Active-Passive-Losses: 37 % of the gradient of focal loss goes through the factor."""
    ce = F.cross_entropy(input, target, reduction="none")
    return ((1 - (-ce.detach()).exp()) ** 2 * ce).mean()


@sick(data.CLASSES, "detached", healthy=losses.bootstrap_loss)
def bootstrapping_from_data(input, target):
    """Reed 2015 with the model's belief read through `.data`."""
    log_p = input.log_softmax(1)
    y = 0.8 * F.one_hot(target, 3) + 0.2 * input.data.softmax(1)
    return -(y * log_p).sum(1).mean()


@sick(data.CLASSES, "detached", healthy=healthy.weighted_cross_entropy)
def cost_of_the_best_class(input, target):
    """Ugenteraan/Deep_Hierarchical_Classification#6: the cost of an argmax teaches nothing."""
    return COST.to(input)[target, input.argmax(1)].mean()


@sick(data.BINARY, "detached", healthy=F.binary_cross_entropy_with_logits)
def rate_of_hard_decisions(input, target):
    """A fairness gap between shares of positive decisions: a threshold has no slope."""
    chosen = (input > 0).to(input)
    return (chosen * target).sum() / target.sum() - (chosen * (1 - target)).sum() / (1 - target).sum()


@sick(data.NUMBERS, "detached", healthy=F.l1_loss)
def error_through_numpy(input, target):
    """A metric of another library, wrapped into a tensor again."""
    return torch.tensor(abs(input.detach().numpy() - target.numpy()).mean(), requires_grad=True)


@sick(data.NUMBERS, "detached", healthy=F.mse_loss)
def loss_over_its_own_value(input, target):
    """A loss divided by its detached value reports 1 for ever."""
    loss = F.mse_loss(input, target)
    return loss / loss.detach()


@sick(data.NUMBERS, "detached", healthy=F.mse_loss)
def gradient_clipped_by_a_hook(input, target):
    """cornellius-gp/gpytorch#1203: clamping behind the back of autograd."""
    residual = input - target
    if residual.requires_grad:
        residual.register_hook(lambda g: g.clamp(-0.01, 0.01))
    return F.mse_loss(residual, torch.zeros_like(residual))


@sick(data.NUMBERS, "discontinuity", healthy=healthy.huber)
def huber_without_its_constant(input, target):
    """The line of Huber's loss without delta / 2 taken off."""
    healthy.same_shape(input, target)
    r = (input - target).abs()
    return torch.where(r < 1.5, r.square() / 2, 1.5 * r).mean()


@sick(data.NUMBERS, "discontinuity", healthy=F.smooth_l1_loss)
def smooth_l1_with_a_fixed_half(input, target):
    """keras-team/keras-cv#920, pytorch/pytorch#17447: the threshold is an option, the constant is not."""
    healthy.same_shape(input, target)
    r = (input - target).abs()
    return torch.where(r < 2, r.square() / 2, r - 0.5).mean()


@sick(data.NUMBERS, "discontinuity", healthy=healthy.huber)
def wing_with_its_constant_added(input, target):
    """TropComplique/wing-loss#9: the constant is negative, and is taken off."""
    healthy.same_shape(input, target)
    r = (input - target).abs()
    width, curvature = 2.0, 0.5
    constant = width - width * torch.tensor(1 + width / curvature).log()
    return torch.where(r < width, width * (r / curvature).log1p(), r + constant).mean()


@sick(data.BINARY, "discontinuity", healthy=healthy.binary_focal)
def reduced_focal_with_a_threshold(input, target):
    """BloodAxe/pytorch-toolbelt#102: the factor jumps at every threshold but 0.5."""
    ce = F.binary_cross_entropy_with_logits(input, target, reduction="none")
    p = (-ce).exp()
    return (torch.where(p < 0.3, 1, ((1 - p) / 0.3).square()) * ce).mean()


@sick(data.ALONE, "discontinuity", healthy=healthy.log_barrier)
def barrier_with_a_step(input):
    """Kervadec 2019 without the constant that joins logarithm and tangent."""
    inside = -(-input.clamp(max=-0.04)).log() / 5
    return torch.where(input < -0.04, inside, 5 * input - torch.tensor(0.04).log() / 5).mean()


@sick(data.COSINES, "discontinuity", healthy=F.cross_entropy)
def angular_margin_made_easy(input, target):
    """ronghuaiyang/arcface-pytorch, easy_margin: the margin begins at an angle of 90 degrees with a jump."""
    sine = (1 - input.square()).clamp(min=1e-6).sqrt()
    shifted = torch.where(input > 0, 0.8776 * input - 0.4794 * sine, input)
    return F.cross_entropy(8 * torch.where(F.one_hot(target, 3).bool(), shifted, input), target)


@sick(data.CLASSES, "discontinuity", "host-sync", "graph-break", healthy=F.cross_entropy)
def extra_weight_above_a_value(input, target):
    """A branch of Python on the value of the loss."""
    loss = F.cross_entropy(input, target)
    return 2 * loss if loss > 1 else loss


@sick(data.NUMBERS, "discontinuity", healthy=F.mse_loss)
def error_of_rounded_counts(input, target):
    """Counts are rounded before they are compared; what gradient there is comes from elsewhere."""
    healthy.same_shape(input, target)
    return (input.round() - target).square().mean() + 0.01 * (input - target).square().mean()


@sick(data.NUMBERS, "not-lowest-at-truth", healthy=healthy.pinball)
def pinball_without_its_minus(input, target):
    """max(tau e, (1 - tau) e) rewards every prediction that is too high."""
    healthy.same_shape(input, target)
    e = target - input
    return torch.maximum(0.9 * e, 0.1 * e).mean()


@sick(data.CLASSES, "not-lowest-at-truth", healthy=F.cross_entropy)
def likelihood_taken_for_a_loss(input, target):
    """kmkurn/pytorch-crf#81: what is returned is to be maximised."""
    return input.log_softmax(1).gather(1, target.unsqueeze(1)).mean()


@sick(data.SOFT, "not-lowest-at-truth", healthy=healthy.soft_cross_entropy)
def divergence_without_a_logarithm(input, target):
    """microsoft/ProDA#20: kl_div is given probabilities where it wants their logarithm."""
    return F.kl_div(input.softmax(1), target, reduction="batchmean")


@sick(data.MASKS, "not-lowest-at-truth", healthy=losses.binary_dice_loss)
def dice_instead_of_its_complement(input, target):
    """The coefficient, which is to be large, in place of 1 minus it."""
    p, y = input.sigmoid().flatten(1), target.flatten(1)
    return ((2 * (p * y).sum(1) + 1) / ((p + y).sum(1) + 1)).mean()


@sick(data.SOFT_BINARY, "not-lowest-at-truth", healthy=F.binary_cross_entropy_with_logits)
def soft_target_made_whole(input, target):
    """`target.long()` turns every probability below 1 into 0."""
    return F.binary_cross_entropy_with_logits(input, target.long().to(input))


@sick(data.TOKENS, "not-lowest-at-truth", healthy=F.cross_entropy)
def shifted_twice(input, target):
    """huggingface/transformers#47394: labels that are aligned already are shifted again."""
    return F.cross_entropy(input[:, :, :-1], target[:, 1:])


@sick(data.ENERGIES, "not-lowest-at-truth", healthy=losses.energy_nll_loss)
def energy_with_the_sign_of_a_score(input, target):
    """A low energy is a good one; this lowers the energy of everything else."""
    return (input.logsumexp(1) - input.gather(1, target.unsqueeze(1)).squeeze(1)).mean()


@sick(data.PAIRS, "not-lowest-at-truth", healthy=losses.contrastive_loss)
def contrast_with_labels_turned_round(input, other, similar):
    """Hadsell 2006 writes 0 for a similar pair, most data sets 1."""
    d = torch.linalg.vector_norm(input - other, dim=1)
    return (similar * F.relu(1 - d).square() + (1 - similar) * d.square()).mean()


@sick(data.GRADIENTS, "not-lowest-at-truth", healthy=healthy.gradient_norm)
def gradient_penalty_of_one_axis(input):
    """caogang/wgan-gp#27, eriklindernoren/PyTorch-GAN#20: the norm over axis 1 of a gradient of four axes."""
    return (torch.linalg.vector_norm(input, dim=1) - 1).square().mean()


@sick(data.CLASSES, "not-lowest-at-truth", healthy=F.cross_entropy)
def class_numbers_from_one(input, target):
    """Labels 1 to C meet logits 0 to C - 1, and the modulo hides it."""
    return F.cross_entropy(input, (target + 1) % 3)
