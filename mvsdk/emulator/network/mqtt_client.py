"""paho's client, connected by a line that can be cut."""

from __future__ import annotations

import socket
from typing import Any

from paho.mqtt.client import Client

from mvsdk.emulator.network.line import Line


class LineClient(Client):
    """A client whose connection is made by a line."""

    def __init__(self, *arguments: Any, line: Line, **options: Any) -> None:  # noqa: ANN401 - the library's own
        super().__init__(*arguments, **options)
        self._line = line

    def _create_socket_connection(self) -> socket.socket:
        # The library has no other way to be given a connection, and none to give up one that it makes.
        return self._line.open(self.host, self.port, self.connect_timeout)
