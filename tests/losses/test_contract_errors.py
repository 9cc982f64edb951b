"""What is wrong, what it must be, what was found, what to do: for every argument of every loss."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.losses.registry import LossInfo, both, each_loss, multiclass, rowwise, takes
from tests.losses.samples import IMAGES, example

pytestmark = pytest.mark.as_user  # the hook of jaxtyping would complain first

NUMBERS = {  # option -> numbers it refuses
    "gamma": (-1.0, math.nan, math.inf),
    "tau": (-1.0, math.nan, math.inf),
    "smooth": (-1.0, math.nan, math.inf),
    "max_margin": (-1.0, math.nan, math.inf),
    "scale": (0.0, -1.0, math.nan, math.inf),
    "label_smoothing": (-0.1, 1.1, math.nan),
    "power": (-1.0, math.nan, math.inf),
    "epsilon": (math.nan, math.inf),
    "alpha": (-0.1, math.nan, math.inf),
    "beta": (-0.1, math.nan, math.inf),
    "q": (0.0, 1.1, math.nan),
    "k": (-0.1, 1.0, math.nan),
    "A": (0.0, 1.0, math.nan, -math.inf),
    "pi": (0.0, 1.0, math.nan),
    "t1": (-0.1, 1.1, math.nan),
    "t2": (0.9, math.nan, math.inf),
}


def refused(info: LossInfo, error: type[Exception], message: str, input: Any, target: Any, **options: Any) -> None:
    with pytest.raises(error, match=message):
        info.function(input, target, **{**info.needs(3), **options})


@each_loss()
def test_input_must_be_a_tensor_of_floats(info: LossInfo) -> None:
    input, target = example(info)
    refused(info, TypeError, r"`input` must be a tensor, got list. Did you mean `torch.as_tensor", [[0.0]], target)
    refused(
        info, TypeError, r"`input` must be floating point, got dtype torch.int64. .*`input.float", input.long(), target
    )
    refused(info, TypeError, r"`input` must be floating point, got dtype torch.complex128", input + 0j, target)


@each_loss(multiclass)
def test_input_must_have_classes(info: LossInfo) -> None:
    target = torch.tensor([0, 1])
    refused(
        info,
        ValueError,
        r"`input` must have shape \(N, C, \*\).*got \(3,\)..*`input.unsqueeze\(0\)`",
        torch.zeros(3),
        target,
    )
    cure = f"use `{info.sibling}`" if info.sibling else r"got shape \(2, 1\)"
    refused(info, ValueError, f"`input` must have at least 2 classes on axis 1.*{cure}", torch.zeros(2, 1), target)


@each_loss()
def test_target_must_be_a_tensor(info: LossInfo) -> None:
    input, _ = example(info)
    refused(info, TypeError, r"`target` must be a tensor, got list. Did you mean `torch.as_tensor", input, [0, 1, 2, 0])


@each_loss(multiclass)
def test_target_must_hold_indices_or_probabilities(info: LossInfo) -> None:
    input, target = example(info)
    refused(info, TypeError, r"`target` must hold integer class indices.*got dtype torch.bool", input, target > 0)
    refused(info, TypeError, r"`target` must hold integer class indices.*got dtype torch.complex", input, target + 0j)
    refused(info, ValueError, r"`target` holds prob.*\(4, 3\), got \(4,\).*`target.long\(\)`", input, target.double())


@each_loss(multiclass)
def test_index_target_must_fit_the_rows(info: LossInfo) -> None:
    input, target = example(info)
    must = r"`target` must have shape \(4,\), one index per row of `input`, got"
    refused(info, ValueError, must + r" \(3,\)", input, target[:3])
    refused(info, ValueError, must + r" \(4, 1\). Did you mean `target.squeeze\(-1\)`", input, target[:, None])
    refused(info, ValueError, must + r" \(4, 3\).*`target.argmax\(1\)`", input, torch.zeros(4, 3).long())
    input, target = example(info, shape=IMAGES)
    refused(
        info, ValueError, r"\(2, 2, 2\).*got \(2, 1, 2, 2\). Did you mean `target.squeeze\(1\)`", input, target[:, None]
    )


@each_loss(both(multiclass, lambda info: info.probabilities))
def test_probabilities_must_have_the_shape_of_the_input(info: LossInfo) -> None:
    input, target = example(info, "probability")
    refused(info, ValueError, r"`target` holds prob.*shape of `input`, \(4, 3\), got \(4, 2\)", input, target[:, :2])


@each_loss(both(multiclass, lambda info: not info.probabilities))
def test_probabilities_are_refused_where_they_mean_nothing(info: LossInfo) -> None:
    input, _ = example(info)
    refused(
        info, TypeError, r"`target` must hold integer class indices, got dtype torch.float64", input, input.softmax(1)
    )


@each_loss(lambda info: info.binary)
def test_binary_target_must_have_the_shape_of_the_input(info: LossInfo) -> None:
    """(N,) beside (N, 1) would broadcast to N x N losses."""
    input, target = example(info, shape=(4, 1))
    must = r"`target` must have the shape of `input`, \(4, 1\), got"
    refused(info, ValueError, must + r" \(4,\). Did you mean `target.reshape\(\(4, 1\)\)`", input, target[:, 0])
    refused(info, ValueError, must + r" \(3, 1\)\.$", input, target[:3])
    refused(info, TypeError, "`target` must be real, got dtype torch.complex128", input, target + 0j)
    transposed = torch.zeros(3, 4)
    refused(
        info, ValueError, r"\(4, 3\), got \(3, 4\)\.$", torch.zeros(4, 3), transposed
    )  # no cure: reshape would scramble


@each_loss(multiclass)
@pytest.mark.parametrize("index", [3, 1000, -1, -3])
def test_an_index_out_of_range_raises(info: LossInfo, index: int) -> None:
    for shape in ((4, 3), IMAGES):
        input, target = example(info, shape=shape)
        target.view(-1)[1] = index
        extra = {"weight": torch.ones(3)} if info.takes("weight") else {}
        for options in ({}, extra, *info.sweep):
            refused(info, (IndexError, RuntimeError), "out of (range|bounds)", input, target, **options)


@each_loss()
@pytest.mark.parametrize("value", ["avg", "batchmean", "", None, True, ["mean"]], ids=repr)
def test_reduction_must_be_one_of_three(info: LossInfo, value: Any) -> None:
    refused(info, ValueError, "`reduction` must be one of 'none', 'mean', 'sum', got ", *example(info), reduction=value)


@each_loss()
def test_ignore_index_must_be_an_int(info: LossInfo) -> None:
    for value in (1.0, None, "none", True):
        refused(info, TypeError, "`ignore_index` must be an int, got", *example(info), ignore_index=value)


@each_loss(lambda info: any(info.takes(option) for option in NUMBERS))
def test_numbers_must_be_in_range(info: LossInfo) -> None:
    for option, values in NUMBERS.items():
        if info.takes(option):
            for value in values:
                refused(info, ValueError, rf"`{option}` must be .*, got {value}", *example(info), **{option: value})


@each_loss(lambda info: any(info.takes(option) for option in NUMBERS))
def test_numbers_must_be_numbers(info: LossInfo) -> None:
    for option in NUMBERS:
        if info.takes(option):
            for value in ("2", True, [1.0]):
                refused(info, TypeError, rf"`{option}` must be a number, got", *example(info), **{option: value})
            if option not in ("alpha",):  # without alpha every class counts the same
                refused(
                    info, TypeError, rf"`{option}` must be a number, got NoneType", *example(info), **{option: None}
                )


@each_loss(lambda info: any(info.takes(option) for option in NUMBERS))
def test_a_tensor_is_a_number_only_where_it_may_be_learned(info: LossInfo) -> None:
    learned = {"gamma", "tau", "epsilon", "alpha", "beta", "q"} - ({"beta"} if info.takes("counts") else set())
    for option in NUMBERS:
        if info.takes(option) and option in learned:
            refused(info, (TypeError, ValueError), f"`{option}` must ", *example(info), **{option: torch.ones(2, 2)})
            refused(info, TypeError, rf"`{option}` must be floating", *example(info), **{option: torch.tensor(1)})
        elif info.takes(option):
            refused(
                info,
                TypeError,
                rf"`{option}` must be a number, got Tensor",
                *example(info),
                **{option: torch.tensor(0.5)},
            )


@each_loss(both(takes("beta"), takes("counts")))
def test_beta_of_effective_numbers_is_below_one(info: LossInfo) -> None:
    refused(info, ValueError, "`beta` must be at least 0.0 and below 1.0, got 1.0", *example(info), beta=1.0)


@each_loss(takes("batch"))
def test_switches_are_true_or_false(info: LossInfo) -> None:
    for value in (1, None, "yes", torch.tensor(True)):
        refused(info, TypeError, "`batch` must be True or False, got ", *example(info), batch=value)
    refused(
        info, ValueError, "`absent` must be one of 'penalise', 'skip', got 'ignore'", *example(info), absent="ignore"
    )


PER_CLASS = ("weight", "counts", "prior")


@each_loss(lambda info: any(info.takes(option) for option in PER_CLASS))
def test_one_number_per_class(info: LossInfo) -> None:
    given = example(info)
    for name in filter(info.takes, PER_CLASS):
        refused(
            info, TypeError, rf"`{name}` must be a tensor, got list.*`torch.tensor\({name}\)`", *given, **{name: [1.0]}
        )
        must = rf"`{name}` must have shape \(3,\), one number per class"
        refused(info, ValueError, rf"{must} of `input`, got \(2,\)", *given, **{name: torch.ones(2)})
        refused(
            info, ValueError, rf"`{name}` must have one axis.*got shape \(3, 1\)", *given, **{name: torch.ones(3, 1)}
        )


@each_loss(both(takes("weight"), lambda info: info.binary))
def test_weight_needs_classes(info: LossInfo) -> None:
    one = torch.zeros(4)
    refused(info, ValueError, r"`weight` needs classes on axis 1.*shape \(4,\)", one, one, weight=torch.ones(1))


@each_loss(takes("cost"))
def test_cost_is_square_and_has_a_row_per_class(info: LossInfo) -> None:
    input, target = example(info)
    refused(info, TypeError, "`cost` must be a tensor, got list", input, target, cost=[[0.0, 1.0], [1.0, 0.0]])
    refused(info, ValueError, r"`cost` must be square.*got shape \(2, 3\)", input, target, cost=torch.ones(2, 3))
    refused(info, ValueError, r"`cost` must have shape \(3, 3\).*got \(2, 2\)", input, target, cost=torch.ones(2, 2))


@each_loss(takes("transition"))
def test_transition_is_square_and_has_a_row_per_class(info: LossInfo) -> None:
    input, target = example(info)
    eye = [[1.0, 0.0], [0.0, 1.0]]
    refused(info, TypeError, "`transition` must be a tensor, got list", input, target, transition=eye)
    wrong = torch.ones(2, 3)
    refused(info, ValueError, r"`transition` must be square.*got shape \(2, 3\)", input, target, transition=wrong)
    small = torch.eye(2)
    refused(info, ValueError, r"`transition` must have shape \(3, 3\).*got \(2, 2\)", input, target, transition=small)


@each_loss(takes("sample_weight"))
def test_sample_weight_must_line_up(info: LossInfo) -> None:
    input, target = example(info, shape=IMAGES)
    wrong: list[Tensor] = [torch.ones(3), torch.ones(2, 5), torch.ones(2, 2, 2, 2, 2), torch.ones(2, 1, 7)]
    for w in wrong:
        refused(
            info,
            ValueError,
            rf"`sample_weight` must have shape .*, got \({w.shape[0]}, ?",
            input,
            target,
            sample_weight=w,
        )
    refused(info, TypeError, "`sample_weight` must be a tensor, got list", input, target, sample_weight=[1.0, 1.0])


@each_loss(rowwise)
def test_messages_name_no_number_of_the_data(info: LossInfo) -> None:
    """Values may be private, and reading them would wait for the GPU: only shapes and dtypes are reported."""
    input, target = example(info)
    with pytest.raises(ValueError) as error:
        info(input, target[:2])
    assert "tensor(" not in str(error.value)
