"""Terms with one text changed: the loss, its file, what it says, what it says instead.

Those of BY_A_TEST_OF_ITS_OWN have contracts of their own; each names the test that must fail.
"""

from tests.losses.generative import test_gaussian_kl as gaussian
from tests.losses.mutants import Mutant
from tests.losses.regularization import test_elastic_net as elastic
from tests.losses.regularization import test_gradient_penalty as slopes
from tests.losses.regularization import test_l1 as l1
from tests.losses.regularization import test_l2 as l2

TERMS = [
    Mutant("elbo_loss", "losses.generative.elbo", "beta * kl.sum(dim=1)", "beta * kl.mean(dim=1)"),
    Mutant("elbo_loss", "losses.generative.elbo", "typical < free_bits, free_bits", "kl < free_bits, free_bits"),
    Mutant("elbo_loss", "losses.generative.elbo", "free_bits, kl)", "0.0, kl)"),
    Mutant("elbo_loss", "losses.generative._latents", "+ beyond) / 2", "+ beyond)"),
    Mutant("elbo_loss", "losses.generative._latents", "m.square() +", "m.abs() +"),
    Mutant("introvae_loss", "losses.generative.introvae", "(margin - away)", "(away - margin)"),
    Mutant("introvae_loss", "losses.generative.introvae", 'player == "encoder"', 'player == "generator"'),
    Mutant("introvae_loss", "losses.generative.introvae", "beta * upcast", "alpha * upcast"),
    Mutant("ssim_loss", "losses.generative.ssim", "a + (1 - a) * b", "a + b"),
    Mutant("ssim_loss", "losses.generative.ssim", "(0.03 * data_range)", "(0.01 * data_range)"),
    Mutant("ssim_loss", "losses.generative.ssim", "(2 * sigma**2)", "(sigma**2)"),
    Mutant("ssim_loss", "losses.generative.ssim", "(d_mean + gap)", "d_mean"),
    Mutant("sparsity_kl", "losses.regularization.sparsity_kl", "F.logsigmoid(-z)", "F.logsigmoid(z)"),
    Mutant("sparsity_kl", "losses.regularization.sparsity_kl", "(1 - rho) * exp_excess(b)", "rho * exp_excess(b)"),
    Mutant("total_variation", "losses.regularization.total_variation", "down.abs()", "down.square()"),
    Mutant("total_variation", "losses.regularization.total_variation", "torch.hypot", "torch.maximum"),
]

BY_A_TEST_OF_ITS_OWN = [
    Mutant("l1_penalty", "losses.regularization.l1", ".abs().sum()", ".abs().mean()", l1.test_by_hand),
    Mutant(
        "l1_penalty",
        "losses.regularization._params",
        "isinstance(part, NORMS)",
        "False",
        l1.test_a_module_counts_neither_biases_nor_norms,
    ),
    Mutant(
        "l1_penalty",
        "losses.regularization._params",
        '"bias" in name.replace(".", "_").split("_")',
        'name == "bias"',
        l1.test_a_module_counts_neither_biases_nor_norms,
    ),
    Mutant(
        "proximal_l1_",
        "losses.regularization.l1",
        "p.sub_(p.clamp(-threshold, threshold))",
        "p.sub_(threshold * p.sign())",
        l1.test_the_proximal_step_stops_at_exactly_zero,
    ),
    Mutant(
        "proximal_l1_",
        "losses.regularization.l1",
        "p.sub_(p.clamp",
        "p.add_(p.clamp",
        l1.test_the_proximal_step_minimises_its_definition,
    ),
    Mutant("l2_penalty", "losses.regularization.l2", ".square().sum()", ".square().sum() / 2", l2.test_by_hand),
    Mutant(
        "l2_penalty",
        "losses.regularization.l2",
        ".square().sum()",
        ".norm()",
        l2.test_under_sgd_it_is_weight_decay_of_twice_the_strength,
    ),
    Mutant(
        "elastic_net_penalty",
        "losses.regularization.elastic_net",
        "l1_ratio * l1 +",
        "(1 - l1_ratio) * l1 +",
        elastic.test_by_hand,
    ),
    Mutant(
        "elastic_net_penalty",
        "losses.regularization.elastic_net",
        "(1 - l1_ratio) / 2",
        "(1 - l1_ratio)",
        elastic.test_the_ends_are_l1_and_half_of_l2,
    ),
    Mutant(
        "gradient_penalty",
        "losses.regularization.gradient_penalty",
        "slope).flatten(1).square().sum(dim=1)",
        "slope).square().sum(dim=1).flatten(1).mean(dim=1)",
        slopes.test_the_norm_is_over_all_of_a_row,
    ),
    Mutant(
        "gradient_penalty",
        "losses.regularization.gradient_penalty",
        "torch.rand(one_each",
        "torch.rand(real.shape",
        slopes.test_points_lie_between_with_one_alpha_per_row,
    ),
    Mutant("gaussian_kl", "losses.generative._latents", ") / 2", ")", gaussian.test_by_hand),
    Mutant(
        "gaussian_kl",
        "losses.generative._latents",
        "exp_excess(s.clamp_max",
        "exp_excess(2 * s.clamp_max",
        gaussian.test_by_hand,
    ),
]
