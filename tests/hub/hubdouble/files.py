"""Files: /{id}/resolve/{rev}/{path} of the hub, and the second origin (the "CDN") that holds the LFS files.

An LFS file is answered with 302 to a signed address of the CDN that lives for a while; a small file comes from the
hub itself, at once or (with `resolve_cache`, as huggingface.co does it today) after a 307 to /api/resolve-cache/.
The CDN's ETag is another one than the hub's X-Linked-ETag, as with S3: it names the object, not its SHA-256.
"""

from __future__ import annotations

import hashlib
import hmac
import time
import urllib.parse

from .access import Refusal, Tokens, check_files_open_to, entry_not_found
from .api import find_commit, find_repository, renamed_response
from .messages import Request, Response, file_response
from .repositories import Commit, Entry, Repository, Store
from .routes import resolve_route

CACHE_PREFIX = "/api/resolve-cache/models/"
KEY = b"the double signs its addresses with this"


def disposition(path: str) -> str:
    name = path.split("/")[-1].replace('"', "'").encode("ascii", "replace").decode()
    name = "".join(character if character.isprintable() else "?" for character in name)
    return f"inline; filename*=UTF-8''{urllib.parse.quote(name)}; filename=\"{name}\";"


class Files:
    def __init__(self, store: Store, tokens: Tokens, cdn: Cdn, resolve_cache: bool) -> None:
        self.store = store
        self.tokens = tokens
        self.cdn = cdn
        self.resolve_cache = resolve_cache

    def answer(self, request: Request) -> Response:
        user = self.tokens.user_of(request)
        is_cache = request.path.startswith(CACHE_PREFIX)
        route = resolve_route(cache_as_resolve(request.path) if is_cache else request.path)
        if route is None:
            raise Refusal(404, "Sorry, we can't find the page you are looking for.")
        renamed = renamed_response(self.store, request, route)
        if renamed:
            return renamed
        repository = find_repository(self.store, route, user)
        check_files_open_to(repository, user)
        commit = find_commit(repository, route.revision)
        entry = commit.entries.get(route.path)
        if entry is None:
            raise entry_not_found(commit.id)
        if entry.is_lfs:
            return self._lfs_redirect(repository, commit, entry)
        if self.resolve_cache and not is_cache:
            return cache_redirect(repository, commit, entry)
        return file_response(request, entry.pieces, entry.etag,
                             {"Content-Type": "text/plain; charset=utf-8", "X-Repo-Commit": commit.id,
                              "Content-Disposition": disposition(entry.path)})

    def _lfs_redirect(self, repository: Repository, commit: Commit, entry: Entry) -> Response:
        return redirect(302, self.cdn.sign(repository, entry), commit, entry)


def cache_as_resolve(path: str) -> str:
    """/api/resolve-cache/models/owner/name/commit/file as if it were /owner/name/resolve/commit/file."""
    owner, name, *rest = path.removeprefix(CACHE_PREFIX).split("/")
    return "/" + "/".join([owner, name, "resolve", *rest])


def cache_redirect(repository: Repository, commit: Commit, entry: Entry) -> Response:
    path = urllib.parse.quote(f"{CACHE_PREFIX}{repository.id}/{commit.id}/{entry.path}")
    query = urllib.parse.urlencode({"etag": f'"{entry.etag}"'})
    return redirect(307, f"{path}?{query}", commit, entry)


def redirect(status: int, location: str, commit: Commit, entry: Entry) -> Response:
    """With what a client needs to know of the file before it goes on. Content-Length is that of the text."""
    text = f"{'Found' if status == 302 else 'Temporary Redirect'}. Redirecting to {location}"
    return Response(status, {"Content-Type": "text/plain; charset=utf-8", "Location": location,
                             "X-Repo-Commit": commit.id, "Accept-Ranges": "bytes",
                             "X-Linked-Size": str(entry.size), "X-Linked-ETag": f'"{entry.etag}"'}, [text.encode()])


class Cdn:
    """The second origin. Refuses an address that is not signed, or too old, and (as S3) a request that brings an
    Authorization header beside the signature."""

    def __init__(self, lifetime: float, takes_authorization: bool) -> None:
        self.lifetime = lifetime
        self.takes_authorization = takes_authorization
        self.base = ""  # the CDN's own origin, known once it listens
        self._entries: dict[str, Entry] = {}  # by path; entries are only added, and dict does that atomically

    def sign(self, repository: Repository, entry: Entry) -> str:
        owner = hashlib.sha256(repository.id.encode()).hexdigest()
        path = f"/repos/{owner[:2]}/{owner[2:4]}/{owner}/{entry.sha256}"
        self._entries[path] = entry
        expires = f"{time.time() + self.lifetime:.3f}"
        query = urllib.parse.urlencode({"response-content-disposition": disposition(entry.path), "Expires": expires,
                                        "Policy": "double", "Signature": signature(path, expires),
                                        "Key-Pair-Id": "DOUBLE"})
        return f"{self.base}{path}?{query}"

    def answer(self, request: Request) -> Response:
        if "authorization" in request.headers and not self.takes_authorization:
            return cdn_error(400, "InvalidArgument", "Only one auth mechanism allowed")
        expires = request.query.get("Expires", "")
        if not hmac.compare_digest(request.query.get("Signature", ""), signature(request.path, expires)):
            return cdn_error(403, "SignatureDoesNotMatch", "The request signature does not match")
        if float(expires) < time.time():
            return cdn_error(403, "AccessDenied", "Request has expired")
        entry = self._entries.get(request.path)
        if entry is None:
            return cdn_error(404, "NoSuchKey", "The specified key does not exist.")
        etag = hashlib.md5(entry.sha256.encode()).hexdigest() + "-2"
        return file_response(request, entry.pieces, etag, {
            "Content-Disposition": request.query.get("response-content-disposition", ""),
            "Cache-Control": "public, max-age=604800, immutable"})


def signature(path: str, expires: str) -> str:
    return hmac.new(KEY, f"{path} {expires}".encode(), hashlib.sha256).hexdigest()


def cdn_error(status: int, code: str, message: str) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(status, {"Content-Type": "application/xml"}, [text.encode()])
