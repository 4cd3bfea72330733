"""Options of every test run."""

from __future__ import annotations

import os
import tempfile

import pytest
from hypothesis import HealthCheck, settings

# A law holds however slow the machine is: speed is for benchmarks/.
settings.register_profile("laws", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("laws")

# Devices that tests run announce themselves where no person's tools look for them.
_running = tempfile.TemporaryDirectory(prefix="mvsdk-running-")
os.environ["MVSDK_RUNNING"] = _running.name


def pytest_unconfigure() -> None:
    """Take away what devices that were killed have left."""
    _running.cleanup()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--nightly`."""
    parser.addoption("--nightly", action="store_true", help="run the tests marked nightly too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only a nightly run has time for."""
    if config.getoption("--nightly"):
        return
    nightly = [item for item in items if item.get_closest_marker("nightly")]
    config.hook.pytest_deselected(items=nightly)
    items[:] = [item for item in items if item not in nightly]
