"""`mvsdk verify` and `inspect`, as they are typed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mvsdk.bundle import ManifestOptions, create
from mvsdk.bundle.container import write
from tests.bundle.samples import KEY, ROM, VECTORS, members, original
from tests.cli.bundling import Shell
from tests.keys.samples import key_of

ID = f"{KEY.public.id:016x}"
TRUST = {"MVSDK_SIGNING_KEY": KEY.to_pem().decode()}
GOOD = create(VECTORS, ManifestOptions(minimum_kernel_version=7), KEY)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return a folder with a good bundle and the public key of who signed it."""
    directory = tmp_path / "work"
    directory.mkdir()
    (directory / "good.zip").write_bytes(GOOD)
    (directory / "signer.pem").write_bytes(KEY.public.to_pem())
    return Shell(directory, tmp_path / "home")


def write_bundle(shell: Shell, data: bytes) -> str:
    """Put a file beside the good bundle and return its name."""
    (shell.directory / "other.zip").write_bytes(data)
    return "other.zip"


def test_a_good_bundle_is_one_line(shell: Shell) -> None:
    """A bundle of a trusted signer is told in one line, with who signed it."""
    said = "good.zip: 700 bytes of application in 1 layer, signed by"
    assert shell.line("verify", "good.zip", **TRUST) == f"{said} MVSDK_SIGNING_KEY ({ID})"
    assert shell.line("verify", "good.zip", "--trust", "signer.pem") == f"{said} signer.pem ({ID})"
    shell.line("keys", "trust", "signer.pem", "--name", "colleague")
    assert shell.line("verify", "good.zip") == f"{said} colleague ({ID})"


def test_json_tells_the_same(shell: Shell) -> None:
    """--json gives what was proven."""
    layer = {"name": members(GOOD)[0][0], "start": 0, "size": 0x100000}
    assert shell.json("verify", "good.zip", **TRUST) == {
        "bundle": "good.zip",
        "image_size": 700,
        "layers": [layer],
        "signer": {"name": "MVSDK_SIGNING_KEY", "id": ID},
        "bootable": True,
        "unknown_fields": 0,
    }


def test_errors_are_json_too(shell: Shell) -> None:
    """With --json a refusal is a document with what happened and what to do."""
    refusal = shell.json("verify", "good.zip")
    assert refusal["error"] == f"the bundle is signed by key {ID}, which is not trusted here"
    assert "mvsdk keys trust" in refusal["remedy"]


def test_unsigned_bundles_are_taken_when_allowed(shell: Shell) -> None:
    """An unsigned bundle is refused, and taken with --allow-unsigned; one too short to start says so."""
    name = write_bundle(shell, original(create(ROM, ManifestOptions(), None)))
    assert "is not signed" in shell.error("verify", name)
    assert shell.line("verify", name, "--allow-unsigned") == (
        "other.zip: 16 bytes of application in 1 layer, unsigned, not bootable: too short for a vector table"
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "starts with nothing"),
        (GOOD[:300], "truncated"),
        (GOOD.replace(b"PK\x03\x04", b"PK\x03\x05", 1), "not with a ZIP member"),
        (write([*members(GOOD), ("../evil", b"x")]), "'../evil'"),
        (write([*members(GOOD), members(GOOD)[0]]), "two members named"),
        (write([members(GOOD)[0], ("manifest", b"\x9b\x01\x02random")]), "malformed"),
        (create(VECTORS, ManifestOptions(), key_of(9)), "not trusted here"),
    ],
)
def test_bad_bundles_are_named(shell: Shell, data: bytes, words: str) -> None:
    """What is wrong with a bundle is said in two lines, with exit status 1."""
    said = shell.error("verify", write_bundle(shell, data), **TRUST)
    assert words in said
    assert [line[:7] for line in said.splitlines()] == ["error: ", "  fix: "]


def test_files_that_are_no_bundles_are_named(shell: Shell) -> None:
    """A missing file, a folder and a file far too large are refused before anything else."""
    assert "cannot read missing.zip: No such file" in shell.error("verify", "missing.zip")
    folder = shell.run("verify", ".")
    assert (folder.returncode, folder.stdout) == (2, "")
    assert "is a directory" in folder.stderr
    with (shell.directory / "huge.zip").open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    assert "too large for a bundle" in shell.error("verify", "huge.zip")


def test_inspect_shows_everything(shell: Shell) -> None:
    """`inspect` shows members, signer, layers, options and vector table in plain lines."""
    done = shell.run("inspect", "good.zip", **TRUST)
    assert (done.returncode, done.stderr) == (0, "")
    name = members(GOOD)[0][0]
    for words in (
        f"good.zip: {len(GOOD)} bytes",
        f"  {name}: 700 bytes, deflated in 705",
        "  signature: good",
        f"  signer: MVSDK_SIGNING_KEY ({ID})",
        "    target: internal_flash, 0x0 to 0x100000",
        "  minimum_kernel_version = 7",
        "  initial stack pointer 0x20080000, reset vector 0x08000201",
    ):
        assert words in done.stdout
    assert "problems" not in done.stdout
    document = shell.json("inspect", "good.zip", **TRUST)
    assert (document["bundle"], document["manifest"]["signature"]) == ("good.zip", "good")


def test_inspect_shows_broken_bundles(shell: Shell) -> None:
    """A broken bundle is shown as far as it goes, with its problems and exit status 1."""
    done = shell.run("inspect", write_bundle(shell, GOOD[:300]))
    assert (done.returncode, done.stderr) == (1, "")
    assert "problems\n  this is no well-formed bundle: it is truncated" in done.stdout
    assert shell.json("inspect", "other.zip")["problems"]


def test_help_costs_no_heavy_imports() -> None:
    """`mvsdk verify --help` and its siblings import neither cryptography nor protobuf."""
    program = (
        "import sys\nfrom mvsdk_cli.main import cli\n"
        "cli.main([sys.argv[1], '--help'], standalone_mode=False)\n"
        "heavy = {'cryptography', 'google.protobuf', 'elftools', 'intelhex', 'unicorn'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    for command in ("bundle", "sign", "verify", "inspect", "keys"):
        done = subprocess.run([sys.executable, "-c", program, command], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert "\n  $ mvsdk" in done.stdout.replace("    $", "  $")
