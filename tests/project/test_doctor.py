"""What `mvsdk doctor` looks at, on machines that are made up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mvsdk.keys import Keyring
from mvsdk.project.doctor import Check, examine
from mvsdk.project.toolchain import apt_install


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return this machine's environment with a home of its own."""
    return {"PATH": os.environ["PATH"], "MVSDK_HOME": str(tmp_path / "home")}


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Return the root of a machine without any USB device."""
    root = tmp_path / "machine"
    (root / "sys/bus/usb/devices").mkdir(parents=True)
    return root


def plug_in(root: Path, place: str, vendor: str, product: str, device: int, *, usable: bool) -> None:
    """Attach a USB device; one that is not usable has no device node one could open."""
    entry = root / "sys/bus/usb/devices" / place
    entry.mkdir()
    for name, value in {"idVendor": vendor, "idProduct": product, "busnum": "1", "devnum": str(device)}.items():
        (entry / name).write_text(f"{value}\n")
    if usable:
        node = root / f"dev/bus/usb/001/{device:03}"
        node.parent.mkdir(parents=True, exist_ok=True)
        node.touch()


def allow_probes(root: Path) -> Path:
    """Write a udev rule for ST-Link and return its file."""
    rule = root / "etc/udev/rules.d/49-stlink.rules"
    rule.parent.mkdir(parents=True)
    rule.write_text('ATTRS{idVendor}=="0483"')
    return rule


def look(environment: dict[str, str], root: Path = Path("/"), compiler: Path | None = None) -> dict[str, Check]:
    """Return all findings by subject."""
    return {check.subject: check for check in examine(environment, compiler, root)}


def test_a_machine_that_builds_these_tests_is_well(environment: dict[str, str], machine: Path) -> None:
    """Where the tests can build, nothing that a build needs is found wrong, and versions are told."""
    allow_probes(machine)
    checks = look(environment, machine)
    assert {check.verdict for check in checks.values()} == {"ok"}
    assert [subject for subject in checks if subject != "git"] == [
        "Python", "compiler", "libc_nano.a", "libstdc++_nano.a", "cmake", "ninja", "signing keys", "debug probe",
    ]  # fmt: skip
    assert checks["compiler"].finding.endswith("arm-none-eabi-gcc)")
    assert not any(check.remedy for check in checks.values())


def test_an_empty_path_fails_with_the_command_that_fills_it(environment: dict[str, str], machine: Path) -> None:
    """Without tools every tool's check fails and says what to install; git is only missed."""
    checks = look(environment | {"PATH": "/nowhere"}, machine)
    failed = {subject for subject, check in checks.items() if check.verdict == "failed"}
    assert failed == {"compiler", "libc_nano.a", "libstdc++_nano.a", "cmake", "ninja"}
    assert all("apt-get install" in checks[subject].remedy for subject in [*failed, "git"])
    assert checks["git"].verdict == "warning"


def test_the_projects_compiler_is_the_one_that_is_checked(environment: dict[str, str], tmp_path: Path) -> None:
    """A compiler folder that the project names wrongly is found wrong, though PATH has a compiler."""
    check = look(environment, compiler=tmp_path / "nowhere")["compiler"]
    assert check.verdict == "failed"
    assert str(tmp_path / "nowhere") in check.finding
    assert "[toolchain] path" in check.remedy


def test_a_compiler_without_its_libraries_is_not_enough(environment: dict[str, str], tmp_path: Path) -> None:
    """A compiler that has no C or C++ library fails these checks, each with the package that brings it."""
    compiler = tmp_path / "bare" / "arm-none-eabi-gcc"
    compiler.parent.mkdir()
    compiler.write_text('#!/bin/sh\necho "arm-none-eabi-gcc (bare) 12.2.1"\n')
    compiler.chmod(0o755)
    checks = look(environment, compiler=compiler.parent)
    assert checks["compiler"].finding == f"12.2.1 ({compiler})"
    assert checks["libc_nano.a"].remedy == apt_install(["libnewlib-arm-none-eabi"])
    assert checks["libstdc++_nano.a"].remedy == apt_install(["libstdc++-arm-none-eabi-newlib"])


def test_keys_are_listed_and_a_key_others_can_read_fails(environment: dict[str, str]) -> None:
    """The keys that sign or are trusted are named; one that is open to others fails with the store's own remedy."""
    store = Keyring(environment).store
    store.create("release")
    assert look(environment)["signing keys"].finding == "release"
    store.entry("release").path.chmod(0o644)
    check = look(environment)["signing keys"]
    assert check.verdict == "failed"
    assert "chmod 600" in check.remedy


def test_no_probe_is_fine_with_and_without_a_rule(environment: dict[str, str], machine: Path) -> None:
    """Without a probe nothing is wrong; a rule that is not there is a note with how to add it for the day one is."""
    check = look(environment, machine)["debug probe"]
    assert (check.verdict, check.finding) == ("note", "none attached; no udev rule for ST-Link")
    assert 'ATTR{idVendor}=="0483"' in check.remedy
    assert check.remedy.endswith("sudo udevadm trigger")
    rule = allow_probes(machine)
    assert look(environment, machine)["debug probe"] == Check("debug probe", "ok", f"none attached; udev rule {rule}")


def test_a_probe_one_may_open_is_fine(environment: dict[str, str], machine: Path) -> None:
    """A probe whose device node can be read and written is named with that node."""
    plug_in(machine, "1-1", "0483", "374e", 7, usable=True)
    check = look(environment, machine)["debug probe"]
    assert check.verdict == "ok"
    assert str(machine / "dev/bus/usb/001/007") in check.finding


def test_a_probe_one_may_not_open_is_a_warning_with_the_rule(environment: dict[str, str], machine: Path) -> None:
    """One closed probe among several is a warning that names it and ends with the rule that opens it."""
    plug_in(machine, "1-1", "0483", "374e", 7, usable=True)
    plug_in(machine, "1-2", "0483", "3748", 12, usable=False)
    check = look(environment, machine)["debug probe"]
    assert check.verdict == "warning"
    assert "dev/bus/usb/001/012" in check.finding
    assert "dev/bus/usb/001/007" not in check.finding
    assert "udevadm trigger" in check.remedy
    assert 'ATTR{idVendor}=="0483"' in check.remedy


def test_other_usb_devices_are_no_probes(environment: dict[str, str], machine: Path) -> None:
    """A mouse, a chip of ST's in its boot loader, and an interface without an identity are not taken for probes."""
    plug_in(machine, "1-1", "046d", "c077", 3, usable=False)
    plug_in(machine, "1-2", "0483", "df11", 4, usable=False)
    (machine / "sys/bus/usb/devices/1-2:1.0").mkdir()
    assert look(environment, machine)["debug probe"].finding.startswith("none attached")


def test_a_system_without_sysfs_needs_no_permission(environment: dict[str, str], tmp_path: Path) -> None:
    """Where there is no /sys, as on macOS, USB devices need no rule."""
    assert look(environment, tmp_path / "elsewhere")["debug probe"].verdict == "ok"
