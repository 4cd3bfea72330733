"""Debug probes: the STM32U585 for pyOCD, and a running emulated device as a pyOCD probe.

    emulated_probe    the pyOCD probe `emulator:NAME`; its entry point is what any `pyocd` command loads
    targets           the chip for pyOCD: memory map, low power, option bytes
    option_bytes      what the option bytes say, in plain language, and what they forbid
    finding           which probes are there, and which one is meant
    session           a board behind a probe: reset, read
    flashing          writing its flash: only what differs, and mending what was cut off

It is no debugger: pyOCD is. It sees the emulator only through its debug port (`mvsdk.debug_port`). pyOCD is heavy and
optional (`mvsdk[probe]`), so only what needs it imports it, and nothing imports it before it is needed.
The rule that must never break: no board is written that was not chosen.
"""
