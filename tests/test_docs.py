"""The documentation: every public name has an entry, links lead somewhere, the site is made without a warning."""

import ast
import re
import runpy
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import nbformat
import pytest

import lowreel

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "examples" / "README.md"])


def anchors(page):
    """Names of the headings of a page, as source browsers make them."""
    heads = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?s)```.*?```", "", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_public_name_is_in_the_reference():
    """Once, with the docstring that says what it is."""
    entries = re.findall(r"\.\. auto(?:function|class):: lowreel\.(\w+)", (DOCS / "api.md").read_text(encoding="utf-8"))
    assert sorted(entries) == sorted(lowreel.__all__)
    assert all((getattr(lowreel, name).__doc__ or "").strip() for name in entries)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_files_lead_somewhere(page):
    """To a file, and to a heading of it."""
    text = re.sub(r"(?s)```.*?```", "", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.fixture
def absolute(monkeypatch):
    """What makes the README the long description of a package; hatchling itself is not needed for that."""
    made = types.ModuleType("interface")
    made.MetadataHookInterface = object
    monkeypatch.setitem(sys.modules, "hatchling.metadata.plugin.interface", made)
    return runpy.run_path(str(ROOT / "hatch_build.py"))["absolute"]


@pytest.mark.parametrize("repository", ["https://example.org/lowreel", None])
def test_the_long_description_has_links_that_lead_somewhere_alone(absolute, repository):
    """In a package's metadata: absolute ones, or, while the project has no address, their words; all else stays."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links, pictures = r"\]\(([^)\s]+)\)", r"!\[[^\]]*\]\(([^)\s]+)\)"
    found = absolute(text, repository)
    assert all(re.match("https?:", target) for target in re.findall(links, found))
    assert len(re.findall(pictures, found)) == (len(re.findall(pictures, text)) if repository else 0)
    if repository:
        assert f"({repository}/raw/HEAD/docs/demo.png)" in found
        assert len(re.findall(links, found)) == len(re.findall(links, text))
    words = re.sub(pictures, "", text)
    assert re.sub(links, "]", re.sub(pictures, "", found)).replace("[", "").replace("]", "") == re.sub(
        links, "]", words
    ).replace("[", "").replace("]", "")


def test_addresses_are_those_of_the_project():
    """What pyproject.toml, CITATION.cff and the pages say of paper, repository and version is one and the same."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"url: {project['urls']['Paper']}\n" in cited
    assert project["urls"]["Paper"] in (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall('repository-code: "?([^"\n]+)', cited) == [*filter(None, [project["urls"].get("Repository")])]
    assert f"version: {project['version']}\n" in cited
    assert f"version = {{{project['version']}}}" in (DOCS / "citing.md").read_text(encoding="utf-8")
    assert project["version"] == lowreel.__version__


EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_shown(name):
    """With its script, its picture and its notebook, and by its picture in the gallery, which leads to the script."""
    pages = {page: (DOCS / f"{page}.md").read_text(encoding="utf-8") for page in ("tutorials", "gallery")}
    assert f"{{literalinclude}} ../examples/{name}.py" in pages["tutorials"]
    assert f"<notebooks/{name}.ipynb>" in pages["tutorials"]
    assert all(text.count(f"(gallery/{name}.png)") == 1 for text in pages.values())


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_notebook_is_its_script(name):
    """Cell by cell, in order, each of them whole; the docstring comes before them as text."""
    sys.path.insert(0, str(DOCS))
    try:
        from gallery import notebook
    finally:
        sys.path.remove(str(DOCS))
    script = ROOT / "examples" / f"{name}.py"
    made = notebook(script)
    nbformat.validate(made)
    code = [cell.source for cell in made.cells if cell.cell_type == "code"]
    wanted = ast.parse(script.read_text(encoding="utf-8"))
    said = ast.get_docstring(wanted)
    assert [cell.source for cell in made.cells if cell.cell_type == "markdown"] == ([] if said is None else [said])
    assert ast.dump(ast.parse("\n".join(code))) == ast.dump(ast.Module(wanted.body[said is not None :], []))
    assert len(code) >= 3


def test_every_page_is_reached():
    """From the tables and lists of the first page."""
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    assert {page.stem for page in DOCS.glob("*.md")} - {"index"} <= set(re.findall(r"(?m)^([\w-]+)$", text))


@pytest.mark.slow
def test_the_site_is_made_without_a_warning(tmp_path):
    """Offline, from the pages and the docstrings; no page of it fetches anything from elsewhere."""
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", str(DOCS), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for page in tmp_path.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.findall(
            r"<(?:script|img|iframe)[^>]+src=\"(?:https?:)?//|<link[^>]+rel=\"stylesheet\"[^>]+//", text
        )
    assert "<math" in (tmp_path / "how-it-works.html").read_text(encoding="utf-8")
