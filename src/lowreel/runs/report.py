"""What a person looks at: the picture of a run and its table of figures."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..analysis.metrics import psnr
from ..data import Measured
from ..operators import count_of, tensors_of
from ..system.complex_clips import magnitude
from ..system.files import atomic_write
from ..system.film_strip import film_strip, frames_of_strip
from ..system.frames import spread
from .curves import draw_curves, draw_levels
from .slide import COLUMNS, Row, page
from .summary import Summary

if TYPE_CHECKING:
    from rich.table import Table

    from ..recovery.result import Recovery

LINE_CHARACTERS, LABEL_CHARACTERS = 170, 13
"""Characters of a line of the verdict, and of the label of a row."""

GREY_LEVEL = "grey\nlevel"
"""Unit of errors and standard deviations: white is 1."""


def measured_view(measured: Measured) -> Tensor:
    """The data as a clip one can look at, (T, C, H, W): the observed pixels, else the adjoint, with its
    contrast stretched."""
    back = magnitude(measured.operator.adjoint(measured.data))
    if measured.operator.is_pixel_mask:
        return back.clamp(0, 1)
    deviation = back.std().clamp_min(1e-12)
    return ((back - back.mean()) / (6 * deviation) + 0.5).clamp(0, 1)


def frames_shown(count: int) -> list[int]:
    """Numbers of the frames that a report shows, of a clip of so many: spread evenly, first and last among them."""
    return spread(count, COLUMNS)


def draw_report(folder: Path, recovery: Recovery, measured: Measured, truth: Tensor | None) -> None:
    """Write report.png and report.pdf into the folder of a run: true, measured, best baseline and recovered frames,
    their errors, the loss and held-out curve; and strip.png, frames of the recovered clip alone.

    Of complex clips the magnitudes. truth: the true clip, (T, C, H, W), where it is known.
    """
    recovery, truth = recovery.magnitudes(), None if truth is None else magnitude(truth)
    shown = frames_shown(len(recovery.clip))
    rows = _rows(recovery, measured, truth, shown)
    with page(folder / "report", _title(recovery, measured, truth), _wrapped(recovery.trust), rows, shown) as axes:
        draw_curves(axes, recovery, truth is not None)
    _write_strip(folder, [recovery.clip[t] for t in frames_of_strip(len(recovery.clip))])


def draw_sections(
    folder: Path,
    summary: Summary,
    shown: Sequence[int],
    pictures: Mapping[str, Sequence[Tensor]],
    levels: Sequence[float] | None,
    strip: Sequence[Tensor],
) -> None:
    """Write the same of a clip in sections: rows of frames, and the level of each frame or section, with the cuts.

    shown: numbers of the frames; pictures: these frames, (C, H, W) each, by what they show; levels: PSNR of each frame
    of the clip against the true one, or None; strip: the recovered frames of `frames_of_strip`.
    """
    rows = [Row(label, [frame.clamp(0, 1) for frame in frames]) for label, frames in pictures.items()]
    title = f"recovered in {in_sections(summary)}"
    with page(folder / "report", title, _wrapped(summary.trust), rows, shown) as axes:
        draw_levels(axes, summary.sections, levels)
    _write_strip(folder, strip)


def _write_strip(folder: Path, frames: Sequence[Tensor]) -> None:
    with atomic_write(folder / "strip.png") as temporary:
        temporary.write_bytes(film_strip(torch.stack(list(frames))))


def _title(recovery: Recovery, measured: Measured, truth: Tensor | None) -> str:
    share = count_of(measured.operator.observed_mask()) / recovery.clip.numel()
    told = f"{100 * share:.0f} % of the numbers" if share <= 1 else f"{share:.1f} numbers a pixel"
    first = f"recovered from {told} ({measured.operator.kind})"
    name = recovery.best_baseline(truth)
    if truth is not None and name is not None:
        found, bar = psnr(recovery.clip, truth), psnr(recovery.baselines[name].clip, truth)
        first += f": true PSNR {decibels(found)}; best baseline by it: {name}, {decibels(bar)}"
    return first


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, LINE_CHARACTERS)


def measured_label(measured: Measured) -> str:
    """What the frames of `measured_view` are, in words."""
    if measured.operator.is_pixel_mask:
        return "measured"
    sign = "\u1d34" if any(t.is_complex() for t in tensors_of(measured.data)) else "\u1d40"  # superscripts H and T
    return f"adjoint A{sign}y\nof the data"


def _rows(recovery: Recovery, measured: Measured, truth: Tensor | None, shown: Sequence[int]) -> list[Row]:
    """From top to bottom. Errors share a ceiling, the standard deviation has one of its own.

    Only the frames that are shown are worked on: whole arrays of large clips would be most of a run's memory.
    """
    at = list(shown)

    def row(label: str, frames: Tensor, **about: Any) -> Row:
        return Row(label, list(frames), **about)

    rows = [row(measured_label(measured), measured_view(measured)[at])]
    clips = {"recovered": recovery.clip[at]}
    name = recovery.best_baseline(truth)
    if name is not None:
        clips = {textwrap.fill(name, LABEL_CHARACTERS): recovery.baselines[name].clip[at], **clips}
    rows += [row(label, clip.clamp(0, 1)) for label, clip in clips.items()]
    if truth is not None:
        errors = {label: (clip - truth[at]).abs().mean(1, keepdim=True) for label, clip in clips.items()}
        ceiling = max(float(error.max()) for error in errors.values())
        named = [row(f"error of\n{label}", e, ceiling=ceiling, unit=GREY_LEVEL) for label, e in errors.items()]
        rows = [row("true", truth[at].clamp(0, 1)), *rows, *named]
    if recovery.uncertainty is not None:
        sigma = recovery.uncertainty[at].mean(1, keepdim=True)
        rows.append(row("standard\ndeviation", sigma, ceiling=float(sigma.max()), unit=GREY_LEVEL))
    spacing = measured.clip.get("spacing")
    if spacing is not None:
        rows[0] = replace(rows[0], spacing=(float(spacing[0]), str(spacing[1])))
    return rows


def in_sections(summary: Summary) -> str:
    """How many sections and scenes a run has, in words."""
    return f"{len(summary.sections)} sections, {summary.scenes} scene{'s' if summary.scenes > 1 else ''}"


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
        if s.psnr_recommended is not None:
            rows.append(("recommended clip", f"{decibels(s.psnr_recommended)} (peak 1): {s.recommended}"))
        rows += [(f"baseline: {name}", f"{decibels(value)} (peak 1)") for name, value in s.baselines.items()]
    rows += [
        ("held-out data", _heldout(s)),
        *_refined(s),
        *_chosen(s),
        *_camera(s),
        ("fit", f"{_epochs(s)}; {s.seconds:.1f} s{_with_search(s)}; {s.outcome.kind}"),
        ("parameters", f"{s.parameters['weights']:,} weights, {s.parameters['codes']:,} in the codes"),
        *_stored(s),
    ]
    return rows


def _camera(s: Summary) -> Sequence[tuple[str, str]]:
    """That the fit, or those of so many sections, follow a camera that moves; nothing of others."""
    if s.sections:
        count = sum(section.follows_camera for section in s.sections)
        return [("camera", f"moves in {count} of {len(s.sections)} sections")] if count else []
    if "margin" not in s.generator:
        return []
    rows, columns = s.generator["margin"]
    return [
        (
            "camera",
            f"moves: each frame shows a part of one picture, {rows} rows and {columns} columns larger at each side",
        )
    ]


def _stored(s: Summary) -> Sequence[tuple[str, str]]:
    """What the representation takes on disk, beside the numbers that it was made from."""
    if s.stored_bytes is None or s.bits_per_pixel is None or s.measured_numbers is None:
        return []
    size = f"{s.stored_bytes:,} bytes, {s.bits_per_pixel:.1f} bits a pixel"
    return [("stored", f"{size}, from {s.measured_numbers:,} numbers; lowreel pack makes it far smaller")]


def _heldout(s: Summary) -> str:
    """The level that is foretold by what was measured but not fitted."""
    if s.heldout_db == math.inf:
        return "exact, which is no evidence: any method meets a constant clip so"
    by_range = f"{decibels(s.heldout_range_db)} (peak max - min)"
    return f"{by_range}, {decibels(s.heldout_db)} (peak 1): PSNR foretold by what was not fitted"


def _refined(s: Summary) -> Sequence[tuple[str, str]]:
    """That the clip is not what the generator draws, and the level of that; nothing of others."""
    if not s.refined or s.delivered != "generator":
        return []
    return [("refined", f"by the data, as noisy scans are; the generator's own clip: {decibels(s.drawn_db)} (peak 1)")]


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
