"""Where a server may listen, and who is there already."""

from __future__ import annotations

import errno
import ipaddress
import socket
from contextlib import suppress
from pathlib import Path

from mvsdk.cloud.errors import AddressError


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one. Raises AddressError, which names who has the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small packets at once only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            raise AddressError(f"cannot listen on {host}: {error.strerror or error}", "check --host") from error
        owner = _owner(port)
        who = f" by {owner}" if owner else ""
        raise AddressError(
            f"port {port} is in use{who}", "choose another with --port, or stop what listens there"
        ) from error
    return listener


def _owner(port: int) -> str | None:
    """Return name and number of the process that listens on a port, as far as Linux tells this user."""
    inodes = {
        fields[9]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for fields in (line.split() for line in Path(table).read_text(encoding="ascii").splitlines()[1:])
        if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port
    }
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(str(link.readlink()) in {f"socket:[{inode}]" for inode in inodes} for link in process.glob("fd/*")):
                return f"{(process / 'comm').read_text(encoding='utf-8').strip()} (process {process.name})"
    return None
