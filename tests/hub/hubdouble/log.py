"""What was asked and what was sent: a line of JSON for each request that is over, and sums at any time."""

from __future__ import annotations

import json
import pathlib
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from .messages import Request

SETTLE_SECONDS = 0.1  # a client has its last byte a moment before the double has written it down


@dataclass
class Record:
    """One request on its way; `sent` grows while the body goes out, and belongs to the thread that answers."""

    number: int
    request: Request
    range: str | None
    started: float = field(default_factory=time.time)
    status: int = 0
    length: int = 0  # the body's, as announced
    sent: int = 0  # bytes of the body that the kernel took: what a killed client read may be less
    complete: bool = False
    faults: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {"n": self.number, "time": round(self.started, 6), "origin": self.request.origin,
                "method": self.request.method, "path": self.request.path,
                "query": self.request.target.partition("?")[2], "range": self.range,
                "if_range": self.request.headers.get("if-range"),
                "authorization": "authorization" in self.request.headers,
                "user_agent": self.request.headers.get("user-agent", ""),
                "status": self.status, "length": self.length, "sent": self.sent, "complete": self.complete,
                "seconds": round(time.time() - self.started, 6), "faults": self.faults}


class Log:
    def __init__(self, path: pathlib.Path | None) -> None:
        self._file = path.open("a", encoding="utf-8") if path else None
        self._lock = threading.Condition()  # guards all below and the file; told when a request is over
        self._next = 1
        self._active: dict[int, Record] = {}
        self._finished: list[dict[str, Any]] = []

    def begin(self, request: Request) -> Record:
        with self._lock:
            record = Record(self._next, request, request.headers.get("range"))
            self._active[record.number] = record
            self._next += 1
        return record

    def end(self, record: Record) -> None:
        with self._lock:
            line = record.as_json()
            self._active.pop(record.number, None)
            self._finished.append(line)
            self._lock.notify_all()
            if self._file:
                self._file.write(json.dumps(line) + "\n")
                self._file.flush()

    def lines(self) -> list[dict[str, Any]]:
        with self._lock:
            self._lock.wait_for(lambda: not self._active, SETTLE_SECONDS)
            return sorted(self._finished, key=lambda line: line["n"])

    def clear(self) -> None:
        """Forgets the requests that are over; the file keeps them."""
        with self._lock:
            self._finished.clear()

    def state(self) -> dict[str, Any]:
        with self._lock:
            self._lock.wait_for(lambda: not self._active, SETTLE_SECONDS)
            active = [record.as_json() for record in self._active.values()]
            every = self._finished + active
        return {"requests": len(every), "active": active,
                "sent": {origin: sum(line["sent"] for line in every if line["origin"] == origin)
                         for origin in ("hub", "cdn")},
                "authorization_at_cdn": sum(line["authorization"] for line in every if line["origin"] == "cdn")}
