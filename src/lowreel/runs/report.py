"""What a person looks at: the picture of a run and its table of figures."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..analysis.metrics import psnr
from ..data import Measured
from ..operators import tensors_of
from ..system.complex_clips import magnitude
from ..system.files import atomic_write
from ..system.frames import spread
from .summary import SectionFigures, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from rich.table import Table

    from ..recovery.result import Recovery

COLUMNS = 5
"""Frames side by side, at most."""

PAGE_INCHES = 10.05
"""Width of a page in inches."""

LABEL_SHARE = 0.13
"""Share of the width of a page that the labels of the rows take."""

GAP_SHARE = 0.03
"""Gap between two frames, as a share of the width of a frame."""

TALLEST_INCHES = 40.0
"""Height in inches of all frames together, at most: those of very tall clips are drawn smaller."""

CURVES_INCHES = 1.7
"""Height in inches of the curves below the frames."""

NARROW_PIXELS = 240
"""Pixels of a frame that are drawn as squares; wider ones are made smaller, which is smoothed."""

LINE_INCHES = 0.14
"""Height in inches of a line of a label."""


def measured_view(measured: Measured) -> Tensor:
    """The data as a clip one can look at, (T, C, H, W): the observed pixels, else the adjoint, with its
    contrast stretched."""
    back = magnitude(measured.operator.adjoint(measured.data))
    if measured.operator.is_pixel_mask:
        return back.clamp(0, 1)
    spread = back.std().clamp_min(1e-12)
    return ((back - back.mean()) / (6 * spread) + 0.5).clamp(0, 1)


@dataclass(frozen=True)
class _Row:
    """Frames (C, H, W) side by side. ceiling: the grey level of white, or the value of the brightest colour."""

    label: str
    frames: Sequence[Tensor]
    ceiling: float = 1.0
    cmap: str = "gray"


def frames_shown(count: int) -> list[int]:
    """Numbers of the frames that a report shows, of a clip of so many: spread evenly, first and last among them."""
    return spread(count, COLUMNS)


def draw_report(path: str | Path, recovery: Recovery, measured: Measured, truth: Tensor | None) -> None:
    """Write a PNG: true, measured, best baseline and recovered frames, their errors, the loss and held-out curve.

    Of complex clips the magnitudes. truth: the true clip, (T, C, H, W), where it is known.
    """
    recovery, truth = recovery.magnitudes(), None if truth is None else magnitude(truth)
    shown = frames_shown(len(recovery.clip))
    rows = _rows(recovery, measured, truth, shown)
    with _page(path, _title(recovery, measured, truth), rows, shown, right=0.93) as axes:
        _draw_curves(axes, recovery, truth is not None)


@contextmanager
def _page(path: str | Path, title: str, rows: Sequence[_Row], shown: Sequence[int], right: float) -> Iterator[Axes]:
    """A PNG with a title and rows of frames, whose numbers are `shown`; the caller draws what is below them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    layout = _Layout(rows, PAGE_INCHES * (right - LABEL_SHARE))
    tall = min(layout.scale * layout.down, TALLEST_INCHES)
    head, under, foot = 0.35 + 0.2 * len(title.splitlines()), 0.35 + CURVES_INCHES, 0.5
    inch = 1 / (head + tall + under + foot)
    figure = Figure(figsize=(PAGE_INCHES, 1 / inch), facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=10, y=1 - 0.12 * inch, va="top", linespacing=1.5)
    pictures = figure.add_axes((LABEL_SHARE, (foot + under) * inch, right - LABEL_SHARE, tall * inch))
    _draw_pictures(pictures, rows, shown, layout)
    yield figure.add_axes((LABEL_SHARE, foot * inch, right - LABEL_SHARE, CURVES_INCHES * inch))
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=150, format="png")


class _Layout:
    """Where the frames of all rows are, in units of their pixels. inches: what COLUMNS of them take."""

    def __init__(self, rows: Sequence[_Row], inches: float) -> None:
        self.height, self.width = rows[0].frames[0].shape[-2:]
        self.gap = GAP_SHARE * self.width
        self.across = COLUMNS * (self.width + self.gap) - self.gap
        self.scale = inches / self.across
        lines = max(len(row.label.splitlines()) for row in rows)
        self.pitch = max(self.height + self.gap, lines * LINE_INCHES / self.scale)
        self.down = (len(rows) - 1) * self.pitch + self.height

    def corner(self, row: int, column: int) -> tuple[float, float]:
        """The upper left corner of a frame, x and y."""
        return column * (self.width + self.gap), row * self.pitch


