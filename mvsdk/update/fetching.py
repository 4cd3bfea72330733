"""Bringing the layers of a bundle into its slot: copied where the device has them, patched where it can, else fetched.

Each layer has whole pages of flash to itself. A page is erased, written and read back, and then noted in the state:
what is not noted is not there. A layer counts when it has been read back whole and has the hash that is signed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from mvsdk.bundle.manifest import Layer
from mvsdk.errors import UpdateError
from mvsdk.update.admission import no_space
from mvsdk.update.download import Download, Pace, Policy
from mvsdk.update.errors import MissingError, PatchError, VerificationError, WrongAnswerError
from mvsdk.update.hardware import Hardware, read_or_none, write_page
from mvsdk.update.patching import PatchDecoder
from mvsdk.update.reports import Event
from mvsdk.update.server import Part, Server
from mvsdk.update.slots import Bundle, StoredLayer, check_layer, next_layer_address
from mvsdk.update.state import Content, Method, State


class Abandoned(UpdateError):  # noqa: N818 - a decision, which the agent carries out
    """This bundle is not fetched any further.

    `for_good` is the SHA-256 of its manifest when it shall not be taken up again; `rest` how many seconds to leave the
    server alone.
    """

    def __init__(self, what: str, for_good: bytes = b"", rest: float = 0.0) -> None:
        super().__init__(what)
        self.for_good = for_good
        self.rest = rest


class Fetcher:
    """Fetches one bundle. `bundle` is what the slot says of it, `base` what is installed."""

    def __init__(
        self,
        hardware: Hardware,
        server: Server,
        pace: Pace,
        policy: Policy,
        bundle: Bundle,
        base: Bundle | None,
        report: Callable[[Event, str], None],
    ) -> None:
        self._hardware, self._server, self._pace, self._policy = hardware, server, pace, policy
        self.bundle, self._base = bundle, base
        self._report = report
        self._download: Download | None = None
        self._decoder: PatchDecoder | None = None
        self._ready: bytes | None = None
        self._wrong = 0

    def memory(self) -> tuple[object, ...]:
        """Return what its next step depends on, apart from flash, journal and server."""
        return (self._ready is not None, self._wrong)

    @staticmethod
    def put(hardware: Hardware, policy: Policy, address: int, data: bytes) -> None:
        """Write data over whole pages of external flash. Raises Abandoned when they do not take it."""
        flash = hardware.external
        size = flash.erase_size
        for start in range(0, len(data), size):
            for _ in range(policy.page_attempts):
                flash.erase(address + start)
                if write_page(flash, address + start, data[start : start + size]):
                    break
            else:
                raise Abandoned(f"external flash at {address + start:#x} does not keep what is written to it")

    def complete(self, state: State) -> bool:
        """Tell whether every layer is there."""
        return len(self._sizes(state)) == len(self.bundle.manifest.body.layers)

    def step(self, state: State) -> State | None:
        """Do a little, and return the state that is now to be written, None for none.

        Raises what the server raises, and Abandoned.
        """
        if self.complete(state):
            return None
        layer = self.bundle.manifest.body.layers[len(self._sizes(state))]
        ways = {
            Method.FULL: self._fetch_layer,
            Method.COPY: self._copy,
            Method.PATCH: self._fetch_patch,
            Method.APPLY: self._apply,
        }
        try:
            return ways.get(state.method, self._choose)(state, layer)
        except WrongAnswerError as error:
            return self._wrong_layer(state, error.what)

    def _choose(self, state: State, layer: Layer) -> State | None:
        """Find the cheapest way that has not failed yet."""
        own = self._same_layer(layer)
        if own is not None and Method.COPY not in state.failed:
            return self._start(state, layer, Method.COPY, own.size)
        base = self._base_layer(layer)
        if base is not None and Method.PATCH not in state.failed:
            return self._choose_patch(state, layer, base)
        download = Download(partial(self._server.layer, layer.name), self._pace)
        download.start(layer.size)
        return self._start_download(state, layer, Method.FULL, download)

    def _choose_patch(self, state: State, layer: Layer, base: StoredLayer) -> State | None:
        download = Download(self._patch_source(layer, base), self._pace)
        try:
            # A patch as large as what it replaces is none.
            there = download.start(min(layer.size, base.size))
        except (WrongAnswerError, MissingError):
            there = False
        return self._start_download(state, layer, Method.PATCH, download) if there else self._without_patch(state)

    def _start_download(self, state: State, layer: Layer, method: Method, download: Download) -> State | None:
        if not download.total:
            return None  # the budget does not even allow to ask
        self._download = download
        return self._start(state, layer, method, download.total)

    def _start(self, state: State, layer: Layer, method: Method, size: int) -> State:
        layout = self._hardware.layout
        if self._address(state) + layout.rounded(size) > layout.end(self.bundle.slot):
            used = self._address(state) - layout.layers(self.bundle.slot)
            raise Abandoned(no_space(used + layout.rounded(size), layout).what, self.bundle.manifest.hash)
        how = {Method.COPY: "copied from the installed bundle", Method.PATCH: "as a patch", Method.FULL: "whole"}
        self._report(Event.FETCHING, f"{layer.name} {how[method]}, {size} bytes")
        return replace(state, method=method, size=size, offset=0)

    def _fetch(self, state: State, layer: Layer, ask: Callable[[int, int], Part | None], address: int) -> State | None:
        """Bring the next page of what is being downloaded to `address`."""
        if self._ready is None:
            if self._download is None:
                self._download = Download(ask, self._pace, state.offset, state.size)
            data = self._download.take(self._next_size(state))
            if data is not None:
                self._make_room(state, address, data)
            return None
        return self._page_done(state, layer, address)

    def _fetch_layer(self, state: State, layer: Layer) -> State | None:
        return self._fetch(state, layer, partial(self._server.layer, layer.name), self._address(state))

    def _fetch_patch(self, state: State, layer: Layer) -> State | None:
        base = self._base_layer(layer)
        if base is None:
            return self._without_patch(state)
        try:
            return self._fetch(state, layer, self._patch_source(layer, base), self._patch_address(state.size))
        except WrongAnswerError:
            return self._without_patch(state)

    def _copy(self, state: State, layer: Layer) -> State | None:
        if self._ready is not None:
            return self._page_done(state, layer, self._address(state))
        own = self._same_layer(layer)
        if own is None:
            return replace(state, method=Method.UNDECIDED, failed=state.failed | Method.COPY, offset=0)
        data = self._hardware.external.read(own.address + state.offset, self._next_size(state))
        self._make_room(state, self._address(state), data)
        return None

    def _apply(self, state: State, layer: Layer) -> State | None:
        if self._ready is not None:
            return self._page_done(state, layer, self._address(state))
        base = self._base_layer(layer)
        if base is None:
            return self._without_patch(state)
        try:
            if self._decoder is None:
                self._decoder = self._new_decoder(state, layer, base)
            if self._address(state) + self._decoder.size > self._patch_address(state.patch_size):
                raise PatchError("the patch and what it makes do not fit the slot together")
            if not state.size:
                return replace(state, size=self._decoder.size)
            data = self._decoder.take(self._next_size(state))
        except PatchError:
            return self._without_patch(state)
        self._make_room(state, self._address(state), data)
        return None

    def _make_room(self, state: State, address: int, data: bytes) -> None:
        """Make room for a page; it is written with the next step."""
        self._hardware.external.erase(address + state.offset)
        self._ready = data

    def _page_done(self, state: State, layer: Layer, address: int) -> State:
        """Write a page, and with the last one prove the layer."""
        data, self._ready = self._ready or b"", None
        if not write_page(self._hardware.external, address + state.offset, data):
            self.put(self._hardware, self._policy, address + state.offset, data)
        state = replace(state, offset=state.offset + len(data))
        if state.offset < state.size:
            return state
        self._download = self._decoder = None
        if state.method is Method.PATCH:
            return replace(state, method=Method.APPLY, patch_size=state.size, size=0, offset=0)
        try:
            check_layer(layer, read_or_none(self._hardware.external, address, state.size), "the slot")
        except VerificationError as error:
            return self._layer_wrong(state, error)
        content = state.slots[self.bundle.slot]
        if content is None:
            raise VerificationError("the slot is empty")
        done = replace(content, layer_sizes=(*content.layer_sizes, state.size))
        slots = (done, state.slots[1]) if self.bundle.slot == 0 else (state.slots[0], done)
        return replace(_decided_anew(state), slots=slots, failed=Method.UNDECIDED)

    def _layer_wrong(self, state: State, error: VerificationError) -> State:
        if state.method is Method.APPLY:
            return self._without_patch(state)
        if state.method is Method.COPY:
            return replace(_decided_anew(state), failed=state.failed | Method.COPY)
        return self._wrong_layer(state, error.what)

    def _wrong_layer(self, state: State, what: str) -> State:
        """Begin the layer again after a while, and after some times leave it."""
        self._download = None
        self._wrong += 1
        if self._wrong >= self._policy.wrong_limit:
            raise Abandoned(f"{what}; it went wrong {self._wrong} times", rest=self._policy.longest_retry)
        self._report(Event.SERVER_TROUBLE, what)
        self._pace.fail(WrongAnswerError(what))
        return _decided_anew(state)

    def _without_patch(self, state: State) -> State:
        self._download = self._decoder = None
        return replace(_decided_anew(state), failed=state.failed | Method.PATCH)

    def _new_decoder(self, state: State, layer: Layer, base: StoredLayer) -> PatchDecoder:
        flash, patch = self._hardware.external, self._patch_address(state.patch_size)
        decoder = PatchDecoder(
            lambda start, length: flash.read(patch + start, length),
            state.patch_size,
            lambda start, length: flash.read(base.address + start, length),
            base.size,
            layer.size,
        )
        position = 0
        while position < state.offset:
            position += len(decoder.take(min(flash.erase_size, state.offset - position)))
        return decoder

    def _patch_source(self, layer: Layer, base: StoredLayer) -> Callable[[int, int], Part | None]:
        return partial(self._server.patch, layer.name, base.layer.name)

    def _patch_address(self, size: int) -> int:
        """Patches lie at the end of the slot."""
        layout = self._hardware.layout
        return layout.end(self.bundle.slot) - layout.rounded(size)

    def _same_layer(self, layer: Layer) -> StoredLayer | None:
        stored = self._base.layers if self._base else ()
        return next(
            (each for each in stored if each.layer.fetch_hash == layer.fetch_hash and each.size <= layer.size), None
        )

    def _base_layer(self, layer: Layer) -> StoredLayer | None:
        """Return the installed layer that lies where this one will, the best base for a patch."""
        stored = self._base.layers if self._base else ()
        return next((each for each in stored if each.layer.start == layer.start), None)

    def _next_size(self, state: State) -> int:
        return min(self._hardware.external.erase_size, state.size - state.offset)

    def _address(self, state: State) -> int:
        return next_layer_address(self._hardware, self.bundle.slot, self._sizes(state))

    def _sizes(self, state: State) -> tuple[int, ...]:
        content: Content | None = state.slots[self.bundle.slot]
        return content.layer_sizes if content else ()


def _decided_anew(state: State) -> State:
    return replace(state, method=Method.UNDECIDED, size=0, offset=0, patch_size=0)
