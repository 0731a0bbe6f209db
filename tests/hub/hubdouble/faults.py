"""Faults on command. A fault says which requests it meets (origin, method, pattern, how often) and what happens to
them; `FAULT_KINDS` is the list. Some work on the request, before it is answered, the others on the answer."""

from __future__ import annotations

import gzip
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .messages import Request, Response, body_length, cut_body, json_response, read_body
from .repositories import DescriptionError, Store

HUGE_BLOCK = 1 << 20
Handler = Callable[[dict[str, Any], Request, Response], Response]


@dataclass(frozen=True)
class Kind:
    """`parameters`: names and defaults (... where there is none); `change` works on the answer."""

    parameters: dict[str, Any]
    change: Handler | None = None
    prepare: Callable[[dict[str, Any], Request], None] | None = None


def change_status(p: dict[str, Any], _request: Request, _response: Response) -> Response:
    headers = {"X-Error-Message": p["message"], **({"X-Error-Code": p["code"]} if p["code"] else {}), **p["headers"]}
    return json_response({"error": p["message"]}, p["status"], headers)


def change_cut(p: dict[str, Any], _request: Request, response: Response) -> Response:
    response.cut_after, response.reset = p["after"], p["reset"]
    return response


def change_stall(p: dict[str, Any], _request: Request, response: Response) -> Response:
    response.stall_after, response.stall_seconds = p["after"], p["seconds"]
    return response


def change_delay(p: dict[str, Any], _request: Request, response: Response) -> Response:
    response.delay_seconds = p["seconds"]
    return response


def change_slow(p: dict[str, Any], _request: Request, response: Response) -> Response:
    response.rate = p["rate"]
    return response


def change_corrupt(p: dict[str, Any], _request: Request, response: Response) -> Response:
    """Flips the bits of the file's byte `at`; an answer that does not hold it stays as it is."""
    at = p["at"] - response.first
    length = body_length(response.body)
    if 0 <= at < length:
        wrong = bytes([read_body(cut_body(response.body, at, at + 1))[0] ^ 0xFF])
        response.body = [*cut_body(response.body, 0, at), wrong, *cut_body(response.body, at + 1, length)]
    return response


def change_length(p: dict[str, Any], _request: Request, response: Response) -> Response:
    response.declared_length = max(body_length(response.body) + p["by"], 0)
    return response


def change_headers(p: dict[str, Any], _request: Request, response: Response) -> Response:
    for name, value in p["set"].items():
        response.set_header(name, value)
    response.omit |= {name.lower() for name in p["remove"]}
    return response


def change_redirect(p: dict[str, Any], request: Request, _response: Response) -> Response:
    location = p["to"].replace("{self}", request.target)
    return Response(p["status"], {"Location": location, "Content-Type": "text/plain", **p["headers"]}, [b"Found."])


def change_text(p: dict[str, Any], _request: Request, response: Response) -> Response:
    response.body = [p["text"].encode()]
    return response


def change_huge_json(p: dict[str, Any], _request: Request, response: Response) -> Response:
    """A list of zeros, valid to its last byte, of about `bytes` bytes."""
    block = b"0," * (HUGE_BLOCK // 2)
    response.body = [b"[", *[block] * max(p["bytes"] // HUGE_BLOCK, 1), b"0]"]
    return response


def change_deep_json(p: dict[str, Any], _request: Request, response: Response) -> Response:
    response.body = [b"[" * p["depth"] + b"]" * p["depth"]]
    return response


def change_raw(p: dict[str, Any], _request: Request, response: Response) -> Response:
    response.raw, response.body = p["text"].encode("latin-1"), []
    return response


def change_chunked(_p: dict[str, Any], _request: Request, response: Response) -> Response:
    response.chunked = True
    return response


def change_gzip(_p: dict[str, Any], request: Request, response: Response) -> Response:
    """As the Hub does with text when the client says it takes gzip; else nothing."""
    if "gzip" in request.headers.get("accept-encoding", "") and response.status == 200:
        response.body = [gzip.compress(read_body(response.body))]
        response.set_header("Content-Encoding", "gzip")
        response.chunked = True
    return response


def prepare_ignore_range(_p: dict[str, Any], request: Request) -> None:
    request.headers.pop("range", None)


def prepare_shift_range(p: dict[str, Any], request: Request) -> None:
    request.shift = p["by"]


FAULT_KINDS = {
    "status": Kind({"status": ..., "message": "fault on command", "code": "", "headers": {}}, change_status),
    "cut": Kind({"after": ..., "reset": False}, change_cut),
    "stall": Kind({"after": 0, "seconds": 3600}, change_stall),
    "delay": Kind({"seconds": ...}, change_delay),
    "slow": Kind({"rate": 1}, change_slow),
    "corrupt": Kind({"at": 0}, change_corrupt),
    "length": Kind({"by": ...}, change_length),
    "headers": Kind({"set": {}, "remove": []}, change_headers),
    "redirect": Kind({"to": "{self}", "status": 302, "headers": {}}, change_redirect),
    "text": Kind({"text": ...}, change_text),
    "huge_json": Kind({"bytes": 100_000_000}, change_huge_json),
    "deep_json": Kind({"depth": 100_000}, change_deep_json),
    "raw": Kind({"text": ...}, change_raw),
    "chunked": Kind({}, change_chunked),
    "gzip": Kind({}, change_gzip),
    "ignore_range": Kind({}, prepare=prepare_ignore_range),
    "shift_range": Kind({"by": ...}, prepare=prepare_shift_range),
    "move": Kind({"id": ..., "revision": "main", "to": ...}),
}
MATCHING = {"kind": ..., "match": "", "origin": "any", "method": "any", "times": 1, "skip": 0, "ranged": None}


@dataclass
class Fault:
    kind: str
    pattern: re.Pattern[str]
    matching: dict[str, Any]
    parameters: dict[str, Any]
    seen: int = 0  # requests it could have met, the skipped ones included
    used: int = 0

    @classmethod
    def parse(cls, value: dict[str, Any]) -> Fault:
        kind = FAULT_KINDS.get(value.get("kind", ""))
        if kind is None:
            raise DescriptionError(f"kind: expected one of {sorted(FAULT_KINDS)}, found {value.get('kind')!r}")
        known = {**MATCHING, **kind.parameters}
        unknown = set(value) - set(known)
        if unknown:
            raise DescriptionError(f"{value['kind']}: expected {sorted(known)}, found {sorted(unknown)}")
        full = {**known, **value}
        missing = [name for name, content in full.items() if content is ...]
        if missing:
            raise DescriptionError(f"{value['kind']}: expected a value for {missing}, found none")
        try:
            pattern = re.compile(full["match"])
        except re.error as error:
            raise DescriptionError(f"match: expected a regular expression, found {full['match']!r}: {error}") from error
        return cls(full["kind"], pattern, {name: full[name] for name in MATCHING},
                   {name: full[name] for name in kind.parameters})

    def fits(self, request: Request) -> bool:
        ranged = self.matching["ranged"]
        return (self.matching["origin"] in ("any", request.origin)
                and self.matching["method"] in ("any", request.method)
                and ranged in (None, "range" in request.headers)
                and self.pattern.search(request.target) is not None)

    def take(self, request: Request) -> bool:
        """Whether it strikes this request; counts it. times 0: for ever."""
        times = self.matching["times"]
        if not self.fits(request) or (times and self.used >= times):
            return False
        self.seen += 1
        if self.seen <= self.matching["skip"]:
            return False
        self.used += 1
        return True


class Faults:
    """The list of faults, in the order in which they were given and are applied."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._faults: list[Fault] = []
        self._lock = threading.Lock()  # guards _faults and the counts in them

    def add(self, values: list[dict[str, Any]]) -> None:
        faults = [Fault.parse(value) for value in values]
        with self._lock:
            self._faults += faults

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def state(self) -> list[dict[str, Any]]:
        with self._lock:
            return [{**fault.matching, **fault.parameters, "used": fault.used} for fault in self._faults]

    def prepare(self, request: Request) -> list[Fault]:
        """The faults that strike this request; those that change the request have done so."""
        with self._lock:
            struck = [fault for fault in self._faults if fault.take(request)]
        for fault in struck:
            prepare = FAULT_KINDS[fault.kind].prepare
            if prepare:
                prepare(fault.parameters, request)
        return struck

    def change(self, struck: list[Fault], request: Request, response: Response) -> Response:
        for fault in struck:
            change = FAULT_KINDS[fault.kind].change
            if change:
                response = change(fault.parameters, request, response)
            if fault.kind == "move":
                p = fault.parameters
                self.store.get(p["id"]).move(p["revision"], p["to"])
        return response
