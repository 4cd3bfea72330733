"""A mosquitto from Debian's package, on loopback ports of its own, with TLS and passwords."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.emulator.network.authority import Authority

PROGRAM = Path("/usr/sbin/mosquitto")
USER, PASSWORD = b"device", b"open sesame"
PATIENCE_S = 30
"""How long anything may take before a test gives up."""
LISTENERS = {"port": "127.0.0.1", "mutual": "127.0.0.1", "expired": "127.0.0.1", "elsewhere": "example.com"}
"""The listeners, and whom their certificates are for."""


@dataclass
class Mosquitto:
    """A broker. `ports` are its listeners': the usual one with passwords; one that wants client certificates; one whose
    certificate has expired; one whose certificate is for another host."""

    folder: Path
    authority: Authority
    ports: dict[str, int] = field(default_factory=dict)
    _process: subprocess.Popen[str] | None = None
    _reader: threading.Thread | None = None
    _log: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Where clients with a password connect."""
        return self.ports["port"]

    def configure(self) -> None:
        """Write what the broker reads."""
        passwords = self.folder / "passwords"
        command = ["mosquitto_passwd", "-b", "-c", str(passwords), USER.decode(), PASSWORD.decode()]
        subprocess.run(command, check=True, capture_output=True)
        self.ports = dict(zip(LISTENERS, _free_ports(len(LISTENERS)), strict=True))
        lines = ["per_listener_settings true", "log_dest stderr", "persistence false"]
        if os.getuid() == 0:
            lines.append("user root")
        for name, host in LISTENERS.items():
            certificate, key = self.authority.issue(host, expired=name == "expired").write(self.folder, name)
            lines += [
                f"listener {self.ports[name]} 127.0.0.1",
                f"cafile {self.authority.file}",
                f"certfile {certificate}",
                f"keyfile {key}",
            ]
            if name == "mutual":
                lines += ["require_certificate true", "use_identity_as_username true"]
            else:
                lines += ["allow_anonymous false", f"password_file {passwords}"]
        (self.folder / "mosquitto.conf").write_text("\n".join(lines) + "\n", encoding="ascii")

    def start(self) -> None:
        """Run it until it is ready."""
        command = [str(PROGRAM), "-c", str(self.folder / "mosquitto.conf")]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        ready = threading.Event()
        self._log.clear()
        self._reader = threading.Thread(target=self._read_log, args=(self._process, ready))
        self._reader.start()
        assert ready.wait(PATIENCE_S), self._log
        assert any("running" in line for line in self._log), self._log

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, in good order or not."""
        if self._process is None or self._reader is None:
            return
        self._process.send_signal(how)
        self._process.wait(PATIENCE_S)
        self._reader.join()
        assert self._process.stderr is not None
        self._process.stderr.close()
        self._process = self._reader = None

    def _read_log(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self._log.append(line)
            if " running" in line:
                ready.set()
        ready.set()


@contextmanager
def mosquitto(folder: Path) -> Iterator[Mosquitto]:
    """Run a broker for as long as the context lasts. Without the program, skip, except in CI."""
    if not PROGRAM.exists() and os.environ.get("CI") != "true":
        pytest.skip("needs a broker: install the package mosquitto")
    assert PROGRAM.exists(), "the broker is missing: install the package mosquitto"
    broker = Mosquitto(folder, Authority(folder))
    broker.configure()
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports
