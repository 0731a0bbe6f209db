"""The repositories that the double serves: plain folders ROOT/owner/name, and what ROOT/owner/name/.double.json
says of them. Revisions, commits, git and LFS ids. Read at start and by reload(); double.py describes the file."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import pathlib
import re
import threading
from dataclasses import dataclass, field
from typing import Any

from .messages import FilePiece, Piece, body_length

DESCRIPTION = ".double.json"
PRIVATE_FOLDER = ".double"
LFS_PATTERNS = ["*.safetensors", "*.bin", "*.gguf", "*.pt", "*.pth", "*.h5", "*.onnx", "*.msgpack", "*.npz",
                "*.model", "*.zip"]
LFS_FROM_BYTES = 10 << 20
COMMIT = re.compile(r"[0-9a-f]{40}")
KNOWN_KEYS = {"gated", "private", "accepted", "owner", "lfs", "revisions", "extra_files", "declare", "tags",
              "pipeline_tag", "library_name"}
HASH_STEP = 1 << 20


class DescriptionError(Exception):
    """A description or a command that makes no sense; the text says what was expected and found."""


class Hashes:
    """SHA-256 and git blob ids of files, each computed once for as long as size and time stay."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, int, int], str] = {}
        self._lock = threading.Lock()  # guards _known, and lets one thread hash at a time

    def of(self, pieces: list[Piece], kind: str) -> str:
        key = self._key(pieces, kind)
        with self._lock:
            if key is None:
                return self._compute(pieces, kind)
            if key not in self._known:
                self._known[key] = self._compute(pieces, kind)
            return self._known[key]

    @staticmethod
    def _key(pieces: list[Piece], kind: str) -> tuple[str, str, int, int] | None:
        if len(pieces) != 1 or not isinstance(pieces[0], FilePiece):
            return None
        status = os.stat(pieces[0].path)
        return kind, os.path.realpath(pieces[0].path), status.st_size, status.st_mtime_ns

    @staticmethod
    def _compute(pieces: list[Piece], kind: str) -> str:
        digest = hashlib.sha256() if kind == "sha256" else hashlib.sha1()
        if kind == "git":
            digest.update(b"blob %d\0" % body_length(pieces))
        for piece in pieces:
            if isinstance(piece, bytes):
                digest.update(piece)
                continue
            with open(piece.path, "rb") as file:
                while step := file.read(HASH_STEP):
                    digest.update(step)
        return digest.hexdigest()


@dataclass(frozen=True)
class Entry:
    """One file of one commit."""

    path: str
    pieces: list[Piece]
    is_lfs: bool
    stamp: str  # what the commit id is made of besides path and size
    hashes: Hashes
    declared: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return self.declared.get("size", body_length(self.pieces))

    @property
    def sha256(self) -> str:
        return self.declared.get("sha256") or self.hashes.of(self.pieces, "sha256")

    @property
    def pointer(self) -> bytes:
        """The file that git itself holds in place of an LFS file."""
        return b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (
            self.sha256.encode(), self.size)

    @property
    def blob_id(self) -> str:
        return self.hashes.of([self.pointer] if self.is_lfs else self.pieces, "git")

    @property
    def etag(self) -> str:
        return self.sha256 if self.is_lfs else self.blob_id


@dataclass(frozen=True)
class Commit:
    id: str
    entries: dict[str, Entry]


