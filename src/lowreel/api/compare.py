"""A recovery beside the simpler methods on the same data, as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ..analysis.metrics import psnr, psnr_range, ssim
from ..recovery.result import Recovery as Found
from ..runs.html import table_html
from ..runs.summary import Summary
from ..system.complex_clips import magnitude


class Comparison(list[dict[str, Any]]):
    """Rows of a table, one a method, best first; None where a figure is not known. It prints as a table."""

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self[0]) if self else []

    def _cells(self) -> list[list[str]]:
        return [[_text(row[name]) for name in self.columns] for row in self]

    def __repr__(self) -> str:
        lines = [self.columns, *self._cells()]
        widths = [max(len(line[k]) for line in lines) for k in range(len(self.columns))]
        return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) for line in lines)

    def _repr_html_(self) -> str:
        return table_html(self.columns, self._cells())


def compared(found: Found, summary: Summary, truth: Tensor | None, recommended: Tensor | None = None) -> Comparison:
    """The rows; truth: (T, C, H, W) in the units of the data, or None; recommended: as in `Recovery`.

    Of a run that was read levels against the true clip are those of its summary, where none is given here. Raises
    ValueError for a true clip of another shape.
    """
    peak = found.heldout_range_db - found.heldout_db
    levels = {name: level for name, level in summary.baselines_heldout_db.items() if level is not None}
    levels |= {name: b.heldout_db for name, b in found.baselines.items()}
    clips = {name: b.clip for name, b in found.baselines.items()} | {"lowreel": found.clip}
    held: dict[str, float] = {"lowreel": found.heldout_db} | {name: float(level) for name, level in levels.items()}
    if found.has_better and found.recommended.name not in held:
        held |= {found.recommended.name: found.recommended.heldout_db}
        clips |= {found.recommended.name: found.recommended_clip if recommended is None else recommended}
    rows: list[dict[str, Any]] = [
        {"method": name, "heldout_range_db": _known(level + peak)} for name, level in held.items()
    ]
    scores = _of_summary(summary) if truth is None else _scores(clips, truth, found)
    if scores:
        rows = [row | scores.get(str(row["method"]), dict.fromkeys(SCORES)) for row in rows]
    by = "psnr" if scores else "heldout_range_db"
    return Comparison(sorted(rows, key=lambda row: -math.inf if row[by] is None else row[by], reverse=True))


SCORES = ("psnr", "psnr_range", "ssim")


def _scores(clips: Mapping[str, Tensor], truth: Tensor, found: Found) -> dict[str, dict[str, Any]]:
    """PSNR with peak 1 and with the range, and SSIM, of grey levels; of complex clips those of the magnitudes."""
    scale, offset = found.levels

    def grey(clip: Tensor) -> Tensor:
        return magnitude((clip.to(truth.dtype) if clip.is_complex() == truth.is_complex() else clip) - offset) / scale

    true = grey(truth)
    of = {name: grey(clip) for name, clip in clips.items()}
    return {n: {"psnr": psnr(c, true), "psnr_range": psnr_range(c, true), "ssim": ssim(c, true)} for n, c in of.items()}


def _of_summary(s: Summary) -> dict[str, dict[str, Any]]:
    if s.psnr is None:
        return {}
    of = {"lowreel": {"psnr": s.psnr, "psnr_range": s.psnr_range, "ssim": s.ssim}}
    for name, level in s.baselines.items():
        of[name] = {"psnr": level, "psnr_range": s.baselines_psnr_range.get(name), "ssim": None}
    return of


def _known(level: float) -> float | None:
    return None if math.isnan(level) else level


def _text(value: Any) -> str:
    return "" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
