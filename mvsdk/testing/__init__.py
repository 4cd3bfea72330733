"""Public fakes, one for each seam: what the library's own tests use, and what yours may.

A fake behaves as its seam documents and keeps what was done to it for a test to look at. None of them patches anything.
"""

from mvsdk.testing.fake_wiring import FakeWiring
from mvsdk.testing.fake_world import FakeWorld
from mvsdk.testing.power_cuts import PowerCuts
from mvsdk.testing.scripted_core import Call, Compute, Fail, ScriptedCore, Sleep, Step

__all__ = ["Call", "Compute", "Fail", "FakeWiring", "FakeWorld", "PowerCuts", "ScriptedCore", "Sleep", "Step"]
