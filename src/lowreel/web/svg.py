"""What the page draws by itself: the strip of frames, the curves and the path of the codes, as HTML without scripts."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from ..runs.preview import Live
from ..runs.report import figures
from ..runs.summary import Summary
from .words import GROUPS, said_in_words

WIDE, HIGH = 560, 170
"""Size of a plot in its own units; it is as wide as there is room."""

CAPTION_HIGH = 22
"""What is left below a path for its caption, in the same units."""


def escaped(text: Any) -> str:
    """Text of anybody's as HTML that shows it."""
    return html.escape(str(text), quote=True)


def picture_link(frame: np.ndarray) -> str:
    """A picture, (H, W, 3) uint8, as a data: address."""
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "png", compress_level=3)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def strip(frames: Tensor, shown: Sequence[int]) -> str:
    """Frames beside each other, (N, C, h, w) uint8, with their numbers."""
    cells = []
    for frame, number in zip(frames, shown, strict=True):
        levels = np.ascontiguousarray(np.broadcast_to(frame.numpy().transpose(1, 2, 0), (*frame.shape[1:], 3)))
        picture = f'<img src="{picture_link(levels)}" alt="frame {number} as it stands">'
        cells.append(f"<figure>{picture}<figcaption>{number}</figcaption></figure>")
    return f'<div class="strip">{"".join(cells)}</div>'


def progress(live: Live, section: str, limit: float | None = None) -> str:
    """A bar, and in words what is being done and how long it takes yet; limit: seconds after which it is ended."""
    about = live.about
    if about["stage"] == "baselines":
        return f'<p class="told">{escaped("; ".join(live.told))}</p>'
    share = min(1.0, about["made"] / max(about["planned"], 1))
    told = [section, *live.told, left(about["seconds"], about["made"], about["planned"], limit)]
    bar = f'<div class="bar"><div style="width:{100 * share:.1f}%"></div></div>'
    return f'{bar}<p class="told" data-loss="{about["loss"]:.6g}">{escaped(" · ".join(t for t in told if t))}</p>'


def left(seconds: float, made: int, planned: int, limit: float | None = None) -> str:
    """How long it takes yet, in words; nothing where it is too early to say."""
    if made >= planned:
        return "now the files"
    if made < 2 or seconds < 1:
        return ""
    rest = seconds / made * (planned - made)
    if limit is not None and rest > limit:
        return f"longer than the {limit / 60:g} min that a run may take here: it then ends with the best so far"
    return f"about {math.ceil(rest)} s left" if rest < 90 else f"about {math.ceil(rest / 60)} min left"


def curves(rows: Sequence[Sequence[float | None]]) -> str:
    """Loss and held-out error over the epochs, on a logarithmic scale; rows: step, loss, held-out error."""
    loss, held = _pairs(rows, 1), _pairs(rows, 2)
    every = [y for _, y in (*loss, *held)]
    if not every:
        return ""
    low, high = math.log10(min(every)), math.log10(max(every))
    low, high = (low, high) if high - low > 0.1 else (low - 0.05, high + 0.05)
    last = max(x for x, _ in (*loss, *held))

    def point(x: float, y: float) -> str:
        right = 46 + (WIDE - 56) * x / max(last, 1)
        return f"{right:.1f},{12 + (HIGH - 40) * (high - math.log10(y)) / (high - low):.1f}"

    lines = _grid(low, high)
    for pairs, name in ((loss, "loss"), (held, "held")):
        points = " ".join(point(x, y) for x, y in pairs)
        lines += f'<polyline class="{name}" points="{points}"/>' if points else ""
    lines += f'<text x="{WIDE - 10}" y="{HIGH - 6}" text-anchor="end">epoch {last:.0f}</text>'
    lines += f'<text x="{WIDE - 12}" y="22" text-anchor="end"><tspan class="loss">loss on the fitted data</tspan>'
    lines += '<tspan class="held" dx="12">held-out error</tspan></text>'
    return _svg(lines, "loss and held-out error")


def _pairs(rows: Sequence[Sequence[float | None]], column: int) -> list[tuple[float, float]]:
    """Epochs and values of a column that have a place on a logarithmic scale."""
    pairs = [(row[0], row[column]) for row in rows]
    return [(x, y) for x, y in pairs if x is not None and y is not None and math.isfinite(y) and y > 0]


def _grid(low: float, high: float) -> str:
    lines = ""
    for power in range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1):
        y = 12 + (HIGH - 40) * (high - power) / (high - low)
        lines += f'<line class="grid" x1="46" x2="{WIDE - 10}" y1="{y:.1f}" y2="{y:.1f}"/>'
        lines += f'<text x="40" y="{y + 4:.1f}" text-anchor="end">1e{power}</text>'
    return lines


