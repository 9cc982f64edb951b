"""Data: what is promised about sizes, shares and leaks, checked on the real thing."""

import csv
from pathlib import Path

import pytest
import torch

from companion.data import digits, digits_on_photos, frequent_visitors, long_tail, split, standardise

PARTS = ("train", "validation", "test")


def test_digits_are_scaled_images():
    images, labels = digits()
    assert images.shape == (1797, 64)
    assert images.dtype == torch.float32
    assert labels.dtype == torch.int64
    assert (images.min(), images.max()) == (0.0, 1.0)
    assert torch.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_long_tail_has_the_ratio_asked_for():
    labels = torch.arange(3).repeat_interleave(100)
    # 100 * 25 ** -(0, 1/2, 1) = 100, 20, 4: the last is below the minimum of 5 unless that is lowered.
    assert torch.bincount(labels[long_tail(labels, 25, seed=0, at_least=4)]).tolist() == [100, 20, 4]
    # 50 * 4 ** -(0, 1/2, 1) = 50, 25, 12.5, and round() takes the even neighbour.
    assert torch.bincount(labels[long_tail(labels, 4, seed=0, largest=50)]).tolist() == [50, 25, 12]


def test_long_tail_draws_by_seed_and_never_twice():
    _, labels = digits()
    first, again, other = (long_tail(labels, 20, seed=s) for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.bincount(labels[first]), torch.bincount(labels[other]))
    assert len(first.unique()) == len(first)


def test_frequent_visitors_is_the_published_table():
    data = frequent_visitors()
    assert data.x.shape == (20190, 9)
    assert data.x.dtype == torch.float32
    assert data.x.isfinite().all()
    assert data.y.sum() == 231  # 1.1 %
    assert data.names == ("lncoins", "idp", "lpi", "fmde", "physlm", "disea", "hlthg", "hlthf", "hlthp")
    assert frequent_visitors(10).y.float().mean().item() == pytest.approx(0.0573, abs=1e-4)


def test_no_person_belongs_to_two_groups():
    # statsmodels also ships the experiment's original file, row for row the same, which holds the person number.
    import statsmodels.datasets.randhie as randhie

    source = Path(randhie.__file__).parent / "src" / "randhie.csv"
    if not source.exists():
        pytest.skip("this version of statsmodels does not ship the original file")
    with source.open() as lines:
        table = list(csv.DictReader(lines))
    data = frequent_visitors()
    assert [float(row["mdvis"]) >= 20 for row in table] == data.y.bool().tolist()
    groups_of: dict[str, set[int]] = {}
    for row, group in zip(table, data.groups.tolist(), strict=True):
        groups_of.setdefault(row["zper"], set()).add(group)
    assert len(groups_of) == 5912
    sizes = torch.bincount(data.groups)
    assert (len(sizes), sizes.max()) == (2259, 45)
    assert max(map(len, groups_of.values())) == 1


def test_split_keeps_classes_in_proportion():
    y = torch.tensor([0] * 80 + [1] * 20)
    parts = split(y, seed=0)
    assert torch.cat(parts).sort().values.tolist() == list(range(100))
    assert [torch.bincount(y[part]).tolist() for part in parts] == [[48, 12], [16, 4], [16, 4]]
    assert torch.equal(parts.test, split(y, seed=0).test)
    assert not torch.equal(parts.test, split(y, seed=1).test)


def test_split_never_divides_a_group():
    data = frequent_visitors()
    parts = split(data.y, groups=data.groups, seed=3)
    assert sum(map(len, parts)) == 20190
    found = [set(data.groups[part].tolist()) for part in parts]
    assert len(set.union(*found)) == sum(map(len, found))
    for part, share in zip(parts, (0.6, 0.2, 0.2), strict=True):
        assert len(part) / 20190 == pytest.approx(share, abs=0.01)
        assert data.y[part].float().mean().item() == pytest.approx(231 / 20190, rel=0.1)


