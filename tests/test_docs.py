"""The documentation: every public name has an entry, links lead somewhere, the site is made without a warning."""

import re
import subprocess
import sys
from pathlib import Path

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
