"""The curves of a report: loss, held-out error and true PSNR over the epochs, or levels over frames and sections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..system.colours import FITTED_COLOUR, HELD_OUT_COLOUR, TRUE_COLOUR
from ..system.page_size import PAGE_WIDE
from .slide import legend_columns
from .summary import SectionFigures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from ..recovery.result import Recovery

NUMBERS_SIZE, NAMES_SIZE = 8, 9
"""Size of the numbers of an axis, and of its name."""


def draw_curves(axes: Axes, recovery: Recovery, is_truth_known: bool) -> None:
    """Loss and held-out error of a recovery, and the true PSNR of its generated frames where that is known; each curve
    and mark is in the legend."""
    history = recovery.history
    steps = [row["step"] for row in history if row["loss"]]
    axes.semilogy(steps, [row["loss"] for row in history if row["loss"]], color=FITTED_COLOUR, lw=1.2, label="loss")
    held = [(row["step"], row["heldout"]) for row in history if row["heldout"]]
    if held:
        axes.semilogy(*zip(*held, strict=True), "o--", color=HELD_OUT_COLOUR, ms=3, lw=1.2, label="held-out error")
        chosen = [pair for pair in held if pair[0] == recovery.chosen]
        if chosen:
            name = "chosen" if recovery.trials else "delivered"
            axes.plot(*zip(*chosen, strict=True), "*", color=HELD_OUT_COLOUR, mec="black", ms=11, label=name)
        if chosen and history[-1]["step"] > recovery.chosen:
            axes.axvspan(recovery.chosen, history[-1]["step"], color="0.93", label="last fit, all data")
    axes.set_xlabel("epoch", fontsize=NAMES_SIZE)
    whole_numbers(axes.xaxis)
    axes.set_ylabel("squared error per pixel", fontsize=NAMES_SIZE)
    plain_numbers(axes.yaxis)
    axes.tick_params(which="both", labelsize=NUMBERS_SIZE)
    axes.grid(alpha=0.3)
    scored = [(row["step"], row["score"]) for row in history if row.get("score") is not None]
    others = _draw_true(axes.twinx(), scored) if is_truth_known and scored else []
    _draw_legend(axes, [*axes.get_legend_handles_labels()[0], *others])


def _draw_true(axes: Axes, scored: Sequence[tuple[int, float]]) -> list[object]:
    """The PSNR of the generated frames, with its best epoch; the lines for the legend."""
    (line,) = axes.plot(*zip(*scored, strict=True), "-.", color=TRUE_COLOUR, lw=1, label="true PSNR (right)")
    best = max(scored, key=lambda pair: pair[1])
    (mark,) = axes.plot(*best, "^", color=TRUE_COLOUR, mfc="white", ms=7, ls="none", label="its best epoch")
    axes.set_ylabel("dB", fontsize=NAMES_SIZE)
    axes.tick_params(labelsize=NUMBERS_SIZE)
    return [line, mark]


def _draw_legend(axes: Axes, handles: Sequence[object]) -> None:
    """Above the curves; in as many columns as there is room for."""
    about = {"fontsize": NUMBERS_SIZE, "frameon": False, "columnspacing": 1.2, "handlelength": 2.0}
    columns = legend_columns(PAGE_WIDE * axes.get_position().width, len(handles))
    axes.legend(handles=handles, ncols=columns, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.1, **about)


def whole_numbers(axis: Axis) -> None:
    """Ticks at whole numbers alone, of what is counted."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))


def plain_numbers(axis: Axis) -> None:
    """Numbers of a logarithmic axis as 0.012 and 3e-05: powers as formulas take most of the time of a small picture."""
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:.3g}" if super().__call__(x, pos) else ""

    axis.set_major_formatter(Plain())
    axis.set_minor_formatter(Plain())


def draw_levels(axes: Axes, sections: Sequence[SectionFigures], levels: Sequence[float] | None) -> None:
    """Held-out level of each section, and the PSNR of each frame where it is known, in dB, with the cuts."""
    known = [(section, section.heldout_db) for section in sections if section.heldout_db is not None]
    judged = [(section, level) for section, level in known if math.isfinite(level)]
    for k, (section, held) in enumerate(judged):
        start, stop = section.frames
        axes.plot([start, stop - 1], [held, held], color=HELD_OUT_COLOUR, lw=2, label=None if k else "held-out data")
    named = {True: "cut", False: "next section"}
    for before, section in pairwise(sections):
        is_cut = before.scene != section.scene
        look: dict[str, Any] = {"color": "0.2" if is_cut else "0.6", "lw": 1, "ls": "-" if is_cut else ":"}
        axes.axvline(section.frames[0], label=named.pop(is_cut, None), **look)
    if levels is not None:
        axes.plot(levels, lw=1, color=FITTED_COLOUR, ls="-.", label="true PSNR of each frame")
    axes.set_xlabel("frame", fontsize=NAMES_SIZE)
    whole_numbers(axes.xaxis)
    axes.set_ylabel("dB", fontsize=NAMES_SIZE)
    axes.tick_params(labelsize=NUMBERS_SIZE)
    axes.grid(alpha=0.3)
    _draw_legend(axes, axes.get_legend_handles_labels()[0])
