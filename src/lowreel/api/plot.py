"""`Recovery.plot`: rows of frames as a figure of matplotlib."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..data import Measured
from ..recovery.result import Recovery as Found
from ..runs.report import LABEL_CHARACTERS, measured_label, measured_view
from ..system.complex_clips import magnitude
from ..system.frames import spread
from .showing import is_notebook

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL_INCHES = 1.7
"""Width of a frame."""

LABEL_INCHES = 1.1
"""Width of the labels at the left."""

BAR_INCHES = 0.7
"""Width of a colour bar with its numbers."""


def drawn(found: Found, measured: Measured | None, truth: Tensor | None, frames: int) -> Figure:
    """The figure; found, truth: in grey levels, (T, C, H, W); frames: how many of them are shown."""
    found, true = found.magnitudes(), None if truth is None else magnitude(truth)
    rows = _rows(found, measured, true)
    count, height, width = len(found.clip), *found.clip.shape[-2:]
    shown = spread(count, max(frames, 1))
    cell = CELL_INCHES * height / width
    title = textwrap.wrap(found.trust, 110)
    size = (LABEL_INCHES + CELL_INCHES * len(shown) + BAR_INCHES, 0.2 * len(title) + 0.4 + cell * len(rows))
    figure = _figure(size)
    figure.suptitle("\n".join(title), fontsize=9)
    axes = figure.subplots(len(rows), len(shown), squeeze=False)
    for line, (label, clip, ceiling) in zip(axes, rows, strict=True):
        for axis, t in zip(line, shown, strict=True):
            picture = clip[t].permute(1, 2, 0).numpy()
            is_map = ceiling is not None
            image = axis.imshow(
                picture[..., 0] if picture.shape[-1] == 1 else picture.clip(0, 1),
                cmap="magma" if is_map else "gray",
                vmin=0,
                vmax=ceiling if is_map else 1,
                interpolation="nearest",
            )
            axis.set_xticks([])
            axis.set_yticks([])
        line[0].set_ylabel(label, fontsize=8, rotation=0, ha="right", va="center")
        if ceiling is not None:
            bar = figure.colorbar(image, ax=list(line), fraction=0.03, pad=0.01)
            bar.ax.tick_params(labelsize=7)
            bar.set_label("grey level", fontsize=7)
    for axis, t in zip(axes[0], shown, strict=True):
        axis.set_title(f"frame {t}", fontsize=8)
    return figure


def _rows(found: Found, measured: Measured | None, truth: Tensor | None) -> list[tuple[str, Tensor, float | None]]:
    """Label, clip, and of maps the value of the brightest colour."""
    rows: list[tuple[str, Tensor, float | None]] = [] if truth is None else [("true", truth, None)]
    if measured is not None:
        rows.append((measured_label(measured), measured_view(measured), None))
    clips = {}
    if (name := found.best_baseline(truth)) is not None:
        clips[textwrap.fill(name, LABEL_CHARACTERS)] = found.baselines[name].clip
    clips["recovered"] = found.clip
    rows += [(label, clip, None) for label, clip in clips.items()]
    if truth is not None:
        errors = {label: (clip - truth).abs().mean(1, keepdim=True) for label, clip in clips.items()}
        ceiling = max(float(error.max()) for error in errors.values())
        rows += [(f"error of\n{label}", error, ceiling) for label, error in errors.items()]
    if found.uncertainty is not None:
        sigma = found.uncertainty.mean(1, keepdim=True)
        rows.append(("standard\ndeviation", sigma, float(sigma.max())))
    return rows


def _figure(size: tuple[float, float]) -> Figure:
    """An empty figure: in a notebook one that is shown where it is the last line of a cell, elsewhere one of pyplot,
    which `pyplot.show()` shows."""
    about: dict[str, Any] = {"figsize": size, "layout": "constrained", "facecolor": "white"}
    if not is_notebook():
        from matplotlib import pyplot

        return pyplot.figure(**about)
    import io

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    class Shown(Figure):
        """A figure that says how a notebook shows it, whether pyplot has been imported or not."""

        def _repr_png_(self) -> bytes:
            file = io.BytesIO()
            self.savefig(file, format="png", dpi=110)
            return file.getvalue()

    figure = Shown(**about)
    FigureCanvasAgg(figure)
    return figure
