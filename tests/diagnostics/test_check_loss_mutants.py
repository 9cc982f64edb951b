"""A limit moved, a comparison turned round: the zoo must notice each."""

import importlib
import sys
from typing import NamedTuple

import pytest

from tests.diagnostics.zoo import SICK
from tests.losses.mutants import Mutant as Text
from tests.test_mutation import mutated

pytestmark = [
    pytest.mark.as_user,  # a mutant is imported without the hook of jaxtyping
    pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning"),
]

BY_NAME = {row.name: row for row in SICK}


class Mutant(NamedTuple):
    """One text of one module, what it becomes, and the loss whose fault is then missed."""

    module: str
    old: str
    new: str
    missed: str


MUTANTS = [
    Mutant(
        "gradients", "else 1e-4) * max(abs(measured)", "else 1e4) * max(abs(measured)", "logistic_with_a_sign_swapped"
    ),
    Mutant("runtime", "GROWTH = 2.5", "GROWTH = 9.5", "every_triplet_at_once"),
    Mutant("truth", "MARGINS = (10.0, 15.0, 20.0, 25.0, 30.0)", "MARGINS = (1.0,)", "clamped_probability"),
    Mutant(
        "precision", "SMALLEST, LARGEST = 6.2e-5, 65000.0", "SMALLEST, LARGEST = 1.0, 1.0", "sum_before_the_division"
    ),
    Mutant("values", "if lowest < at_truth - slack", "if lowest > at_truth + 1e9", "likelihood_taken_for_a_loss"),
    Mutant("rows", "abs(twice - 2 * once)", "0.0", "mean_divided_again"),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.module}: {mutant.old[:30]}")
def test_a_wrong_rule_is_noticed(mutant: Mutant) -> None:
    row = BY_NAME[mutant.missed]
    with mutated(Text("", f"diagnostics._loss.{mutant.module}", mutant.old, mutant.new)):
        importlib.import_module("companion.diagnostics")
        found = sys.modules["companion.diagnostics"].check_loss(row.loss, row.example.input, row.example.target)
    assert not set(row.finds) <= set(found.names)
