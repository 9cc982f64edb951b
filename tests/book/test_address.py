"""The address stands in one place; without it the remote counts if it is GitHub, and else there is none."""

from collections.abc import Callable
from pathlib import Path

import pytest
from address import Address, github

PLAIN = "https://github.com/Some-Org/a.book"


@pytest.mark.parametrize(
    "url",
    [
        PLAIN,
        f"{PLAIN}/",
        f"{PLAIN}.git",
        f"{PLAIN}.git/",
        "http://www.GitHub.com/Some-Org/a.book",
        "https://someone@github.com/Some-Org/a.book.git",
        "https://someone:t0ken@github.com/Some-Org/a.book.git",
        "git@github.com:Some-Org/a.book.git",
        "git@github.com:/Some-Org/a.book",
        "github.com:Some-Org/a.book.git",
        "ssh://git@github.com/Some-Org/a.book.git",
        "ssh://git@github.com:22/Some-Org/a.book",
        "ssh://git@ssh.github.com:443/Some-Org/a.book.git",
        "git://github.com/Some-Org/a.book.git",
        "git+ssh://git@github.com/Some-Org/a.book.git",
    ],
)
def test_every_spelling_of_a_github_repository_is_the_same_address(url: str) -> None:
    assert github(url) == PLAIN


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://gitlab.com/some/book.git",
        "git@gitlab.com:some/book.git",
        "https://github.com.evil.test/some/book",
        "https://github.com@evil.test/some/book",
        "https://evil.test/github.com/some/book",
        "https://some.github.io/book",
        "https://github.com/some",
        "https://github.com/some/book/tree/main",
        "/a folder/github.com/some/book",
        "file:///srv/some/book.git",
    ],
)
def test_anything_else_is_none(url: str) -> None:
    assert github(url) == ""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a configuration that sets no address; its path has a space."""
    root = tmp_path / "a book"
    root.mkdir()
    (root / "_config.yml").write_text('repository: {url: "", branch: trunk}\nhtml: {baseurl: ""}\n')
    return root


Clone = Callable[..., None]


def test_the_configuration_counts_before_any_remote(root: Path, clone: Clone) -> None:
    clone(root, origin="https://github.com/a/fork")
    (root / "_config.yml").write_text(
        'repository: {url: "git@github.com:Some-Org/a.book.git"}\nhtml: {baseurl: "https://some.test/book/"}\n'
    )
    assert Address.read(root) == Address(PLAIN, "main", "https://some.test/book", configured=True)


def test_an_empty_one_leaves_it_to_the_remote(root: Path, clone: Clone) -> None:
    clone(root, origin="https://someone:t0ken@github.com/Some-Org/a.book.git")
    address = Address.read(root)
    assert address == Address(PLAIN, "trunk")
    assert "t0ken" not in repr(address)


@pytest.mark.parametrize(
    ("remotes", "expected"),
    [
        ({"backup": "git@github.com:a/backup.git", "origin": PLAIN}, PLAIN),
        ({"origin": "https://gitlab.com/a/book.git", "mirror": PLAIN}, PLAIN),
        ({"origin": "/srv/a book.git"}, ""),
        ({"origin": "https://gitlab.com/a/book.git"}, ""),
        ({}, ""),
    ],
)
def test_origin_counts_first_then_any_that_is_github(
    root: Path, clone: Clone, remotes: dict[str, str], expected: str
) -> None:
    clone(root, **remotes)
    assert Address.read(root).repository == expected


def test_a_folder_that_is_no_clone_has_none_even_inside_another_clone(root: Path, clone: Clone) -> None:
    assert Address.read(root).repository == ""
    clone(root.parent, origin=PLAIN)
    assert Address.read(root).repository == ""


def test_a_machine_without_git_has_none(root: Path, clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    clone(root, origin=PLAIN)
    monkeypatch.setenv("PATH", str(root))
    assert Address.read(root).repository == ""


def test_a_hook_of_another_repository_does_not_mislead_it(
    root: Path, clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone(tmp_path / "other", origin="https://github.com/an/other")
    clone(root, origin=PLAIN)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    assert Address.read(root).repository == PLAIN


def test_without_a_configuration_there_is_no_address(tmp_path: Path) -> None:
    assert Address.read(tmp_path) == Address()


def test_a_configured_address_that_is_not_github_is_refused_without_showing_credentials(root: Path) -> None:
    (root / "_config.yml").write_text('repository: {url: "https://someone:t0ken@gitlab.com/a/book"}\n')
    with pytest.raises(ValueError, match=r"`repository.url` in _config.yml must be .*got 'https://gitlab") as error:
        Address.read(root)
    assert "t0ken" not in str(error.value)


def test_the_link_into_colab() -> None:
    link = Address(PLAIN, "trunk").in_colab("notebooks/one.ipynb")
    assert link == "https://colab.research.google.com/github/Some-Org/a.book/blob/trunk/notebooks/one.ipynb"
