"""mvsdk: build, sign, emulate and manage Microvisor applications, open and local.

This package is the library behind the `mvsdk` command. It prints nothing and knows no command line;
each sub-package is one floor of the house drawn in docs/architecture.md, and none imports from a floor above it.
The rule that must never break: whatever comes from a guest, a file or the network is untrusted until verified.
"""

__version__ = "0.1.0"
