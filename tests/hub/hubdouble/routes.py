"""Which repository, revision and file a path of the Hub means."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass

API_WORDS = ("revision", "tree", "refs")


@dataclass(frozen=True)
class Route:
    kind: str  # "info", "tree", "refs", "resolve"
    repository: str
    revision: str = "main"
    path: str = ""


def unquoted(segments: list[str]) -> str:
    return "/".join(urllib.parse.unquote(segment) for segment in segments)


def split_revision(segments: list[str]) -> tuple[str, list[str]]:
    """The revision at the head of a path: one segment (refs%2Fpr%2F1), or refs/pr/1 written out."""
    length = 3 if segments[:2] in (["refs", "pr"], ["refs", "convert"]) else 1
    return unquoted(segments[:length]), segments[length:]


def api_route(path: str) -> Route | None:
    """Of /api/models/{id}[/revision/{rev} | /tree/{rev}[/{path}] | /refs]."""
    segments = path.removeprefix("/api/models/").split("/")
    at = next((index for index in (1, 2) if segments[index:] and segments[index] in API_WORDS), len(segments))
    name, rest = unquoted(segments[:at]), segments[at:]
    if not 1 <= at <= 2 or not name:
        return None
    if not rest:
        return Route("info", name)
    if rest == ["refs"]:
        return Route("refs", name)
    revision, remaining = split_revision(rest[1:])
    if rest[0] == "tree":
        return Route("tree", name, revision or "main", unquoted(remaining))
    return Route("info", name, revision) if rest[0] == "revision" and revision and not remaining else None


def resolve_route(path: str) -> Route | None:
    """Of /{id}/resolve/{rev}/{path}."""
    segments = path.removeprefix("/").split("/")
    at = next((index for index in (1, 2) if segments[index:] and segments[index] == "resolve"), 0)
    if at == 0:
        return None
    revision, remaining = split_revision(segments[at + 1:])
    if not revision or not remaining:
        return None
    return Route("resolve", unquoted(segments[:at]), revision, unquoted(remaining))
