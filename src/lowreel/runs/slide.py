"""A landscape page as PNG and PDF: rows of frames, a colour bar on every map, text above, curves in the room left."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor

from ..system.files import atomic_write
from ..system.page_size import PAGE_HIGH, PAGE_WIDE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 5
"""Frames side by side, at most."""

PNG_DPI = 150
"""Pixels an inch of the PNG."""

MARGIN, LABEL_WIDE, BAR_WIDE, GAP = 0.2, 1.0, 0.8, 0.06
"""Inches: around the page, of the labels of rows, of a colour bar with its numbers, between two frames."""

LINE, HEAD = 0.15, 0.22
"""Inches of a line of a label, and of the numbers of the frames above them."""

CURVES_WIDE, CURVES_HIGH, MOST_CURVES_HIGH = 5.2, 1.6, 3.4
"""Inches of the curves: at least, and how high they are at most."""

AXIS_WIDE, AXIS_HIGH = 0.75, 0.45
"""Inches of the numbers and names of an axis at its side, and below it."""

ENTRY_WIDE, ENTRY_HIGH, MOST_ENTRIES = 1.65, 0.17, 6
"""Inches of an entry of the legend above the curves, and how many there are at most."""

NUMBER_WIDE, NAMED_WIDE = 0.4, 0.8
"""Inches of a frame above which its number has room, and above which the word "frame" has."""

NARROW_PIXELS = 240
"""Pixels of a frame that are drawn as squares; wider ones are made smaller, which is smoothed."""

FEWER_FRAMES_SHARE, HALF_EMPTY_SHARE = 0.87, 0.87
"""What three frames in place of five, and room left below the pictures, are worth, as a share of the frames' area."""

SCALE_BAR_SHARE = 0.4
"""Part of a frame's width that its scale bar takes, at most."""


@dataclass(frozen=True)
class Row:
    """Frames (C, H, W) side by side. ceiling: of a map the value of the brightest colour, in `unit`; None: a picture.

    spacing: width of a pixel and its unit; a scale bar is drawn then.
    """

    label: str
    frames: Sequence[Tensor]
    ceiling: float | None = None
    unit: str = ""
    spacing: tuple[float, str] | None = None

    @property
    def is_map(self) -> bool:
        """Whether its colours stand for values, as a colour bar says."""
        return self.ceiling is not None

    @property
    def least_inches(self) -> float:
        """What its label takes."""
        return LINE * max(len(self.label.splitlines()), 3 if self.is_map else 1)


Arrangement = Literal["beside", "under", "split", "split under", "split beside"]
"""Curves beside the rows or below them; maps beside pictures, and curves below the maps, below all or beside all."""

ARRANGEMENTS: tuple[Arrangement, ...] = ("beside", "under", "split", "split under", "split beside")


@dataclass(frozen=True)
class Block:
    """Rows below each other. left, top: of the first frame, in inches from the upper left corner of the page."""

    rows: tuple[Row, ...]
    left: float
    top: float


@dataclass(frozen=True)
class Plan:
    """Where all is on a page, in inches from its upper left corner.

    columns: which frames of a row are shown; scale: inches of a pixel; pitch: from row to row; curves: left, top, width
    and height of their axes.
    """

    columns: tuple[int, ...]
    scale: float
    pitch: float
    blocks: tuple[Block, ...]
    curves: tuple[float, float, float, float]


def planned(rows: Sequence[Row], title_inches: float) -> Plan:
    """Where all is below a title of so many inches, in the arrangement in which frames are largest: curves beside the
    rows or below them, maps below pictures or beside them, five frames of each or three."""
    found: list[tuple[float, int, Plan]] = []
    for columns in _columns(len(rows[0].frames)):
        for arrangement in ARRANGEMENTS:
            if arrangement.startswith("split") and len({row.is_map for row in rows}) == 1:
                continue
            plan = _arranged(rows, columns, arrangement, title_inches)
            worth = len(columns) * plan.scale**2
            worth *= FEWER_FRAMES_SHARE if len(columns) < len(rows[0].frames) else 1.0
            worth *= HALF_EMPTY_SHARE if arrangement == "split" else 1.0
            found.append((worth, -len(found), plan))
    return max(found)[2]


