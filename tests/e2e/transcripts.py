"""What a document shows of the command line: each command is run, and must print what is shown below it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent


@dataclass
class Example:
    """A command that a document shows, and what it shows as its output."""

    command: str
    output: list[str]


def examples(document: Path) -> Iterator[Example]:
    """Return the examples of a document's `console` blocks, in order."""
    for block in re.findall(r"```console\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL):
        example: Example | None = None
        for line in block.splitlines():
            if line.startswith("$ "):
                if example:
                    yield example
                example = Example(line[2:], [])
            elif example:
                example.output.append(line)
        if example:
            yield example


def matches(shown: list[str], printed: list[str]) -> bool:
    """Compare line by line; in a shown line `…` stands for anything, and a line of only that for any lines."""
    if not shown:
        return not printed
    if shown[0].strip() == "…":
        return any(matches(shown[1:], printed[count:]) for count in range(len(printed) + 1))
    if not printed:
        return False
    pattern = ".*".join(re.escape(part) for part in shown[0].split("…"))
    return re.fullmatch(pattern, printed[0].rstrip()) is not None and matches(shown[1:], printed[1:])


def check(shown: list[Example], directory: Path, home: Path) -> None:
    """Run the commands one after the other, the first in `directory`; each must succeed and print what is shown."""
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "MVSDK_HOME": str(home),
        "NO_COLOR": "1",
    }
    for example in shown:
        place = home.with_name("place")
        result = subprocess.run(
            ["bash", "-c", f"{example.command}\nstatus=$?\npwd > '{place}'\nexit $status"],
            cwd=directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"{example.command}\n{result.stdout}"
        assert matches(example.output, result.stdout.splitlines()), f"{example.command}\n{result.stdout}"
        directory = Path(place.read_text().strip())
