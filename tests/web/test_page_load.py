"""The visitors of `benchmarks page_load` do what a browser does, on the page as it is."""

from contextlib import closing

import pytest

pytest.importorskip("gradio", reason="the page needs the extra `web`")
pytest.importorskip("benchmarks", reason="the benchmarks are not part of a source distribution")

from benchmarks import page_load


def test_a_visitor_has_a_clip_recovered_and_is_told_of_it(tmp_path, monkeypatch):
    """The address that he is told is that of his run; somebody else hears neither of it nor of the clip."""
    monkeypatch.setattr(page_load, "LOOK_SECONDS", 0.2)
    with page_load.page_for(tmp_path, 1) as page:
        visitor, other = page_load.Visitor(page), page_load.Visitor(page)
        content = page_load._clip_of(0, 0)
        with closing(visitor.http), closing(other.http):
            key = visitor.recover("mine.npy", content)
        asked = {"mine.npy": (key, content, 0)}
        counts = page_load._counted(page, [visitor, other], asked)
    assert counts == {"recoveries": 1, "lost": 0, "of_another_clip": 0, "seen_by_another": 0}
    assert any("run.zip" in text for text in visitor.heard)
    assert page_load._counted(page, [other, visitor], asked)["seen_by_another"] == 1
