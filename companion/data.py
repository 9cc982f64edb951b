"""Real data that travels with scikit-learn and statsmodels: nothing is downloaded, everything is deterministic."""

from typing import Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Part = Literal["train", "validation", "test"]


class Visits(NamedTuple):
    """What :func:`frequent_visitors` returns."""

    x: Tensor
    y: Tensor
    groups: Tensor
    names: tuple[str, ...]


class Split(NamedTuple):
    """Row numbers of the three parts that :func:`split` makes."""

    train: Tensor
    validation: Tensor
    test: Tensor


def digits() -> tuple[Tensor, Tensor]:
    """1797 handwritten digits of 8 x 8 pixels, ten classes of 174 to 183 images each.

    Returns:
        Images ``(1797, 64)`` float32 in [0, 1] and labels ``(1797,)`` int64. For a convolutional network use
        ``images.view(-1, 1, 8, 8)``. Rows come writer after writer, about 130 each, so a random split tests on new
        images by known writers.

    Example:
        >>> images, labels = digits()
        >>> images.shape, labels[:5]
        (torch.Size([1797, 64]), tensor([0, 1, 2, 3, 4]))

    References:
        Alpaydin and Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository, 1998
        (the test set of it, as scikit-learn ships it). https://archive.ics.uci.edu/dataset/80
    """
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return torch.tensor(x / 16.0, dtype=torch.float32), torch.tensor(y, dtype=torch.int64)


def long_tail(y: Tensor, ratio: float, *, seed: int, largest: int | None = None, at_least: int = 5) -> Tensor:
    """Rows of a subset whose classes shrink exponentially, class 0 the largest and the last class the smallest.

    Class ``c`` of ``C`` keeps ``round(largest * ratio ** (-c / (C - 1)))`` rows, so the sizes depend on the
    arguments alone and only the choice of rows depends on the seed.

    Args:
        y: Class indices ``(N,)``.
        ratio: Size of the largest class over that of the smallest, at least 1.
        seed: Which rows are drawn.
        largest: Rows of class 0; by default as many as the rarest class of ``y`` has.
        at_least: Rows that the smallest class must keep: fewer and its score is noise.

    Returns:
        Row numbers into ``y``, sorted, int64.

    Raises:
        ValueError: If a class would keep fewer than ``at_least`` rows, or more than it has.

    Example:
        >>> _, labels = digits()
        >>> rows = long_tail(labels, ratio=20, seed=0)
        >>> torch.bincount(labels[rows])
        tensor([174, 125,  89,  64,  46,  33,  24,  17,  12,   9])

    References:
        Cui et al., *Class-Balanced Loss Based on Effective Number of Samples*, CVPR 2019, section 5.1.
        https://arxiv.org/abs/1901.05555
    """
    if not ratio >= 1:
        raise ValueError(f"`ratio` must be at least 1, largest class over smallest, got {ratio}.")
    found = torch.bincount(_class_indices(y))
    last = len(found) - 1
    largest = int(found.min()) if largest is None else largest
    sizes = [round(largest * ratio ** (-c / max(last, 1))) for c in range(last + 1)]
    if sizes[-1] < at_least:
        raise ValueError(
            f"`ratio` must leave at least {at_least} rows in the smallest class, got {sizes[-1]} of {largest} at "
            f"ratio {ratio}. Lower `ratio`, or lower `at_least` if so few rows are meant."
        )
    short = [c for c in range(last + 1) if sizes[c] > found[c]]
    if short:
        raise ValueError(
            f"`largest` must be small enough for every class, got {largest}: class {short[0]} needs "
            f"{sizes[short[0]]} rows and has {found[short[0]]}."
        )
    shuffled = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    kept = [shuffled[y[shuffled] == c][:n] for c, n in enumerate(sizes)]
    return torch.cat(kept).sort().values


