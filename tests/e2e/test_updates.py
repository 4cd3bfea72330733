"""Updates over the air, from the command line to the emulated device and back."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import Shell

CRASH = "    if (tick > 5) { *(volatile uint32_t *)0x60000000u = 1; }\n"


class Product:
    """A project whose versions are built one after the other, its cloud, and its device "kitchen"."""

    def __init__(self, shell: Shell, folder: Path) -> None:
        self.shell = shell
        self._source = folder / "blinky/src/main.c"
        self._text = self._source.read_text(encoding="utf-8")
        self._folder = folder

    def version(self, number: int, *, crashes: bool = False, counter: int = 0, key: str | None = "first") -> Path:
        """Build a version, and return its bundle; without a key it is not signed."""
        text = self._text.replace("blinky: started", f"version {number} started")
        text = text.replace(
            "static void on_tick(uint32_t tick)\n{\n", "static void on_tick(uint32_t tick)\n{\n" + CRASH * crashes
        )
        self._source.write_text(text, encoding="utf-8")
        bundle = self._folder / f"v{number}-{counter}-{key}.zip"
        signing = ["--key", key] if key else ["--unsigned"]
        project = self.shell.inside(self._folder / "blinky")
        project.succeed("mvsdk", "build")
        project.succeed(
            "mvsdk", "bundle", *signing, "--rollback-counter", str(counter), "--output", bundle, "build/blinky.elf"
        )
        return bundle

    @contextmanager
    def device(self, *target: str | Path) -> Iterator[Path]:
        """Run the device for as long as the context lasts; what it tells is in a file."""
        events = self._folder / "events.jsonl"
        command = ["mvsdk", "emulate", "--device", "kitchen", "--cloud", "--for", "1h", "--json", *map(str, target)]
        path = f"{self.shell.bin}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, **self.shell.environment, "PATH": path, "MVSDK_HOME": str(self.shell.home)}
        with (
            events.open("wb") as output,
            subprocess.Popen(command, cwd=self._folder, env=environment, stdout=output) as running,
        ):
            try:
                yield events
            finally:
                running.terminate()


@pytest.fixture
def product(shell: Shell, tmp_path: Path) -> Iterator[Product]:
    """A product whose devices decide after a second whether they keep an update."""
    places = {"MVSDK_CLOUD_DATA": str(tmp_path / "cloud"), "MVSDK_DEVICES": str(tmp_path / "devices")}
    shell = Shell(shell.directory, shell.home, shell.bin, places)
    shell.succeed("mvsdk", "new", "blinky")
    for key in ("first", "second"):
        shell.succeed("mvsdk", "keys", "new", key)
    shell.succeed("mvsdk", "cloud", "start", "--detach", "--port", "0")
    shell.succeed("mvsdk", "device", "create", "kitchen")
    shell.succeed("mvsdk", "cloud", "update-policy", "--trial-seconds", "1")
    shell.succeed("mvsdk", "device", "update", "kitchen", "--logging")
    yield Product(shell, shell.directory)
    shell.succeed("mvsdk", "cloud", "stop")


def test_a_product_is_updated_over_the_air(product: Product) -> None:
    """A running device takes version 2, goes back from a version 3 that crashes, refuses a downgrade, learns new keys,
    and keeps what it has when it is started again; its log goes on all the while."""
    shell = product.shell
    first, second = product.version(1, counter=1), product.version(2, counter=2)
    with product.device(first) as events:
        shell.succeed("mvsdk", "logs", "kitchen", "--follow", "--until", "version 1 started")
        assert "kitchen runs it" in shell.succeed("mvsdk", "deploy", second, "kitchen")
        shell.succeed("mvsdk", "logs", "kitchen", "--follow", "--until", "version 2 started")

        third = shell("mvsdk", "deploy", product.version(3, crashes=True, counter=3), "kitchen")
        assert (third.returncode, "kitchen went back" in third.stderr) == (1, True), third.stderr
        assert "it crashed" in third.stderr

        downgrade = shell("mvsdk", "deploy", first, "kitchen")
        assert (downgrade.returncode, "has rollback counter 2" in downgrade.stderr) == (1, True), downgrade.stderr
        [app] = re.findall(r"refuses (KA[0-9a-f]{32})", downgrade.stderr)
        shell.succeed("mvsdk", "device", "update", "kitchen", "--app", app)  # asked as the original API does
        while not json.loads(shell.succeed("mvsdk", "device", "show", "kitchen", "--json"))["app"]["update_error_code"]:
            pass
        assert "rollback: its rollback counter is 1" in events.read_text(encoding="utf-8")

        shell.succeed("mvsdk", "keys", "change", "--add", "second", "--key", "first", "--send")
        fourth = product.version(4, counter=3, key="second")
        assert "kitchen runs it" in shell.succeed("mvsdk", "deploy", fourth, "kitchen")
        sixth = product.version(6, counter=3, key=None)
        assert "kitchen runs it" in shell.succeed("mvsdk", "deploy", sixth, "kitchen")  # signed by the cloud
        assert "kitchen runs it" in shell.succeed("mvsdk", "deploy", fourth, "kitchen")
        shell.succeed("mvsdk", "keys", "change", "--revoke", "first", "--key", "second", "--send")
        fifth = shell("mvsdk", "deploy", product.version(5, counter=3), "kitchen")
        assert (fifth.returncode, "does not trust" in fifth.stderr) == (1, True), fifth.stderr
        told = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    starts = [event["text"] for event in told if event["event"] == "log" and "started" in event["text"]]
    assert [text.partition(" started")[0] for text in starts if "version" in text] == [
        f"version {number}" for number in (1, 2, 3, 2, 4, 6, 4)
    ]
    logged = [event["time_us"] for event in told if event["event"] == "log"]
    assert max(later - earlier for earlier, later in itertools.pairwise(logged)) < 5_000_000

    with product.device() as events:  # without a bundle: what it has
        shell.succeed("mvsdk", "logs", "kitchen", "--follow", "--since", "1s", "--until", "version 4 started")
    with product.device(first) as events:  # started as at first, it is not set back
        shell.succeed("mvsdk", "logs", "kitchen", "--follow", "--since", "1s", "--until", "version 4 started")
