"""The build hook that compiles the processor core, `mvsdk.emulator.core._native`, with any C11 compiler."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = Path("mvsdk/emulator/core/native")
TARGET = Path("mvsdk/emulator/core")
NO_COMPILER = """mvsdk could not compile its processor core ({reason}).

There is no ready-made wheel for this platform, so a C11 compiler is needed. Install one and try again:
  Debian, Ubuntu: apt install gcc python3-dev     Fedora: dnf install gcc python3-devel
  macOS: xcode-select --install                   Windows: Visual Studio Build Tools, "Desktop development with C++"
"""


class CoreBuildHook(BuildHookInterface[Any]):
    """Compiles the extension into the package, for wheels and for editable installs alike."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the extension and mark the wheel as one for this platform and every Python from 3.11 on."""
        if self.target_name != "wheel":
            return
        built = _compile(Path(self.root))
        build_data["artifacts"].append(f"/{built.relative_to(self.root).as_posix()}")
        build_data["pure_python"] = False
        build_data["tag"] = f"cp311-abi3-{_platform_tag()}"


def _platform_tag() -> str:
    """Return the wheel tag of the machine we build on."""
    import sysconfig

    return sysconfig.get_platform().replace("-", "_").replace(".", "_")


def _flags(compiler: str) -> list[str]:
    """Return the compiler's options: no contraction, because guest arithmetic is bit exact; flags stay apart words."""
    if compiler == "msvc":
        return ["/O2", "/std:c11", "/experimental:c11atomics", "/fp:strict"]
    exact = ["-ffp-contract=off", "-fno-strict-aliasing", "-fno-tree-slp-vectorize"]
    return ["-O2", "-std=c11", "-Wall", "-Wextra", "-fvisibility=hidden", *exact]


def _compile(root: Path) -> Path:
    """Compile and return the path of the extension inside the package."""
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext
    from setuptools.errors import BaseError, CCompilerError

    class Build(build_ext):
        def build_extensions(self) -> None:
            for extension in self.extensions:
                extension.extra_compile_args = _flags(self.compiler.compiler_type)
            super().build_extensions()

    folder = root / SOURCES
    extension = Extension(
        "mvsdk.emulator.core._native",
        sources=sorted(str(path) for path in folder.glob("*.c")),
        depends=sorted(str(path) for path in (*folder.glob("*.h"), *folder.glob("*.inc"))),
        py_limited_api=True,
    )
    with tempfile.TemporaryDirectory() as scratch:
        command = Build(Distribution({"name": "mvsdk", "ext_modules": [extension]}))
        command.build_lib = str(Path(scratch) / "lib")
        command.build_temp = str(Path(scratch) / "temp")
        command.ensure_finalized()
        try:
            command.run()
        except (BaseError, CCompilerError) as error:
            raise SystemExit(NO_COMPILER.format(reason=error)) from error
        (built,) = (Path(scratch) / "lib" / TARGET).glob("_native*")
        target = root / TARGET / built.name
        shutil.copy2(built, target.with_suffix(".new"))
        target.with_suffix(".new").replace(target)
    return target
