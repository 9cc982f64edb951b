"""Losses of pairs with one text changed: a side swapped, a sign flipped, a factor dropped."""

from tests.losses.mutants import Mutant
from tests.losses.pairs import test_supervised_contrastive as supervised
from tests.losses.pairs import test_triplet as triplet


def mutant(loss: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(loss, f"losses.pairs.{file}", old, new)


PAIRS = [
    mutant("contrastive_loss", "contrastive", "square().sum(dim=1), y)", "square().sum(dim=1), 1 - y)"),
    mutant("contrastive_loss", "contrastive", "(margin - length", "(length"),
    mutant("contrastive_loss", "contrastive", ", y) / 2", ", y)"),
    mutant("triplet_loss", "triplet", "gap = to_positive - to_negative", "gap = to_negative - to_positive"),
    mutant("triplet_loss", "triplet", "threshold = d + margin", "threshold = d - margin"),
    mutant("triplet_loss", "triplet", "(below * threshold - total)", "(below * threshold + total)"),
    mutant("triplet_loss", "triplet", '~same, float("-inf")).max', '~same, float("inf")).min'),
    mutant("triplet_loss", "triplet", "negatives - 1).clamp_min(0)", "0 * negatives)"),
    mutant("triplet_loss", "triplet", "d = d.square() if squared else d", "pass"),
    mutant("nt_xent_loss", "nt_xent", "z.device) + examples)", "z.device) + 1)"),
    mutant("nt_xent_loss", "nt_xent", "unit(z2, root(temperature))", "unit(z2)"),
    mutant("nt_xent_loss", "_anchors", 'x.diagonal(offset=start).fill_(float("-inf"))', "pass"),
    Mutant("nt_xent_loss", "_similarity", "return (y * (length", "return (y / (length"),
    mutant("supervised_contrastive_loss", "_positives", "(p.log() - mean -", "(p.log() -"),
    mutant("supervised_contrastive_loss", "_positives", "(spread - F.logsigmoid", "(-F.logsigmoid"),
    mutant("supervised_contrastive_loss", "_anchors", "same.diagonal(offset=start).fill_(False)", "pass"),
]

BY_A_TEST_OF_ITS_OWN = [
    Mutant("triplet_loss", "losses.pairs._distances", "g + g.mT", "g", triplet.test_a_pair_pulls_on_both_ends),
    Mutant("triplet_loss", "losses.pairs.triplet", "right=True", "right=False", triplet.test_a_tie_is_not_semi_hard),
    Mutant(
        "supervised_contrastive_loss",
        "losses.pairs._positives",
        "(positive, share, zero",
        "(positive, zero, zero",
        supervised.test_is_the_mean_of_cross_entropies,
    ),
    Mutant(
        "supervised_contrastive_loss",
        "losses.pairs.supervised_contrastive",
        ", valid=class_sizes(labels) > 1",
        "",
        supervised.test_anchors_without_positives_are_left_out_but_still_repel,
    ),
]
