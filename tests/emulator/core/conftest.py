"""Every implementation of the processor seam, each of which must pass every test that asks for `make_core`."""

import functools
from collections.abc import Callable

import pytest

from mvsdk.emulator.core import Core
from mvsdk.emulator.core.native_core import NativeCore
from mvsdk.emulator.core.unicorn_core import UnicornCore

MakeCore = Callable[[], Core]

IMPLEMENTATIONS: dict[str, MakeCore] = {
    "native": NativeCore,
    "unicorn": UnicornCore,
    "unicorn-python-clock": functools.partial(UnicornCore, native_clock=False),
}


@pytest.fixture(params=list(IMPLEMENTATIONS.values()), ids=list(IMPLEMENTATIONS))
def make_core(request: pytest.FixtureRequest) -> MakeCore:
    """Return a factory of cores of one implementation."""
    factory: MakeCore = request.param
    return factory
