"""Pictures of the figures: rows of frames, and paths of codes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fits import RESULTS, write_json
from torch import Tensor


def figure_of(width: float, height: float) -> Any:
    """An empty figure of so many inches, which needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def draw_rows(
    name: str, rows: Sequence[tuple[str, Tensor]], columns: Sequence[int] | None = None, first: int = 1
) -> Path:
    """Rows of frames with a label each, as results/NAME.png.

    columns: which frames, eight evenly spaced if None; first: the number that the first of all frames has.
    """
    least = min(len(clip) for _, clip in rows)
    shown = list(columns) if columns is not None else np.linspace(0, least - 1, 8).round().astype(int).tolist()
    figure = figure_of(1.1 * len(shown) + 1.8, 1.15 * len(rows) + 0.3)
    axes = figure.subplots(len(rows), len(shown), squeeze=False)
    for r, (label, clip) in enumerate(rows):
        for c, t in enumerate(shown):
            frame = clip[t].clamp(0, 1).permute(1, 2, 0).numpy()
            axes[r, c].imshow(frame[..., 0] if frame.shape[2] == 1 else frame, cmap="gray", vmin=0, vmax=1)
            axes[r, c].set(xticks=[], yticks=[])
            if r == 0:
                axes[r, c].set_title(str(t + first), fontsize=8)
        axes[r, 0].set_ylabel(label, fontsize=8, rotation=0, ha="right", va="center")
    return save(figure, name)


def draw_paths(axes: Any, paths: Sequence[tuple[str, Tensor, Sequence[int]]], labels: tuple[str, str]) -> None:
    """Paths of codes in a plane, (T, 2), the first and the last frame of each numbered."""
    for name, points, numbers in paths:
        x, y = points.numpy().T
        axes.plot(x, y, "o-", ms=3.5, lw=0.8, label=name)
        for end in (0, -1):
            axes.annotate(str(numbers[end]), (x[end], y[end]), fontsize=8, xytext=(4, 4), textcoords="offset points")
    axes.set_xlabel(labels[0], fontsize=8)
    axes.set_ylabel(labels[1], fontsize=8)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, frameon=False)


def tell(name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print what was found for a figure, and keep it as results/NAME.json, from which README.md has it.

    Rows of clips that were not told of now, because they are not on this machine, stay.
    """
    for row in rows:
        print("  ".join(f"{key}: {value}" for key, value in row.items()))
    path = RESULTS / f"{name}.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    told = {row.get("clip") for row in rows}
    write_json(path.name, [*rows, *(row for row in before if "clip" in row and row["clip"] not in told)])


def save(figure: Any, name: str) -> Path:
    """The figure as results/NAME.png."""
    path = RESULTS / f"{name}.png"
    draft = path.with_suffix(".part.png")
    figure.savefig(draft, dpi=110)
    draft.replace(path)
    print(f"wrote {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    return path
