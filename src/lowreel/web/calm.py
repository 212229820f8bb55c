"""A page that stands still while nothing happens on it."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from .auth import App, Receive, Scope, Send

CALM = """<script>(() => {
  const frame = window.requestAnimationFrame.bind(window), cancel = window.cancelAnimationFrame.bind(window);
  const later = new Map();
  let number = 0, busy = performance.now();
  const wake = () => { busy = performance.now(); };
  for (const name of ["pointermove", "pointerdown", "click", "keydown", "input", "wheel", "touchmove", "scroll"])
    window.addEventListener(name, wake, { capture: true, passive: true });
  window.requestAnimationFrame = (draw) => {
    if (performance.now() - busy < 3000) return frame(draw);
    const own = --number;
    later.set(own, { timer: setTimeout(() => {
      later.set(own, { frame: frame((time) => { later.delete(own); draw(time); }) });
    }, 1000) });
    return own;
  };
  window.cancelAnimationFrame = (own) => {
    if (own >= 0) return cancel(own);
    const due = later.get(own);
    if (due) due.timer ? clearTimeout(due.timer) : cancel(due.frame);
    later.delete(own);
  };
})()</script>"""
"""For the head of the page, before all other scripts. Gradio 6 counts seconds, in a part that it has taken out of the
page, at every frame of the browser and for ever, which is most of what the browser does. Three seconds after the
visitor's last move, or a click of the script's, whoever asks for a frame is given one a second."""


def calmed(app: App) -> App:
    """The page with CALM before all its other scripts."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/":
            await app(scope, receive, send)
            return
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        start: MutableMapping[str, Any] = {}
        parts: list[bytes] = []

        async def altered(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            if message["type"] != "http.response.body":
                await send(message)
                return
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                body = b"".join(parts).replace(b"<head>", b"<head>" + CALM.encode(), 1)
                kept = [(name, value) for name, value in start.get("headers", []) if name.lower() != b"content-length"]
                await send({**start, "headers": [*kept, (b"content-length", str(len(body)).encode())]})
                await send({"type": "http.response.body", "body": body})

        await app({**scope, "headers": plain}, receive, altered)

    return served