def _draw_pictures(axes: Axes, rows: Sequence[_Row], shown: Sequence[int], layout: _Layout) -> None:
    """All frames in one Axes: one for each of them would take most of the report's time."""
    from matplotlib.patches import Rectangle

    height, width, gap = layout.height, layout.width, layout.gap
    for r, row in enumerate(rows):
        for c, frame in enumerate(row.frames):
            x, y = layout.corner(r, c)
            picture = frame.permute(1, 2, 0).numpy()
            axes.imshow(
                picture[..., 0] if picture.shape[-1] == 1 else picture,
                extent=(x, x + width, y + height, y),
                interpolation="nearest" if width <= NARROW_PIXELS else "antialiased",
                cmap=row.cmap,
                vmin=0,
                vmax=row.ceiling,
            )
            axes.add_patch(Rectangle((x, y), width, height, fill=False, lw=0.6))
        axes.text(-2 * gap, layout.corner(r, 0)[1] + height / 2, row.label, fontsize=8, ha="right", va="center")
    for c, t in enumerate(shown):
        middle = layout.corner(0, c)[0] + width / 2
        axes.text(middle, -gap, f"frame {t}", fontsize=8, ha="center", va="bottom")
    axes.set_xlim(0, layout.across)
    axes.set_ylim(layout.down, 0)
    axes.set_axis_off()


def _title(recovery: Recovery, measured: Measured, truth: Tensor | None) -> str:
    known = sum(int(k.sum()) for k in tensors_of(measured.operator.observed_mask()))
    share = known / recovery.clip.numel()
    told = f"{100 * share:.0f} % of the numbers" if share <= 1 else f"{share:.1f} numbers a pixel"
    first = f"recovered from {told} ({measured.operator.kind})"
    name = recovery.best_baseline(truth)
    if truth is not None and name is not None:
        found, bar = psnr(recovery.clip, truth), psnr(recovery.baselines[name].clip, truth)
        first += f": {decibels(found)}, {name} {decibels(bar)}"
    return "\n".join([first, *textwrap.wrap(recovery.trust, 100)])


def _rows(recovery: Recovery, measured: Measured, truth: Tensor | None, shown: Sequence[int]) -> list[_Row]:
    """From top to bottom. Errors share a ceiling, the standard deviation has one of its own."""

    def row(label: str, clip: Tensor, **about: Any) -> _Row:
        return _Row(label, [clip[t] for t in shown], **about)

    rows = [row("measured", measured_view(measured))]
    clips = {"recovered": recovery.clip}
    name = recovery.best_baseline(truth)
    if name is not None:
        clips = {name.replace(" ", "\n"): recovery.baselines[name].clip, **clips}
    rows += [row(label, clip.clamp(0, 1)) for label, clip in clips.items()]
    if truth is not None:
        errors = {label: (clip - truth).abs().mean(1, keepdim=True) for label, clip in clips.items()}
        ceiling = max(float(error.max()) for error in errors.values())
        named = [row(f"error of\n{label}", e, ceiling=ceiling, cmap="magma") for label, e in errors.items()]
        rows = [row("true", truth.clamp(0, 1)), *rows, *named]
    if recovery.uncertainty is not None:
        sigma = recovery.uncertainty.mean(1, keepdim=True)
        largest = float(sigma.max())
        label = f"standard\ndeviation\n(up to {largest:.2g})"
        rows.append(row(label, sigma, ceiling=largest, cmap="magma"))
    return rows


