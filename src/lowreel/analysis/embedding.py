"""Pictures of the path of a clip's codes: a PNG, and a page that turns by hand and needs no network."""

from __future__ import annotations

import base64
import html
import io
import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ..model.representation import Representation
from ..system.colours import FITTED_COLOUR, HELD_OUT_COLOUR
from ..system.complex_clips import magnitude
from ..system.files import atomic_write
from ..system.frames import spread
from ..system.page_size import PAGE_WIDE
from .manifold import AS_NOISE, Embedding, Order, are_as_noise, embedded, order_along, order_sentence, spearman

PATH_HIGH = 7.0
"""Inches that the picture of a path is high."""

THUMBNAIL_PIXELS, MOST_THUMBNAILS = 96, 400
"""Pixels of the longer side of a thumbnail, and how many of them a page holds at most."""

THUMBNAILS_ALONG, THUMBNAIL_POINTS = 9, 62
"""Thumbnails beside the path in the picture, and points (1/72 inch) of the longer side of one."""

ZERO_VALUE_SHARE = 1e-6
"""Share of the largest singular value under which one is rounding."""

FLAT_SHARE = 1e-3
"""Share of the largest singular value under which a direction is taken for none: the codes then lie on a line."""

STILL_SHARE = 1e-6
"""Share of the codes' norm under which their spread is rounding."""

SHOWN_SINGULAR_VALUES = 24
"""Singular values that are drawn."""


@dataclass(frozen=True)
class CodePath:
    """The codes of a clip in their first principal directions, and what there is to show of them.

    size: norm of all codes together; numbers: of the frames; rank: that of the codes as they are stored; thumbnails:
    (N, C, h, w), N <= T, of the frames `thumbnail_of`.
    """

    name: str
    embedding: Embedding
    size: float
    order: Order
    numbers: tuple[int, ...]
    rank: int
    thumbnails: Tensor
    thumbnail_of: tuple[int, ...]
    moves: bool = False

    @property
    def is_line(self) -> bool:
        """Whether the codes lie on a line."""
        s = self.embedding.singular_values
        return not self.is_still and (len(s) < 2 or float(s[1]) <= FLAT_SHARE * float(s[0]))

    @property
    def is_still(self) -> bool:
        """Whether all codes are the same: every frame is then the same picture."""
        return float(self.embedding.singular_values[0]) <= STILL_SHARE * float(self.size)

    @property
    def is_noise(self) -> bool:
        """Whether its frames, as the thumbnails have them, are those of noise; an order then means nothing."""
        return are_as_noise(self.thumbnails)

    @property
    def sentence(self) -> str:
        """Whether the path keeps the order of the frames; on a line with Spearman's correlation."""
        if self.is_still:
            told = "every frame is the same picture" if not self.moves else "the camera alone moves"
            return f"All codes are the same: {told}."
        if self.is_noise:
            return AS_NOISE
        told = order_sentence(self.order, self.numbers)
        if not self.is_line:
            return told
        rho = spearman(self.embedding.coordinates[:, 0], list(self.numbers))
        return f"{told} The codes lie on a line; Spearman's correlation of the position with time is {rho:.3f}."


def path_of(name: str, found: Representation, numbers: Sequence[int] | None = None) -> CodePath:
    """The path of a representation; numbers: of its frames, 0, 1, ... if None."""
    codes = found.path()
    shown = spread(len(codes), MOST_THUMBNAILS)
    return CodePath(
        name,
        embedded(codes),
        float(codes.double().norm()),
        order_along(codes),
        tuple(range(len(codes)) if numbers is None else numbers),
        min(found.codes.rank, *codes.shape),
        torch.cat([_small(magnitude(found.frames(found.times[[t]]))) for t in shown]),
        tuple(shown),
        bool(found.generator.motion_numbers),
    )


def _small(frames: Tensor) -> Tensor:
    """The frames with THUMBNAIL_PIXELS pixels on their longer side, or as they are."""
    height, width = frames.shape[2:]
    share = THUMBNAIL_PIXELS / max(height, width)
    if share >= 1:
        return frames
    size = max(1, round(share * height)), max(1, round(share * width))
    return interpolate(frames, size, mode="bilinear", antialias=True).clamp(0, 1)


