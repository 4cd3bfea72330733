"""What an application asks of an MQTT broker, read from its structs.

Nothing here knows a channel. A pointer inside a struct that may not be followed refuses with the status that is
documented for the request; whether the elements suit each other is said by `check`, once the channel is known to be
good, in the order of the documented lists. What only a broker can judge (topics, qualities of service) is passed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mvsdk.abi import Abi, Struct
from mvsdk.emulator.guest_memory import GuestMemory
from mvsdk.emulator.network.exchanges import (
    MqttConnect,
    MqttPublish,
    MqttSubscribe,
    MqttSubscription,
    MqttUnsubscribe,
    MqttWill,
)
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused, field_pointers

MOST_ELEMENTS = 8
"""Certificates in either chain, and topics in one request to subscribe or unsubscribe."""
FRAMING = 4
"""Bytes of the send buffer that each text of a request takes beside its own, and the request once more (inferred)."""

Values = Mapping[str, int]
Texts = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class ConnectWishes:
    """A connect request as it was written. `protocol` and `method` are values of enums, or are not."""

    protocol: int
    method: int
    texts: Texts = field(repr=False)
    authorities: tuple[bytes, ...] = field(repr=False)
    certificates: tuple[bytes, ...] = field(repr=False)
    key: bytes = field(repr=False)
    will: MqttWill | None
    port: int
    keepalive: int
    clean_start: bool

    @property
    def size(self) -> int:
        """How many bytes of the send buffer it takes."""
        will = () if self.will is None else (self.will.topic, self.will.payload)
        return _size(*self.texts.values(), *self.authorities, *self.certificates, self.key, *will)


class MqttRequests:
    """Reads requests from the application's memory."""

    def __init__(self, memory: GuestMemory, abi: Abi) -> None:
        self._memory = memory
        self._structs = abi.structs
        self._versions = abi.enums["MvMqttProtocolVersion"].members
        self._methods = abi.enums["MvMqttAuthenticationMethod"].members

    # -- connecting --------------------------------------------------------------------------------------------------

    def read_connect(self, request: GuestPointer) -> ConnectWishes:
        """Read a connect request. A method of authentication that is none makes what goes with it meaningless, so it
        is not looked at."""
        values = self._structs["MvMqttConnectRequest"].unpack(request.read())
        method = values["authentication.method"]
        if method == self._methods["MV_MQTTAUTHENTICATIONMETHOD_NONE"]:
            names = ("username", "password")
            values |= {f"authentication.username_password.{name}.length": 0 for name in names}
        pointers = self._pointers("MvMqttConnectRequest", values, "LATEFAULT")
        credentials, will = pointers.pop("tls_credentials", None), pointers.pop("will", None)
        authorities, certificates, key = self._credentials(credentials)
        return ConnectWishes(
            protocol=values["protocol_version"],
            method=method,
            texts={name.removesuffix(".data"): pointer.read() for name, pointer in pointers.items()},
            authorities=authorities,
            certificates=certificates,
            key=key,
            will=self._will(will),
            port=values["port"],
            keepalive=values["keepalive"],
            clean_start=bool(values["clean_start"]),
        )

    def check_connect(self, wishes: ConnectWishes) -> None:
        """Refuse what no broker is asked."""
        if self._has_password(wishes) and wishes.key:
            raise Refused("INVALIDAUTHENTICATION")
        if max(len(wishes.authorities), len(wishes.certificates)) > MOST_ELEMENTS:
            raise Refused("TOOMANYELEMENTS")
        if not wishes.texts.get("host") or not wishes.texts.get("clientid"):
            raise Refused("REQUIREDELEMENTMISSING")
        if wishes.certificates and not wishes.key:
            raise Refused("REQUIREDELEMENTMISSING")
        if wishes.will is not None and not (wishes.will.topic and wishes.will.payload):
            raise Refused("REQUIREDELEMENTMISSING")

    def connect(self, exchange: int, wishes: ConnectWishes) -> MqttConnect | None:
        """Return the request for the world; None if a version or method is asked for that there is not."""
        versions = {
            self._versions["MV_MQTTPROTOCOLVERSION_V3_1_1"]: 4,
            self._versions["MV_MQTTPROTOCOLVERSION_V5"]: 5,
        }
        if wishes.protocol not in versions or wishes.method not in self._methods.values():
            return None
        user, password = (
            wishes.texts.get(f"authentication.username_password.{n}", b"") for n in ("username", "password")
        )
        return MqttConnect(
            exchange,
            protocol=4 if versions[wishes.protocol] == 4 else 5,
            host=wishes.texts["host"],
            port=wishes.port,
            client_id=wishes.texts["clientid"],
            username=user if self._has_password(wishes) else None,
            password=password if self._has_password(wishes) else None,
            authorities=wishes.authorities,
            certificates=wishes.certificates,
            key=wishes.key,
            keepalive=wishes.keepalive,
            clean_start=wishes.clean_start,
            will=wishes.will,
        )

    def _has_password(self, wishes: ConnectWishes) -> bool:
        return wishes.method == self._methods["MV_MQTTAUTHENTICATIONMETHOD_USERNAMEPASSWORD"]

    def _credentials(self, pointer: GuestPointer | None) -> tuple[tuple[bytes, ...], tuple[bytes, ...], bytes]:
        """Return authorities, certificates and key; a struct with a half, or all of it, zeroed is as good as none."""
        if pointer is None:
            return (), (), b""
        values = self._structs["MvTlsCredentials"].unpack(pointer.read())
        found = self._pointers("MvTlsCredentials", values, "LATEFAULT")
        chains = [
            tuple(self._text(values, "LATEFAULT") for values in self._elements("MvSizedString", found.get(name)))
            for name in ("cacert.certs", "clientcert.chain.certs")
        ]
        key = found.get("clientcert.key.data")
        return chains[0], chains[1], b"" if key is None else key.read()

    def _will(self, pointer: GuestPointer | None) -> MqttWill | None:
        if pointer is None:
            return None
        values = self._structs["MvMqttWill"].unpack(pointer.read())
        texts = self._texts("MvMqttWill", values, "LATEFAULT")
        return MqttWill(texts["topic"], texts["payload"], values["qos"], bool(values["retain"]))

    # -- subscribing and publishing ----------------------------------------------------------------------------------

    def read_subscribe(self, exchange: int, request: GuestPointer) -> MqttSubscribe:
        """Read a subscribe request.

        It leaves topic by topic, so a bad array or first topic is a PARAMETERFAULT, and a later topic a LATEFAULT
        (inferred: both are documented, the latter for when something was sent already).
        """
        values = self._structs["MvMqttSubscribeRequest"].unpack(request.read())
        array = self._pointers("MvMqttSubscribeRequest", values, "PARAMETERFAULT").get("subscriptions")
        subscriptions: list[MqttSubscription] = []
        for option in self._elements("MvMqttSubscription", array):
            refusal = "LATEFAULT" if subscriptions else "PARAMETERFAULT"
            topic = self._texts("MvMqttSubscription", option, refusal)["topic"]
            subscriptions.append(
                MqttSubscription(topic, option["desired_qos"], bool(option["nl"]), bool(option["rap"]), option["rh"])
            )
        return MqttSubscribe(exchange, values["correlation_id"], tuple(subscriptions))

    def read_unsubscribe(self, exchange: int, request: GuestPointer) -> MqttUnsubscribe:
        """Read an unsubscribe request. Every bad pointer inside is a LATEFAULT: no other status is listed for one."""
        values = self._structs["MvMqttUnsubscribeRequest"].unpack(request.read())
        array = self._pointers("MvMqttUnsubscribeRequest", values, "LATEFAULT").get("topics")
        topics = tuple(self._text(element, "LATEFAULT") for element in self._elements("MvSizedString", array))
        return MqttUnsubscribe(exchange, values["correlation_id"], topics)

    def read_publish(self, exchange: int, request: GuestPointer) -> MqttPublish:
        """Read a publish request. Every bad pointer inside is a LATEFAULT: no other status is listed for one."""
        values = self._structs["MvMqttPublishRequest"].unpack(request.read())
        texts = self._texts("MvMqttPublishRequest", values, "LATEFAULT")
        return MqttPublish(
            exchange,
            values["correlation_id"],
            texts["topic"],
            texts["payload"],
            values["desired_qos"],
            bool(values["retain"]),
        )

    # -- structs -----------------------------------------------------------------------------------------------------

    def _pointers(self, struct: str, values: Values, refusal: str) -> dict[str, GuestPointer]:
        return dict(field_pointers(self._memory, self._structs[struct], values, refusal))

    def _texts(self, struct: str, values: Values, refusal: str) -> dict[str, bytes]:
        """Return the texts in a struct, those that are empty too."""
        found = self._pointers(struct, values, refusal)
        names = (field.name for field in self._structs[struct].pointers)
        return {name.removesuffix(".data"): found[name].read() if name in found else b"" for name in names}

    def _text(self, values: Values, refusal: str) -> bytes:
        return self._pointers("MvSizedString", values, refusal)["data"].read() if values["length"] else b""

    def _elements(self, struct: str, array: GuestPointer | None) -> list[dict[str, int]]:
        """Return the elements of an array that has been proven; of too many no more than show that."""
        if array is None:
            return []
        kind: Struct = self._structs[struct]
        data = self._memory.read(array.address, min(array.length, (MOST_ELEMENTS + 1) * kind.size))
        return [kind.unpack(data[at : at + kind.size]) for at in range(0, len(data), kind.size)]


def subscribe_size(request: MqttSubscribe) -> int:
    """Return how many bytes of the send buffer a request takes."""
    return _size(*(subscription.topic for subscription in request.subscriptions))


def unsubscribe_size(request: MqttUnsubscribe) -> int:
    """Return how many bytes of the send buffer a request takes."""
    return _size(*request.topics)


def publish_size(request: MqttPublish) -> int:
    """Return how many bytes of the send buffer a request takes."""
    return _size(request.topic, request.payload)


def _size(*texts: bytes) -> int:
    return sum(len(text) + FRAMING for text in texts) + FRAMING
