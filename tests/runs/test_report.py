"""The pictures of a run: what is in them and where, as PNG and as PDF."""

import re
from dataclasses import replace
from itertools import combinations, pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from lowreel.analysis.metrics import psnr
from lowreel.data import Measured
from lowreel.operators import Gaussian, MissingPixels
from lowreel.runs import slide
from lowreel.runs.curves import draw_curves, plain_numbers
from lowreel.runs.report import _rows, _title, draw_report, frames_shown, measured_label
from lowreel.runs.slide import COLUMNS, Row, draw_pictures, planned, round_length
from lowreel.system.page_size import PAGE_HIGH, PAGE_WIDE

SHAPES = [(1, 1, 12, 16), (3, 3, 64, 2), (9, 1, 2, 64), (40, 3, 12, 400), (9, 1, 64, 64), (5, 3, 90, 160)]


def rows_of(shape):
    """Pictures and maps of a clip of this shape, seven rows of them, and the numbers of the frames."""
    clip, shown = torch.rand(shape), frames_shown(shape[0])
    pictures = [
        Row(name, [clip[t] for t in shown]) for name in ("true", "measured", "3-D total\nvariation", "recovered")
    ]
    maps = [
        Row(name, [clip[t, :1] for t in shown], ceiling=ceiling, unit="grey\nlevel")
        for name, ceiling in (("error of\n3-D total\nvariation", 0.0), ("error of\nrecovered", 0.5), ("sigma", 0.2))
    ]
    return [*pictures, *maps], shown


def drawn(rows, shown, title=0.9):
    """The plan, and an Axes with all frames in inches."""
    plan = planned(rows, title)
    axes = Figure(figsize=(PAGE_WIDE, PAGE_HIGH)).add_axes((0, 0, 1, 1))
    axes.set_xlim(0, PAGE_WIDE)
    axes.set_ylim(PAGE_HIGH, 0)
    draw_pictures(axes, plan, shown)
    return plan, axes


def boxes_of(axes, width):
    """Left, top, right and bottom of the frames in `axes`; bars of colours, one pixel wide, are left out."""
    extents = [image.get_extent() for image in axes.images if image.get_array().shape[1] == width]
    return [(left, top, right, bottom) for left, right, bottom, top in extents]


