"""The native core's C under the compilers' sanitizers, and under every warning they have.

Four ways in: the fuzzer's committed inputs and generated ones, through the C alone; the tests of the Python face,
through an extension built for it; cores on threads; and the warnings. `MVSDK_FUZZ_INPUTS` says how many inputs are
generated, by default what a test run has time for, a nightly run sets a hundred thousand; `MVSDK_FUZZ_SEED` makes them
others.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from mvsdk.emulator import core

SOURCES = Path(core.__file__).parent / "native"
FACE = sorted(SOURCES.glob("face*.c"))
UNITS = [path for path in sorted(SOURCES.glob("*.c")) if path not in FACE]
ROOT = Path(__file__).parents[3]
FUZZ = ROOT / "fuzz"
INPUTS = os.environ.get("MVSDK_FUZZ_INPUTS", "1500")
SEED = os.environ.get("MVSDK_FUZZ_SEED", "1")

BUILD = ["-std=c11", "-O1", "-g", "-ffp-contract=off", "-fno-strict-aliasing", "-fno-omit-frame-pointer", "-Werror"]
SANITIZED = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror"]
FACE_TESTS = (
    "test_guards.py",
    "test_native_face.py",
    "test_native_robustness.py",
    "test_register_banks.py",
    "test_shared_images.py",
    "test_snapshots.py",
    "test_memory_views.py",
    "test_observation.py",
)

# The extension under test takes the place of the installed one before anything imports it.
RUN_TESTS = """
import importlib.util, sys
import pytest
spec = importlib.util.spec_from_file_location("mvsdk.emulator.core._native", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
sys.modules[spec.name] = module
sys.exit(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *sys.argv[2:]]))
"""


def need(tool: str, package: str) -> str:
    """Return a tool's path; without it skip, except where everything has to be there."""
    path = shutil.which(tool)
    if path is None and os.environ.get("CI") != "true":
        pytest.skip(f"needs {tool}: install the package {package}")
    assert path is not None, f"{tool} is missing: install the package {package}"
    return path


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a sanitized program: end at the first finding, keep little of what was freed."""
    options = {"ASAN_OPTIONS": "abort_on_error=0:quarantine_size_mb=8", "UBSAN_OPTIONS": "print_stacktrace=1"}
    return {**os.environ, **options, **more}


def run_clean(command: list[str], env: dict[str, str], cwd: Path) -> str:
    """Run a program that must find nothing, and return its output."""
    done = subprocess.run(command, env=env, cwd=cwd, check=False, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    assert "runtime error" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("dispatch", [[], ["-DMVSDK_SWITCH"]], ids=["threaded", "switch"])
def test_no_input_breaks_a_law_of_the_core(tmp_path: Path, dispatch: list[str]) -> None:
    """Committed inputs, and generated ones, run through maps, code and calls without a finding, however dispatched."""
    program = tmp_path / "replay"
    units = [str(path) for path in (*UNITS, FUZZ / "core_fuzzer.c", FUZZ / "replay.c")]
    compiler = need("gcc", "gcc")
    command = [compiler, *BUILD, *SANITIZED, *dispatch, f"-I{SOURCES}", *units, "-lm", "-o", str(program)]
    subprocess.run(command, check=True)
    corpus = sorted(str(path) for path in (FUZZ / "corpus").iterdir())
    assert len(corpus) > 100
    run_clean([str(program), *corpus], environment(), tmp_path)
    run_clean([str(program), "--made", INPUTS, SEED], environment(), tmp_path)


def test_the_face_holds_under_the_sanitizers(tmp_path: Path) -> None:
    """The tests of the Python face pass on an extension built with the sanitizers, and these find nothing."""
    compiler = need("gcc", "gcc")
    extension = tmp_path / "_native.abi3.so"
    includes = [f"-I{SOURCES}", f"-I{sysconfig.get_path('include')}", f"-I{sysconfig.get_path('platinclude')}"]
    units = [str(path) for path in (*UNITS, *FACE)]
    command = [compiler, *BUILD, *SANITIZED, "-fPIC", "-shared", *includes, *units, "-lm", "-o", str(extension)]
    subprocess.run(command, check=True)
    runtime = subprocess.run([compiler, "-print-file-name=libasan.so"], check=True, capture_output=True, text=True)
    # What the interpreter itself leaves behind at its end is not ours to find.
    env = environment(LD_PRELOAD=runtime.stdout.strip(), PYTHONMALLOC="malloc", PYTHONDONTWRITEBYTECODE="1")
    env["ASAN_OPTIONS"] += ":detect_leaks=0:allocator_may_return_null=1"
    tests = [str(Path(__file__).parent / name) for name in FACE_TESTS]
    output = run_clean([sys.executable, "-c", RUN_TESTS, str(extension), *tests], env, ROOT)
    assert " passed" in output


def test_cores_of_one_image_on_many_threads_have_no_race(tmp_path: Path) -> None:
    """Cores that share an image and a snapshot run at once without a data race, each to its end."""
    program = tmp_path / "threads"
    units = [str(path) for path in (*UNITS, FUZZ / "threads.c")]
    options = [*BUILD, "-fsanitize=thread", f"-I{SOURCES}"]
    command = [need("gcc", "gcc"), *options, *units, "-lm", "-pthread", "-o", str(program)]
    subprocess.run(command, check=True)
    run_clean([str(program)], environment(), tmp_path)


@pytest.mark.parametrize(("compiler", "package"), [("gcc", "gcc"), ("clang", "clang")])
def test_the_c_code_compiles_without_a_warning(tmp_path: Path, compiler: str, package: str) -> None:
    """Neither compiler has anything to say, conversions and shadowing included."""
    tool = need(compiler, package)
    include = f"-I{sysconfig.get_path('include')}"
    for path in (*UNITS, *FACE, FUZZ / "core_fuzzer.c", FUZZ / "replay.c", FUZZ / "threads.c"):
        # Python's slots hold functions as `void *`, which ISO C does not know.
        pedantic = [] if path in FACE else ["-Wpedantic"]
        command = [tool, "-std=c11", "-fsyntax-only", *WARNINGS, *pedantic, f"-I{SOURCES}", include, str(path)]
        subprocess.run(command, check=True, cwd=tmp_path)
