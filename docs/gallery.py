"""What the documentation makes of an example: its picture, and a notebook.

`python docs/gallery.py EXAMPLE.py FOLDER` runs an example and writes FOLDER/EXAMPLE.png. Notebooks are written when the
site is made (conf.py), by nbformat, Jupyter's own library.
"""

from __future__ import annotations

import ast
import re
import runpy
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DOTS_PER_INCH = 80
FRAMES = 4


def draw(names: Mapping[str, Any], picture: Path) -> None:
    """Write the picture of what an example has made, from its variables: its recovery, its run or its record."""
    if "result" in names:
        shutil.copyfile(names["result"].folder / "report.png", picture)
        return
    if "record" in names:
        figure = record_drawn(names["sst"], names["record"])
    elif "faded" in names:
        rows = {"true": "between", "drawn from\nthe codes": "drawn", "cross-faded": "faded"}
        figure = frames_drawn({label: names[name] for label, name in rows.items()}, names["middles"])
    else:
        figure = names["recovery"].plot(truth=names.get("truth", names.get("clip")), frames=FRAMES)
    figure.savefig(picture, dpi=DOTS_PER_INCH)


def frames_drawn(rows: Mapping[str, Any], times: Any) -> Any:
    """Some frames of clips (T, C, H, W) in [0, 1], a row each, by the seconds at which they are."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2 * FRAMES, 2 * len(rows)), layout="constrained")
    for line, (label, clip) in zip(figure.subplots(len(rows), FRAMES), rows.items(), strict=True):
        for k, axis in enumerate(line):
            t = round(k * (len(clip) - 1) / (FRAMES - 1))
            frame = clip[t].clamp(0, 1).expand(3, -1, -1)
            axis.imshow(frame.permute(1, 2, 0).numpy(), interpolation="nearest")
            axis.set_xticks([])
            axis.set_yticks([])
            axis.set_title(f"{float(times[t]):.2f} s", fontsize=8)
        line[0].set_ylabel(label, fontsize=8)
    return figure


def record_drawn(before: Any, record: Any) -> Any:
    """Some moments of a record with gaps, filled, and how sure each value is."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots(3, FRAMES)
    limits = {"vmin": float(before.min()), "vmax": float(before.max())}
    rows = {"with gaps": (before, limits), "filled": (record.filled, limits), "standard deviation": (record.std, {})}
    for line, (label, (values, about)) in zip(axes, rows.items(), strict=True):
        for k, axis in enumerate(line):
            t = round(k * (len(values) - 1) / (FRAMES - 1))
            image = axis.imshow(values[t], origin="lower", **about)
            axis.set_xticks([])
            axis.set_yticks([])
            axis.set_title(str(values.time.values[t])[:10], fontsize=8)
        line[0].set_ylabel(label, fontsize=8)
        figure.colorbar(image, ax=list(line)).set_label(before.attrs["units"], fontsize=8)
    return figure


def cells_of(source: str) -> list[tuple[str, str]]:
    """The cells of a script, their kind (markdown or code) and content: its docstring, and what stands between lines of
    `# %%`, or, where there are none, between empty lines outside of any block."""
    said = ast.get_docstring(ast.parse(source), clean=True)
    body = source
    if said is not None:
        body = "\n".join(source.split("\n")[ast.parse(source).body[0].end_lineno :])
    parts = re.split(r"(?m)^# %%.*\n", body) if "# %%" in body else re.split(r"\n\n+(?=[^\s#])", body)
    code = [("code", part.strip("\n")) for part in parts if part.strip()]
    return code if said is None else [("markdown", said), *code]


def notebook(script: Path) -> Any:
    """The notebook of a script, of nbformat."""
    import nbformat

    make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    cells = [make[kind](text) for kind, text in cells_of(script.read_text(encoding="utf-8"))]
    for k, cell in enumerate(cells):
        cell["id"] = f"cell-{k}"  # the same each time
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=kernel)


def write_notebooks(scripts: Path, folder: Path) -> None:
    """Write the notebook of every script of a folder into another."""
    import nbformat

    folder.mkdir(exist_ok=True)
    for script in sorted(scripts.glob("*.py")):
        nbformat.write(notebook(script), folder / f"{script.stem}.ipynb")


if __name__ == "__main__":
    script, target = map(Path, sys.argv[1:])
    target.mkdir(parents=True, exist_ok=True)
    draw(runpy.run_path(str(script), run_name="__main__"), target / f"{script.stem}.png")
