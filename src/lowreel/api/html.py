"""What a notebook shows of a recovery and of a run: a film strip, the verdict, the table of figures."""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Sequence

from torch import Tensor

from ..recovery.result import Recovery as Found
from ..runs.report import figures
from ..runs.summary import Summary
from ..system.complex_clips import magnitude
from .compare import table_html
from .film_strip import film_strip, frames_of_strip

VERDICT_COLOURS = {"use": "#0b6e4f", "use_with_care": "#8a5a00", "undecided": "#555", "unknown": "#555"}
"""By kind of the verdict; any other is DO_NOT_USE_COLOUR."""

DO_NOT_USE_COLOUR = "#a3241b"


def recovery_html(found: Found, summary: Summary) -> str:
    """found: in grey levels."""
    parts = [strip_html(magnitude(found.clip), "recovered")]
    if found.has_better:
        parts.append(strip_html(magnitude(found.recommended_clip), f"recommended: {found.recommended.name}"))
    colour = VERDICT_COLOURS.get(found.verdict.kind, DO_NOT_USE_COLOUR)
    word = found.verdict.kind.replace("_", " ")
    parts.append(f"<p><b style='color:{colour}'>{word}</b>: {html.escape(found.trust)}</p>")
    rows: Sequence[tuple[str, str]] = figures(summary)
    return "<div>" + "".join(parts) + table_html((), rows) + "</div>"


def strip_html(clip: Tensor, label: str) -> str:
    """Frames of a clip (T, C, H, W) in [0, 1] side by side, with their numbers."""
    shown = frames_of_strip(len(clip))
    picture = b64encode(film_strip(clip[shown])).decode("ascii")
    numbers = ", ".join(map(str, shown))
    text = html.escape(f"{label}, frames {numbers} of {len(clip)}")
    return (
        f"<figure style='margin:0'><img alt='{text}' src='data:image/png;base64,{picture}' style='max-width:100%'>"
        f"<figcaption>{text}</figcaption></figure>"
    )
