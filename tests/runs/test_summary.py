"""summary.json as a model: what is written comes back, and what this version cannot read is refused in a sentence."""

import json
import math

import pytest

from lowreel.errors import InputError
from lowreel.runs.report import figures
from lowreel.runs.summarise import _refined
from lowreel.runs.summary import Ended, SectionFigures, Summary

KNOWN = Summary(
    version=1,
    outcome=Ended(kind="finished", sentence="Done."),
    frames=4,
    height=6,
    width=5,
    channels=1,
    operator={"kind": "identity"},
    noise={"kind": "none", "level": 0.0},
    numbers_per_pixel=1.0,
    preset="default",
    steps=3,
    last_steps=0,
    seconds=1.25,
    device="cpu",
    precision="float32",
    delivered="generator",
    seed=0,
    rank=2,
    similarity=0.01,
    weight_decay=3.0,
    early_weight_decay=None,
    quality="standard",
    search=({"similarity": 0.1, "heldout_db": "inf"},),
    choice={"weight_decay": 3.0, "similarity": 0.1},
    uncertainty=None,
    generator={"kind": "decoder"},
    generator_start="decoder",
    parameters={"weights": 9, "codes": 8},
    heldout_db=math.inf,
    verdict="use",
    trust="Use it.",
    best_baseline="linear",
    baselines_heldout_db={"linear": 20.5, "none": None, "exact": math.inf},
)
SCORED = KNOWN.model_copy(
    update={"psnr": None, "baselines": {"linear": -math.inf}, "sections": (SectionFigures(frames=(0, 4), scene=0),)}
)


@pytest.mark.parametrize("summary", [KNOWN, SCORED], ids=["without a true clip", "with one, in sections"])
def test_what_is_written_comes_back(summary, tmp_path):
    """Infinite levels as words; what does not apply is not there, and a level that does not exist is null."""
    assert Summary.read(tmp_path) is None
    summary.write(tmp_path)
    stored = json.loads((tmp_path / "summary.json").read_text())
    assert Summary.read(tmp_path) == summary
    assert stored["baselines_heldout_db"] == {"linear": 20.5, "none": None, "exact": "inf"}
    assert stored["choice"] == {"weight_decay": 3.0, "similarity": 0.1, "extra_stages": 0, "early_weight_decay": None}
    assert stored["verdict"] == "use"
    assert ("psnr" in stored) is ("sections" in stored) is (summary is SCORED)


def test_what_the_representation_draws():
    """Of a refined clip it has a level of its own, also over sections of which some are refined; files from before tell
    of none."""
    assert not KNOWN.refined
    assert KNOWN.drawn_db == KNOWN.heldout_db
    refined = KNOWN.model_copy(update={"refined": True, "heldout_db": 40.0, "heldout_db_representation": 38.0})
    other = KNOWN.model_copy(update={"heldout_db": 38.0})
    assert _refined([other, other], [4, 4]) == {"refined": False}
    assert _refined([refined, other], [4, 2]) == {"refined": True, "heldout_db_representation": 38.0}
    assert dict(figures(refined))["refined"].endswith("the generator's own clip: 38.00 dB (peak 1)")
    assert "refined" not in dict(figures(other))


def test_what_follows_a_camera():
    """Is told of a clip, and of sections by their number."""
    moving = KNOWN.model_copy(update={"generator": {"kind": "moving-decoder", "margin": [3, 2]}})
    of_sections = tuple(SectionFigures(frames=(k, k + 4), scene=0, follows_camera=k < 2) for k in range(3))
    assert dict(figures(moving))["camera"].endswith("3 rows and 2 columns larger at each side")
    assert dict(figures(KNOWN.model_copy(update={"sections": of_sections})))["camera"] == "moves in 2 of 3 sections"
    for still in (KNOWN, KNOWN.model_copy(update={"sections": of_sections[2:]})):
        assert "camera" not in dict(figures(still))


BAD = {
    "newer": (lambda s: s | {"version": 2}, "newer lowreel .version 2.; upgrade"),
    "before versions": (
        lambda s: {k: v for k, v in s.items() if k != "version"},
        "no summary of this version .*version",
    ),
    "without a verdict": (lambda s: {k: v for k, v in s.items() if k != "verdict"}, "verdict"),
    "another verdict": (lambda s: s | {"verdict": "perhaps"}, "verdict"),
    "a list": (lambda s: [s], "its content"),
}


@pytest.mark.parametrize(("spoil", "message"), BAD.values(), ids=BAD)
def test_what_is_no_summary_is_refused(spoil, message, tmp_path):
    """In one sentence that names the file."""
    KNOWN.write(tmp_path)
    path = tmp_path / "summary.json"
    path.write_text(json.dumps(spoil(json.loads(path.read_text()))))
    with pytest.raises(InputError, match=f"summary.json: .*{message}"):
        Summary.read(tmp_path)