def frequent_visitors(visits: int = 20) -> Visits:
    """Who sees a doctor often? 20,190 person-years of the RAND Health Insurance Experiment.

    The label says whether a person had at least ``visits`` outpatient visits to a doctor in that year. At 20 visits
    1.1 % of the rows are positive, at 10 visits 5.7 %.

    The same person appears in up to five rows, which must never stand on both sides of a split. The public table
    carries no person number, so ``groups`` numbers the runs of consecutive rows with one insurance plan (the columns
    ``lncoins, idp, lpi, fmde``), which is roughly a family: 2259 groups of 1 to 45 rows. Checked against the person
    number in the experiment's original file: none of the 5912 persons is split between two groups. Features are
    raw; scale them with :func:`standardise` on the training part.

    Args:
        visits: Smallest yearly number of visits that counts as frequent, at least 1.

    Returns:
        ``x`` (20190, 9) float32, ``y`` (20190,) int64, ``groups`` (20190,) int64 and the nine column ``names``.

    Raises:
        ValueError: If ``visits`` leaves one class empty.

    Example:
        >>> data = frequent_visitors()
        >>> data.x.shape, int(data.y.sum()), data.names[0]
        (torch.Size([20190, 9]), 231, 'lncoins')

    References:
        Cameron and Trivedi, *Microeconometrics: Methods and Applications*, Cambridge University Press, 2005; public
        domain according to statsmodels, which ships it.
        https://www.statsmodels.org/stable/datasets/generated/randhie.html
    """
    import statsmodels.api as sm

    table = sm.datasets.randhie.load_pandas().data
    names = tuple(column for column in table if column != "mdvis")
    y = table["mdvis"].to_numpy() >= visits
    if y.all() or not y.any():
        raise ValueError(f"`visits` must lie between 1 and {int(table['mdvis'].max())}, got {visits}.")
    plan = table[["lncoins", "idp", "lpi", "fmde"]].to_numpy()
    starts = np.r_[False, (plan[1:] != plan[:-1]).any(axis=1)]
    x = torch.tensor(table[list(names)].to_numpy(), dtype=torch.float32)
    return Visits(x, torch.tensor(y, dtype=torch.int64), torch.tensor(starts.cumsum(), dtype=torch.int64), names)


