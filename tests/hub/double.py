#!/usr/bin/env python3
"""A test double of the Hugging Face Hub: two HTTP origins, the hub and a "CDN", that serve plain folders.

  double.py --root FOLDER [--port 0] [--cdn-port 0] [--port-file FILE] [--log FILE] [--token NAME=TOKEN]...
            [--faults JSON|@FILE] [--rate BYTES] [--exit-with-stdin] ...

It needs Python 3.11 and nothing else, runs until it gets SIGTERM or SIGINT or /_double/stop (or, with
--exit-with-stdin, until its standard input ends: a test that dies leaves no double), and prints nothing.
Once both origins listen, --port-file appears, whole, with three lines:
    HUB=http://127.0.0.1:PORT          what HF_ENDPOINT is to be
    CDN=http://127.0.0.1:PORT
    PID=NUMBER

Repositories: ROOT/owner/name/ is the model owner/name, its files those of the folder (symlinks followed), its one
revision `main`. ROOT/owner/name/.double.json, where it is there, says more; every key may be left out:
    {"gated": false | "auto" | "manual", "private": false, "owner": "user", "accepted": ["user", ...],
     "revisions": {"main": ".", "v1.0": ".double/v1", "refs/pr/1": {"folder": ".double/pr", "commit": "40 hex"}},
     "lfs": ["*.safetensors", ...],          patterns of LFS files, besides all of 10 MiB and more
     "extra_files": [{"path": "../../x", "text": "content"}],             files of any name, in every revision
     "declare": {"big.safetensors": {"size": 5, "sha256": "64 hex"}},     said in place of the truth (or of hashing)
     "tags": [], "pipeline_tag": "text-generation", "library_name": "transformers"}
The folder .double is no part of a repository: a place for other revisions. A commit's id, where it is not given,
follows from the names, sizes and times of its files. ROOT/.double.json: {"renamed": {"old/name": "new/name"}}.

Served: /api/models?search=&author=&limit=, /api/models/{id}[/revision/{rev}][?blobs=true],
/api/models/{id}/tree/{rev}[/{folder}][?recursive=&expand=&limit=&cursor=], /api/models/{id}/refs, /api/whoami-v2,
/{id}/resolve/{rev}/{file} (HEAD, GET). Answers and refusals are as huggingface.co gives them: access.py, files.py.

Control, JSON over HTTP at the hub's origin, not logged and not struck by faults:
    GET    /_double/state     {"requests", "active": [lines], "sent": {"hub", "cdn"}, "authorization_at_cdn", "faults"}
    GET    /_double/log       the requests that are over, by n; both wait 0.1 s at most for those under way
    DELETE /_double/log       forget them, and the sums with them (the file keeps them)
    POST   /_double/faults    a fault or a list of faults, added to those there are; DELETE removes all
    POST   /_double/accept    {"id": "owner/name", "user": "name"}: the user accepts the licence
    POST   /_double/describe  {"id": "owner/name", KEYS OF .double.json}
    POST   /_double/move      {"id": .., "revision": "main", "to": REVISION, COMMIT OR FOLDER}
    POST   /_double/token     {"user": .., "token": ..}
    POST   /_double/reload    look at the folders again
    POST   /_double/stop

Log, a line of JSON when a request is over (a client that goes away ends it too):
    {"n", "time", "origin": "hub"|"cdn", "method", "path", "query", "range": "bytes=0-9"|null, "if_range",
     "authorization": bool, "user_agent", "status", "length", "sent", "complete": bool, "seconds", "faults": [kinds]}
`sent` counts the bytes of the body that the kernel took; a client that is killed may have read fewer.

Faults: {"kind": KIND, parameters.., and which requests it meets:
    "match": "regex" (searched in path?query as sent), "origin": "hub"|"cdn"|"any", "method": "GET"|"HEAD"|"any",
    "ranged": true|false|null (with a Range or without), "skip": N (let N pass first),
    "times": N (default 1; 0: always)}
    status        status, message, code (X-Error-Code), headers {}: e.g. 429 with {"Retry-After": "1"}
    cut           after (bytes of body; -1: not even a status line), reset (true: RST, else FIN)
    stall         after (bytes of body), seconds: then it goes on
    delay         seconds before the status line
    slow          rate (bytes a second, default 1)
    corrupt       at (offset in the file): that byte's bits are flipped, if the answer holds it
    length        by: Content-Length is wrong by that much, and the connection closes after the true body
    headers       set {}, remove []: a changed ETag, a missing X-Repo-Commit, a wrong Content-Range, ...
    redirect      to ("{self}": the same address, a loop), status, headers
    text          text: the body instead (invalid JSON, a captive portal, a file of another content)
    huge_json     bytes: a JSON list of that size;  deep_json  depth: that many nested lists
    raw           text: these bytes instead of an HTTP answer
    chunked       Transfer-Encoding: chunked;  gzip  Content-Encoding: gzip, where the client takes it
    ignore_range  200 and the whole file;  shift_range  by: the range that many bytes further on
    move          id, revision, to: after this request, as /_double/move
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import signal
import sys
import threading

from hubdouble.repositories import DescriptionError
from hubdouble.server import Double, Settings


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--root", type=pathlib.Path, required=True)
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0: a free one")
    add("--cdn-host", default="127.0.0.1", help="another address of loopback makes the hosts differ, not only ports")
    add("--cdn-port", type=int, default=0)
    add("--port-file", type=pathlib.Path, help="written once both origins listen")
    add("--log", type=pathlib.Path, help="requests as JSON lines, appended")
    add("--token", action="append", default=[], metavar="NAME=TOKEN", help="a token that is valid; may be repeated")
    add("--faults", default="[]", metavar="JSON|@FILE", help="a list of faults to start with")
    add("--rate", type=float, help="bytes a second for each connection")
    add("--page-size", type=int, help="entries of a page of the tree (1000, expanded 50)")
    add("--url-lifetime", type=float, default=3600, help="seconds that an address of the CDN is good for")
    add("--resolve-cache", action="store_true", help="send small files by way of a 307 to /api/resolve-cache/")
    add("--cdn-takes-authorization", action="store_true", help="instead of refusing such a request with 400")
    add("--cert", type=pathlib.Path, help="PEM: serve https")
    add("--key", type=pathlib.Path, help="PEM, of --cert")
    add("--exit-with-stdin", action="store_true", help="end when standard input does")
    return parser.parse_args()


def settings_of(args: argparse.Namespace) -> Settings:
    users = {}
    for pair in args.token:
        name, separator, token = pair.partition("=")
        if not separator:
            raise DescriptionError(f"--token: expected NAME=TOKEN, found '{pair}'")
        users[token] = name
    return Settings(args.root, args.host, args.port, args.cdn_host, args.cdn_port, args.log, users, args.rate,
                    args.page_size, args.url_lifetime, args.resolve_cache, args.cdn_takes_authorization,
                    args.cert, args.key)


def write_port_file(path: pathlib.Path, double: Double) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(f"HUB={double.hub_url}\nCDN={double.cdn_url}\nPID={os.getpid()}\n", encoding="utf-8")
    part.replace(path)


def stop_with_stdin(double: Double) -> None:
    while os.read(0, 4096):
        pass
    double.stopped.set()


def main() -> None:
    args = parse_arguments()
    try:
        double = Double(settings_of(args))
        faults = pathlib.Path(args.faults[1:]).read_text(encoding="utf-8") if args.faults[:1] == "@" else args.faults
        double.faults.add(json.loads(faults))
        double.start()
    except (DescriptionError, OSError, ValueError) as error:
        sys.exit(f"double.py: {error}")
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: double.stopped.set())
    if args.exit_with_stdin:
        threading.Thread(target=stop_with_stdin, args=(double,), daemon=True).start()
    if args.port_file:
        write_port_file(args.port_file, double)
    double.stopped.wait()
    double.stop()


if __name__ == "__main__":
    main()
