"""Laws of the command line as a whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mvsdk import __version__
from mvsdk_cli.main import COMMANDS
from mvsdk_cli.manual import DIRECTORY, pages
from tests.cli.command import mvsdk

HEAVY = ("cryptography", "google.protobuf", "unicorn", "elftools", "intelhex")


def test_the_version_is_the_librarys(tmp_path: Path) -> None:
    """--version prints the one place's version and nothing else."""
    assert mvsdk("--version", cwd=tmp_path).stdout == f"mvsdk {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_without_heavy_imports(name: str) -> None:
    """`mvsdk NAME --help` shows usage and manual, and imports none of the big libraries."""
    code = (
        "import sys\n"
        "from mvsdk_cli.main import cli\n"
        f"cli.main([{name!r}, '--help'], standalone_mode=False)\n"
        f"print('IMPORTED', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage:")
    assert done.stdout.endswith("IMPORTED []\n")


def test_a_command_that_does_not_exist_is_wrong_usage(tmp_path: Path) -> None:
    """An unknown command is exit status 2, with the nearest one suggested."""
    done = mvsdk("emualte", cwd=tmp_path)
    assert done.returncode == 2
    assert "mvsdk emulate" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_know_the_command(shell: str, tmp_path: Path) -> None:
    """Each shell gets a script that completes `mvsdk`."""
    script = mvsdk("completion", shell, cwd=tmp_path).stdout
    assert "_MVSDK_COMPLETE" in script


def test_completion_offers_the_commands(tmp_path: Path) -> None:
    """Completing an empty word offers every command."""
    done = mvsdk(cwd=tmp_path, _MVSDK_COMPLETE="bash_complete", COMP_WORDS="mvsdk ", COMP_CWORD="1")
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} >= set(COMMANDS)


def test_an_error_is_two_lines_and_a_document(tmp_path: Path) -> None:
    """Without --json an error is two lines on standard error; with it there is a JSON document as well."""
    plain = mvsdk("verify", "missing.zip", cwd=tmp_path)
    assert (plain.returncode, plain.stdout) == (1, "")
    first, second = plain.stderr.splitlines()
    assert first.startswith("error: ")
    assert second.startswith("  fix: ")
    document = json.loads(mvsdk("verify", "missing.zip", "--json", cwd=tmp_path).stdout)
    assert document.keys() == {"error", "remedy"}


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """`mvsdk … | head` ends quietly."""
    script = f"set -o pipefail; '{Path(sys.executable).with_name('mvsdk')}' --help | head -n 1"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_the_manual_pages_are_fresh() -> None:
    """docs/commands holds exactly what the commands say of themselves."""
    texts = pages()
    assert {path.name for path in DIRECTORY.iterdir()} == texts.keys()
    for name, text in texts.items():
        assert (DIRECTORY / name).read_text(encoding="utf-8") == text, f"{name} is stale; run `make docs`"