def split(y: Tensor, *, seed: int, groups: Tensor | None = None) -> Split:
    """Three fifths to train, one to validate, one to test, each with the same share of every class.

    Args:
        y: Class indices ``(N,)``, at least five rows (or groups) of each class.
        seed: Which rows go where.
        groups: Group number of each row ``(N,)``; a group is never divided. The parts then differ by a few rows in
            size from seed to seed.

    Returns:
        Sorted row numbers of the three parts.

    Raises:
        ValueError: If a class has too few rows or groups to appear in every part.

    Example:
        >>> _, labels = digits()
        >>> [len(part) for part in split(labels, seed=0)]
        [1077, 360, 360]
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    classes = _class_indices(y).numpy()
    unit = np.arange(len(classes)) if groups is None else groups.numpy()
    for c in np.unique(classes):
        found = len(np.unique(unit[classes == c]))
        if found < 5:
            kind = "rows" if groups is None else "groups"
            raise ValueError(f"`y` must have at least 5 {kind} of every class to split, got {found} of class {c}.")
    if groups is None:
        folds = StratifiedKFold(5, shuffle=True, random_state=seed).split(classes, classes)
    else:
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(classes, classes, unit)
    test, validation, *train = (torch.from_numpy(rows) for _, rows in folds)
    return Split(torch.cat(train).sort().values, validation, test)


def standardise(x: Tensor, rows: Tensor) -> Tensor:
    """Columns of mean 0 and standard deviation 1, both measured on ``rows`` alone.

    Args:
        x: Features ``(N, D)``, all of them.
        rows: Row numbers of the training part, so that nothing of the test part leaks into the scale.

    Returns:
        ``(N, D)``; a column that is constant on ``rows`` is only centred.

    Example:
        >>> x = torch.tensor([[0.0], [2.0], [9.0]])
        >>> standardise(x, torch.tensor([0, 1])).squeeze()
        tensor([-1.,  1.,  8.])
    """
    spread = x[rows].std(0, correction=0)
    return (x - x[rows].mean(0)) / torch.where(spread > 0, spread, 1.0)


def digits_on_photos(
    n: int, size: int = 64, *, seed: int, part: Part = "train", digits_per_image: int = 1
) -> tuple[Tensor, Tensor]:
    """Find the ink: real handwritten digits on crops of two real photographs, with masks known by construction.

    A digit is a quarter of the image wide and its grey differs from its surroundings by 0.25 to 0.5, lighter
    or darker, so brightness alone does not give it away; it covers about 2 % of the image. The three parts share
    neither a digit nor a pixel of a photograph: each photograph is cut into a left, a middle and a right strip.

    Args:
        n: Number of images.
        size: Height and width in pixels, a multiple of 4 from 16 to 128.
        seed: Which images are made.
        part: ``"train"``, ``"validation"`` or ``"test"``.
        digits_per_image: Digits pasted on each image; they may overlap. 0 gives empty masks.

    Returns:
        Grey images ``(n, 1, size, size)`` float32 in [0, 1] and masks ``(n, size, size)`` int64, 1 where there is ink.

    Raises:
        ValueError: If ``size`` or ``part`` is not as above.

    Example:
        >>> images, masks = digits_on_photos(100, seed=0)
        >>> images.shape, masks.shape
        (torch.Size([100, 1, 64, 64]), torch.Size([100, 64, 64]))
        >>> round(100 * masks.float().mean().item(), 1)  # per cent of the pixels
        2.0

    References:
        Photographs ``china.jpg`` and ``flower.jpg`` as scikit-learn ships them, CC BY 2.0, on Flickr:
        https://www.flickr.com/photos/danielbuechele/6061409035 and
        https://www.flickr.com/photos/vultilion/6056698931; digits as in :func:`digits`.
    """
    if size % 4 or not 16 <= size <= 128:
        raise ValueError(f"`size` must be a multiple of 4 from 16 to 128, got {size}.")
    strips = {"train": (0, 384), "validation": (384, 512), "test": (512, 640)}
    if part not in strips:
        raise ValueError(f"`part` must be one of {', '.join(map(repr, strips))}, got {part!r}.")
    left, right = strips[part]
    photos = _grey_photos()[:, :, left:right]
    # Contiguous shares keep most writers apart too: see `digits`.
    ink = digits()[0].view(-1, 1, 8, 8)[int(1797 * left / 640) : int(1797 * right / 640)]
    side = size // 4
    ink = F.interpolate(ink, (side, side), mode="bilinear").squeeze(1)
    rng = np.random.default_rng([seed, left])
    images, masks = torch.empty(n, 1, size, size), torch.zeros(n, size, size, dtype=torch.int64)
    for image, mask in zip(images[:, 0], masks, strict=True):
        photo = photos[rng.integers(len(photos))]
        top, start = (int(rng.integers(extent - size + 1)) for extent in photo.shape)
        image.copy_(photo[top : top + size, start : start + size])
        for _ in range(digits_per_image):
            row, column = (int(v) for v in rng.integers(size - side + 1, size=2))
            window = slice(row, row + side), slice(column, column + side)
            stroke = ink[rng.integers(len(ink))]
            around = image[window].mean()
            contrast = rng.uniform(0.25, 0.5) * rng.choice([-1, 1])
            grey = around + contrast if 0 <= around + contrast <= 1 else around - contrast
            image[window] += stroke * (grey - image[window])
            mask[window] |= (stroke >= 0.5).long()
    return images, masks


def _grey_photos() -> Tensor:
    from sklearn.datasets import load_sample_images

    weights = np.array([0.299, 0.587, 0.114]) / 255  # luma of ITU-R BT.601
    return torch.tensor(np.stack([image @ weights for image in load_sample_images().images]), dtype=torch.float32)


def _class_indices(y: Tensor) -> Tensor:
    if not isinstance(y, Tensor) or y.is_floating_point():
        found = y.dtype if isinstance(y, Tensor) else type(y).__name__
        raise TypeError(f"`y` must be a tensor of integer class indices, got {found}.")
    if y.dim() != 1 or len(y) == 0:
        raise ValueError(f"`y` must have shape (N,) with N at least 1, got {tuple(y.shape)}.")
    return y
