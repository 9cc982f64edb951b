"""A contract is a set of tests over every member of a registry, but for those excused with a reason."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

Info = Any  # has a name, options to sweep, and `excused`: name of the test -> reason
Scope = Callable[[Info], bool]
Test = Callable[..., None]


def anyone(info: Info) -> bool:
    return True


class Each:
    """``@each()`` runs a test for every member in its scope that is not excused from it, and notes who owes it."""

    def __init__(self, members: Sequence[Info]) -> None:
        self.members = members
        self.owed: dict[str, list[str]] = {}  # test -> the members it concerns, excused ones included

    def __call__(self, where: Scope = anyone) -> Callable[[Test], Test]:
        return lambda test: pytest.mark.parametrize("info", self._owing(test, where), ids=lambda info: info.name)(test)

    def with_options(self, where: Scope = anyone) -> Callable[[Test], Test]:
        """As the call, with every set of options of a member in turn."""

        def parametrize(test: Test) -> Test:
            cases = [
                pytest.param(info, options, id="-".join([info.name, *map(str, options.values())]))
                for info in self._owing(test, where)
                for options in info.sweep
            ]
            return pytest.mark.parametrize(("info", "options"), cases)(test)

        return parametrize

    def _owing(self, test: Test, where: Scope) -> list[Info]:
        members = [info for info in self.members if where(info)]
        self.owed[test.__name__] = [info.name for info in members]
        return [info for info in members if test.__name__ not in info.excused]
