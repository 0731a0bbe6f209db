"""The Hub's JSON: /api/models, /api/models/{id}[/revision|/tree|/refs], /api/whoami-v2."""

from __future__ import annotations

import hashlib
import urllib.parse
from typing import Any

from .access import CHALLENGE, Refusal, Tokens, repository_not_found, revision_not_found
from .messages import Request, Response, json_response
from .repositories import Commit, Entry, Repository, Store
from .routes import Route, api_route

DATE = "2024-01-01T00:00:00.000Z"
TREE_PAGE, EXPANDED_TREE_PAGE, SEARCH_PAGE = 1000, 50, 1000


def find_repository(store: Store, route: Route, user: str | None) -> Repository:
    """As the user sees it: a private one of somebody else is not there."""
    repository = store.repositories.get(route.repository)
    if repository is None or not repository.is_visible_to(user):
        raise repository_not_found(user)
    return repository


def find_commit(repository: Repository, revision: str) -> Commit:
    commit = repository.find(revision)
    if commit is None:
        raise revision_not_found(revision)
    return commit


def renamed_response(store: Store, request: Request, route: Route) -> Response | None:
    """What asks for a repository by a name of old is sent to its new one."""
    new_name = store.renamed.get(route.repository)
    if new_name is None:
        return None
    old = urllib.parse.quote(route.repository)
    location = request.target.replace(f"/{old}", f"/{new_name}", 1)
    return Response(307, {"Location": location, "Content-Type": "text/plain; charset=utf-8"},
                    [f"Temporary Redirect. Redirecting to {location}".encode()])


class Api:
    def __init__(self, store: Store, tokens: Tokens, page_size: int | None) -> None:
        self.store = store
        self.tokens = tokens
        self.page_size = page_size
        self.base = ""  # the hub's own origin, known once it listens

    def answer(self, request: Request) -> Response:
        user = self.tokens.user_of(request)
        if request.path == "/api/whoami-v2":
            return whoami(user)
        if request.path == "/api/models":
            return self._search(request, user)
        route = api_route(request.path)
        if route is None or not request.path.startswith("/api/models/"):
            raise Refusal(404, "Sorry, we can't find the page you are looking for.")
        renamed = renamed_response(self.store, request, route)
        if renamed:
            return renamed
        repository = find_repository(self.store, route, user)
        if route.kind == "refs":
            return json_response(refs(repository))
        commit = find_commit(repository, route.revision)
        if route.kind == "tree":
            return self._tree(request, commit, route.path)
        return json_response(model_info(repository, commit, request.flag("blobs")))

    def _search(self, request: Request, user: str | None) -> Response:
        """Names that hold every word asked for, whatever the case."""
        words = request.query.get("search", "").lower().split()
        author = request.query.get("author")
        found = [repository for repository in self.store.repositories.values()
                 if repository.is_visible_to(user)
                 and all(word in repository.id.lower() for word in words)
                 and author in (None, repository.id.split("/")[0])]
        limit = min(int(request.query.get("limit", SEARCH_PAGE)), SEARCH_PAGE)
        return json_response([summary(repository) for repository in found[:limit]])

    def _tree(self, request: Request, commit: Commit, folder: str) -> Response:
        expand = request.flag("expand")
        items = tree_items(commit, folder.strip("/"), request.flag("recursive"), expand)
        page = self.page_size or (EXPANDED_TREE_PAGE if expand else TREE_PAGE)
        page = min(page, int(request.query.get("limit", page)))
        start = int(request.query.get("cursor", "0"))
        headers = {"X-Repo-Commit": commit.id}
        if start + page < len(items):
            query = urllib.parse.urlencode({**request.query, "limit": page, "cursor": start + page})
            headers["Link"] = f'<{self.base}{request.path}?{query}>; rel="next"'
        return json_response(items[start:start + page], headers=headers)