def test_standardise_looks_at_the_training_rows_only():
    x = torch.tensor([[0.0, 5.0], [2.0, 5.0], [100.0, 6.0]])
    # Rows 0 and 1: means 1 and 5, standard deviations 1 and 0.
    assert standardise(x, torch.tensor([0, 1])).tolist() == [[-1, 0], [1, 0], [99, 1]]


def test_photos_are_images_with_a_little_ink():
    images, masks = digits_on_photos(200, 48, seed=0)
    assert images.shape == (200, 1, 48, 48)
    assert images.dtype == torch.float32
    assert masks.dtype == torch.int64
    assert images.min() >= 0
    assert images.max() <= 1
    share = masks.float().mean().item()
    assert 0.01 < share < 0.03
    assert masks.flatten(1).any(1).all()
    assert digits_on_photos(200, 48, seed=0, digits_per_image=3)[1].float().mean().item() > 2 * share


def test_photos_differ_under_ink_and_nowhere_else():
    with_ink, masks = digits_on_photos(1, seed=5)
    without, empty = digits_on_photos(1, seed=5, digits_per_image=0)
    changed = (with_ink - without).abs()[:, 0]
    assert empty.sum() == 0
    # Full ink differs by 0.25 or more from the mean around it; half of that where the stroke is half there.
    assert changed[masks == 1].mean() > 0.1
    assert (changed > 0).float().mean() < 1 / 16  # a digit's box is a quarter wide and a quarter high


def test_photos_repeat_by_seed():
    first, again, other = (digits_on_photos(3, 32, seed=s)[0] for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_parts_share_no_pixel_of_a_photo():
    # Sixteen neighbouring pixels of a photograph are as good as a fingerprint, unless they are all alike.
    seen = []
    for part in PARTS:
        images, _ = digits_on_photos(60, 64, seed=0, part=part, digits_per_image=0)
        strips = images[:, 0].unfold(2, 16, 1).reshape(-1, 16)
        textured = strips[strips.std(1) > 0.05]
        seen.append({row.tobytes() for row in textured.numpy()})
        assert len(seen[-1]) > 100
    assert len(set.union(*seen)) == sum(map(len, seen))


@pytest.mark.as_user
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: long_tail(torch.arange(10), 0.5, seed=0), ValueError, "`ratio` must be at least 1"),
        (
            lambda: long_tail(digits()[1], 100, seed=0),
            ValueError,
            "at least 5 rows in the smallest class, got 2 of 174",
        ),
        (lambda: long_tail(digits()[1], 2, seed=0, largest=179), ValueError, "class 0 needs 179 rows and has 178"),
        (lambda: long_tail(torch.ones(9), 2, seed=0), TypeError, "`y` must be a tensor of integer class indices"),
        (lambda: split(torch.zeros(2, 2, dtype=torch.long), seed=0), ValueError, r"`y` must have shape \(N,\)"),
        (lambda: split(torch.tensor([0] * 9 + [1] * 4), seed=0), ValueError, "at least 5 rows of every class.*got 4"),
        (
            lambda: split(torch.tensor([0, 1] * 9), groups=torch.arange(18) // 6, seed=0),
            ValueError,
            "at least 5 groups of every class to split, got 3 of class 0",
        ),
        (lambda: frequent_visitors(78), ValueError, "`visits` must lie between 1 and 77, got 78"),
        (lambda: digits_on_photos(1, 50, seed=0), ValueError, "`size` must be a multiple of 4"),
        (lambda: digits_on_photos(1, seed=0, part="dev"), ValueError, "`part` must be one of 'train'"),
    ],
)
def test_says_what_is_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_longer_tail_is_a_subset_of_a_shorter_one():
    _, labels = digits()  # so that ratios can be compared with one another on the same rows
    mild, steep = (set(long_tail(labels, ratio, seed=0).tolist()) for ratio in (10, 30))
    assert steep < mild
