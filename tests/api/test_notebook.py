"""The notebook of the examples, by Jupyter's own engine: a bar, frames while it is made, pictures, saved and loaded."""

import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbclient import NotebookClient

from lowreel.api.showing import NotebookDisplay

SCRIPT = Path(__file__).parents[2] / "examples" / "notebook.py"


def cells():
    """The cells of the script, which begin with lines of `# %%`."""
    return [cell.strip() for cell in re.split(r"(?m)^# %%.*\n", SCRIPT.read_text(encoding="utf-8")) if cell.strip()]


@pytest.fixture(scope="module")
def book(tmp_path_factory, python_path):
    """The notebook after it was run."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells()])
    before = dict(os.environ)
    os.environ |= {"PYTHONPATH": python_path, "OMP_NUM_THREADS": "1"}
    try:
        folder = tmp_path_factory.mktemp("notebook")
        NotebookClient(book, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return book


@pytest.fixture
def outputs(book):
    """What each cell has shown."""
    return [cell.outputs for cell in book.cells]


def of_kind(outputs, kind):
    return [output.data[kind] for output in outputs if kind in output.get("data", {})]


def test_the_script_is_short():
    """Fifteen lines of code at most."""
    lines = [line for line in SCRIPT.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert len(lines) <= 15


def test_progress_is_seen_in_a_notebook(book, outputs):
    """A bar of widgets that came to its end, and one picture that was put in the place of those before."""
    widgets = book.metadata.widgets["application/vnd.jupyter.widget-state+json"].state.values()
    (bar,) = [widget.state for widget in widgets if widget.model_name == "FloatProgressModel"]
    assert (bar.value, bar.max, bar.bar_style) == (40, 40, "success")
    assert any("loss" in widget.state.get("value", "") for widget in widgets if widget.model_name == "HTMLModel")
    assert len(of_kind(outputs[1], "image/png")) == 1
    assert not [
        o for o in outputs[1] if o.output_type == "error" or (o.get("name") == "stderr" and "Warning" in str(o))
    ]


@pytest.mark.parametrize(("error", "total"), [(None, 7), (ValueError, 40)])
def test_a_bar_is_red_where_something_went_wrong(error, total):
    """Not where a fit ended before all epochs were made: tqdm's is red where it ends before its total."""
    shown = NotebookDisplay()
    shown.bar = SimpleNamespace(n=7, total=40, refresh=lambda: None, close=lambda: None)
    shown.__exit__(error, None, None)
    assert shown.bar.total == total


def test_a_picture_is_shown_once(outputs):
    """`plot` as the last line of a cell."""
    assert len(of_kind(outputs[2], "image/png")) == 1


def test_what_was_saved_is_shown_after_it_was_loaded(outputs):
    """With its film strip and its table."""
    (shown,) = of_kind(outputs[3], "text/html")
    assert "data:image/png;base64" in shown
    assert "held-out data" in shown
    level = float(re.search(r"([\d.]+) dB", str(outputs[3]))[1])
    assert level > 25


def test_it_runs_as_a_script_too():
    """Every cell is plain Python."""
    for cell in cells():
        compile(cell, str(SCRIPT), "exec")
    assert sys.version_info >= (3, 11)
