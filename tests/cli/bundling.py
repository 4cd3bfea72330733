"""The installed command with keys of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

MVSDK = Path(sys.executable).with_name("mvsdk")


def passphrase(secret: str) -> dict[str, str]:
    """Return the environment in which this passphrase unlocks keys."""
    return {"MVSDK_KEY_PASSPHRASE": secret}


class Shell:
    """Runs mvsdk in a folder, with a key store of its own and none of the caller's keys."""

    def __init__(self, directory: Path, home: Path) -> None:
        self.directory = directory
        self.home = home

    def run(self, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command with standard input closed."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MVSDK_")}
        return subprocess.run(
            [MVSDK, *arguments],
            cwd=self.directory,
            env={**inherited, "MVSDK_HOME": str(self.home), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def line(self, *arguments: str | Path, **environment: str) -> str:
        """Run a command that must succeed with one line and nothing on standard error, and return the line."""
        done = self.run(*arguments, **environment)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("\n") == 1
        return done.stdout.removesuffix("\n")

    def json(self, *arguments: str | Path, **environment: str) -> Any:  # noqa: ANN401 - any JSON document
        """Run a command with --json and return its one document."""
        return json.loads(self.run(*arguments, "--json", **environment).stdout)

    def error(self, *arguments: str | Path, **environment: str) -> str:
        """Run a command that must fail, with nothing on standard output and no traceback, and return what it says."""
        done = self.run(*arguments, **environment)
        assert (done.returncode, done.stdout) == (1, "")
        assert "Traceback" not in done.stderr
        return done.stderr

    def files(self) -> set[str]:
        """Return the names in the folder, hidden ones too."""
        return {path.name for path in self.directory.iterdir()}
