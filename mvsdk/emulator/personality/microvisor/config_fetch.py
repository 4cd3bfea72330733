"""Config and secrets: mvSendConfigFetchRequest, mvReadConfigFetchResponseData, mvReadConfigResponseItem.

A channel carries one request for any of the values that are kept for the device, or for all devices of its account.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from mvsdk.emulator.network.exchanges import (
    LINE_OVERHEAD,
    LONGEST_CONFIG_KEY,
    Answer,
    ConfigAnswer,
    ConfigItem,
    ConfigRequest,
    Request,
    config_size,
)
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused, answers, field_pointers
from mvsdk.emulator.personality.microvisor.channels import Channels
from mvsdk.emulator.personality.microvisor.single_exchange import SingleExchange

MOST_KEYS = 32
"""A maximum exists, its value is not published (inferred; a public sample asks for up to 8)."""
PATIENCE_US = 10_000_000
"""How long an answer may take (inferred; samples wait for 4 or 5 seconds)."""
SCOPES: dict[str, Literal["account", "device"]] = {"ACCOUNT": "account", "DEVICE": "device"}
STORES: dict[str, Literal["config", "secret"]] = {"CONFIG": "config", "SECRET": "secret"}


class ConfigChannel(SingleExchange):
    """A channel for one fetch."""

    TYPE: ClassVar[str] = "CONFIGFETCH"

    @property
    def response(self) -> ConfigAnswer:
        """The answer, which can be read after the other side is gone, too (as that of HTTP)."""
        if not isinstance(self.answer, ConfigAnswer):
            self.check_connected()
            raise Refused("RESPONSENOTPRESENT")
        return self.answer

    def failure(self, request: Request) -> Answer:
        """Nobody answered: the fetch as a whole has no result for that, but each item has."""
        count = len(request.items) if isinstance(request, ConfigRequest) else 0
        return ConfigAnswer(request.exchange, "OK", (("SERVERERROR", b""),) * count)

    def fitted(self, request: Request, answer: Answer) -> Answer | None:
        """Keep nothing of an answer that is too large or to another question, nor values of items that were not
        found."""
        if not isinstance(answer, ConfigAnswer) or not isinstance(request, ConfigRequest):
            return None
        if answer.result == "OK" and len(answer.items) != len(request.items):
            return self.failure(request)
        if answer.result != "OK" or config_size(answer) > self.receive_size:
            return ConfigAnswer(request.exchange, "RESPONSETOOLARGE")
        items = tuple((result, value if result == "OK" else b"") for result, value in answer.items)
        return ConfigAnswer(request.exchange, "OK", items)


class ConfigFetch:
    """The calls on channels for config fetches. Another kind of channel is an invalid handle."""

    def __init__(self, channels: Channels) -> None:
        self._host = channels.host
        self._handles = channels.handles
        structs, enums = channels.abi.structs, channels.abi.enums
        self._request = structs["MvConfigKeyFetchParams"]
        self._item = structs["MvConfigKeyToFetch"]
        self._response = structs["MvConfigResponseData"]
        self._read_item = structs["MvConfigResponseReadItemParams"]
        scopes, stores = enums["MvConfigKeyFetchScope"].members, enums["MvConfigKeyFetchStore"].members
        self._scopes = {scopes["MV_CONFIGKEYFETCHSCOPE_" + name]: scope for name, scope in SCOPES.items()}
        self._stores = {stores["MV_CONFIGKEYFETCHSTORE_" + name]: store for name, store in STORES.items()}
        self._results = enums["MvConfigFetchResult"].members
        self._item_results = enums["MvConfigKeyFetchResult"].members
        channels.keep(ConfigChannel)

    @answers("mvSendConfigFetchRequest")
    def send(self, handle: int, request: GuestPointer) -> None:
        """Ask for values. Whatever is wrong with the request, the channel cannot be used for another.

        The call's list names no status for keys, stores and scopes; that they are this call's is inferred.
        """
        values = self._request.unpack(request.read())
        try:
            wanted = self._pointers(values)
        except Refused:
            if self._handles.holds(handle, ConfigChannel):
                self._handles.find(handle, ConfigChannel).try_now()
            raise
        channel = self._handles.find(handle, ConfigChannel)
        first = channel.try_now()
        if len(wanted) > MOST_KEYS:
            raise Refused("TOOMANYCONFIGKEYS")
        items = tuple(self._checked(fields, key) for fields, key in wanted)
        if sum(len(item.key) + LINE_OVERHEAD for item in items) + LINE_OVERHEAD > channel.send_size:
            raise Refused("INVALIDBUFFERSIZE")
        channel.check_first(first=first)
        channel.ask(ConfigRequest(channel.exchange, items, channel.receive_size), PATIENCE_US)

    @answers("mvReadConfigFetchResponseData")
    def read_data(self, handle: int, out: GuestPointer) -> None:
        """Tell what became of the fetch, and of how many items there is something to read."""
        answer = self._handles.find(handle, ConfigChannel).response
        result = self._results["MV_CONFIGFETCHRESULT_" + answer.result]
        out.write(self._response.pack({"result": result, "num_items": len(answer.items)}))

    @answers("mvReadConfigResponseItem")
    def read_item(self, handle: int, params: GuestPointer) -> None:
        """Copy one item, any number of times. One that does not fit is refused as a whole (inferred), and so are bad
        pointers in the parameters."""
        values = self._read_item.unpack(params.read())
        pointers = dict(field_pointers(self._host.memory, self._read_item, values))
        items = self._handles.find(handle, ConfigChannel).response.items
        if values["item_index"] >= len(items):
            raise Refused("INDEXINVALID")
        result, value = items[values["item_index"]]
        if len(value) > values["buf.size"]:
            raise Refused("INVALIDBUFFERSIZE")
        pointers["result"].write_word(self._item_results["MV_CONFIGKEYFETCHRESULT_" + result])
        if value:
            pointers["buf.data"].write(value)
        pointers["buf.length"].write_word(len(value))

    def _pointers(self, values: Mapping[str, int]) -> list[tuple[dict[str, int], GuestPointer]]:
        """Prove the pointers of a request; return each item's fields, and its key. Refuses with LATEFAULT.

        Of too many items only as many are looked at as show that they are.
        """
        memory, size = self._host.memory, self._item.size
        found = []
        try:
            for _, array in field_pointers(memory, self._request, values):
                data = array._replace(length=min(array.length, (MOST_KEYS + 1) * size)).read()
                for start in range(0, len(data), size):
                    fields = self._item.unpack(data[start : start + size])
                    keys = [pointer for _, pointer in field_pointers(memory, self._item, fields)]
                    found.append((fields, keys[0] if keys else GuestPointer(memory, 0, 0)))
        except Refused:
            raise Refused("LATEFAULT") from None
        return found

    def _checked(self, fields: Mapping[str, int], key: GuestPointer) -> ConfigItem:
        """Refuse what no item can be."""
        scope, store = self._scopes.get(fields["scope"]), self._stores.get(fields["store"])
        if scope is None:
            raise Refused("UNKNOWNCONFIGSCOPE")
        if store is None:
            raise Refused("UNKNOWNCONFIGSTORE")
        name = key.read() if key.length <= LONGEST_CONFIG_KEY else b""
        if not name or not name.isascii() or not name.decode("ascii").isprintable():
            raise Refused("INVALIDCONFIGKEY")
        return ConfigItem(scope, store, name.decode("ascii"))
