"""The emulated device: a signed bundle runs here instruction by instruction, offline and in virtual time.

`device.Device` puts together a processor (`core`), the chip around it (`soc`), the kernel side of one system-call ABI
(`personality`) and a clock. It is not a debugger and not a command: it runs, and tells what happened as events.
The rule that must never break: the same image, seed and inputs give the same run, however it is cut, traced or watched.
"""
