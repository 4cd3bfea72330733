"""The debug port of an emulated device: how a debugger of another process reaches it.

    messages        every message, as a typed model, and how it is framed
    announcements   which devices run on this machine, and where each listens
    addresses       Unix sockets, and loopback
    client          a debugger's side: connect, and ask

The device's side is `mvsdk.emulator.debug.port`. What is asked is what a memory access port can do: read and write, and
pull the reset line; halting and stepping are writes to the core's debug registers, as on a chip.
The rule that must never break: a device notices no more of what arrives on its port than that.
"""
