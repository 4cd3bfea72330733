"""`mvsdk bundle` and `sign`, as they are typed."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from mvsdk.bundle import ManifestOptions, create
from mvsdk.keys import FileKeyStore
from tests.bundle.samples import ROM, VECTORS, verified
from tests.cli.bundling import Shell, passphrase
from tests.keys.samples import RFC_6979_KEY, key_of

KEY = key_of(RFC_6979_KEY)
ID = f"{KEY.public.id:016x}"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return a folder with two images."""
    directory = tmp_path / "work"
    directory.mkdir()
    (directory / "app.bin").write_bytes(VECTORS.data)
    (directory / "rom.bin").write_bytes(ROM.data)
    return Shell(directory, tmp_path / "home")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Return a scaffolded and built project, shared by the tests below."""
    root = tmp_path_factory.mktemp("project")
    outside = Shell(root, root / "home")
    assert outside.run("new", "blinky").returncode == 0
    inside = Shell(root / "blinky", root / "home")
    built = inside.run("build")
    assert built.returncode == 0, built.stderr
    return inside


def signing(key: str = KEY.to_pem().decode()) -> dict[str, str]:
    """Return the environment of a CI job that signs."""
    return {"MVSDK_SIGNING_KEY": key}


def test_a_project_is_bundled_without_a_word(project: Shell) -> None:
    """In a project `mvsdk bundle` makes build/NAME.zip from build/NAME.elf, signed with a development key."""
    line = project.line("bundle")
    public = FileKeyStore(project.home / "keys").public("development")
    size = (project.directory / "build" / "blinky.bin").stat().st_size
    assert line == f"build/blinky.zip: {size} bytes of application, signed by development ({public.id:016x})"
    assert project.line("verify", "build/blinky.zip") == (
        f"build/blinky.zip: {size} bytes of application in 1 layer, signed by development ({public.id:016x})"
    )


def test_paths_are_as_seen_from_here(project: Shell) -> None:
    """From a folder of the project the bundle is named by the short way to it."""
    below = Shell(project.directory / "src", project.home)
    assert below.line("bundle").startswith("../build/blinky.zip: ")


def test_the_three_files_of_a_build_are_one_bundle(project: Shell) -> None:
    """build/NAME.elf, .bin and .hex give the same bundle, byte for byte."""
    bundles = []
    for suffix in ("elf", "bin", "hex"):
        project.line("bundle", f"build/blinky.{suffix}", "-o", f"{suffix}.zip", **signing())
        bundles.append((project.directory / f"{suffix}.zip").read_bytes())
    assert bundles[0] == bundles[1] == bundles[2]


def test_options_come_from_the_project_unless_they_are_given(project: Shell) -> None:
    """[bundle] of mvsdk.toml fills in what the command line does not say; key files are read."""
    settings = project.directory / "mvsdk.toml"
    before = settings.read_text()
    (project.directory / "debug.pub").write_bytes(key_of(1).public.to_pem())
    section = 'minimum_kernel_version = 7\nconnection_grace_time_sec = 60\ndebug_auth_pubkey = "debug.pub"\n'
    try:
        settings.write_text(re.sub(r"(?m)^\[bundle\]\n", "", before) + f"\n[bundle]\n{section}")
        project.line("bundle", "--connection-grace-time", "5", "-o", "options.zip", **signing())
    finally:
        settings.write_text(before)
    options = verified((project.directory / "options.zip").read_bytes()).options
    assert options == ManifestOptions(
        minimum_kernel_version=7, connection_grace_time_sec=5, debug_auth_pubkey=key_of(1).public.point
    )


def test_a_project_that_is_not_built_says_so(shell: Shell) -> None:
    """Without a built program the error tells how to get one, and outside of a project how to name one."""
    assert shell.run("new", "fresh").returncode == 0
    fresh = Shell(shell.directory / "fresh", shell.home)
    said = fresh.error("bundle")
    assert "build/fresh.elf is not there yet" in said
    assert "mvsdk build" in said
    assert "there is no mvsdk.toml" in shell.error("bundle")


def test_an_image_of_anywhere_is_bundled_beside_itself(shell: Shell) -> None:
    """Outside of projects IMAGE becomes IMAGE's name with .zip, beside it."""
    line = shell.line("bundle", "app.bin", **signing())
    assert line == f"app.zip: 700 bytes of application, signed by MVSDK_SIGNING_KEY ({ID})"
    assert (shell.directory / "app.zip").read_bytes() == create(VECTORS, ManifestOptions(), KEY)
    assert shell.files() == {"app.bin", "rom.bin", "app.zip"}