def _columns(count: int) -> list[tuple[int, ...]]:
    """Which frames may be shown: all of them, or the first, the middle and the last."""
    every = tuple(range(count))
    return [every, (0, count // 2, count - 1)] if count > 3 else [every]


def _arranged(rows: Sequence[Row], columns: tuple[int, ...], arrangement: Arrangement, top: float) -> Plan:
    height, width = rows[0].frames[0].shape[-2:]
    groups = [tuple(rows)]
    if arrangement.startswith("split"):
        groups = [tuple(row for row in rows if row.is_map is kind) for kind in (False, True)]
    least = max(row.least_inches for row in rows)
    beside = [
        LABEL_WIDE + (len(columns) - 1) * GAP + (BAR_WIDE if any(r.is_map for r in g) else MARGIN) for g in groups
    ]
    across = PAGE_WIDE - 2 * MARGIN - sum(beside) - (CURVES_WIDE if "beside" in arrangement else 0.0)
    under = legend_high(CURVES_WIDE if arrangement == "split" else PAGE_WIDE) + CURVES_HIGH + AXIS_HIGH
    room = PAGE_HIGH - top - HEAD - MARGIN
    of_groups = [
        room - (under if "under" in arrangement or (arrangement == "split" and k == 1) else 0.0) for k in (0, 1)
    ]
    pitch = min(of_groups[k] / len(group) for k, group in enumerate(groups))
    scale = min(across / (len(columns) * len(groups) * width), max(pitch - GAP, 0.0) / height)
    pitch = max(min(height * scale + GAP, pitch), min(least + GAP, pitch))
    lefts, left = [], MARGIN
    for own in beside:
        lefts.append(left + LABEL_WIDE)
        left += own + len(columns) * width * scale
    blocks = tuple(Block(group, at, top + HEAD) for group, at in zip(groups, lefts, strict=True))
    return Plan(columns, scale, pitch, blocks, _curves(arrangement, blocks, left, pitch))


def _curves(
    arrangement: Arrangement, blocks: Sequence[Block], right: float, pitch: float
) -> tuple[float, float, float, float]:
    """Left, top, width and height of the curves' axes. right: where the last block ends."""
    lowest = PAGE_HIGH - MARGIN - AXIS_HIGH
    if "beside" in arrangement:
        left = right + AXIS_WIDE
        wide = PAGE_WIDE - MARGIN - AXIS_WIDE - left
        top = blocks[0].top + legend_high(wide)
        return left, top, wide, min(lowest - top, MOST_CURVES_HIGH)
    above = blocks if arrangement != "split" else blocks[1:]
    ends = max(block.top + len(block.rows) * pitch for block in above)
    left = min(block.left for block in above)
    wide = PAGE_WIDE - MARGIN - AXIS_WIDE - left
    top = ends + legend_high(wide)
    return left, top, wide, min(lowest - top, MOST_CURVES_HIGH)


def legend_columns(wide: float, entries: int = MOST_ENTRIES) -> int:
    """How many entries of a legend stand beside each other above axes so many inches wide."""
    return max(1, min(entries, int(wide // ENTRY_WIDE)))


def legend_high(wide: float) -> float:
    """Inches that the legend takes."""
    return 0.1 + ENTRY_HIGH * math.ceil(MOST_ENTRIES / legend_columns(wide))


@contextmanager
def page(path: Path, title: str, text: Sequence[str], rows: Sequence[Row], shown: Sequence[int]) -> Iterator[Axes]:
    """PATH.png and PATH.pdf with a title, lines of text and rows of frames, whose numbers are `shown`; the caller draws
    the curves. In the PDF frames are pictures, all else is lines and letters."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE_WIDE, PAGE_HIGH), facecolor="white")
    FigureCanvasAgg(figure)
    plan = planned(rows, _draw_text(figure, title, text))
    pictures = figure.add_axes((0, 0, 1, 1))
    pictures.set_xlim(0, PAGE_WIDE)
    pictures.set_ylim(PAGE_HIGH, 0)
    pictures.set_axis_off()
    draw_pictures(pictures, plan, shown)
    left, top, wide, high = plan.curves
    yield figure.add_axes((left / PAGE_WIDE, 1 - (top + high) / PAGE_HIGH, wide / PAGE_WIDE, high / PAGE_HIGH))
    for kind, about in (("png", {}), ("pdf", {"CreationDate": None, "Title": title})):
        with atomic_write(path.with_suffix(f".{kind}")) as temporary:
            write_figure(figure, temporary, kind, about)


def write_figure(figure: Figure, path: Path, kind: str, about: Mapping[str, str | None]) -> None:
    """The page as a file of this kind, png or pdf, with what is said about it there."""
    from matplotlib import rc_context

    with rc_context({"image.composite_image": False}):  # in the PDF each frame is a picture by itself
        figure.savefig(path, dpi=PNG_DPI, format=kind, metadata=about)


def _draw_text(figure: Figure, title: str, text: Sequence[str]) -> float:
    """Title and lines at the top left; the inches that they take."""
    figure.text(
        MARGIN / PAGE_WIDE, 1 - MARGIN / PAGE_HIGH, title, fontsize=13, va="top", weight="bold", parse_math=False
    )
    top = MARGIN + 0.3
    about: dict[str, Any] = {"fontsize": 10, "va": "top", "linespacing": 1.3, "parse_math": False}
    figure.text(MARGIN / PAGE_WIDE, 1 - top / PAGE_HIGH, "\n".join(text), **about)
    return top + 0.185 * len(text) + 0.1


def draw_pictures(axes: Axes, plan: Plan, shown: Sequence[int]) -> None:
    """All frames in one Axes, whose units are inches: an Axes for each would take most of the report's time."""
    for block in plan.blocks:
        height, width = (n * plan.scale for n in block.rows[0].frames[0].shape[-2:])
        lefts = [block.left + k * (width + GAP) for k in range(len(plan.columns))]
        for k, row in enumerate(block.rows):
            top = block.top + k * plan.pitch
            for left, column in zip(lefts, plan.columns, strict=True):
                _draw_frame(axes, row, row.frames[column], (left, top, width, height))
            axes.text(block.left - 0.08, top + height / 2, row.label, fontsize=9, ha="right", va="center")
            if row.is_map:
                high = max(height, min(3 * LINE, plan.pitch - GAP))
                _draw_bar(axes, row, lefts[-1] + width + 0.08, top + (height - high) / 2, high)
            elif row.spacing is not None:
                _draw_scale_bar(axes, row.frames[0].shape[-1], row.spacing, (lefts[0], top, width, height))
        _draw_numbers(axes, [shown[column] for column in plan.columns], lefts, width, block.top - 0.05)


def _draw_numbers(axes: Axes, numbers: Sequence[int], lefts: Sequence[float], width: float, bottom: float) -> None:
    """Which frames are shown, above them; of very narrow ones in one text."""
    about: dict[str, Any] = {"fontsize": 9, "va": "bottom"}
    if width + GAP < NUMBER_WIDE:
        text = f"frames {', '.join(map(str, numbers))}" if len(numbers) > 1 else f"frame {numbers[0]}"
        axes.text(lefts[0], bottom, text, **about)
        return
    for left, number in zip(lefts, numbers, strict=True):
        text = f"frame {number}" if width + GAP >= NAMED_WIDE else str(number)
        axes.text(left + width / 2, bottom, text, ha="center", **about)


def _draw_frame(axes: Axes, row: Row, frame: Tensor, box: tuple[float, float, float, float]) -> None:
    from matplotlib.patches import Rectangle

    left, top, width, height = box
    picture = frame.permute(1, 2, 0).numpy()
    axes.imshow(
        picture[..., 0] if picture.shape[-1] == 1 else picture,
        extent=(left, left + width, top + height, top),
        interpolation="none" if picture.shape[1] <= NARROW_PIXELS else "antialiased",
        cmap="magma" if row.is_map else "gray",
        vmin=0,
        vmax=1.0 if row.ceiling is None else row.ceiling,
        aspect="auto",
    )
    axes.add_patch(Rectangle((left, top), width, height, fill=False, lw=0.6))


def _draw_bar(axes: Axes, row: Row, left: float, top: float, height: float) -> None:
    """The colours of a map, from 0 to its ceiling, with their unit."""
    import numpy as np
    from matplotlib.patches import Rectangle

    assert row.ceiling is not None
    axes.imshow(
        np.linspace(1, 0, 64)[:, None],
        extent=(left, left + 0.1, top + height, top),
        interpolation="none",
        cmap="magma",
        vmin=0,
        vmax=1,
        aspect="auto",
    )
    axes.add_patch(Rectangle((left, top), 0.1, height, fill=False, lw=0.6))
    for text, at, where in ((f"{row.ceiling:.2g}", 0.0, "top"), (row.unit, 0.5, "center"), ("0", 1.0, "bottom")):
        axes.text(left + 0.14, top + at * height, text, fontsize=7, va=where, linespacing=1.0)


def _draw_scale_bar(
    axes: Axes, pixels: int, spacing: tuple[float, str], box: tuple[float, float, float, float]
) -> None:
    """A white bar of a round length in the lower left corner of a frame, so many pixels wide."""
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import withStroke

    left, top, width, height = box
    each, unit = spacing
    length = round_length(SCALE_BAR_SHARE * pixels * each)
    wide, inset = width * length / (pixels * each), min(0.06, 0.05 * width, 0.2 * height)
    below = top + height - inset
    axes.add_patch(Rectangle((left + inset, below - 0.04), wide, 0.04, fc="white", ec="black", lw=0.5))
    effect = [withStroke(linewidth=1.5, foreground="black")]
    about: dict[str, Any] = {"fontsize": 7, "color": "white", "ha": "left", "va": "bottom", "path_effects": effect}
    axes.text(left + inset, below - 0.05, f"{length:g} {unit}", **about)


def round_length(most: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is at most `most`, which is above 0."""
    power = 10.0 ** math.floor(math.log10(most))
    return max(n * power for n in (1, 2, 5) if n * power <= most * (1 + 1e-9))
