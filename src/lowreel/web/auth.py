"""Who is let in: requests for this machine, from its own page, and from elsewhere only with the password.

Whoever knew the password has a session of Starlette's: a cookie that says so, signed with a key of the password and of
random bytes that the page keeps (`session_key`), and good for two weeks.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")

WAIT_SECONDS = 1.0
"""Seconds before the answer to a wrong password."""

MOST_GUESSES = 10
"""Guesses that wait for their turn, at most; further ones are turned away unread."""

FORM_BYTES = 4096
"""Bytes of a login form, at most."""

OPEN = re.compile(
    r"/(|config|theme\.css|favicon\.ico|robots\.txt|manifest\.json|example\.mp4|run/.+|assets/.+|static/.+|svelte/.+)"
    r"|/gradio_api/(queue/(join|data)|upload|upload_progress|heartbeat/\w+|app_id|info|startup-events|theme\.css"
    r"|file=(?!\w+:).+)"
)
"""Addresses that the page needs; Gradio has others, that fetch, run or write what a stranger says."""

HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        b"style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; form-action 'self'; base-uri 'self'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
"""The browser itself then asks no other host for anything, and shows the page in no frame of another."""

LOGIN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Lowreel</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<form method="post" style="font:16px system-ui;max-width:20rem;margin:4rem auto">
<label>Password or token <input name="password" type="password" autofocus required></label>
<button>Open the page</button><p>{told}</p></form></html>"""


KNOWS = "knows-password"
"""What a session says."""


def session_key(password: str, salt: bytes) -> str:
    """The key that sessions are signed with: slow to find by guessing the password, and another one on every page."""
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1).hex()


def guarded(app: App, password: str | None, largest: int, salt: bytes) -> App:
    """The page behind its guard. password, largest: as of `Auth`; salt: 16 random bytes or more, of this page's own."""
    guard = Auth(app, password, largest)
    if password is None:
        return guard
    from starlette.middleware.sessions import SessionMiddleware

    # Cookies of one host are those of all its ports: each page has a name of its own for its cookie.
    name = f"lowreel-{hashlib.sha256(salt).hexdigest()[:8]}"
    held: App = SessionMiddleware(guard, session_key(password, salt), session_cookie=name)
    return held


@dataclass(frozen=True)
class Auth:
    """Stands before the page. password: None where it is open to this machine alone, else each request has a `session`
    (`guarded`); largest: bytes of a request."""

    app: App
    password: str | None
    largest: int
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Guesses are looked at one after the other, the right one too: else it is the one that is answered at once."""
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_GUESSES))
    """For guesses that wait for their turn."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            refused = self._refused(scope, headers)
        except ValueError:
            refused = 400, "That is no request."
        if refused is not None:
            await _answer(scope, send, *refused)
        elif self.password is None or scope["session"].get(KNOWS):
            await self.app(scope, _bounded(receive, self.largest), _with_headers(send))
        else:
            await self._let_in(scope, receive, send)

    def _refused(self, scope: Scope, headers: dict[bytes, str]) -> tuple[int, str] | None:
        """Status and words for a request that is none of ours."""
        host = headers.get(b"host", "")
        name = urlsplit(f"//{host}").hostname or ""
        if self.password is None and name not in LOOPBACK:
            return 403, "This page is open to this machine alone."
        origin = headers.get(b"origin")
        is_plain = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if origin is not None and not is_plain and urlsplit(origin).netloc != host:
            return 403, "That came from another page."
        length = headers.get(b"content-length", "0")
        if not length.isdecimal() or len(length) > 15 or int(length) > self.largest:
            return 413, f"At most {self.largest:,} bytes are taken."
        if OPEN.fullmatch(scope["path"]) is None:
            return 404, "There is nothing at this address."
        return None

    async def _is_right(self, given: str) -> bool | None:
        """Whether a guess is the password, when its turn has come; None where too many wait."""
        if self.places.locked():
            return None
        async with self.places, self.one_at_a_time:
            if hmac.compare_digest(given.encode(), str(self.password).encode()):
                return True
            await asyncio.sleep(WAIT_SECONDS)
            return False

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Somebody without a session: the token in the address or the password in the form gives one."""
        if scope["type"] == "websocket":
            await _answer(scope, send, 403, "")
            return
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        given = query.get("token", [None])[0]
        if scope["method"] == "POST" and scope["path"] == "/":
            given = parse_qs((await _body(receive)).decode("utf-8", "replace")).get("password", [""])[0]
        right = False if given is None else await self._is_right(given)
        if right:
            run = query.get("run", [""])[0]
            where = f"./?run={run}" if run.replace("-", "").replace("_", "").isalnum() else "./"
            scope["session"][KNOWS] = True
            await _answer(scope, send, 303, "", [(b"location", where.encode())])
            return
        if right is None:
            await _answer(scope, send, 429, "Too many passwords are tried; try again in a while.")
            return
        told = "That is not it." if given is not None else ""
        await _answer(scope, send, 401, LOGIN.replace("{told}", told))


async def _body(receive: Receive) -> bytes:
    found, more = b"", True
    while more and len(found) <= FORM_BYTES:
        message = await receive()
        found, more = found + message.get("body", b""), message.get("more_body", False)
    return found[:FORM_BYTES]


def _bounded(receive: Receive, largest: int) -> Receive:
    """The same body, cut off where it is larger than it said."""
    taken = 0

    async def bounded() -> MutableMapping[str, Any]:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return message if taken <= largest else {"type": "http.disconnect"}

    return bounded


def _with_headers(send: Send) -> Send:
    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *HEADERS]}
        await send(message)

    return sent


async def _answer(
    scope: Scope, send: Send, status: int, text: str, more: list[tuple[bytes, bytes]] | None = None
) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    kind = b"text/html; charset=utf-8" if text.startswith("<") else b"text/plain; charset=utf-8"
    headers = [(b"content-type", kind), *HEADERS, *(more or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
