"""How a run stands, and which runs a visitor has: asked for again and again, and sent only where something is new.

Gradio's own timer sends each look through its queue, and draws all that a look may change anew, whether it did or not.
Here a script of one page asks an address for a piece of HTML, says what it has, and is mostly answered that this is it.
A tab or a window that nobody sees asks nothing. When a run comes to another phase, the script presses a hidden button,
and Gradio draws the rest: buttons, figures, files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .reactions import LOOK_SECONDS, SLOW_LOOK_SECONDS, pace
from .service import Service, digest
from .svg import escaped

WATCH = """<script>(() => {
  const due = new WeakMap(), asking = new WeakSet();
  const ask = async (place) => {
    const { ask, stamp, phase, again } = place.dataset;
    asking.add(place);
    try {
      const link = ask + (ask.includes("?") ? "&" : "?") + "seen=" + encodeURIComponent(stamp);
      const reply = await fetch(link, { cache: "no-store" });
      const now = reply.status === 200 ? await reply.json() : null;
      if (now && now.phase !== phase) document.getElementById(again)?.click();
      else if (now) {
        Object.assign(place.dataset, { stamp: now.stamp, wait: now.wait });
        place.innerHTML = now.html;
      }
    } catch {}
    due.set(place, Date.now() + 1000 * place.dataset.wait);
    asking.delete(place);
  };
  const keep = (link) => {
    const key = link?.split("/")[1];
    if (key && new URLSearchParams(location.search).get("run") !== key) history.replaceState(null, "", "?run=" + key);
  };
  const look = () => {
    keep(document.querySelector("#told [data-ask]")?.dataset.ask);
    if (document.hidden) return;
    for (const place of document.querySelectorAll("[data-ask]"))
      if (place.offsetParent && !asking.has(place) && (due.get(place) ?? 0) <= Date.now()) ask(place);
  };
  setInterval(look, 500);
  document.addEventListener("visibilitychange", look);
})()</script>"""
"""For the head of the page. Asks for what each element shows that has `data-ask`, while somebody can see it, every
`data-wait` seconds; keeps the run that is shown in the address, so that it is found again."""

MOST_LISTED = 100
"""Runs of a visitor's that one question may be about; a browser remembers no more."""


@dataclass(frozen=True)
class Standing:
    """What is to be seen at an address. stamp: changes when that does; phase: changes when the rest of the page does,
    too; wait: seconds until it is worth another look."""

    stamp: str
    phase: str
    wait: float

    def sent(self, html: str) -> dict[str, Any]:
        """What the script of the page is given."""
        return {"stamp": self.stamp, "phase": self.phase, "wait": self.wait, "html": html}

    def watched(self, html: str, ask: str, again: str) -> str:
        """HTML that the script keeps up to date. ask: where it asks; again: the button that it presses when the
        phase is another one."""
        about = {"ask": ask, "again": again, "stamp": self.stamp, "phase": self.phase, "wait": self.wait}
        attributes = "".join(f' data-{name}="{escaped(value)}"' for name, value in about.items())
        return f"<div{attributes}>{html}</div>"


def stamped(service: Service, key: str) -> tuple[str, str]:
    """The stamp and the phase of the run at an address."""
    stamp, status = service.state(key)
    phase = f"{status}{'' if service.look(key) is None else ' begun'}"
    return f"{phase} {stamp}", phase


def standing(service: Service, key: str, known: tuple[str, str] | None = None) -> Standing:
    """How the run at an address stands. known: its stamp and phase, where they are known."""
    stamp, phase = known or stamped(service, key)
    look = service.look(key)
    live = None if look is None else look.live()
    if phase.startswith("running"):
        return Standing(stamp, phase, pace(0.0 if live is None else float(live[0].about["seconds"])))
    return Standing(stamp, phase, LOOK_SECONDS if phase.startswith("waiting") else SLOW_LOOK_SECONDS)


def watched_run(service: Service, key: str, again: str, known: tuple[str, str] | None = None) -> str:
    """How the run at an address stands, as HTML that is kept up to date. again: as of `Standing.watched`; known: as of
    `standing`."""
    if not key:
        return service.status_html(key)
    now = standing(service, key, known)  # before the HTML, which then is never older than its stamp
    return now.watched(service.status_html(key), f"run/{quote(key, safe='')}/standing", again)


def news_of_run(service: Service, key: str, seen: str) -> dict[str, Any] | None:
    """What is new at an address; None where its stamp is the one that was seen."""
    known = stamped(service, key)
    return None if known[0] == seen else standing(service, key, known).sent(service.status_html(key))


def watched_list(service: Service, mine: Sequence[str]) -> str:
    """Links to a visitor's own runs, as HTML that is kept up to date."""
    html = service.list_of(mine)
    known = ",".join(key for key in mine if isinstance(key, str) and service.jobs.get(key) is not None)
    return _listed(html).watched(html, f"run/list?of={quote(known)}", "") if html else ""


def news_of_list(service: Service, mine: Sequence[str], seen: str) -> dict[str, Any] | None:
    """The links to these runs, where they are not those that were seen."""
    html = service.list_of(mine)
    now = _listed(html)
    return None if now.stamp == seen else now.sent(html)


def _listed(html: str) -> Standing:
    return Standing(digest(html), "", SLOW_LOOK_SECONDS)
