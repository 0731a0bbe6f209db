"""Requests, answers and the pieces that an answer's body is made of. Knows nothing of the Hub or of sockets."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True)
class FilePiece:
    """`length` bytes of the file at `path`, from `start`."""

    path: str
    start: int
    length: int


Piece = bytes | FilePiece


def piece_length(piece: Piece) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.length


def cut_piece(piece: Piece, start: int, end: int) -> Piece:
    if isinstance(piece, bytes):
        return piece[start:end]
    return FilePiece(piece.path, piece.start + start, end - start)


def body_length(pieces: list[Piece]) -> int:
    return sum(piece_length(piece) for piece in pieces)


def cut_body(pieces: list[Piece], start: int, end: int) -> list[Piece]:
    """The bytes [start, end) of a body; what lies beyond the body is not there."""
    found: list[Piece] = []
    offset = 0
    for piece in pieces:
        length = piece_length(piece)
        low, high = max(start - offset, 0), min(end - offset, length)
        if low < high:
            found.append(cut_piece(piece, low, high))
        offset += length
    return found


def read_body(pieces: list[Piece]) -> bytes:
    """The whole body in memory: for small ones."""
    parts = []
    for piece in pieces:
        if isinstance(piece, bytes):
            parts.append(piece)
        else:
            with open(piece.path, "rb") as file:
                file.seek(piece.start)
                parts.append(file.read(piece.length))
    return b"".join(parts)


@dataclass
class Request:
    """One request. `headers` has lower-case names; `path` is as sent, percent-encoding included."""

    method: str
    target: str
    origin: str  # "hub" or "cdn"
    headers: dict[str, str]
    body: bytes = b""
    path: str = field(init=False)
    query: dict[str, str] = field(init=False)
    shift: int = 0  # a fault: serve the range this many bytes further on

    def __post_init__(self) -> None:
        self.path, _, query = self.target.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").lower() in ("1", "true")


@dataclass
class Response:
    """One answer, and what is done to it on its way (the fields from cut_after on: see faults.py)."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: list[Piece] = field(default_factory=list)
    first: int = 0  # the file's offset of the first byte of the body
    cut_after: int | None = None
    reset: bool = False
    stall_after: int | None = None
    stall_seconds: float = 0
    delay_seconds: float = 0
    rate: float | None = None  # bytes a second
    declared_length: int | None = None
    chunked: bool = False
    omit: set[str] = field(default_factory=set)  # headers that are left out, lower case; also Content-Length
    raw: bytes | None = None  # sent in place of status line and headers

    def set_header(self, name: str, value: str | None) -> None:
        """Sets, replaces or (None) removes a header, whatever case its name is written in."""
        for known in [key for key in self.headers if key.lower() == name.lower()]:
            del self.headers[known]
        if value is not None:
            self.headers[name] = value


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    data = json.dumps(value, separators=(",", ":")).encode()
    return Response(status, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}, [data])


def text_response(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, {"Content-Type": "text/plain; charset=utf-8", **(headers or {})}, [text.encode()])


def parse_range(value: str | None, size: int) -> tuple[int, int] | None | str:
    """[first, end) of a Range header; None: the whole file; "unsatisfiable": 416.

    As RFC 9110 has it: what is malformed, or asks for several ranges, is as if it were not there.
    """
    match = RANGE.fullmatch(value.strip()) if value else None
    if not match or match.group(0) == "bytes=-":
        return None
    first_text, last_text = match.groups()
    if not first_text:
        length = min(int(last_text), size)
        return (size - length, size) if length else "unsatisfiable"
    first = int(first_text)
    end = min(int(last_text) + 1, size) if last_text else size
    if last_text and int(last_text) < first:
        return None
    return (first, end) if first < size else "unsatisfiable"


def file_response(request: Request, pieces: list[Piece], etag: str, headers: Mapping[str, str]) -> Response:
    """A file, or the range of it that was asked for: 200, 206, 304 or 416. `etag` without its quotes."""
    size = body_length(pieces)
    base = {"Content-Type": "binary/octet-stream", "Accept-Ranges": "bytes", **headers, "ETag": f'"{etag}"'}
    asked = request.headers.get("if-none-match", "")
    if asked.strip() == "*" or f'"{etag}"' in asked:
        return Response(304, base)
    if_range = request.headers.get("if-range")
    wanted = None if if_range and if_range != f'"{etag}"' else parse_range(request.headers.get("range"), size)
    if wanted is None:
        return Response(200, base, pieces)
    if isinstance(wanted, str):
        return Response(416, {**base, "Content-Range": f"bytes */{size}"})
    first, end = wanted
    first, end = min(first + request.shift, size), min(end + request.shift, size)
    return Response(206, {**base, "Content-Range": f"bytes {first}-{end - 1}/{size}"},
                    cut_body(pieces, first, end), first)
