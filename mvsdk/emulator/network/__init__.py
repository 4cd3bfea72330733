"""The world beyond the radio: whoever answers when an application speaks to the network.

The kernel's side of a channel sends `Request`s and is given `Answer`s (`exchanges.py`), both plain values. In between
is `Radio`, which lets the answers travel as long as a link takes and brings them to the device as inputs; behind it are
`Peers`: real servers, scripted ones, files. Nothing here touches a device but through its inputs, so that a run with a
network can be recorded and had again without one. That must never break.
"""
