"""What the processor does of itself, as events: handlers entered and left, sleep begun and ended."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from mvsdk.boards import Board
from mvsdk.emulator.core.observation import Activity, Deed
from mvsdk.emulator.events import Event, HandlerEntered, HandlerLeft, SleepBegan, SleepEnded

_FIRST_INTERRUPT = 16


@cache
def _exceptions() -> dict[int, str]:
    with files("mvsdk.emulator.core").joinpath("exceptions.csv").open(encoding="utf-8") as table:
        return {int(row["number"]): row["name"] for row in csv.DictReader(table)}


def event_of(activity: Activity, board: Board) -> Event:
    """Return the event that tells of a deed of the core of `board`."""
    time_us = activity.cycle * 1_000_000 // board.clocks.sysclk
    number = activity.exception
    match activity.deed:
        case Deed.ENTERED:
            return HandlerEntered(time_us, number, _name(number, board))
        case Deed.LEFT:
            return HandlerLeft(time_us, number, _name(number, board))
        case Deed.SLEPT:
            return SleepBegan(time_us)
        case Deed.WOKE:
            return SleepEnded(time_us)


def _name(exception: int, board: Board) -> str:
    if exception < _FIRST_INTERRUPT:
        return _exceptions().get(exception, f"exception {exception}")
    return board.interrupts.get(exception - _FIRST_INTERRUPT, f"interrupt {exception - _FIRST_INTERRUPT}")
