"""Random code, memory maps and orders of calls, under the address and undefined-behaviour sanitizers."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mvsdk.emulator import core

SOURCES = Path(core.__file__).parent / "native"
HARNESS = Path(__file__).parent / "fuzz" / "fuzz.c"
INPUTS = os.environ.get("MVSDK_FUZZ_INPUTS", "500")
SEED = os.environ.get("MVSDK_FUZZ_SEED", "1")
SANITIZED = ["-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off"]
SANITIZED += ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]


@pytest.mark.skipif(shutil.which("gcc") is None, reason="the sanitizers need gcc")
@pytest.mark.parametrize("dispatch", [[], ["-DMVSDK_SWITCH"]], ids=["threaded", "switch"])
def test_nothing_a_guest_or_caller_does_breaks_the_core(tmp_path: Path, dispatch: list[str]) -> None:
    """Inputs from a seeded generator run through every entry of the core without a finding, however it dispatches."""
    program = tmp_path / "fuzz"
    units = [str(path) for path in sorted(SOURCES.glob("*.c")) if path.name != "face.c"]
    compiler = ["gcc", *SANITIZED, *dispatch, f"-I{SOURCES}", *units, str(HARNESS), "-o", str(program)]
    subprocess.run(compiler, check=True)
    done = subprocess.run([str(program), INPUTS, SEED], check=False, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout == f"{INPUTS} inputs\n"
