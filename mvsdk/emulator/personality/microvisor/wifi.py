"""Wi-Fi settings: mvSetWifiConfig and mvGetWifiConfig. The application may see the network's name, never its password.

No list of failures is published for the two. All their refusals are inferred: version, then field by field in the
struct's order, a pointer before the length it goes with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mvsdk.abi import Abi
from mvsdk.emulator.guest_memory import GuestMemory
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused, answers, field_pointers

VERSION = 1
LONGEST = {"v1.wifi_ssid.data": 32, "v1.wifi_password.data": 64}
"""Bytes (IEEE 802.11-2020: 9.4.2.2 for the SSID; a WPA2 key has up to 64 hex digits)."""


@dataclass(frozen=True, slots=True)
class WifiSettings:
    """The network the device would join. Without an SSID there are no settings."""

    ssid: bytes = b""
    password: bytes = b""


class Wifi:
    """The device's Wi-Fi settings; restarts of the application do not change them."""

    STATE: ClassVar[tuple[str, ...]] = ("_settings",)

    def __init__(self, memory: GuestMemory, abi: Abi) -> None:
        self._memory = memory
        self._in = abi.structs["MvWifiConfig"]
        self._out = abi.structs["MvWifiConfigOut"]
        self._modes = abi.enums["MvWifiConfigMode"].members
        self._settings = WifiSettings()

    @answers("mvSetWifiConfig")
    def set(self, params: GuestPointer) -> None:
        """Keep or clear the settings. To clear them only the mode counts."""
        values = self._in.unpack(params.read())
        _check_version(values["version"])
        mode = values["v1.config_mode"]
        if mode not in self._modes.values():
            raise Refused("PARAMETERFAULT")
        if mode == self._modes["MV_WIFICONFIGMODE_CLEARNOW"]:
            self._settings = WifiSettings()
            return
        found = dict.fromkeys(LONGEST, b"")
        for name, pointer in field_pointers(self._memory, self._in, values):
            if pointer.length > LONGEST[name]:
                raise Refused("INPUTTOOLONG")
            found[name] = pointer.read()
        self._settings = WifiSettings(found["v1.wifi_ssid.data"], found["v1.wifi_password.data"])

    @answers("mvGetWifiConfig")
    def get(self, params: GuestPointer) -> None:
        """Hand out the SSID and whether there is a password; without settings the SSID is empty."""
        values = self._out.unpack(params.read())
        _check_version(values["version"])
        pointers = dict(field_pointers(self._memory, self._out, values))
        settings = self._settings
        if len(settings.ssid) > values["v1.ssid.size"]:
            raise Refused("INVALIDBUFFERSIZE")
        if settings.ssid:
            pointers["v1.ssid.data"].write(settings.ssid)
        pointers["v1.ssid.length"].write_word(len(settings.ssid))
        pointers["v1.has_encryption"].write_word(bool(settings.password))


def _check_version(version: int) -> None:
    if version != VERSION:
        raise Refused("UNSUPPORTEDSTRUCTUREVERSION")
