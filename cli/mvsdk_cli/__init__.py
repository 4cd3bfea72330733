"""The `mvsdk` command: parse, call the library, render.

One file per command under `commands/`, imported only when that command runs. A command's module docstring is its
manual page. Nothing is decided here that a program using the library would have to decide again.
"""
