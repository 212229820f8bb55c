"""How the documentation is made a site: `make docs`, by Sphinx, offline. Its pages are the Markdown files here."""

import re
import sys
from pathlib import Path

from docutils.utils.math import latex2mathml

import lowreel

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

from gallery import write_notebooks  # noqa: E402

project = "Lowreel"
author = "The Lowreel developers"
version = release = lowreel.__version__
copyright = "the Lowreel developers, BSD 3-Clause"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "notebooks"]
suppress_warnings = ["myst.header"]

html_theme = "furo"
html_title = f"Lowreel {version}"
html_static_path = ["_static"]
html_css_files = ["lowreel.css"]
html_show_sourcelink = False
html_math_renderer = "mathml"
html_theme_options = {"navigation_with_keys": True}

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
default_role = "code"


def plain_words(app, what, name, obj, options, lines):
    """Docstrings are sentences with `code`: what reStructuredText would take for markup in them is meant as it is."""
    if what == "class":
        lines += [f"{line}" for line in fields_of(obj)]
    parts = re.split(r"(``[^`]*``|`[^`]*`)", "\n".join(lines))
    parts[::2] = [re.sub(r"([*|\\]|_(?=\W|$))", r"\\\1", text) for text in parts[::2]]
    parts[1::2] = [f"``{' '.join(text.strip('`').split())}``" for text in parts[1::2]]  # in one line, as they are meant
    lines[:] = "".join(parts).split("\n")


def fields_of(model):
    """A list of the fields of a settings model, with defaults and meanings; nothing of any other class."""
    for name, field in getattr(model, "model_fields", {}).items():
        if field.description:
            default = "" if field.is_required() else f", default `{field.default!r}`"
            yield from ("", f"- `{name}`{default}: {field.description}")
    yield ""


def inline_formula(writer, node):
    """A formula as MathML, which browsers draw by themselves: nothing is fetched, no script runs."""
    writer.body.append(latex2mathml.tex2mathml(node.astext()))
    raise_skip(node)


def formula(writer, node):
    """The same on lines of its own."""
    writer.body.append(f"<div class='math'>{latex2mathml.tex2mathml(node.astext(), as_block=True)}</div>")
    raise_skip(node)


def raise_skip(node):
    """Say that the children of a node are written already."""
    from docutils.nodes import SkipNode

    raise SkipNode


def setup(app):
    """Take part in the making of the site; the notebooks of the examples are written first."""
    write_notebooks(DOCS.parent / "examples", DOCS / "notebooks")
    app.connect("autodoc-process-docstring", plain_words)
    app.add_html_math_renderer("mathml", (inline_formula, None), (formula, None))