def test_every_option_reaches_the_manifest(shell: Shell) -> None:
    """Each option of the command line is a field of the manifest."""
    (shell.directory / "debug.pem").write_bytes(key_of(1).public.to_pem())
    (shell.directory / "crash.pem").write_bytes(key_of(2).public.to_pem())
    arguments = {
        "--connection-grace-time": "1",
        "--minimum-check-in-time": "2",
        "--minimum-kernel-version": "3",
        "--maximum-politeness-time": "4",
        "--minimum-restart-interval": "5",
        "--maximum-restart-interval": "6",
        "--crash-stack-bytes": "7",
        "--crash-report-key": "crash.pem",
        "-k": "debug.pem",
    }
    shell.line("bundle", "app.bin", *(word for pair in arguments.items() for word in pair), **signing())
    assert verified((shell.directory / "app.zip").read_bytes()).options == ManifestOptions(
        debug_auth_pubkey=key_of(1).public.point,
        connection_grace_time_sec=1,
        minimum_check_in_time_sec=2,
        minimum_kernel_version=3,
        maximum_politeness_time_sec=4,
        minimum_restart_ms=5,
        maximum_restart_ms=6,
        crash_report_pubkey=key_of(2).public.point,
        include_stack_bytes=7,
    )


def test_json_tells_the_same(shell: Shell) -> None:
    """--json gives path, sizes, signer and warnings."""
    assert shell.json("bundle", "app.bin", **signing()) == {
        "bundle": "app.zip",
        "size": len(create(VECTORS, ManifestOptions(), KEY)),
        "image_size": 700,
        "signer": {"name": "MVSDK_SIGNING_KEY", "id": ID},
        "warnings": [],
    }
    unsigned = shell.json("bundle", "rom.bin", "--unsigned")
    assert unsigned["signer"] is None
    assert "no vector table" in unsigned["warnings"][0]


def test_an_image_that_cannot_start_is_bundled_with_a_warning(shell: Shell) -> None:
    """An implausible vector table is said and does not stop the bundler."""
    (shell.directory / "odd.bin").write_bytes(bytes(100))
    done = shell.run("bundle", "odd.bin", "--unsigned")
    assert done.returncode == 0
    assert "warning: no device can start this image: its initial stack pointer" in done.stderr
    assert "odd.zip" in shell.files()


def test_sign_completes_what_unsigned_left(shell: Shell) -> None:
    """Bundling unsigned and signing later gives what bundling signed gives, in place or elsewhere."""
    assert shell.line("bundle", "app.bin", "--unsigned") == "app.zip: 700 bytes of application, unsigned"
    assert shell.line("sign", "app.zip", "-o", "signed.zip", **signing()) == (
        f"signed.zip: signed by MVSDK_SIGNING_KEY ({ID})"
    )
    assert (shell.directory / "app.zip").read_bytes() == create(VECTORS, ManifestOptions(), None)
    assert shell.json("sign", "app.zip", **signing())["signer"]["id"] == ID
    assert (shell.directory / "app.zip").read_bytes() == create(VECTORS, ManifestOptions(), KEY)
    assert (shell.directory / "signed.zip").read_bytes() == create(VECTORS, ManifestOptions(), KEY)
    assert "is signed already" in shell.error("sign", "app.zip")


