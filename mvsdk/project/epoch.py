"""The one moment a build believes in, so that `__DATE__` and `__TIME__` are the same wherever a commit is built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

VARIABLE = "SOURCE_DATE_EPOCH"
"""https://reproducible-builds.org/specs/source-date-epoch/; in seconds since 1970."""


def source_date_epoch(directory: Path, environment: Mapping[str, str]) -> str:
    """Return what SOURCE_DATE_EPOCH is for a build in `directory`.

    The environment's own value if it has one; else the time of the commit that git has checked out there; without git
    or a commit it is 0, because a build that named today would differ tomorrow.
    Ninja does not watch it: an object that is still good keeps the moment it was compiled with.
    """
    given = environment.get(VARIABLE)
    return given if given else _commit_time(directory, environment) or "0"


def _commit_time(directory: Path, environment: Mapping[str, str]) -> str:
    import subprocess

    command = ["git", "-C", str(directory), "-c", "log.showSignature=false", "log", "-1", "--format=%ct"]
    try:
        answer = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    except OSError:
        return ""  # no git: then there is no commit either
    return answer.stdout.strip() if answer.returncode == 0 else ""
