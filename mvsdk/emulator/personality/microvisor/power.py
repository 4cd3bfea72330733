"""Sleep: mvPowerSave and mvDeepSleep."""

from __future__ import annotations

from mvsdk.abi import Abi
from mvsdk.emulator.personality import DeepSleep, Host
from mvsdk.emulator.personality.microvisor.answers import Refused, answers
from mvsdk.emulator.personality.microvisor.circumstances import Circumstances
from mvsdk.emulator.personality.microvisor.network import Network
from mvsdk.emulator.soc.pwr import STOPF

DEEP_SLEEPS = {"MV_DEEPSLEEPMODE_STANDBY": DeepSleep.STANDBY, "MV_DEEPSLEEPMODE_SHUTDOWN": DeepSleep.SHUTDOWN}


class Power:
    """Sleep until an interrupt, or with everything lost until a wake source.

    All five modes of mvPowerSave end with an interrupt, as WFI does, and SysTick counts on in each (inferred: what
    the Stop modes switch off is the chip's affair). The Stop modes leave STOPF in PWR_SR.
    """

    def __init__(self, host: Host, abi: Abi, circumstances: Circumstances, network: Network) -> None:
        self._host = host
        self._network = network
        self._circumstances = circumstances
        power_saving_modes = abi.enums["MvPowerSavingMode"].members
        self._power_saving_modes = frozenset(power_saving_modes.values())
        self._sleep = power_saving_modes["MV_POWERSAVINGMODE_SLEEP"]
        deep_sleep_modes = abi.enums["MvDeepSleepMode"].members
        self._deep_sleeps = {deep_sleep_modes[name]: kind for name, kind in DEEP_SLEEPS.items()}

    @answers("mvPowerSave")
    def power_save(self, mode: int) -> None:
        """Come back with the next interrupt; one that is pending already lets the call come back at once."""
        if mode not in self._power_saving_modes:
            raise Refused("PARAMETERFAULT")
        self._stay_awake_if_busy()
        if mode != self._sleep:
            self._host.pwr.slept(STOPF)
        self._host.core.sleep()

    @answers("mvDeepSleep")
    def deep_sleep(self, mode: int) -> None:
        """End this life of the application; the next begins when the device is woken."""
        kind = self._deep_sleeps.get(mode)
        if kind is None:
            raise Refused("PARAMETERFAULT")
        self._stay_awake_if_busy()
        self._host.deep_sleep(kind)

    def _stay_awake_if_busy(self) -> None:
        """Refuse while the network is up for the application's sake. That the kernel is online by itself does not
        count: it would then never let a device sleep that stays online (inferred)."""
        if self._circumstances.network_active or self._network.active:
            raise Refused("MICROVISORBUSY")
