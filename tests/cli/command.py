"""The installed `mvsdk`, run as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MVSDK = str(Path(sys.executable).with_name("mvsdk"))


def mvsdk(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, with more environment variables, and return what became of it."""
    variables = {**os.environ, **environment}
    return subprocess.run([MVSDK, *arguments], cwd=cwd, env=variables, capture_output=True, text=True, check=False)
