"""The experiments: what is kept of them is found again."""

import json
from pathlib import Path

PAPER = Path(__file__).parents[1] / "experiments" / "paper"


def test_the_kept_fits_of_the_paper_are_found(monkeypatch):
    """A setting of another name must not have them all made again: see `Fit.name` for what to do then."""
    monkeypatch.syspath_prepend(PAPER)
    from fits import Fit

    kept = json.loads((PAPER / "results" / "fits.json").read_text(encoding="utf-8"))
    here = {name: fit for name, fit in ((name, Fit.of(figures)) for name, figures in kept.items()) if fit.is_here}
    assert here
    assert {name: fit.name for name, fit in here.items()} == {name: name for name in here}
