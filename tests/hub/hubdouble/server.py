"""The two origins on sockets: a thread for each connection, HTTP/1.1 with keep-alive, TLS where asked for."""

from __future__ import annotations

import contextlib
import http.server
import pathlib
import socket
import socketserver
import ssl
import struct
import sys
import threading
from dataclasses import dataclass, field

from . import control as control_module
from .access import Refusal, Tokens
from .api import Api
from .control import Control
from .faults import Faults
from .files import CACHE_PREFIX, Cdn, Files
from .log import Log, Record
from .messages import Request, Response, text_response
from .repositories import Store
from .send import Cut, Sender

SERVED_METHODS = ("GET", "HEAD")
MAX_CONTROL_BODY = 64 << 20


@dataclass
class Settings:
    root: pathlib.Path
    host: str = "127.0.0.1"
    port: int = 0
    cdn_host: str = "127.0.0.1"
    cdn_port: int = 0
    log: pathlib.Path | None = None
    users: dict[str, str] = field(default_factory=dict)  # token -> name
    rate: float | None = None  # bytes a second and connection
    page_size: int | None = None
    url_lifetime: float = 3600
    resolve_cache: bool = False
    cdn_takes_authorization: bool = False
    certificate: pathlib.Path | None = None
    key: pathlib.Path | None = None


class Double:
    """Both origins and what they share. `start` returns when they listen; `stop` may be called from any thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopped = threading.Event()
        self.store = Store(settings.root)
        self.tokens = Tokens(settings.users)
        self.faults = Faults(self.store)
        self.log = Log(settings.log)
        self.api = Api(self.store, self.tokens, settings.page_size)
        self.cdn = Cdn(settings.url_lifetime, settings.cdn_takes_authorization)
        self.files = Files(self.store, self.tokens, self.cdn, settings.resolve_cache)
        self.control = Control(self.store, self.tokens, self.faults, self.log, self.stopped)
        self.origins: list[Origin] = []

    def start(self) -> None:
        hub = Origin(self, "hub", (self.settings.host, self.settings.port))
        cdn = Origin(self, "cdn", (self.settings.cdn_host, self.settings.cdn_port))
        self.origins = [hub, cdn]
        self.api.base, self.cdn.base = hub.url, cdn.url
        for origin in self.origins:
            threading.Thread(target=origin.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def hub_url(self) -> str:
        return self.origins[0].url

    @property
    def cdn_url(self) -> str:
        return self.origins[1].url

    def stop(self) -> None:
        self.stopped.set()
        for origin in self.origins:
            origin.shutdown()
            origin.server_close()
            origin.hang_up()

    def answer(self, request: Request) -> Response:
        """What the Hub would answer, without faults."""
        if request.method not in SERVED_METHODS:
            return text_response("Method Not Allowed", 405, {"Allow": ", ".join(SERVED_METHODS)})
        if request.origin == "cdn":
            return self.cdn.answer(request)
        is_api = request.path.startswith("/api/") and not request.path.startswith(CACHE_PREFIX)
        try:
            return self.api.answer(request) if is_api else self.files.answer(request)
        except Refusal as refusal:
            return refusal.response(as_json=is_api)


class Origin(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, double: Double, name: str, address: tuple[str, int]) -> None:
        self.double = double
        self.name = name
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()  # guards _open
        super().__init__(address, Connection)
        self.is_tls = double.settings.certificate is not None
        if double.settings.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(double.settings.certificate, double.settings.key)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"{'https' if self.is_tls else 'http'}://{host!s}:{port}"

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def hang_up(self) -> None:
        """Ends every connection: a client that kept one would go on talking to a double that has ended."""
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        """As the base class, except that a connection that is to be reset sends no FIN before."""
        with self._lock:
            self._open.discard(request)
        if struct.unpack("ii", request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))[0]:
            request.close()
        else:
            super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away, or speak no TLS, are everyday here; a fault of the double's own is not."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Origin

    def log_message(self, format: str, *args: object) -> None:  # the log is in log.py
        pass

    def answer(self) -> None:
        double = self.server.double
        headers = {name.lower(): value for name, value in self.headers.items()}
        length = min(int(headers.get("content-length", "0")), MAX_CONTROL_BODY)
        request = Request(self.command, self.path, self.server.name, headers, self.rfile.read(length))
        sender = Sender(self.connection, double.settings.rate, double.stopped)
        if request.origin == "hub" and request.path.startswith(control_module.PREFIX):
            self._control(request)
            return
        record = double.log.begin(request)
        try:
            struck = double.faults.prepare(request)
            record.faults = [fault.kind for fault in struck]
            response = double.faults.change(struck, request, double.answer(request))
            sender.send(response, record, with_body=self.command != "HEAD")
        except (Cut, OSError):
            self.close_connection = True
        finally:
            double.log.end(record)

    def _control(self, request: Request) -> None:
        """Answered without the log; `stop` takes effect only once its answer is out."""
        response = self.server.double.control.answer(request)
        Sender(self.connection, None, threading.Event()).send(response, Record(0, request, None), with_body=True)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer
