"""Look at everything a project needs of the machine, and say how to mend what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from mvsdk.errors import MvsdkError
from mvsdk.keys import Keyring
from mvsdk.project import toolchain
from mvsdk.project.errors import ToolchainError

MINIMUM_PYTHON = (3, 11)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    "failed" stops a build or a signature, "warning" something else, "note" nothing until it is needed.
    """

    subject: str
    verdict: Literal["ok", "note", "warning", "failed"]
    finding: str
    remedy: str = ""


def examine(
    environment: Mapping[str, str], compiler_directory: Path | None = None, root: Path = Path("/")
) -> Iterator[Check]:
    """Check the machine, one thing after another.

    `compiler_directory` is what the project at hand says about its compiler; `root` is where /sys, /dev and the udev
    rules are looked for.
    """
    yield _python(sys.version_info[:3])
    yield _tool("compiler", compiler_directory, environment)
    for library in toolchain.libraries():
        yield _library(library, compiler_directory, environment)
    yield _tool("cmake", None, environment)
    yield _tool("ninja", None, environment)
    yield _git(environment)
    yield _keys(environment)
    yield _probes(root)


def _python(version: tuple[int, int, int]) -> Check:
    finding = f"{'.'.join(map(str, version))} ({sys.executable})"
    if version >= MINIMUM_PYTHON:
        return Check("Python", "ok", finding)
    return Check("Python", "failed", finding, f"install Python {'.'.join(map(str, MINIMUM_PYTHON))} or newer")


def _tool(role: str, directory: Path | None, environment: Mapping[str, str]) -> Check:
    try:
        path = toolchain.find_tool(role, directory, environment)
        found = toolchain.check_version(role, path)
    except ToolchainError as error:
        return Check(role, "failed", error.what, error.remedy)
    return Check(role, "ok", f"{found} ({path})")


def _library(library: toolchain.Library, directory: Path | None, environment: Mapping[str, str]) -> Check:
    try:
        path = toolchain.find_library(library, toolchain.find_tool("compiler", directory, environment))
    except ToolchainError as error:
        return Check(library.file, "failed", error.what, error.remedy)
    return Check(library.file, "ok", str(path))


def _git(environment: Mapping[str, str]) -> Check:
    remedy = f"{toolchain.apt_install(['git'])}; without it, builds are dated 1970 instead of by commit"
    answer = _run(["git", "--version"], environment)
    return Check("git", "ok", answer) if answer else Check("git", "warning", "not found on PATH", remedy)


def _run(command: list[str], environment: Mapping[str, str]) -> str | None:
    try:
        answer = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    except OSError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def _keys(environment: Mapping[str, str]) -> Check:
    try:
        names = list(Keyring(environment).trusted())
    except MvsdkError as error:
        return Check("signing keys", "failed", error.what, error.remedy)
    return Check("signing keys", "ok", ", ".join(names) or "none yet; `mvsdk bundle` makes a development key")


def _probes(root: Path) -> Check:
    if not (root / "sys").is_dir():
        return Check("debug probe", "ok", "needs no permission on this system")
    facts: Mapping[str, Any] = tomllib.loads(Path(__file__).with_name("probes.toml").read_text(encoding="utf-8"))
    attached = list(_attached(root / "sys/bus/usb/devices", facts["vendor"], facts["product"]))
    rules = _rules(root, facts)
    by_rule = f"udev rule {rules[0]}" if rules else "no udev rule for ST-Link"
    write = f"echo '{facts['rule']}' | sudo tee /etc/udev/rules.d/{facts['rule-file']}; "
    reload = "sudo udevadm control --reload; sudo udevadm trigger"
    if not attached:
        finding = f"none attached; {by_rule}"
        return Check("debug probe", "ok", finding) if rules else Check("debug probe", "note", finding, write + reload)
    nodes = [root / "dev/bus/usb" / f"{bus:03}" / f"{device:03}" for bus, device in attached]
    closed = [node for node in nodes if not _is_usable(node)]
    if not closed:
        return Check("debug probe", "ok", f"{', '.join(map(str, nodes))}; {by_rule}")
    finding = f"no permission for {', '.join(map(str, closed))}; {by_rule}"
    return Check("debug probe", "warning", finding, f"{write}{reload}; then plug the probe in again")


def _attached(devices: Path, vendor: str, product: str) -> Iterator[tuple[int, int]]:
    for device in sorted(devices.glob("*")):
        try:
            identity = [(device / name).read_text().strip() for name in ("idVendor", "idProduct", "busnum", "devnum")]
        except OSError:
            continue  # an interface, not a device; or one that was just unplugged
        if identity[0] == vendor and fnmatchcase(identity[1], product):
            yield int(identity[2]), int(identity[3])


def _rules(root: Path, facts: Mapping[str, Any]) -> list[Path]:
    files = (file for folder in facts["rule-folders"] for file in sorted((root / folder).glob("*.rules")))
    return [file for file in files if facts["vendor"] in file.read_text(encoding="utf-8", errors="replace")]


def _is_usable(node: Path) -> bool:
    return os.access(node, os.R_OK | os.W_OK)