def _draw_curves(axes: Axes, recovery: Recovery, is_truth_known: bool) -> None:
    history = recovery.history
    steps = [row["step"] for row in history if row["loss"]]
    axes.semilogy(steps, [row["loss"] for row in history if row["loss"]], lw=1.2, label="loss on the fitted data")
    held = [(row["step"], row["heldout"]) for row in history if row["heldout"]]
    if held:
        axes.semilogy(*zip(*held, strict=True), "o-", ms=3, lw=1.2, label="held-out squared error per pixel")
        chosen = [pair for pair in held if pair[0] == recovery.chosen]
        if chosen:
            axes.plot(*zip(*chosen, strict=True), "k*", ms=9, label="chosen" if recovery.trials else "delivered")
        if chosen and history[-1]["step"] > recovery.chosen:
            axes.axvspan(recovery.chosen, history[-1]["step"], color="0.93", label="goes on with all data")
    scored = [(row["step"], row["score"]) for row in history if row.get("score") is not None]
    if is_truth_known and scored:
        other = axes.twinx()
        other.plot(*zip(*scored, strict=True), "-", color="tab:green", lw=1)
        best = max(scored, key=lambda pair: pair[1])
        other.plot(*best, "g^", ms=6)
        other.set_ylabel("true PSNR of the generated\nframes, best marked (dB)", fontsize=7, color="tab:green")
        other.tick_params(labelsize=7, colors="tab:green")
    axes.set_xlabel("epoch", fontsize=8)
    plain_numbers(axes.yaxis)
    axes.tick_params(which="both", labelsize=7)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, frameon=False, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def plain_numbers(axis: Axis) -> None:
    """Numbers of a logarithmic axis as 0.012 and 3e-05: powers as formulas take most of the time of a small picture."""
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:.3g}" if super().__call__(x, pos) else ""

    axis.set_major_formatter(Plain())
    axis.set_minor_formatter(Plain())


def draw_sections(
    path: str | Path,
    summary: Summary,
    shown: Sequence[int],
    pictures: Mapping[str, Sequence[Tensor]],
    levels: Sequence[float] | None,
) -> None:
    """Write the PNG of a clip in sections: rows of frames, and the level of each frame or section, with the cuts.

    shown: numbers of the frames; pictures: these frames, (C, H, W) each, by what they show; levels: PSNR of each frame
    of the clip against the true one, or None.
    """
    title = "\n".join([in_sections(summary), *textwrap.wrap(summary.trust, 100)])
    rows = [_Row(label, [frame.clamp(0, 1) for frame in frames]) for label, frames in pictures.items()]
    with _page(path, title, rows, shown, right=0.97) as axes:
        _draw_levels(axes, summary.sections, levels)


def in_sections(summary: Summary) -> str:
    """How many sections and scenes a run has, in words."""
    return f"{len(summary.sections)} sections, {summary.scenes} scene{'s' if summary.scenes > 1 else ''}"


def _draw_levels(axes: Axes, sections: Sequence[SectionFigures], levels: Sequence[float] | None) -> None:
    known = [(section, section.heldout_db) for section in sections if section.heldout_db is not None]
    judged = [(section, level) for section, level in known if math.isfinite(level)]
    for k, (section, held) in enumerate(judged):
        start, stop = section.frames
        axes.plot([start, stop - 1], [held, held], color="tab:orange", lw=1.5, label=None if k else "held-out data")
    for before, section in pairwise(sections):
        is_cut = before.scene != section.scene
        axes.axvline(section.frames[0], color="k" if is_cut else "0.75", lw=1, ls="-" if is_cut else ":")
    if levels is not None:
        axes.plot(levels, lw=1, color="tab:green", label="true PSNR of each frame")
    axes.set_xlabel("frame (black: cut; dotted: next section)", fontsize=8)
    axes.set_ylabel("dB", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3)
    if judged or levels is not None:
        axes.legend(fontsize=7, frameon=False)


