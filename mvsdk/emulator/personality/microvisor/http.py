"""HTTP: mvSendHttpRequest, mvReadHttpResponseData, mvReadHttpResponseHeader, mvReadHttpResponseBody.

A channel carries one request, which a server carries out for the device. Method, scheme, header syntax and timeout are
that server's to judge (`mvsdk.emulator.network.http_rules`); its verdict comes like any answer. Here only memory, size
and count of what the application gives are looked at.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import ClassVar

from mvsdk.emulator.network.exchanges import (
    LINE_OVERHEAD,
    LONGEST_HTTP_TIMEOUT_MS,
    Answer,
    HttpAnswer,
    HttpRequest,
    Request,
    http_size,
)
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused, answers, field_pointers
from mvsdk.emulator.personality.microvisor.channels import Channels
from mvsdk.emulator.personality.microvisor.single_exchange import SingleExchange

MOST_HEADERS = 32
HEADER = struct.Struct("<II")
"""struct MvHttpHeader: its length comes first, then its address."""

MARGIN_US = 4_000_000
"""How much longer than a request's timeout its answer may be on the way (inferred: with the longest timeout it is told
before the 15 seconds after which sample applications give up)."""


class HttpChannel(SingleExchange):
    """A channel for one HTTP request."""

    TYPE: ClassVar[str] = "HTTP"

    @property
    def response(self) -> HttpAnswer:
        """The answer. It can be read after the other side is gone, too; without one that refuses with CHANNELCLOSED
        (inferred: of what the list names first an application that asks again and again would never hear the end)."""
        if not isinstance(self.answer, HttpAnswer):
            self.check_connected()
            raise Refused("RESPONSENOTPRESENT")
        return self.answer

    @property
    def success(self) -> HttpAnswer:
        """The answer, if the request was carried out (inferred: the lists do not name the status of one that was
        not)."""
        response = self.response
        if response.result != "OK":
            raise Refused("REQUESTUNSUCCESSFUL")
        return response

    def failure(self, request: Request) -> Answer:
        """Nobody answered."""
        return HttpAnswer(request.exchange, "REQUESTFAILED")

    def fitted(self, request: Request, answer: Answer) -> Answer | None:
        """Keep nothing of a response that is too large, nor of one without a proper status."""
        if not isinstance(answer, HttpAnswer):
            return None
        if answer.result == "OK" and http_size(answer) > self.receive_size:
            return HttpAnswer(request.exchange, "RESPONSETOOLARGE")
        if answer.result == "OK" and answer.status not in range(1000):
            return HttpAnswer(request.exchange, "REQUESTFAILED")
        return answer if answer.result == "OK" else HttpAnswer(request.exchange, answer.result)


class Http:
    """The calls on channels for HTTP. Another kind of channel is an invalid handle."""

    def __init__(self, channels: Channels) -> None:
        self._host = channels.host
        self._handles = channels.handles
        self._request = channels.abi.structs["MvHttpRequest"]
        self._response = channels.abi.structs["MvHttpResponseData"]
        self._results = channels.abi.enums["MvHttpResult"].members
        channels.keep(HttpChannel)

    @answers("mvSendHttpRequest")
    def send(self, handle: int, request: GuestPointer) -> None:
        """Ask for a request to be carried out. Whatever is wrong with it, the channel cannot be used for another."""
        values = self._request.unpack(request.read())
        try:
            texts, headers = self._pointers(values)
        except Refused:
            if self._handles.holds(handle, HttpChannel):
                self._handles.find(handle, HttpChannel).try_now()
            raise
        channel = self._handles.find(handle, HttpChannel)
        first = channel.try_now()
        if _encoded_size([*texts.values(), *headers]) > channel.send_size:
            raise Refused("INVALIDBUFFERSIZE")
        if len(headers) > MOST_HEADERS:
            raise Refused("TOOMANYELEMENTS")
        channel.check_first(first=first)
        timeout = values["timeout_ms"]
        channel.ask(
            HttpRequest(
                channel.exchange,
                texts["method.data"].read(),
                texts["url.data"].read(),
                tuple(header.read() for header in headers),
                texts["body.data"].read(),
                timeout,
                channel.receive_size,
            ),
            min(timeout, LONGEST_HTTP_TIMEOUT_MS) * 1000 + MARGIN_US,
        )

    @answers("mvReadHttpResponseData")
    def read_data(self, handle: int, out: GuestPointer) -> None:
        """Tell what became of the request; only after a success is there more than that."""
        answer = self._handles.find(handle, HttpChannel).response
        values = {
            "result": self._results["MV_HTTPRESULT_" + answer.result],
            "status_code": answer.status,
            "num_headers": len(answer.headers),
            "body_length": len(answer.body),
        }
        out.write(self._response.pack(values))

    @answers("mvReadHttpResponseHeader")
    def read_header(self, handle: int, index: int, buffer: GuestPointer, _size: int) -> None:
        """Copy a header; what does not fit is cut off, and no length is told (cut: inferred)."""
        headers = self._handles.find(handle, HttpChannel).success.headers
        if index >= len(headers):
            raise Refused("INDEXINVALID")
        buffer.write(headers[index])

    @answers("mvReadHttpResponseBody")
    def read_body(self, handle: int, offset: int, buffer: GuestPointer, _size: int) -> None:
        """Copy from the body, as much as there is and fits. Its end may be asked for (inferred), nothing beyond."""
        body = self._handles.find(handle, HttpChannel).success.body
        if offset > len(body):
            raise Refused("OFFSETINVALID")
        buffer.write(body[offset : offset + buffer.length])

    def _pointers(self, values: Mapping[str, int]) -> tuple[dict[str, GuestPointer], list[GuestPointer]]:
        """Prove the pointers of a request, and return those to texts by field, and those to headers.

        Refuses with LATEFAULT. Of too many headers only as many are looked at as show that they are.
        """
        memory = self._host.memory
        empty = GuestPointer(memory, 0, 0)
        texts = {"method.data": empty, "url.data": empty, "body.data": empty}
        headers: list[GuestPointer] = []
        try:
            for name, pointer in field_pointers(memory, self._request, values):
                if name == "headers":
                    headers = _headers(pointer)
                else:
                    texts[name] = pointer
        except Refused:
            raise Refused("LATEFAULT") from None
        return texts, headers


def _headers(array: GuestPointer) -> list[GuestPointer]:
    """Prove the pointers in an array of headers."""
    memory = array.memory
    looked_at = array._replace(length=min(array.length, (MOST_HEADERS + 1) * HEADER.size))
    headers = []
    for length, address in HEADER.iter_unpack(looked_at.read()):
        if not memory.allows(address, length, write=False):
            raise Refused("LATEFAULT")
        headers.append(GuestPointer(memory, address, length))
    return headers


def _encoded_size(texts: list[GuestPointer]) -> int:
    """Return how many bytes of the send buffer a request takes (inferred): each text, its length, and the timeout."""
    return sum(text.length + LINE_OVERHEAD for text in texts) + LINE_OVERHEAD