def draw_paths(file: str | Path, paths: Sequence[CodePath]) -> None:
    """Write a PNG: of each path the codes in two principal directions, and their singular values.

    Codes on a line are drawn against time.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE_WIDE, PATH_HIGH * len(paths)), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(paths), 2, squeeze=False, width_ratios=[2.4, 1])
    for (left, right), one in zip(axes, paths, strict=True):
        _draw_path(left, one)
        _draw_values(right, one)
    with atomic_write(file) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _draw_path(axes: Any, path: CodePath) -> None:
    from matplotlib.ticker import MaxNLocator

    coordinates = path.embedding.coordinates.numpy()
    numbers = np.array(path.numbers, dtype=float)
    x, y = coordinates[:, 0], numbers if path.is_line else coordinates[:, 1]
    for t, is_next in enumerate(np.diff(numbers) == 1):  # dotted where frames are missing
        axes.plot(x[t : t + 2], y[t : t + 2], color="0.75", lw=1, ls="-" if is_next else ":", zorder=1)
    points = axes.scatter(x, y, c=numbers, cmap="viridis", s=26, zorder=2)
    axes.figure.colorbar(points, ax=axes, label="frame", pad=0.01, shrink=0.8, ticks=MaxNLocator(integer=True))
    axes.margins(0.55)
    for t in spread(len(x), THUMBNAILS_ALONG):
        _draw_thumbnail(axes, path, t, (float(x[t]), float(y[t])))
    axes.set_xlabel("first principal direction of the codes")
    axes.set_ylabel("frame" if path.is_line else "second principal direction")
    title = "\n".join(textwrap.wrap(f"{path.name}: {path.sentence}", 100))
    axes.set_title(title, fontsize=9, parse_math=False)


def _draw_thumbnail(axes: Any, path: CodePath, frame: int, at: tuple[float, float]) -> None:
    """A thumbnail beside its point, away from the middle of the path."""
    from matplotlib.colors import Normalize
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    picture = path.thumbnails[int(np.abs(np.array(path.thumbnail_of) - frame).argmin())].permute(1, 2, 0).numpy()
    middle = axes.dataLim.intervalx.mean(), axes.dataLim.intervaly.mean()
    span = max(np.ptp(axes.dataLim.intervalx), 1e-9), max(np.ptp(axes.dataLim.intervaly), 1e-9)
    away = np.array([(at[k] - middle[k]) / span[k] for k in range(2)])
    if path.is_line:
        away = np.array([1.0, -1.0]) if frame % 2 else np.array([-1.0, 1.0])
    away = 1.25 * THUMBNAIL_POINTS * away / max(float(np.hypot(*away)), 1e-9)
    levels = picture[..., 0] if picture.shape[2] == 1 else picture
    zoom = THUMBNAIL_POINTS / max(picture.shape[:2])
    box = OffsetImage(levels, zoom=zoom, cmap="gray", norm=Normalize(0, 1), interpolation="nearest")
    axes.annotate(str(path.numbers[frame]), at, fontsize=7, xytext=(5, -9), textcoords="offset points")
    axes.add_artist(
        AnnotationBbox(
            box,
            at,
            xybox=tuple(away),
            xycoords="data",
            boxcoords="offset points",
            pad=0.1,
            arrowprops={"arrowstyle": "-", "color": "0.6", "lw": 0.6},
        )
    )


def _draw_values(axes: Any, path: CodePath) -> None:
    from matplotlib.ticker import MaxNLocator

    values = path.embedding.singular_values.numpy()[:SHOWN_SINGULAR_VALUES]
    values = values[values > ZERO_VALUE_SHARE * values[0]] if values[0] > 0 else values[:1] + 1
    axes.semilogy(np.arange(1, len(values) + 1), values / values[0], "o-", color=FITTED_COLOUR, ms=4, lw=1)
    if path.rank <= len(values):
        axes.axvline(path.rank, color=HELD_OUT_COLOUR, lw=1, ls="--", label=f"rank of the codes: {path.rank}")
        axes.legend(fontsize=8, frameon=False)
    axes.set_xlabel("number")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(f"singular values of the codes\nless their mean (codes of rank {path.rank})", fontsize=9)
    axes.grid(alpha=0.3)


def write_page(file: str | Path, paths: Sequence[CodePath]) -> None:
    """Write an HTML file: each path in three principal directions, to turn, with the frame under the pointer."""
    data = json.dumps([_page_data(one) for one in paths]).replace("<", "\\u003c")
    template = (files("lowreel") / "assets" / "embedding.html").read_text(encoding="utf-8")
    title = html.escape(", ".join(one.name for one in paths))
    before, _, after = template.partition("{paths}")
    with atomic_write(file) as temporary:
        temporary.write_text(before.replace("{title}", title) + data + after, encoding="utf-8")


def _page_data(path: CodePath) -> dict[str, Any]:
    coordinates = torch.zeros(len(path.numbers), 3, dtype=torch.float64)
    found = path.embedding.coordinates
    coordinates[:, : found.shape[1]] = found / found.abs().max().clamp_min(1e-30)
    if path.is_line:  # against time, as in the picture
        coordinates[:, 1] = torch.linspace(-0.7, 0.7, len(coordinates))
    values = path.embedding.singular_values[:SHOWN_SINGULAR_VALUES]
    return {
        "name": path.name,
        "sentence": path.sentence,
        "numbers": list(path.numbers),
        "coordinates": [[round(v, 5) for v in row] for row in coordinates.tolist()],
        "values": [float(f"{v:.4g}") for v in (values / values[0].clamp_min(1e-30)).tolist()],
        "rank": path.rank,
        "thumbnails": [_data_uri(frame) for frame in path.thumbnails],
        "thumbnailOf": [int(np.abs(np.array(path.thumbnail_of) - t).argmin()) for t in range(len(path.numbers))],
    }


def _data_uri(frame: Tensor) -> str:
    from PIL import Image

    levels = (frame * 255).round().byte().permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    Image.fromarray(levels[..., 0] if levels.shape[2] == 1 else levels).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
