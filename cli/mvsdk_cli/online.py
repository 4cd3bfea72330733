"""A device in touch with its cloud, for commands: its session, and the agent that keeps it up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mvsdk.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

    from mvsdk.boards import Board
    from mvsdk.bundle import ManifestOptions
    from mvsdk.emulator.crashes import RestartPolicy
    from mvsdk.emulator.device import Device
    from mvsdk.emulator.device_directory import DeviceDirectory
    from mvsdk.emulator.events import Observer
    from mvsdk.emulator.target import Target
    from mvsdk.emulator.updating import Updater
    from mvsdk.keys import PublicKey


class Online:
    """The device in `directory` and its cloud. `given` is the file that it is to run, None for what it has.

    A file that is no signed bundle runs as it is, and is not updated.
    """

    def __init__(
        self,
        directory: DeviceDirectory,
        board: Board,
        given: Path | None,
        wall_start_us: int,
        notice: Callable[[str], None],
    ) -> None:
        from mvsdk.emulator.cloud_link import CloudLink

        self._directory, self._board, self._notice = directory, board, notice
        self._bundle = None if given is None else _signed_bundle(given)
        self._updatable = given is None or self._bundle is not None
        app_hash = None if self._bundle is None else self._bundle[1]
        self.link = CloudLink(directory.path, app_hash, wall_start_us, notice, {"board": board.name})
        self._updater: Updater | None = None
        self.wake_reason = "COLDBOOT"
        """What the application finds first."""

    def bring_up(
        self,
        loaded: Target | None,
        trusted: Iterable[PublicKey],
        restart_policy: Callable[[ManifestOptions], RestartPolicy | None],
        *,
        again: bool,
    ) -> Target:
        """Return what is to run: `loaded`, which was read from the file, or what the device has made of it since."""
        from mvsdk.emulator.target import Target
        from mvsdk.emulator.updating import Memories, Updater
        from mvsdk.emulator.updating.bring_up import bring_up, factory_keys
        from mvsdk.emulator.updating.updater import UPDATED

        if not self._updatable:
            self._notice("what is no signed bundle cannot be updated over the air")
            assert loaded is not None  # noqa: S101 - the file was read
            return loaded
        directory = self._directory
        memories = Memories(self._board, directory.application_flash, directory.kernel_flash)
        updater = Updater(memories, factory_keys(trusted), self.link.server, restart_policy, self.link.report)
        application = bring_up(updater, directory, self._bundle and self._bundle[0], again=again)
        self.link.keep_up_to_date(updater)
        self._updater = updater
        if application.newly_installed:
            self.wake_reason = UPDATED
        if loaded is None or loaded.image.sha256 != application.image.sha256:
            name, running = directory.path.name, application.manifest_hash.hex()[:12]
            self._notice(f"{name} runs what it was updated to, {running}; --reflash puts the given bundle there again")
        return Target(application.image, application.options)

    def observers(self) -> list[Observer]:
        """Return what has to hear of the device's events."""
        return [self.link.observe, *([self._updater.observe] if self._updater else [])]

    def attach(self, device: Device) -> Callable[[], None]:
        """Go online with the device that was made; return what is to be called between two runs of it."""
        if self._updater is not None:
            self._updater.attach(device)
        self.link.start()

        def turn() -> None:
            self.link.deliver(device)
            if self._updater is not None:
                self._updater.turn()

        return turn


def _signed_bundle(path: Path) -> tuple[bytes, str] | None:
    """Return a bundle and the hash that the cloud calls it by; None for what is none or is not signed."""
    import hashlib

    from mvsdk.bundle import UnverifiedBundle, load

    try:
        data = load(path)
        envelope = UnverifiedBundle.parse(data).envelope
    except BundleError:
        return None
    return (data, f"sha256:{hashlib.sha256(envelope.raw).hexdigest()}") if envelope.signed else None
