"""Laws of choosing a probe: the one that is meant, or none."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mvsdk.debug_port.announcements import Announcement
from mvsdk.probe.errors import ManyProbesError, NoProbeError
from mvsdk.probe.finding import FoundProbe, choose


def probe(uid: str, board: str | None = None) -> FoundProbe:
    """Return a probe that is only a name."""
    announcement = Announcement(name="", folder="", address="", token="", process=1)
    emulated = uid.startswith("emulator:")
    return FoundProbe(uid, "a probe", board, None, None, SimpleNamespace(), announcement if emulated else None)


KITCHEN, CELLAR = probe("emulator:kitchen", "stm32u585"), probe("emulator:cellar", "stm32u585")
LINK, OTHER = probe("066DFF4950", None), probe("0240000041", "frdm_k64f")


def test_a_probe_is_named_by_its_whole_id_or_a_part_of_its_number() -> None:
    """Case does not matter; an emulated device is named whole; the whole id wins over parts."""
    probes = [KITCHEN, CELLAR, LINK, OTHER]
    assert choose(probes, "emulator:kitchen") is KITCHEN
    assert choose(probes, "066dff") is LINK
    assert choose([*probes, probe("066DFF49501")], "066DFF4950") is LINK


def test_without_a_name_the_only_fitting_one_is_meant() -> None:
    """One behind which the board is, or may be."""
    assert choose([KITCHEN, OTHER], None, "stm32u585") is KITCHEN
    assert choose([LINK, OTHER], None, "stm32u585") is LINK
    assert choose([OTHER], None) is OTHER


@pytest.mark.parametrize(
    ("probes", "uid", "names"),
    [
        ([KITCHEN, CELLAR], None, "kitchen, emulator:cellar"),
        ([KITCHEN, LINK], None, "066DFF4950"),
        ([LINK, OTHER], "0", "0240000041"),
    ],
)
def test_of_several_none_is_taken(probes: list[FoundProbe], uid: str | None, names: str) -> None:
    """Nobody guesses: the error lists those that would do."""
    with pytest.raises(ManyProbesError, match=names):
        choose(probes, uid, "stm32u585")


@pytest.mark.parametrize(
    ("probes", "uid", "said"),
    [
        ([], None, "no probe is connected"),
        ([], "x", "there are: none"),
        ([KITCHEN], "cellar", "there is no probe 'cellar'; there are: emulator:kitchen"),
        ([KITCHEN], "kitchen", "there is no probe 'kitchen'"),
        ([OTHER], None, "no probe has a stm32u585 behind it; there are: 0240000041"),
    ],
)
def test_who_is_not_there_is_not_replaced(probes: list[FoundProbe], uid: str | None, said: str) -> None:
    """A name that fits nothing takes nothing, and the error says what there is."""
    with pytest.raises(NoProbeError, match=said):
        choose(probes, uid, "stm32u585")