class Repository:
    """A model repository: its description, its revisions, and every commit seen since the start."""

    def __init__(self, name: str, folder: pathlib.Path, hashes: Hashes) -> None:
        self.id = name
        self.folder = folder
        self.hashes = hashes
        self.description: dict[str, Any] = {}
        self.changes: dict[str, Any] = {}  # to the description, by command
        self.moved: dict[str, Commit] = {}  # revisions, by command
        self.revisions: dict[str, Commit] = {}
        self.commits: dict[str, Commit] = {}
        self.load()

    def load(self, changes: dict[str, Any] | None = None) -> None:
        """Reads the description and the folders again; `changes` to the description stay for good."""
        changes = {**self.changes, **(changes or {})}
        file = self.folder / DESCRIPTION
        description = {**(json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}), **changes}
        unknown = set(description) - KNOWN_KEYS
        if unknown:
            raise DescriptionError(f"{self.id}: expected the keys {sorted(KNOWN_KEYS)}, found {sorted(unknown)}")
        self.description, self.changes = description, changes
        revisions = {name: self._commit(spec) for name, spec in description.get("revisions", {"main": "."}).items()}
        self.revisions = {**revisions, **self.moved}
        self.commits.update({commit.id: commit for commit in revisions.values()})

    def move(self, revision: str, to: str | dict[str, str]) -> None:
        """Makes a branch point at the commit that the revision `to`, or else the folder `to`, has now."""
        known = self.find(to) if isinstance(to, str) else None
        commit = known or self._commit(to)
        self.commits[commit.id] = commit
        self.moved = {**self.moved, revision: commit}
        self.revisions = {**self.revisions, revision: commit}

    def find(self, revision: str) -> Commit | None:
        """By branch, tag, refs/pr/N, refs/heads/X, refs/tags/X or full commit id."""
        for name in (revision, revision.removeprefix("refs/heads/"), revision.removeprefix("refs/tags/")):
            if name in self.revisions:
                return self.revisions[name]
        return self.commits.get(revision)

    def is_accepted(self, user: str | None) -> bool:
        return user is not None and user in self.description.get("accepted", [])

    @property
    def gated(self) -> str | bool:
        return self.description.get("gated", False)

    @property
    def private(self) -> bool:
        return bool(self.description.get("private", False))

    def is_visible_to(self, user: str | None) -> bool:
        owner = self.description.get("owner", self.id.split("/")[0])
        return not self.private or user == owner or self.is_accepted(user)

    def _commit(self, spec: str | dict[str, str]) -> Commit:
        """From a folder relative to the repository's, or {"folder": .., "commit": 40 hex digits}."""
        parts = {"folder": spec} if isinstance(spec, str) else spec
        folder_name, commit_id = parts.get("folder", "."), parts.get("commit")
        if commit_id is not None and not COMMIT.fullmatch(commit_id):
            raise DescriptionError(f"{self.id}: commit: expected 40 hex digits, found '{commit_id}'")
        folder = self.folder / folder_name
        if not folder.is_dir():
            raise DescriptionError(f"{self.id}: revision: expected a folder, found {folder}")
        entries = {entry.path: entry for entry in self._entries(folder)}
        return Commit(commit_id or self._commit_id(entries), entries)

    def _commit_id(self, entries: dict[str, Entry]) -> str:
        lines = [f"{entry.path}\t{body_length(entry.pieces)}\t{entry.stamp}" for entry in entries.values()]
        return hashlib.sha1("\n".join([self.id, *lines]).encode()).hexdigest()

    def _entries(self, folder: pathlib.Path) -> list[Entry]:
        found = [self._file_entry(folder, path) for path in list_files(folder)]
        for extra in self.description.get("extra_files", []):
            content: list[Piece] = [extra.get("text", "").encode()]
            found.append(self._entry(extra["path"], content, extra.get("text", "")))
        return sorted(found, key=lambda entry: entry.path)

    def _file_entry(self, folder: pathlib.Path, path: str) -> Entry:
        file = folder / path
        status = file.stat()
        return self._entry(path, [FilePiece(str(file), 0, status.st_size)], str(status.st_mtime_ns))

    def _entry(self, path: str, pieces: list[Piece], stamp: str) -> Entry:
        patterns = self.description.get("lfs", LFS_PATTERNS)
        is_lfs = body_length(pieces) >= LFS_FROM_BYTES or any(
            fnmatch.fnmatchcase(path, pattern) for pattern in patterns)
        return Entry(path, pieces, is_lfs, stamp, self.hashes, self.description.get("declare", {}).get(path, {}))


def list_files(folder: pathlib.Path) -> list[str]:
    """Paths relative to the folder, with symlinks followed, without what describes the repository."""
    found = []
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if name not in (PRIVATE_FOLDER, ".git")]
        found += [os.path.relpath(os.path.join(parent, name), folder) for name in files if name != DESCRIPTION]
    return sorted(found)


class Store:
    """Every repository below a root, and the renames that ROOT/.double.json lists."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.hashes = Hashes()
        self.repositories: dict[str, Repository] = {}
        self.renamed: dict[str, str] = {}
        self.reload()

    def reload(self) -> None:
        """Looks at the folders again. Commits seen before stay known as long as their repository is there."""
        file = self.root / DESCRIPTION
        self.renamed = json.loads(file.read_text(encoding="utf-8")).get("renamed", {}) if file.exists() else {}
        found: dict[str, Repository] = {}
        for folder in sorted(self.root.glob("*/*")):
            name = f"{folder.parent.name}/{folder.name}"
            if not folder.is_dir() or name.startswith("."):
                continue
            known = self.repositories.get(name)
            if known:
                known.load()
            found[name] = known or Repository(name, folder, self.hashes)
        self.repositories = found

    def get(self, name: str) -> Repository:
        if name not in self.repositories:
            raise DescriptionError(f"repository: expected one of {sorted(self.repositories)}, found '{name}'")
        return self.repositories[name]
