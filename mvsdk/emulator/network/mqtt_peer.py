"""MQTT brokers in the real world: carries out what channels of type MQTT ask for."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from mvsdk.emulator.network.exchanges import Close, MqttConnect, MqttConnected, MqttState, Request
from mvsdk.emulator.network.mqtt_connection import MqttConnection, Unfinished, tell_not_connected
from mvsdk.emulator.network.mqtt_tls import check_trusted
from mvsdk.emulator.network.peers import Reply

MOST_THREADS = 16
"""A device has four channels; more threads than that wait for names that are being looked up in vain."""
END_SECONDS = 2.0
"""How long `close` waits for threads whose connections have been cut."""


class MqttPeers:
    """Brokers, each connection on a thread of its own.

    Connections use TLS always. Unless an application says whom it trusts, those are trusted that the host trusts, and
    the authorities in the PEM file `trusted`. Raises `NetworkSettingError` if there are none in it.
    """

    def __init__(self, trusted: Path | None = None) -> None:
        if trusted is not None:
            check_trusted(trusted)
        self._trusted = trusted
        self._unfinished = Unfinished()
        self._lock = threading.Lock()
        self._connections: dict[int, MqttConnection] = {}
        self._ending: list[MqttConnection] = []

    def send(self, request: Request, reply: Reply) -> None:
        """Take a request of a channel."""
        with self._lock:
            connection = self._connections.get(request.exchange)
            if isinstance(request, Close):
                self._let_go(request.exchange)
                return
            begun = isinstance(request, MqttConnect) and connection is None and self._begun(request, reply)
        if isinstance(request, MqttConnect):
            if not begun:
                state: MqttState = "SOCKETERROR" if connection is None else "ALREADYCONNECTED"
                reply(MqttConnected(request.exchange, state))
        elif connection is None or not connection.give(request):
            tell_not_connected(request, reply)

    def close(self) -> None:
        """End every connection, and wait until they have, for a while: a name that is being looked up may take longer,
        and nobody waits for it then."""
        with self._lock:
            for exchange in list(self._connections):
                self._let_go(exchange)
            ending, self._ending = self._ending, []
        end = time.monotonic() + END_SECONDS
        for connection in ending:
            connection.join(max(0.0, end - time.monotonic()))

    def _begun(self, request: MqttConnect, reply: Reply) -> bool:
        """Begin to connect, unless there are too many connections."""
        if sum(one.alive for one in (*self._connections.values(), *self._ending)) >= MOST_THREADS:
            return False
        connection = MqttConnection(request, reply, self._trusted, self._unfinished)
        self._connections[request.exchange] = connection
        connection.start()
        return True

    def _let_go(self, exchange: int) -> None:
        connection = self._connections.pop(exchange, None)
        self._ending = [other for other in self._ending if other.alive]
        if connection is not None:
            connection.drop()
            self._ending.append(connection)
