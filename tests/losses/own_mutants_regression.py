"""Losses of residuals with one text changed: a sign flipped, a factor dropped, two sides swapped."""

from tests.losses.mutants import Mutant


def mutant(loss: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(loss, f"losses.regression.{file}", old, new)


REGRESSION = [
    mutant("huber_loss", "huber", "F.huber_loss(x, y", "F.huber_loss(x, -y"),
    mutant("huber_loss", "huber", "delta=delta), sample", "delta=1.0), sample"),
    mutant("smooth_l1_loss", "smooth_l1", "beta=beta), sample", "beta=2 * beta), sample"),
    mutant("smooth_l1_loss", "smooth_l1", "F.smooth_l1_loss(x, y", "F.smooth_l1_loss(x, -y"),
    mutant("quantile_loss", "quantile", "low * F.relu(-r) + high * F.relu(r)", "low * F.relu(r) + high * F.relu(-r)"),
    mutant("quantile_loss", "quantile", "x[..., :-1] - x[..., 1:]", "x[..., 1:] - x[..., :-1]"),
    mutant("quantile_loss", "quantile", "loss + crossing * F", "loss + F"),
    mutant("expectile_loss", "expectile", "tau * F.relu(-r)", "tau * F.relu(r)"),
    mutant("expectile_loss", "expectile", "F.relu(r) ** 2", "F.relu(r) ** 2 / 2"),
    mutant("linex_loss", "linex", "_capped_excess(a * r)", "_capped_excess(-a * r)"),
    Mutant("linex_loss", "_exp", "1 / 12 - w", "1 / 12 + w"),
    Mutant("linex_loss", "_exp", "+ torch.expm1(z) * d", "- torch.expm1(z) * d"),
    mutant("log_cosh_loss", "log_cosh", "torch.expm1(-2 * beyond)", "torch.expm1(-beyond)"),
    mutant("log_cosh_loss", "log_cosh", "0.5 * torch.log1p", "torch.log1p"),
    mutant("charbonnier_loss", "charbonnier", "(r) + eps)", "(r) - eps)"),
    mutant("charbonnier_loss", "charbonnier", "new_full((), eps)", "new_full((), 2 * eps)"),
    mutant("cauchy_loss", "cauchy", "0.5 * c * c", "0.5 * c"),
    mutant("cauchy_loss", "cauchy", "torch.log1p(r * r / (c * c))", "torch.log1p(r * r / c)"),
    mutant("geman_mcclure_loss", "geman_mcclure", "near / (1 + near)", "near / (1 - near)"),
    mutant("geman_mcclure_loss", "geman_mcclure", "1 / (2 + beyond)", "1 / (1 + beyond)"),
    mutant("welsch_loss", "welsch", "one_minus_exp(r * r / (c * c))", "one_minus_exp(r * r / (2 * c * c))"),
    Mutant("welsch_loss", "_exp", "1 - torch.exp(-beyond)", "1 + torch.exp(-beyond)"),
    mutant("tukey_loss", "tukey", "c * c / 6", "c * c / 2"),
    mutant("tukey_loss", "tukey", "3 + near * (near - 3)", "3 - near * (near - 3)"),
    mutant("tukey_loss", "tukey", "rest * rest * rest", "rest * rest"),
    mutant("barron_loss", "_barron", "abs(alpha - 2)", "abs(alpha + 2)"),
    mutant("barron_loss", "_barron", "1 / 6 + w", "1 / 3 + w"),
    mutant("barron_loss", "_barron", "(log - low)) - 1", "(log - low)) + 1"),
    mutant("barron_loss", "barron", "rho(r / c", "rho(r * c"),
    mutant("gaussian_nll_loss", "gaussian_nll", "capped_exp(-s) * r", "capped_exp(s) * r"),
    mutant("gaussian_nll_loss", "gaussian_nll", "0.5 * math.log(2", "0.5 * math.log(4"),
    mutant("poisson_nll_loss", "poisson_nll", "- y * z", "- z"),
    mutant("poisson_nll_loss", "poisson_nll", "torch.lgamma(y + 1)", "torch.lgamma(y + 2)"),
    mutant("tweedie_loss", "tweedie", "= 2 - power, power - 1", "= power - 1, 2 - power"),
    mutant("tweedie_loss", "tweedie", "/ from_one", ""),
]
