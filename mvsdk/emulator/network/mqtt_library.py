"""From a connect request to paho's client for it."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mvsdk.emulator.network import mqtt_topics as topics
from mvsdk.emulator.network.exchanges import MqttConnect
from mvsdk.emulator.network.line import Line
from mvsdk.emulator.network.mqtt_tls import LARGEST_PACKET, make_context

if TYPE_CHECKING:
    from paho.mqtt.client import Client

CONNECT_S = 10.0
"""How long each step of connecting may take: each address, the handshake, the broker's answer."""
SESSION_S = 86_400
"""How long a broker is asked to keep a session that is not to begin clean (inferred; version 3.1.1 cannot say)."""
MOST_UNACKNOWLEDGED = 64
"""How many messages that need an acknowledgement the broker may send without one (version 5)."""


def is_acceptable(request: MqttConnect) -> bool:
    """Say whether a CONNECT packet can say all that is asked for."""
    will = request.will
    texts = (request.host, request.client_id, request.username or b"")
    return (
        all(topics.text(text) is not None for text in texts)
        and bool(request.host)
        and 0 < request.port <= 65_535
        and request.keepalive <= 65_535
        and len(request.password or b"") <= topics.LONGEST
        and (will is None or (topics.is_name(will.topic) and will.qos <= 2 and len(will.payload) <= topics.LONGEST))
    )


def make_client(request: MqttConnect, trusted: Path | None, line: Line) -> Client:
    """Return a client that connects by a line, will never reconnect by itself and acknowledges nothing by itself.

    Raises `UnusableCredentialsError`.
    """
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    from mvsdk.emulator.network.mqtt_client import LineClient

    newer = request.protocol == 5
    client = LineClient(
        CallbackAPIVersion.VERSION2,
        client_id=request.client_id.decode(),
        clean_session=None if newer else request.clean_start,
        protocol=MQTTProtocolVersion.MQTTv5 if newer else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        manual_ack=True,
        line=line,
    )
    client.connect_timeout = CONNECT_S
    client.tls_set_context(make_context(request, trusted))
    if request.username is not None:
        # The library's annotation has no bytes; it takes a password as it is, and MQTT has binary ones.
        client.username_pw_set(request.username.decode(), request.password)  # type: ignore[arg-type]
    if request.will is not None:
        will = request.will
        client.will_set(will.topic.decode(), will.payload, will.qos, will.retain)
    client.on_socket_open = _send_at_once
    return client


def send_connect(client: Client, request: MqttConnect) -> None:
    """Reach the broker and send it a CONNECT packet. Raises `OSError`, or `ValueError` for a host that cannot be."""
    host = request.host.decode()
    if request.protocol == 5:
        properties = _connect_properties(request)
        client.connect(host, request.port, request.keepalive, clean_start=request.clean_start, properties=properties)
    else:
        client.connect(host, request.port, request.keepalive)


def _send_at_once(_client: object, _data: object, connection: Any) -> None:  # noqa: ANN401 - the library's own type
    """Let acknowledgements, which are small, not wait for each other."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _connect_properties(request: MqttConnect) -> Any:  # noqa: ANN401 - the library's properties are made by name
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 0 if request.clean_start else SESSION_S
    properties.ReceiveMaximum = MOST_UNACKNOWLEDGED
    properties.MaximumPacketSize = LARGEST_PACKET
    return properties
