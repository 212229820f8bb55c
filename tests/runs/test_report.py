"""The pictures of a run: what is in them and where."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lowreel.runs.report import COLUMNS, _draw_pictures, _Layout, _Row, frames_shown, plain_numbers

SHAPES = [(1, 1, 12, 16), (3, 3, 64, 2), (9, 1, 2, 64), (40, 3, 12, 400)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_frame_is_where_its_labels_say(shape):
    """Rows from top to bottom, frames from left to right, upright, in their proportions, none over another."""
    count, _, height, width = shape
    clip = torch.rand(shape)
    shown = frames_shown(count)
    rows = [
        _Row("true", [clip[t] for t in shown]),
        _Row("error of\n3-D total\nvariation", [clip[t, :1] for t in shown], ceiling=0.0, cmap="magma"),
    ]
    figure = Figure(figsize=(8, 8))
    axes = figure.add_axes((0, 0, 1, 1))
    _draw_pictures(axes, rows, shown, _Layout(rows, 8.0))
    assert len(axes.images) == len(rows) * len(shown)
    corners = []
    for k, image in enumerate(axes.images):
        row, column = divmod(k, len(shown))
        left, right, bottom, top = image.get_extent()
        assert (right - left, bottom - top) == pytest.approx((width, height))
        expected = rows[row].frames[column].permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(image.get_array(), expected[..., 0] if expected.shape[-1] == 1 else expected)
        assert (image.get_cmap().name, image.get_clim()) == (rows[row].cmap, (0, rows[row].ceiling))
        corners.append((top, left))
    assert corners == sorted(corners)
    assert all(b[1] - a[1] >= width or b[0] - a[0] >= height for a, b in pairwise(corners))
    texts = {text.get_text(): text.get_position() for text in axes.texts}
    assert set(texts) == {row.label for row in rows} | {f"frame {t}" for t in shown}
    assert texts[rows[1].label][1] == pytest.approx(corners[-1][0] + height / 2)
    assert texts[f"frame {shown[-1]}"][0] == pytest.approx(corners[-1][1] + width / 2)
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    FigureCanvasAgg(figure).draw()


def test_frames_shown_are_spread_and_differ():
    for count in range(1, 50):
        shown = frames_shown(count)
        assert len(set(shown)) == len(shown) == min(count, COLUMNS)
        assert shown == sorted(shown)
        assert (shown[0], shown[-1]) == (0, count - 1)


@pytest.mark.parametrize(("low", "high"), [(0.0112, 0.0188), (1e-5, 0.3), (0.02, 0.9)])
def test_numbers_of_a_logarithmic_axis_are_those_of_its_ticks(low, high):
    """And at least one is told."""
    figure = Figure()
    axes = figure.add_subplot()
    axes.semilogy([1, 2], [low, high])
    axes.set_ylim(low, high)
    plain_numbers(axes.yaxis)
    FigureCanvasAgg(figure).draw()
    told = 0
    for tick in [*axes.yaxis.get_major_ticks(), *axes.yaxis.get_minor_ticks()]:
        if tick.label1.get_text() and low <= tick.get_loc() <= high:
            assert float(tick.label1.get_text()) == pytest.approx(tick.get_loc(), rel=0.01)
            told += 1
    assert told
