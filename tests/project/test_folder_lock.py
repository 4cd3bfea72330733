"""Who holds a folder, and how others find out."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from mvsdk.project import folder_lock
from tests.project.stamps import stamps


def test_the_second_waits_until_the_first_is_done(tmp_path: Path) -> None:
    """Who finds the folder held is told so once, and goes on only after its holder."""
    order: list[str] = []
    asked = threading.Event()

    def second() -> None:
        with folder_lock.held(tmp_path, asked.set):
            order.append("second")

    thread = threading.Thread(target=second)
    with folder_lock.held(tmp_path, lambda: order.append("waited")):
        thread.start()
        assert asked.wait(timeout=60)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_lock_leaves_no_trace(tmp_path: Path) -> None:
    """Holding a folder writes nothing, into it or beside it."""
    before = stamps(tmp_path)
    with folder_lock.held(tmp_path, lambda: None):
        assert stamps(tmp_path) == before
    assert stamps(tmp_path) == before


def test_a_held_folder_cannot_be_taken(tmp_path: Path) -> None:
    """Who will not wait is refused while somebody holds the folder, and served afterwards."""
    with folder_lock.held(tmp_path, lambda: None):
        assert not folder_lock.is_free(tmp_path)
        with pytest.raises(BlockingIOError):
            folder_lock.take(tmp_path)
    assert folder_lock.is_free(tmp_path)
    os.close(folder_lock.take(tmp_path))