def test_several_people_sign_one_bundle(shell: Shell) -> None:
    """--endorse adds a signature to those that are there, each by another key; `inspect` shows them all."""
    for name in ("release", "backup", "third"):
        shell.line("keys", "new", name)
    shell.line("bundle", "app.bin", "--unsigned")
    assert "is not signed" in shell.error("sign", "app.zip", "--endorse", "--key", "backup")
    shell.line("sign", "app.zip", "--key", "release")
    line = shell.line("sign", "app.zip", "--endorse", "--key", "backup", "-o", "both.zip")
    assert line.startswith("both.zip: signed by release (")
    assert ", endorsed by backup (" in line
    document = shell.json("sign", "both.zip", "--endorse", "--key", "third")
    assert document["signer"]["name"] == "release"
    assert [one["name"] for one in document["endorsed_by"]] == ["backup", "third"]
    assert "signed by release" in shell.line("verify", "both.zip")
    for key in ("release", "backup"):
        assert "signed already" in shell.error("sign", "both.zip", "--endorse", "--key", key)
    assert "signed already" in shell.error("sign", "both.zip", "--key", "backup")
    shown = shell.run("inspect", "both.zip").stdout
    assert shown.count("endorsed by: ") == 2
    assert ", signature: good" in shown
    (shell.home / "keys" / "third.pem").unlink()
    endorsements = shell.json("inspect", "both.zip")["manifest"]["endorsements"]
    assert [one["signature"] for one in endorsements] == ["good", "unknown signer"]


def test_a_key_can_be_chosen(shell: Shell) -> None:
    """--key takes a name of the store or a PEM file, and says what is wrong with it otherwise."""
    shell.line("keys", "new", "release")
    assert "signed by release (" in shell.line("bundle", "app.bin", "--key", "release", **signing())
    (shell.directory / "ci.pem").write_bytes(KEY.to_pem())
    assert "is open to other users" in shell.error("bundle", "app.bin", "--key", "ci.pem")
    (shell.directory / "ci.pem").chmod(0o600)
    assert shell.line("bundle", "app.bin", "--key", "ci.pem").endswith(f"signed by ci.pem ({ID})")
    assert "there is no key 'relaese'" in shell.error("bundle", "app.bin", "--key", "relaese")


def test_a_locked_key_needs_its_passphrase(shell: Shell) -> None:
    """Without a terminal the passphrase comes from the environment; missing and wrong ones are told apart."""
    shell.line("keys", "new", "release", "--passphrase", **passphrase("secret word"))
    assert "locked with a passphrase and none was given" in shell.error("bundle", "app.bin", "--key", "release")
    wrong = shell.error("bundle", "app.bin", "--key", "release", **passphrase("secret guess"))
    assert "does not unlock" in wrong
    assert "secret" not in wrong
    shell.line("bundle", "app.bin", "--key", "release", **passphrase("secret word"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.elf"], "cannot read missing.elf: No such file"),
        (["."], "directory"),
        (["empty.bin"], "empty.bin is empty"),
        (["large.bin"], "has 1048576 bytes and must have fewer"),
        (["text.txt"], "neither an ELF file nor named"),
        (["bad.hex"], "line 1"),
        (["app.bin", "-k", "key.pem"], "holds a private key where a public key"),
        (["app.bin", "--crash-stack-bytes", "5"], "no crash_report_pubkey"),
        (["app.bin", "-o", "nowhere/app.zip"], "cannot write nowhere/app.zip"),
        (["app.bin", "--key", "x", "--unsigned"], "exclude each other"),
        (["app.bin", "-o", "app.bin"], "would replace its image"),
        (["app.bin", "--minimum-kernel-version", "4294967296"], "range"),
    ],
)
def test_bad_input_is_named_and_nothing_is_left_behind(shell: Shell, arguments: list[str], words: str) -> None:
    """What cannot be bundled is refused with a status, and no file appears or changes."""
    (shell.directory / "empty.bin").write_bytes(b"")
    (shell.directory / "large.bin").write_bytes(bytes(0x100000))
    (shell.directory / "text.txt").write_text("hello")
    (shell.directory / "bad.hex").write_text(":00000001FE\n")
    (shell.directory / "key.pem").write_bytes(KEY.to_pem())
    before = shell.files()
    done = shell.run("bundle", *arguments)
    assert done.returncode in (1, 2)
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert shell.files() == before
    assert (shell.directory / "app.bin").read_bytes() == VECTORS.data


def test_a_bundle_has_the_permissions_of_a_new_file(shell: Shell) -> None:
    """A bundle is no secret: it can be read by whoever may read new files."""
    shell.line("bundle", "app.bin", **signing())
    (shell.directory / "plain").write_text("")
    modes = [stat.S_IMODE((shell.directory / name).stat().st_mode) for name in ("app.zip", "plain")]
    assert modes[0] == modes[1]
