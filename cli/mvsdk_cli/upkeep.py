"""A device that keeps its application, for commands: its update agent, and its cloud where it has one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mvsdk.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

    from mvsdk.boards import Board
    from mvsdk.emulator.cloud_link import CloudLink
    from mvsdk.emulator.device import Device, End
    from mvsdk.emulator.device_directory import DeviceDirectory
    from mvsdk.emulator.events import Observer
    from mvsdk.emulator.target import Target
    from mvsdk.emulator.updating import Updater
    from mvsdk.emulator.updating.updater import RestartPolicyOf
    from mvsdk.keys import PublicKey


class Upkeep:
    """Looks after the device in `directory`: what runs on it is what its update agent lets run. Without a `link` to its
    cloud the agent finishes what was begun, and nothing new comes."""

    def __init__(
        self, directory: DeviceDirectory, board: Board, link: CloudLink | None, notice: Callable[[str], None]
    ) -> None:
        self._directory, self._board, self._notice = directory, board, notice
        self.link = link
        self._updater: Updater | None = None
        self.wake_reason = "COLDBOOT"
        """What the application finds first."""
        self.testing = False
        """Whether it is the factory's test code."""

    def put_factory_image(self, image: Path, trusted: Iterable[PublicKey], *, again: bool) -> None:
        """Give the device what the factory gives it; `again` also when it holds something. Raises `FactoryError`."""
        from mvsdk.emulator.updating.bring_up import factory_keys, put_factory_image

        put_factory_image(self._directory, self._board, factory_keys(trusted), image, again=again)

    def bring_up(
        self,
        given: Path | None,
        loaded: Target | None,
        trusted: Iterable[PublicKey],
        restart_policy: RestartPolicyOf,
        *,
        again: bool,
    ) -> Target:
        """Return what is to run: what was `loaded` from the file `given`, or what the device has made of it since; what
        the device holds where nothing is given.

        A file that is no signed bundle runs as it is, and is not updated.
        """
        from mvsdk.emulator.target import Target
        from mvsdk.emulator.updating import Memories, NoServer, Updater
        from mvsdk.emulator.updating.bring_up import bring_up, factory_keys
        from mvsdk.emulator.updating.updater import UPDATED

        bundle = None if given is None else _signed_bundle(given)
        if loaded is not None and bundle is None:
            self._notice("what is no signed bundle cannot be updated over the air")
            return loaded
        directory, link = self._directory, self.link
        memories = Memories(self._board, directory.application_flash, directory.kernel_flash)
        keys = factory_keys(trusted)
        if link is None:
            self._updater = Updater(memories, keys, NoServer(), restart_policy)
        else:
            self._updater = Updater(memories, keys, link.server, restart_policy, link.report)
        application = bring_up(self._updater, directory, bundle, again=again)
        if link is not None:
            link.keep_up_to_date(self._updater)
        if application.newly_installed:
            self.wake_reason = UPDATED
        self.testing = application.testing
        name, running = directory.path.name, application.manifest_hash.hex()[:12]
        if loaded is None:
            self._notice(f"{name} runs what it holds, {running}{', as test code' if self.testing else ''}")
        elif loaded.image.sha256 != application.image.sha256:
            self._notice(f"{name} runs what it was updated to, {running}; --reflash puts the given bundle there again")
        return Target(application.image, application.options)

    def observers(self) -> list[Observer]:
        """Return what has to hear of the device's events."""
        return [each.observe for each in (self.link, self._updater) if each is not None]

    def attach(self, device: Device) -> Callable[[], None]:
        """Look after the device that was made; return what is to be called between two runs of it."""
        from mvsdk.link import UpdatePolicy

        link, updater = self.link, self._updater
        if updater is not None:
            updater.attach(device)
        if link is not None:
            link.start()
        elif updater is not None:
            updater.follow(UpdatePolicy(trial_needs_session=False))

        def turn() -> None:
            if link is not None:
                link.deliver(device)
            if updater is not None:
                updater.turn()

        return turn

    def ended(self, end: End) -> None:
        """Let a fault that has ended the run be the end of a trial too."""
        from mvsdk.emulator.device import End

        if end is End.FAULT and self._updater is not None:
            self._updater.turn()


def _signed_bundle(path: Path) -> bytes | None:
    """Return a bundle; None for what is none or is not signed."""
    from mvsdk.bundle import UnverifiedBundle, load

    try:
        data = load(path)
        signed = UnverifiedBundle.parse(data).envelope.signed
    except BundleError:
        return None
    return data if signed else None