def whoami(user: str | None) -> Response:
    if user is None:
        raise Refusal(401, "Invalid username or password.", headers=dict(CHALLENGE))
    token = {"displayName": "double", "role": "read", "createdAt": DATE}
    return json_response({"type": "user", "id": hashlib.sha1(user.encode()).hexdigest()[:24], "name": user,
                          "fullname": user, "email": f"{user}@example.org", "emailVerified": True, "isPro": False,
                          "canPay": False, "avatarUrl": "/avatars/double.svg", "periodEnd": None, "orgs": [],
                          "auth": {"type": "access_token", "accessToken": token}})


def summary(repository: Repository) -> dict[str, Any]:
    """What a search and a model's page have in common."""
    description = repository.description
    return {"_id": hashlib.sha1(repository.id.encode()).hexdigest()[:24], "id": repository.id,
            "modelId": repository.id, "likes": 0, "downloads": 0, "trendingScore": 0,
            "private": repository.private, "tags": description.get("tags", []),
            "pipeline_tag": description.get("pipeline_tag", "text-generation"),
            "library_name": description.get("library_name", "transformers"), "createdAt": DATE}


def model_info(repository: Repository, commit: Commit, with_blobs: bool) -> dict[str, Any]:
    siblings = [sibling(entry) if with_blobs else {"rfilename": entry.path} for entry in commit.entries.values()]
    return {**summary(repository), "author": repository.id.split("/")[0], "sha": commit.id, "lastModified": DATE,
            "gated": repository.gated, "disabled": False, "siblings": siblings, "spaces": [],
            "usedStorage": sum(entry.size for entry in commit.entries.values())}


def sibling(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = {"rfilename": entry.path, "blobId": entry.blob_id, "size": entry.size}
    if entry.is_lfs:
        found["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": len(entry.pointer)}
    return found


def refs(repository: Repository) -> dict[str, Any]:
    """Branches, pull requests (refs/pr/N) and tags (named v...): the double keeps no other sign of what is what."""
    found: dict[str, Any] = {"branches": [], "converts": [], "tags": [], "pullRequests": []}
    for name, commit in repository.revisions.items():
        if name.startswith("refs/pr/"):
            kind, ref = "pullRequests", name
        elif name.startswith("v"):
            kind, ref = "tags", f"refs/tags/{name}"
        else:
            kind, ref = "branches", f"refs/heads/{name}"
        found[kind].append({"name": name, "ref": ref, "targetCommit": commit.id})
    return found


def tree_items(commit: Commit, folder: str, recursive: bool, expand: bool) -> list[dict[str, Any]]:
    """Folders and files below a folder; without `recursive` only its own."""
    prefix = f"{folder}/" if folder else ""
    inside = [entry for entry in commit.entries.values() if entry.path.startswith(prefix)]
    if folder and not inside:
        raise Refusal(404, f"{folder} does not exist on \"{commit.id}\"", "EntryNotFound",
                      {"X-Repo-Commit": commit.id})
    folders: dict[str, None] = {}
    files = []
    for entry in inside:
        parts = entry.path[len(prefix):].split("/")
        depth = len(parts) if recursive else 2
        folders.update({prefix + "/".join(parts[:count]): None for count in range(1, min(depth, len(parts)))})
        if recursive or len(parts) == 1:
            files.append(tree_file(entry, commit, expand))
    return [tree_folder(path, commit, expand) for path in sorted(folders)] + files


def last_commit(commit: Commit) -> dict[str, Any]:
    return {"lastCommit": {"id": commit.id, "title": "Upload", "date": DATE}}


def tree_folder(path: str, commit: Commit, expand: bool) -> dict[str, Any]:
    oid = hashlib.sha1(f"tree {commit.id} {path}".encode()).hexdigest()
    return {"type": "directory", "oid": oid, "size": 0, "path": path, **(last_commit(commit) if expand else {})}


def tree_file(entry: Entry, commit: Commit, expand: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "file", "oid": entry.blob_id, "size": entry.size, "path": entry.path}
    if entry.is_lfs:
        found["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": len(entry.pointer)}
    if expand:
        scan = {"avScan": {"status": "safe"}, "pickleImportScan": None}
        found.update({**last_commit(commit), "securityFileStatus": {"status": "safe", **scan}})
    return found
