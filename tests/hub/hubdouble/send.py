"""Puts an answer on a socket: sendfile for what lies in files, and the faults that strike on the way."""

from __future__ import annotations

import http
import os
import socket
import ssl
import struct
import threading
import time

from .log import Record
from .messages import FilePiece, Piece, Response, body_length, cut_body

STEP = 8 << 20  # bytes between two looks at the count
SMALL_FILE = 64 << 10  # read and sent with the headers: one packet, one system call less
TICKS_PER_SECOND = 20  # how smooth a limited rate is
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST


class Cut(Exception):
    """The connection is to be closed here, on command."""


class Sender:
    def __init__(self, connection: socket.socket, rate: float | None, stop: threading.Event) -> None:
        self.connection = connection
        self.rate = rate
        self.stop = stop  # set when the double ends: nobody sleeps on

    def send(self, response: Response, record: Record, with_body: bool) -> None:
        """Raises Cut where the connection must not be used again, OSError where the client has gone."""
        if response.delay_seconds:
            self.stop.wait(response.delay_seconds)
        if response.cut_after is not None and response.cut_after < 0:
            self._cut(response)
        length = body_length(response.body)
        record.status = response.status
        record.length = length if response.declared_length is None else response.declared_length
        head = response.raw if response.raw is not None else head_of(response, record.length)
        rate = response.rate or self.rate
        if not with_body or response.status in (204, 304):
            self.connection.sendall(head)
            record.complete = True
        elif response.chunked:
            self._send_chunked(head, response, record)
        else:
            self._send_body(head, response, record, rate)
        has_no_end = not response.chunked and "content-length" in response.omit
        if with_body and (record.length != length or response.raw is not None or has_no_end):
            raise Cut

    def _send_body(self, head: bytes, response: Response, record: Record, rate: float | None) -> None:
        total = body_length(response.body)
        end = total if response.cut_after is None else min(response.cut_after, total)
        pause = end if response.stall_after is None else min(response.stall_after, end)
        self._send_pieces(head, cut_body(response.body, 0, pause), record, rate)
        if response.stall_after is not None and response.stall_after <= total:
            self.stop.wait(response.stall_seconds)
        self._send_pieces(b"", cut_body(response.body, pause, end), record, rate)
        if response.cut_after is not None and response.cut_after < total:
            self._cut(response)
        record.complete = True

    def _cut(self, response: Response) -> None:
        if response.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        raise Cut

    def _send_chunked(self, head: bytes, response: Response, record: Record) -> None:
        self.connection.sendall(head)
        for piece in response.body:
            size = body_length([piece])
            self.connection.sendall(b"%x\r\n" % size)
            self._send_pieces(b"", [piece], record, None)
            self.connection.sendall(b"\r\n")
        self.connection.sendall(b"0\r\n\r\n")
        record.complete = True

    def _send_pieces(self, head: bytes, pieces: list[Piece], record: Record, rate: float | None) -> None:
        if not rate and body_length(pieces) <= SMALL_FILE:
            data = b"".join(piece if isinstance(piece, bytes) else read_piece(piece) for piece in pieces)
            self.connection.sendall(head + data)
            record.sent += len(data)
            return
        self.connection.sendall(head)
        for piece in pieces:
            if isinstance(piece, bytes):
                self._send_bytes(piece, record, rate)
            elif isinstance(self.connection, ssl.SSLSocket):
                self._copy_file(piece, record, rate)
            else:
                self._send_file(piece, record, rate)

    def _send_bytes(self, data: bytes, record: Record, rate: float | None) -> None:
        step = step_of(rate)
        for start in range(0, len(data), step):
            began = time.monotonic()
            part = data[start:start + step]
            self.connection.sendall(part)
            record.sent += len(part)
            self._hold_rate(len(part), began, rate)

    def _send_file(self, piece: FilePiece, record: Record, rate: float | None) -> None:
        """Without a copy into this process. A file that has become shorter ends the connection."""
        offset, end, step = piece.start, piece.start + piece.length, step_of(rate)
        file = os.open(piece.path, os.O_RDONLY)
        try:
            while offset < end:
                began = time.monotonic()
                count = os.sendfile(self.connection.fileno(), file, offset, min(step, end - offset))
                if count == 0:
                    raise Cut
                offset += count
                record.sent += count
                self._hold_rate(count, began, rate)
        finally:
            os.close(file)

    def _copy_file(self, piece: FilePiece, record: Record, rate: float | None) -> None:
        step = min(step_of(rate), 1 << 20)
        for start in range(0, piece.length, step):
            length = min(step, piece.length - start)
            self._send_bytes(read_piece(FilePiece(piece.path, piece.start + start, length)), record, rate)

    def _hold_rate(self, count: int, began: float, rate: float | None) -> None:
        if rate and not self.stop.is_set():
            self.stop.wait(max(count / rate - (time.monotonic() - began), 0))


def read_piece(piece: FilePiece) -> bytes:
    with open(piece.path, "rb") as file:
        file.seek(piece.start)
        return file.read(piece.length)


def step_of(rate: float | None) -> int:
    return max(int(rate / TICKS_PER_SECOND), 1) if rate else STEP


def head_of(response: Response, length: int) -> bytes:
    """Status line and headers. A header that the answer sets itself (also by a fault) wins."""
    try:
        reason = http.HTTPStatus(response.status).phrase
    except ValueError:
        reason = "Unknown"
    headers = dict(response.headers)
    names = {name.lower() for name in headers}
    if response.chunked:
        headers["Transfer-Encoding"] = "chunked"
    elif "content-length" not in names and response.status not in (204, 304):
        headers["Content-Length"] = str(length)
    lines = [f"HTTP/1.1 {response.status} {reason}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if name.lower() not in response.omit]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
