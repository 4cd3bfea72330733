"""The cloud of the person at the command line."""

from __future__ import annotations

import os

from mvsdk.cloud.client import CloudClient


def cloud_client() -> CloudClient:
    """Return the cloud that this environment names, or the one of this machine."""
    return CloudClient.from_environment(os.environ)
