"""Stands in front of Gradio: functions of the page are given files that were sent to it, and no others.

Gradio fetches what is given by an address, and looks by itself whether paths are those of uploads. Neither is left to
it, whatever its version: only what was looked at here is passed on.
"""

from __future__ import annotations

import json
import os
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .auth import App, Receive, Scope, Send

JOIN = "/gradio_api/queue/join"
"""Where functions are asked for."""

ASKED_BYTES = 2**22
"""Bytes of what a function is given, at most; files are sent before, by themselves."""


class Refused(Exception):
    """What was asked is not passed on."""


@dataclass(frozen=True)
class SentFiles:
    """app: the page; uploads: the folder where Gradio puts files that were sent, without links in its path."""

    app: App
    uploads: Path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it: status 400."""
        if scope["type"] != "http" or scope["path"] != JOIN:
            await self.app(scope, receive, send)
            return
        try:
            asked = json.loads(await _whole(receive))
            body = json.dumps(self._checked(asked), allow_nan=False).encode()
        except (Refused, ValueError, RecursionError):
            await send({"type": "http.response.start", "status": 400, "headers": []})
            await send({"type": "http.response.body", "body": b"That is not to be asked here."})
            return
        headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await self.app({**scope, "headers": headers}, _again(body, receive), send)

    def _checked(self, asked: Any) -> Any:
        """The same, without the addresses of files; raises Refused where it names another file than those sent."""
        if isinstance(asked, list):
            return [self._checked(each) for each in asked]
        if not isinstance(asked, dict):
            return asked
        path = asked.get("path")
        if isinstance(path, str):
            if not Path(os.path.normpath(path)).is_relative_to(self.uploads):
                raise Refused
            asked = {**asked, "url": None}
        return {name: self._checked(value) for name, value in asked.items()}


async def _whole(receive: Receive) -> bytes:
    """The body of a request; raises Refused where it is too long, or was broken off."""
    found, more = bytearray(), True
    while more:
        message = await receive()
        found += message.get("body", b"")
        more = message.get("more_body", False)
        if message["type"] != "http.request" or len(found) > ASKED_BYTES:
            raise Refused
    return bytes(found)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body at first, then what comes by itself."""
    given = False

    async def again() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
