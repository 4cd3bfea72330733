"""The update agent on an emulated device: from the cloud's wish to another application that runs.

    cloud_server    what the agent asks, from the target that the session told and by downloads
    no_server       the same for a device without a cloud
    progress        how far it is, in the words of the session
    memories        the flash that the agent works on, with the time that flash takes
    factory_image   what a device holds before its first start, as a file
    updater         drives the agent between two runs; what concerns the application becomes an input

The agent works beside the device, as the network does: only inputs reach the application, so a recording of them is all
that a replay needs.
"""

from mvsdk.emulator.updating.cloud_server import CloudServer
from mvsdk.emulator.updating.memories import Memories
from mvsdk.emulator.updating.no_server import NoServer
from mvsdk.emulator.updating.updater import Updater

__all__ = ["CloudServer", "Memories", "NoServer", "Updater"]
