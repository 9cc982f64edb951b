"""Where the sources and the pages are published: whatever needs an address asks here.

`_config.yml` is the one place that sets them. While its `repository.url` is empty, the repository is
the GitHub remote of this clone, `origin` before any other. Without one, without git and outside a
clone there is no address: no page shows a button that leads to one, and no notebook names one.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

COLAB = "https://colab.research.google.com"
CREDENTIALS = r"(?:[^/\s]*@)?"
GITHUB = re.compile(
    rf"(?:https?://{CREDENTIALS}(?:www\.)?github\.com/"
    rf"|(?:git\+)?(?:ssh|git)://{CREDENTIALS}(?:ssh\.)?github\.com(?::\d+)?/"
    r"|(?:[\w.-]+@)?github\.com:/?)"
    r"(?P<owner>[\w-]+)/(?P<name>[\w.-]+?)(?:\.git)?/*",
    re.I | re.A,
)


@dataclass(frozen=True)
class Address:
    """Where the book is published; what is not published is empty."""

    repository: str = ""
    branch: str = "main"
    pages: str = ""
    configured: bool = False

    @classmethod
    def read(cls, root: Path) -> Address:
        """Return the address of the book under `root`, from `_config.yml` or else from git.

        Args:
            root: Folder of `_config.yml`; the clone, if it is one.

        Raises:
            ValueError: If `repository.url` is neither empty nor the address of a GitHub repository.
        """
        path = root / "_config.yml"
        config: dict[str, Any] = (yaml.safe_load(path.read_text()) if path.exists() else None) or {}
        repository = config.get("repository") or {}
        url = str(repository.get("url") or "").strip()
        if url and not github(url):
            shown = re.sub(rf"//{CREDENTIALS}", "//", url)
            raise ValueError(
                "`repository.url` in _config.yml must be the address of a GitHub repository, such as "
                f"https://github.com/OWNER/NAME, or empty, got {shown!r}. Is the book elsewhere? Leave it empty."
            )
        return cls(
            repository=github(url) or remote(root),
            branch=str(repository.get("branch") or "main"),
            pages=str((config.get("html") or {}).get("baseurl") or "").rstrip("/"),
            configured=bool(url),
        )

    def in_colab(self, file: str) -> str:
        """Return the link that opens `file` of the repository in Colab."""
        return f"{COLAB}/github/{self.repository.removeprefix('https://github.com/')}/blob/{self.branch}/{file}"


def github(url: str) -> str:
    """Return the plain https address of a GitHub repository however it is spelt, or nothing if it is none."""
    m = GITHUB.fullmatch(url)
    return f"https://github.com/{m['owner']}/{m['name']}" if m else ""


def remote(root: Path) -> str:
    """Return the GitHub remote of the clone at `root`, `origin` first, or nothing."""
    # Naming the folder keeps git from taking the remote of a repository that `root` merely lies in.
    command = ["git", f"--git-dir={root / '.git'}", "remote", "-v"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    remotes = sorted(re.findall(r"^(\S+)\t(.*) \(fetch\)", listed, re.M), key=lambda found: found[0] != "origin")
    return next(filter(None, (github(url) for _, url in remotes)), "")