def table_of_clips(summaries: Mapping[str, Summary]) -> Table:
    """The closing table of several clips that were recovered together: a row for each."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("clip", no_wrap=True)
    for name in ("frames", "recovered", "held-out, together", "held-out, alone", "PSNR (max - min)", "verdict"):
        table.add_column(name)
    for name, s in summaries.items():
        shared = s.together
        levels = [] if shared is None else [shared.together_db, shared.alone_db]
        chosen = "" if shared is None else shared.chosen
        told = [decibels(level) for level in (*levels, s.psnr_range)]
        table.add_row(name, str(s.frames), chosen, *told, s.verdict.replace("_", " "))
    return table


def figures_table(summary: Summary) -> Table:
    """The closing table of a run, from its summary."""
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column()
    for name, value in figures(summary):
        table.add_row(name, f"[bold]{value}[/]" if name == "PSNR" else value)
    return table


def figures(s: Summary) -> Sequence[tuple[str, str]]:
    """What there is to say of a finished run, from its summary: name and text of each line."""
    rows = [
        ("clip", f"{s.frames} frames, {s.height}x{s.width}, {'grey' if s.channels == 1 else 'colour'}"),
        ("measured", f"{s.operator['kind']}, {s.numbers_per_pixel:.3f} numbers per pixel value"),
    ]
    if s.sections:
        rows.append(("recovered in", in_sections(s)))
    if s.psnr is not None or s.psnr_representation is not None:
        rows += [
            ("PSNR", f"{decibels(s.psnr)} (peak 1), {decibels(s.psnr_range)} (peak max - min)"),
            ("SSIM", "n/a" if s.ssim is None else f"{s.ssim:.3f}"),
            ("generator alone", f"{decibels(s.psnr_representation)} (peak 1)"),
        ]
        rows += [(f"baseline: {name}", f"{decibels(value)} (peak 1)") for name, value in s.baselines.items()]
    rows += [
        ("held-out data", _heldout(s)),
        *_chosen(s),
        ("fit", f"{_epochs(s)}; {s.seconds:.1f} s{_with_search(s)}; {s.outcome.kind}"),
        ("parameters", f"{s.parameters['weights']:,} weights, {s.parameters['codes']:,} in the codes"),
        *_stored(s),
    ]
    return rows


def _stored(s: Summary) -> Sequence[tuple[str, str]]:
    """What the representation takes on disk, beside the numbers that it was made from."""
    if s.stored_bytes is None or s.bits_per_pixel is None or s.measured_numbers is None:
        return []
    size = f"{s.stored_bytes:,} bytes, {s.bits_per_pixel:.1f} bits a pixel"
    return [("stored", f"{size}, from {s.measured_numbers:,} numbers; lowreel pack makes it far smaller")]


def _heldout(s: Summary) -> str:
    """The level where the clip was measured but not fitted."""
    if s.heldout_db == math.inf:
        return "exact, which is no evidence: any method meets a constant clip so"
    by_range = f"{decibels(s.heldout_range_db)} (peak max - min)"
    return f"{by_range}, {decibels(s.heldout_db)} (peak 1): PSNR where it was measured but not fitted"


def _epochs(s: Summary) -> str:
    """Epochs of each fit, as --steps has them, and of the last one."""
    last = s.last_steps
    most = "at most " if s.sections else ""
    return f"{most}{s.steps} epochs" + (f", then {most}{last} with all data" if last else "")


def _with_search(s: Summary) -> str:
    return " with the search" if len(s.search) > 1 else ""


def _chosen(s: Summary) -> Sequence[tuple[str, str]]:
    """What the search chose, and how far off its pixels may be; or why there is no such thing."""
    if s.quality is None:
        return []
    if not s.search:
        return [
            ("settings", "those of the preset: no time, or too few held-out numbers, to choose"),
            ("standard deviation", "none without a search"),
        ]
    depth = f"{s.generator['upsampling_stages']} stages of upsampling, " if "upsampling_stages" in s.generator else ""
    settings = f"{depth}decay {s.weight_decay:g}, similarity {s.similarity:g}, codes of rank {s.rank}"
    tried = len(s.search)
    if s.sections:
        return [("settings", f"{settings}: the best of {tried} fits of one section by held-out data")]
    rows = [("settings", f"{settings}: the best of {tried} fit{'s' if tried > 1 else ''} by held-out data")]
    if s.uncertainty is None and tried == 1:
        return [*rows, ("standard deviation", "none: it takes several fits")]
    if s.uncertainty is None:
        return [*rows, ("standard deviation", "none: noise of this kind cannot be told from errors of the clip")]
    told = f"{s.uncertainty['mean_sigma']:.4f} on average (white is 1)"
    if "within_2_sigma" in s.uncertainty:
        share, largest = (s.uncertainty[f"within_2_sigma{where}"] for where in ("", "_of_largest_fifth"))
        told += (
            f"; {share:.0%} of the true errors are within twice that of their pixel, {largest:.0%} where it is large"
        )
    return [*rows, ("standard deviation", told)]


def decibels(value: float | str | None) -> str:
    """A level in dB as text: "exact" where the error is zero, "n/a" where there is no such level."""
    if value is None or value != value or value in ("-inf", -math.inf):
        return "n/a"
    return "exact" if value in ("inf", math.inf) else f"{value:.2f} dB"
