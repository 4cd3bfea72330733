"""What a device has to say and the cloud has not acknowledged: numbered, and bounded."""

from __future__ import annotations

import threading
from collections import deque

from mvsdk.link.fitting import fitted
from mvsdk.link.messages import RECORDS_BYTES, RECORDS_MOST, GapRecord, Record, Records, encode


class Outbox:
    """Records in order, numbered from 1. Any thread may add; when it is full, the oldest make room for a `GapRecord`.

    A number once sent keeps its record, so that sending again says the same.
    """

    def __init__(self, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._records: deque[Record] = deque()
        self._first = 1
        self._sent = 0
        self._lock = threading.Lock()

    def add(self, record: Record) -> None:
        """Append a record; one that no message could carry is cut, and says so."""
        record = fitted(record)
        with self._lock:
            if len(self._records) >= self._capacity:
                self._make_room()
            self._records.append(record)

    def acknowledge(self, up_to: int) -> None:
        """Forget what the cloud has stored."""
        with self._lock:
            while self._records and self._first <= up_to:
                self._records.popleft()
                self._first += 1

    def resume(self, acknowledged: int) -> None:
        """Begin a session: the cloud has stored so much, the rest is to be sent again."""
        self.acknowledge(acknowledged)
        with self._lock:
            self._sent = self._first - 1

    def next_message(self) -> Records | None:
        """Return what has not been sent in this session yet, or a part of it."""
        with self._lock:
            self._sent = max(self._sent, self._first - 1)
            start = self._sent + 1 - self._first
            records = self._some(start)
            if not records:
                return None
            first = self._sent + 1
            self._sent += len(records)
            return Records(first=first, records=records)

    def _some(self, start: int) -> list[Record]:
        """Return the records from an index on that fit into one message."""
        records: list[Record] = []
        size = 0
        for index in range(start, min(start + RECORDS_MOST, len(self._records))):
            size += len(encode(self._records[index]))
            if records and size > RECORDS_BYTES:
                break
            records.append(self._records[index])
        return records

    @property
    def empty(self) -> bool:
        """Whether everything is acknowledged."""
        with self._lock:
            return not self._records

    def _make_room(self) -> None:
        """Turn the two oldest records that were never sent into a gap; those that were sent stay as they are."""
        index = max(0, self._sent + 1 - self._first)
        if index + 1 >= len(self._records):
            return
        dropped = 0
        for _ in range(2):
            record = self._records[index]
            dropped += record.count if isinstance(record, GapRecord) else 1
            del self._records[index]
        self._records.insert(index, GapRecord(count=dropped))
