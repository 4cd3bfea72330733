"""`mvsdk doctor`, as it is typed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.cli.command import mvsdk


def doctor(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `mvsdk doctor` with a home of its own."""
    return mvsdk("doctor", *arguments, cwd=cwd, **{"MVSDK_HOME": str(cwd / "home"), **environment})


def test_a_machine_that_builds_these_tests_is_well(tmp_path: Path) -> None:
    """Where everything is there, the status is 0 and every check is a line of the table."""
    done = doctor(cwd=tmp_path)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["CHECK", "VERDICT", "FINDING"]
    assert any(line.startswith("compiler") and "arm-none-eabi-gcc" in line for line in lines)


def test_looking_makes_nothing(tmp_path: Path) -> None:
    """The check of the keys does not make one."""
    doctor(cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_something_missing_is_status_1_with_one_line_per_remedy(tmp_path: Path) -> None:
    """What is missing ends with status 1, and checks with the same remedy share its line."""
    done = doctor(cwd=tmp_path, PATH="/nowhere")
    assert done.returncode == 1
    fixes = [line for line in done.stdout.splitlines() if line.startswith("fix ")]
    assert fixes[0].startswith("fix compiler, libc_nano.a, libstdc++_nano.a, cmake, ninja: ")
    assert "apt-get install gcc-arm-" in fixes[0]


def test_json_has_the_same_status(tmp_path: Path) -> None:
    """With --json the checks are a list of objects, and the status still tells."""
    done = doctor("--json", cwd=tmp_path, MVSDK_TOOLCHAIN=str(tmp_path))
    verdicts = {check["subject"]: check["verdict"] for check in json.loads(done.stdout)}
    assert done.returncode == 1
    assert verdicts["compiler"] == "failed"
    assert verdicts["cmake"] == "ok"


def test_in_a_project_its_compiler_is_checked(tmp_path: Path) -> None:
    """The compiler that the project at hand names is the one that is looked for."""
    (tmp_path / "mvsdk.toml").write_text('[project]\nname = "app"\n[toolchain]\npath = "missing"\n')
    done = doctor(cwd=tmp_path)
    assert done.returncode == 1
    assert f"there is no arm-none-eabi-gcc in {tmp_path}/missing" in done.stdout
