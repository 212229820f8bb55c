"""What a notebook shows of a recovery and of a run: a film strip, the verdict, the table of figures."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..io.video import open_clip
from ..recovery.result import Recovery
from ..system.complex_clips import magnitude
from ..system.film_strip import frames_of_strip, strip_html
from .report import figures
from .summary import Summary

VERDICT_COLOURS = {"use": "#0b6e4f", "use_with_care": "#8a5a00", "undecided": "#555", "unknown": "#555"}
"""By kind of the verdict; any other is DO_NOT_USE_COLOUR."""

DO_NOT_USE_COLOUR = "#a3241b"


def recovery_html(found: Recovery, summary: Summary) -> str:
    """found: in grey levels."""
    parts = [_strip(magnitude(found.clip), "recovered")]
    if found.has_better:
        parts.append(_strip(magnitude(found.recommended_clip), f"recommended: {found.recommended.name}"))
    return _page(parts, summary)


def run_html(folder: Path, summary: Summary) -> str:
    """The same of a run that has ended, from the film in its folder; without a strip where that is gone."""
    film = folder / "recovered.mp4"
    if not film.is_file():
        return _page([], summary)
    clip = open_clip(film)
    shown = frames_of_strip(len(clip))
    frames = torch.cat([clip.read(t, t + 1) for t in shown])
    return _page([strip_html(frames, shown, "recovered", len(clip))], summary)


def _page(pictures: Sequence[str], summary: Summary) -> str:
    """Pictures, the verdict and the table of figures."""
    colour = VERDICT_COLOURS.get(summary.verdict, DO_NOT_USE_COLOUR)
    word = summary.verdict.replace("_", " ")
    said = f"<p><b style='color:{colour}'>{word}</b>: {html.escape(summary.trust)}</p>"
    return "<div>" + "".join(pictures) + said + table_html((), figures(summary)) + "</div>"


def _strip(clip: Tensor, label: str) -> str:
    """Frames of a clip (T, C, H, W) in [0, 1] side by side, with their numbers."""
    shown = frames_of_strip(len(clip))
    return strip_html(clip[shown], shown, label, len(clip))


def table_html(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """A table of HTML; a header where there are names of columns."""
    head = "".join(f"<th style='text-align:left'>{html.escape(name)}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in cells
    )
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"
