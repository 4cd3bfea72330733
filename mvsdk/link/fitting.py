"""Records as a message can carry them: a text that is too long is cut, and says so itself.

Both sides do this. The device does, so that nothing it says is refused; the cloud does, because a device that does not
would be refused again and again with the same record.
"""

from __future__ import annotations

from mvsdk.link.messages import (
    NAME_LENGTH,
    REPORT_LENGTH,
    TEXT_LENGTH,
    TIME_MOST,
    CrashRecord,
    LogRecord,
    Record,
    StartRecord,
)


def fitted(record: Record) -> Record:
    """Return a record that may be sent and kept: an equal one, if nothing about it has to be changed."""
    made: Record = record
    match record:
        case LogRecord():
            made = LogRecord(time_us=_moment(record.time_us), text=cut(record.text, TEXT_LENGTH))
        case StartRecord():
            made = StartRecord(time_us=_moment(record.time_us), wake_reason=cut(record.wake_reason, NAME_LENGTH))
        case CrashRecord():
            made = CrashRecord(time_us=_moment(record.time_us), report=cut(record.report, REPORT_LENGTH))
    return made


def cut(text: str, most: int) -> str:
    """Return a text of at most `most` bytes of UTF-8, without zero characters and halves of characters.

    What was cut off is told at its end.
    """
    data = text.encode("utf-8", "backslashreplace").replace(b"\0", b"\\x00")
    if len(data) <= most:
        return data.decode()
    note = f"… (cut: {len(data)} bytes)"
    return data[: most - len(note.encode())].decode(errors="ignore") + note


def _moment(time_us: int) -> int:
    return min(max(time_us, 0), TIME_MOST)
