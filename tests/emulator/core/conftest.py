"""Every implementation of the processor seam, each of which must pass every test that asks for `make_core`."""

from collections.abc import Callable

import pytest

from mvsdk.emulator.core import Core
from mvsdk.emulator.core.native_core import NativeCore

MakeCore = Callable[[], Core]

IMPLEMENTATIONS: dict[str, MakeCore] = {"native": NativeCore}


@pytest.fixture(params=list(IMPLEMENTATIONS.values()), ids=list(IMPLEMENTATIONS))
def make_core(request: pytest.FixtureRequest) -> MakeCore:
    """Return a factory of cores of one implementation."""
    factory: MakeCore = request.param
    return factory
