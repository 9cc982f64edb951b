"""Every public loss with data of its own, once. The files test_own_*.py check them as `OwnInfo` describes them.

Adding such a loss means adding one entry to the list of its family, in ``own_NAME.py`` beside this file.
"""

from tests.each import Each
from tests.losses.info import OwnInfo
from tests.losses.own_pairs import PAIRS
from tests.losses.own_regions import REGIONS
from tests.losses.own_regression import REGRESSION
from tests.losses.own_structured import STRUCTURED
from tests.losses.own_terms import TERMS

OWN: list[OwnInfo] = [*REGRESSION, *REGIONS, *STRUCTURED, *PAIRS, *TERMS]

each_own = Each(OWN)


def reduces(info: OwnInfo) -> bool:
    return info.takes("reduction")


def has_twin(info: OwnInfo) -> bool:
    return info.twin is not None