def path(points: Tensor, mark: Tensor | None = None) -> str:
    """The codes in their first two principal directions, (T, 2), from dark (first frame) to light; mark: a point."""
    together = points if mark is None else np.concatenate([points.numpy(), mark.numpy()[None]])
    values = np.asarray(together, dtype=float)
    middle = (values.max(0) + values.min(0)) / 2
    spread = (values.max(0) - values.min(0)) / 2
    high = HIGH - CAPTION_HIGH
    scale = min((WIDE / 2 - 20) / max(spread[0], 1e-12), (high / 2 - 10) / max(spread[1], 1e-12))
    placed = (values - middle) * scale * (1, -1) + (WIDE / 2, high / 2)
    dots, count = "", len(points)
    for k, (x, y) in enumerate(placed[:count]):
        colour = f"hsl({260 - 210 * k / max(count - 1, 1):.0f} 70% {30 + 30 * k / max(count - 1, 1):.0f}%)"
        dots += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"><title>frame {k}</title></circle>'
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed[:count])
    found = f'<polyline class="grid" points="{line}"/>{dots}'
    if mark is not None:
        found += f'<circle class="mark" cx="{placed[-1][0]:.1f}" cy="{placed[-1][1]:.1f}" r="8"/>'
    found += f'<text x="8" y="{HIGH - 6}">path of the codes, first to last frame</text>'
    return _svg(found, "path of the codes")


def _svg(content: str, label: str) -> str:
    return f'<svg class="plot" viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{label}">{content}</svg>'


def table(summary: Summary) -> str:
    """The figures of a run that has ended, under its verdict."""
    end = escaped(summary.outcome.sentence.replace(" by Ctrl-C", "").replace(" Go on with --resume.", ""))
    return f'<p class="trust">{escaped(summary.trust)}</p>{_rows(figures(summary))}<p>{end}</p>'


def asked_for(operator: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """What a run was asked for, as HTML: how the clip was measured, and the settings, in their groups."""
    about = ", ".join(f"{name} {value}" for name, value in operator.items() if _is_plain(name, value))
    measured = f"{operator.get('kind', '')} {about}"
    parts = {"Measured": [("measured by", measured)]}
    for heading, names in GROUPS.items():
        parts[heading] = [(said_in_words(name), _told(settings[name])) for name in names if name in settings]
    told = "".join(
        f"<section><b>{escaped(heading)}</b>{_rows(rows)}</section>" for heading, rows in parts.items() if rows
    )
    return f'<details class="asked" open><summary>Settings of this run</summary><div>{told}</div></details>'


def _rows(rows: Sequence[tuple[str, str]]) -> str:
    """Names and texts as a table."""
    cells = "".join(f"<tr><th>{escaped(name)}</th><td>{escaped(text)}</td></tr>" for name, text in rows)
    return f'<table class="figures">{cells}</table>'


def _told(value: Any) -> str:
    """A setting as text."""
    return "default" if value is None else ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _is_plain(name: str, value: Any) -> bool:
    """Whether a parameter of an operator is said in a word."""
    return name not in ("kind", "clip_shape", "streams") and isinstance(value, int | float | str)


STYLE = """
.strip { display: grid; grid-template-columns: repeat(auto-fit, minmax(84px, 1fr)); gap: 4px; }
.strip figure { margin: 0; }
.strip img { width: 100%; image-rendering: pixelated; display: block; }
.strip figcaption { font-size: 11px; opacity: .6; text-align: center; }
.bar { height: 6px; border-radius: 3px; background: #8883; overflow: hidden; }
.bar div { height: 100%; background: #3a7bd5; }
.told { font-size: 14px; margin: 4px 0 8px; }
.trust { font-weight: 600; margin: 4px 0; }
.plot { width: 100%; height: auto; display: block; margin-top: 8px; }
.plot text { font-size: 11px; fill: currentColor; opacity: .8; }
.plot polyline { fill: none; stroke-width: 1.6; }
.plot polyline.loss { stroke: #3a7bd5; } .plot tspan.loss { fill: #3a7bd5; }
.plot polyline.held { stroke: #e07b39; } .plot tspan.held { fill: #e07b39; }
.plot .grid { stroke: #8886; stroke-width: .8; }
.plot .mark { fill: none; stroke: #d33; stroke-width: 2.5; }
table.figures, table.figures :is(tr, th, td) { border: 0 !important; background: none !important; }
table.figures th { text-align: left; font-weight: 400; opacity: .7; padding: 2px 14px 2px 0 !important; }
table.figures td { padding: 2px 0 !important; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(280px, 1fr)); gap: 16px; }
#pair .strip, #drawn .strip { grid-template-columns: repeat(auto-fit, minmax(200px, 480px)); }
.runs a { display: inline-block; margin-right: 12px; }
.asked summary { cursor: pointer; margin: 8px 0; }
.asked > div { display: grid; grid-template-columns: repeat(auto-fit, minmax(270px, 1fr)); gap: 12px 32px; }
#found:not(:has(p)), #example:not(:has(video)) { display: none; }
#example video { width: min(100%, 900px); aspect-ratio: 260 / 128; }
#told > * { contain: layout style; }
@media (max-width: 700px) {
  #recover { flex-direction: column-reverse; flex-wrap: nowrap; }
  .plot text { font-size: 16px; }
}
.problem { color: #c33; font-weight: 600; }
video { width: min(100%, 480px); max-height: 60vh; image-rendering: pixelated; }
"""
"""For the page as a whole: it looks the same in light and dark, and on a phone."""
