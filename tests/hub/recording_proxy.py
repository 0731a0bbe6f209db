"""A small HTTP proxy, for tests: CONNECT for https, and requests with a whole URL for http. Keeps the heads it was
sent; what goes through a tunnel it does not see. With `password`, it asks for "user:password"."""

import base64
import socket
import socketserver
import threading
import urllib.parse


def read_head(connection):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)  # nothing behind the head may be taken
        if not byte:
            return ""
        head += byte
    return head.decode("latin-1")


def copy(source, target):
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # either side has gone


class Connection(socketserver.BaseRequestHandler):
    def handle(self):
        head = read_head(self.request)
        if not head:
            return
        self.server.heads.append(head)
        method, target, _ = head.split("\r\n")[0].split(" ", 2)
        if self.server.password and self.server.credentials() not in head:
            self.request.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n"
                                 b"Proxy-Authenticate: Basic realm=\"x\"\r\nConnection: close\r\n\r\n")
            return
        if method == "CONNECT":
            host, port = target.rsplit(":", 1)
            first = b""
        else:
            url = urllib.parse.urlsplit(target)
            host, port = url.hostname, url.port
            first = head.replace(f"{url.scheme}://{url.netloc}", "", 1).replace(
                "\r\n", "\r\nConnection: close\r\n", 1).encode("latin-1")
        with socket.create_connection((host, int(port))) as other:
            if method == "CONNECT":
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            other.sendall(first)
            back = threading.Thread(target=copy, args=(other, self.request), daemon=True)
            back.start()
            copy(self.request, other)
            back.join()


class Proxy(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, password=""):
        super().__init__(("127.0.0.1", 0), Connection)
        self.password = password
        self.heads = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def credentials(self):
        return "Proxy-Authorization: Basic " + base64.b64encode(f"user:{self.password}".encode()).decode()

    @property
    def address(self):
        return f"127.0.0.1:{self.server_address[1]}"

    def stop(self):
        self.shutdown()
        self.server_close()