def apart(one, other):
    """Whether two boxes share nothing."""
    rounding = 1e-9
    return (
        one[2] <= other[0] + rounding
        or other[2] <= one[0] + rounding
        or one[3] <= other[1] + rounding
        or other[3] <= one[1] + rounding
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kinds", [{False}, {False, True}], ids=["pictures", "pictures and maps"])
def test_all_is_on_the_page_and_nothing_over_another(shape, kinds):
    """Frames upright and in their proportions, under their numbers; the curves beside or below them."""
    rows, shown = rows_of(shape)
    rows = [row for row in rows if row.is_map in kinds]
    plan, axes = drawn(rows, shown)
    height, width = shape[-2:]
    boxes = boxes_of(axes, width)
    assert len(boxes) == len(rows) * len(plan.columns)
    assert all(right - left == pytest.approx(width * plan.scale) for left, _, right, _ in boxes)
    assert all(bottom - top == pytest.approx(height * plan.scale) for _, top, _, bottom in boxes)
    left, top, wide, high = plan.curves
    assert min(wide, high) > 1
    every = [*boxes, (left - 0.5, top, left + wide, top + high + 0.4)]
    assert all(apart(*pair) for pair in combinations(every, 2))
    assert all(box[0] >= 0 and box[1] >= 0.9 and box[2] <= PAGE_WIDE and box[3] <= PAGE_HIGH for box in every)
    told = " ".join(text.get_text() for text in axes.texts if text.get_position()[1] < plan.blocks[0].top)
    assert [int(number) for number in re.findall(r"\d+", told)] == len(plan.blocks) * [shown[k] for k in plan.columns]
    if width * plan.scale < 0.8:
        return
    places = {round(box[0], 6): shown[column] for box, column in zip(boxes, plan.columns, strict=False)}
    texts = {text.get_position()[0]: text.get_text() for text in axes.texts if text.get_text().startswith("frame")}
    for at, number in places.items():
        assert texts[min(texts, key=lambda x: abs(x - at - width * plan.scale / 2))] == f"frame {number}"
    FigureCanvasAgg(axes.figure).draw()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_map_has_a_bar_with_its_unit(shape):
    """From 0 to its ceiling, in the colours of the map; no picture has one."""
    rows, shown = rows_of(shape)
    _, axes = drawn(rows, shown)
    maps = [row for row in rows if row.is_map]
    bars = [image for image in axes.images if image.get_array().shape == (64, 1)]
    assert len(bars) == len(maps)
    assert all(image.get_cmap().name == "magma" for image in bars)
    told = [text.get_text() for text in axes.texts]
    assert told.count("grey\nlevel") == len(maps)
    assert all(f"{row.ceiling:.2g}" in told for row in maps)
    tops = sorted(image.get_extent()[3] for image in bars)
    assert all(b - a >= 0.3 for a, b in pairwise(tops))


def test_frames_shown_are_spread_and_differ():
    for count in range(1, 50):
        shown = frames_shown(count)
        assert len(set(shown)) == len(shown) == min(count, COLUMNS)
        assert shown == sorted(shown)
        assert (shown[0], shown[-1]) == (0, count - 1)


@pytest.mark.parametrize(("most", "length"), [(0.4, 0.2), (1.0, 1.0), (4.99, 2.0), (7.0, 5.0), (99.0, 50.0)])
def test_a_scale_bar_has_a_round_length(most, length):
    assert round_length(most) == pytest.approx(length)


def test_a_scale_bar_is_as_long_as_it_says():
    rows, shown = rows_of((9, 1, 48, 64))
    plan, axes = drawn([replace(rows[0], spacing=(0.65, "µm"))], shown)
    (bar,) = [patch for patch in axes.patches if patch.get_facecolor() == (1, 1, 1, 1) and patch.get_height() == 0.04]
    assert "10 µm" in {text.get_text() for text in axes.texts}
    assert bar.get_width() == pytest.approx(10 / 0.65 * plan.scale)


def found(shape=(6, 1, 16, 24), *, is_scored=True):
    """What a report needs of a recovery, and its true clip."""
    truth = torch.rand(shape)
    score = (lambda k: 20.0 + k) if is_scored else lambda _: None
    history = [{"step": k, "loss": 1 / k, "heldout": 0.1 / k, "score": score(k)} for k in (1, 2, 3)]
    baselines = {"3-D total variation": SimpleNamespace(clip=truth * 0.9)}
    made = SimpleNamespace(
        **{"clip": truth * 0.95, "baselines": baselines, "best_baseline": lambda _: "3-D total variation"},
        **{"trust": "Use it.", "history": history, "chosen": 2, "trials": (1,), "uncertainty": truth * 0.01},
    )
    made.magnitudes = lambda: made
    return made, truth


OPERATORS = {
    "measured": lambda shape: MissingPixels(shape, ratio=0.5, seed=0),
    "adjoint": lambda shape: Gaussian(shape, m=20, seed=0),
}


@pytest.mark.parametrize("word", OPERATORS)
def test_what_is_no_picture_is_named_as_such(word):
    """Rows of pixels that were seen are measured; those of any other data are its adjoint. Maps have units."""
    made, truth = found()
    operator = OPERATORS[word](tuple(truth.shape))
    about = {"spacing": [0.5, "mm"]}
    measured = Measured(operator(truth), operator, torch.arange(6.0), clip=about)
    assert measured_label(measured).split()[0] == word
    rows = _rows(made, measured, truth, [0, 5])
    assert [row.label for row in rows if row.label.startswith(word)]
    assert all(row.unit for row in rows if row.is_map)
    assert sum(row.is_map for row in rows) == 3
    assert rows[0].spacing == (0.5, "mm")


def test_the_title_says_by_what_the_levels_are():
    """The verdict below it goes by held-out data, and may name another baseline; it has room on the page."""
    made, truth = found()
    operator = OPERATORS["measured"](tuple(truth.shape))
    measured = Measured(operator(truth), operator, torch.arange(6.0))
    title = _title(made, measured, truth)
    own, bar = psnr(made.clip, truth), psnr(truth * 0.9, truth)
    assert title.endswith(f"true PSNR {own:.2f} dB; best baseline by it: 3-D total variation, {bar:.2f} dB")
    assert "PSNR" not in _title(made, measured, None)
    figure = Figure(figsize=(PAGE_WIDE, PAGE_HIGH))
    slide._draw_text(figure, title.replace("missing", "block-diagonal"), [])
    canvas = FigureCanvasAgg(figure)
    assert figure.texts[0].get_window_extent(canvas.get_renderer()).x1 < figure.bbox.width


def test_the_legend_names_every_curve_and_mark():
    """The true PSNR, at an axis of its own, and its best epoch among them."""
    made, _ = found()
    figure = Figure(figsize=(PAGE_WIDE, PAGE_HIGH))
    axes = figure.add_axes((0.1, 0.1, 0.8, 0.4))
    draw_curves(axes, made, True)
    drawn_lines = [line for own in figure.axes for line in own.get_lines()]
    named = [text.get_text() for text in axes.get_legend().get_texts()]
    assert len(named) == len(set(named)) == len(drawn_lines) + 1  # and the epochs with all data
    assert {"true PSNR (right)", "its best epoch", "chosen"} <= set(named)
    draw_curves(other := figure.add_axes((0.1, 0.6, 0.8, 0.3)), found(is_scored=False)[0], True)
    assert not [text for text in other.get_legend().get_texts() if "true" in text.get_text()]
    assert all(tick == round(tick) for own in (axes, other) for tick in own.get_xticks()), "epochs are counted"


def test_a_report_is_written_as_png_and_pdf(tmp_path, drawn_reports):
    """A landscape page; in the PDF each frame is a picture, and letters are letters. No other file is left."""
    made, truth = found()
    operator = OPERATORS["measured"](tuple(truth.shape))
    draw_report(tmp_path, made, Measured(operator(truth), operator, torch.arange(6.0)), truth)
    assert {path.name for path in tmp_path.iterdir()} == {"report.png", "report.pdf", "strip.png"}
    with Image.open(tmp_path / "report.png") as picture:
        assert picture.size == pytest.approx((slide.PNG_DPI * PAGE_WIDE, slide.PNG_DPI * PAGE_HIGH), abs=1)
    content = (tmp_path / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert len(re.findall(rb"/Subtype /Image", content)) >= 5 * 7
    assert b"/Type /Font" in content
    with Image.open(tmp_path / "strip.png") as strip:
        np.testing.assert_allclose(np.asarray(strip)[0, 0, 0], 255 * float(made.clip[0, 0, 0, 0]), atol=1)


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
