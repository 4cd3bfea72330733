"""The pytest plugin: fixtures for tests of firmware and of what runs beside it. Found by pytest itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mvsdk.testing.power_cuts import PowerCuts


@pytest.fixture
def power_cuts() -> PowerCuts:
    """Cut the power at every flash operation of some code, in every way."""
    from mvsdk.testing.power_cuts import PowerCuts

    return PowerCuts()
