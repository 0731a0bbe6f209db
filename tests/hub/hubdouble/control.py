"""The control interface, /_double/... of the hub's origin, never logged nor struck by a fault; double.py lists it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from .access import Tokens
from .faults import FAULT_KINDS, Faults
from .log import Log
from .messages import Request, Response, json_response
from .repositories import DescriptionError, Store

PREFIX = "/_double/"


class Control:
    def __init__(self, store: Store, tokens: Tokens, faults: Faults, log: Log, stop: threading.Event) -> None:
        self.store = store
        self.tokens = tokens
        self.faults = faults
        self.log = log
        self.stop = stop
        self._commands: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", "state"): lambda _: {**log.state(), "faults": faults.state()},
            ("GET", "log"): lambda _: log.lines(),
            ("DELETE", "log"): lambda _: log.clear(),
            ("GET", "kinds"): lambda _: sorted(FAULT_KINDS),
            ("POST", "faults"): lambda value: faults.add(value if isinstance(value, list) else [value]),
            ("DELETE", "faults"): lambda _: faults.clear(),
            ("POST", "accept"): self._accept,
            ("POST", "describe"): self._describe,
            ("POST", "move"): lambda value: store.get(value["id"]).move(value["revision"], value["to"]),
            ("POST", "token"): lambda value: tokens.users.update({value["token"]: value["user"]}),
            ("POST", "reload"): lambda _: store.reload(),
            ("POST", "stop"): lambda _: stop.set(),
        }

    def answer(self, request: Request) -> Response:
        command = self._commands.get((request.method, request.path.removeprefix(PREFIX)))
        if command is None:
            return json_response({"error": f"expected one of {sorted(self._commands)}, found "
                                           f"{request.method} {request.path}"}, 404)
        try:
            value = json.loads(request.body) if request.body else None
            result = command(value)
        except (DescriptionError, KeyError, TypeError, ValueError, AttributeError) as error:
            return json_response({"error": f"{type(error).__name__}: {error}"}, 400)
        return json_response({"ok": True} if result is None else result)

    def _accept(self, value: dict[str, str]) -> None:
        repository = self.store.get(value["id"])
        accepted = repository.description.get("accepted", [])
        repository.load({"accepted": [*accepted, value["user"]]})

    def _describe(self, value: dict[str, Any]) -> None:
        changes = {key: content for key, content in value.items() if key != "id"}
        self.store.get(value["id"]).load(changes)
