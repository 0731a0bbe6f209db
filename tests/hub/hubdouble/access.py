"""Who asks, and what the Hub refuses: tokens, private and gated repositories, and its errors as it words them.

What a client must cope with, as the Hub does it:
- a repository that is not there is 401 without an error code to the anonymous, 404 RepoNotFound to who has a token;
- a gated repository's metadata and file list are public; its files are 401 GatedRepo without a token, 403 GatedRepo
  with one that has not accepted;
- a wrong token is refused even where none is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .messages import Request, Response, json_response, text_response
from .repositories import Repository

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="Authentication required", charset="UTF-8"'}


@dataclass(eq=False)  # hashable, as tracebacks want their exceptions
class Refusal(Exception):
    """Turned into the answer by whoever catches it: JSON from the API, text from /resolve/."""

    status: int
    message: str
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def response(self, as_json: bool) -> Response:
        headers = {"X-Error-Message": self.message, **self.headers}
        if self.code:
            headers["X-Error-Code"] = self.code
        if as_json:
            return json_response({"error": self.message}, self.status, headers)
        return text_response(self.message, self.status, headers)


def repository_not_found(user: str | None) -> Refusal:
    if user is None:
        return Refusal(401, "Invalid username or password.", headers=dict(CHALLENGE))
    return Refusal(404, "Repository not found", "RepoNotFound")


def revision_not_found(revision: str) -> Refusal:
    printable = revision.encode("ascii", "replace").decode()
    return Refusal(404, f"Invalid rev id: {printable}", "RevisionNotFound")


def entry_not_found(commit: str) -> Refusal:
    return Refusal(404, "Entry not found", "EntryNotFound", {"X-Repo-Commit": commit})


class Tokens:
    """token -> user name."""

    def __init__(self, users: dict[str, str]) -> None:
        self.users = dict(users)

    def user_of(self, request: Request) -> str | None:
        """The user's name, None for the anonymous; a token that is not known is refused."""
        header = request.headers.get("authorization")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        user = self.users.get(token.strip())
        if scheme.lower() != "bearer" or user is None:
            raise Refusal(401, "Invalid credentials in Authorization header", headers=dict(CHALLENGE))
        return user


def check_files_open_to(repository: Repository, user: str | None) -> None:
    """Refuses the files of a gated repository to who has not accepted."""
    if not repository.gated or repository.is_accepted(user):
        return
    if user is None:
        raise Refusal(401, f"Access to model {repository.id} is restricted. You must have access to it and be "
                           "authenticated to access it. Please log in.", "GatedRepo", dict(CHALLENGE))
    page = f"https://huggingface.co/{repository.id}"
    raise Refusal(403, f"Access to model {repository.id} is restricted and you are not in the authorized list. "
                       f"Visit {page} to ask for access.", "GatedRepo")
