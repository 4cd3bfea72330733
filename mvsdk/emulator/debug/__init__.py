"""Debugging an emulated device: what halts, steps and inspects it, and how a debugger of another process reaches that.

Everything here runs in the thread that runs the device. A debugger is no part of the device: while it looks and halts
the device's time stands, and what the device does later, to the last bit of its state, it would have done alone.
"""
