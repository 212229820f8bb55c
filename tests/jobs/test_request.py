"""A request: its forms, its round trips, what is refused, and the command line that stands for it."""

import json
import warnings

import pytest

from lowreel.catalogue import OPERATORS, ChainSettings, FramesSettings, MissingSettings
from lowreel.cli import commands
from lowreel.errors import DataWarning, InputError
from lowreel.jobs.callbacks import data_warnings_said
from lowreel.jobs.request import RunRequest, command_line
from lowreel.settings import ArraysSettings, ClipSettings, NoiseSettings, RecoverSettings


def example(kind):
    """The settings of an operator that a form begins with."""
    return kind(**{name: tuple(text.splitlines()) if name == "of" else text for name, text in kind.example.items()})


READING = ClipSettings(size="8x12", fit="crop", channels=1, frames="0:4:2")
SETTINGS = RecoverSettings(rank=3, similarity=0.1, seed=7, quality="best", linear=True, time=1.5, memory="2GB")
REQUESTS = {
    **{kind.name: RunRequest(clip="clip.npy", operator=example(kind)) for kind in OPERATORS},
    "all of simulate": RunRequest(
        clip="rotating-mnist:7",
        operator=ChainSettings(of=("blur --sigma 1", "frames --drop 2:4")),
        reading=READING,
        noise=NoiseSettings(snr=20, blind=True),
        settings=SETTINGS,
        output="my runs/a",
    ),
    "inpaint": RunRequest(clip="a.mp4", mask="m.mat:holes", reading=READING, settings=SETTINGS, output="run"),
    "data": RunRequest(data="y.safetensors", truth="a.mp4", settings=SETTINGS),
    "arrays": RunRequest(
        data="d.mat",
        arrays=ArraysSettings(operator="snapshot", y="meas", mask="mask", frames="8", scale=255, sigma=1e-7),
        output="run",
    ),
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_a_request_survives_its_file(request_, tmp_path):
    request_.save(tmp_path / "request.json")
    assert RunRequest.load(tmp_path / "request.json") == request_
    assert RunRequest(**json.loads(request_.model_dump_json())) == request_


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("resume", [False, True])
def test_its_command_line_asks_for_the_same(request_, resume, monkeypatch):
    """Parsed again it is the same request; the one that goes on names its folder and what may differ."""
    made, gone_on = [], []
    monkeypatch.setattr(commands, "_run", lambda *asked: made.append(asked[0]))
    monkeypatch.setattr(commands, "_go_on", lambda *asked: gone_on.append(asked))
    if not resume:
        commands.call(command_line(request_))
        assert made == [request_]
    elif request_.output is not None:
        commands.call(command_line(request_, resume=True))
        settings = request_.settings
        of_session = RecoverSettings(time=settings.time, memory=settings.memory, device=settings.device)
        ((folder, asked, arrays, _),) = gone_on
        assert (str(folder), asked, arrays) == (request_.output, of_session, ArraysSettings())


def test_an_operator_of_ones_own_is_named_again():
    """A run does not keep it."""
    arrays = ArraysSettings(operator="camera:lens", y="y", clip_shape="2x1x4x4")
    asked = RunRequest(data="d.npz", arrays=arrays, output="run")
    assert command_line(asked, resume=True) == ["recover", "run", "--resume", "--operator=camera:lens"]


WRONG = {
    "nothing": ({}, "give clip .* or data"),
    "clip and data": ({"clip": "c", "data": "y", "operator": MissingSettings()}, "give clip .* or data"),
    "no operator": ({"clip": "c"}, "give operator .* or mask"),
    "operator and mask": ({"clip": "c", "mask": "m", "operator": MissingSettings()}, "give operator .* or mask"),
    "noise in a damaged clip": ({"clip": "c", "mask": "m", "noise": NoiseSettings(snr=3)}, "noise is for a clip"),
    "truth of a clip": ({"clip": "c", "operator": MissingSettings(), "truth": "c"}, "is its own truth"),
    "data that is read": ({"data": "y", "reading": READING}, "are for a clip"),
    "no operator's settings": ({"clip": "c", "operator": SETTINGS}, "expected the settings of an operator"),
    "unknown operator": ({"clip": "c", "operator": {"kind": "telescope"}}, "with a kind, one of missing, blocks"),
    "ratio in words": ({"clip": "c", "operator": {"kind": "missing", "ratio": "most"}}, "operator: ratio"),
    "newer": ({"version": 2, "data": "y"}, "version"),
    "unknown field": ({"data": "y", "speed": 3}, "speed"),
}


@pytest.mark.parametrize(("fields", "told"), WRONG.values(), ids=WRONG)
def test_wrong_requests_are_one_sentence(fields, told):
    with pytest.raises(InputError, match=told) as refused:
        RunRequest(**fields)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", ["{", "[]", '{"words": ["simulate"]}', '{"version": 2, "data": "y"}'])
def test_files_of_another_form_are_refused(content, tmp_path):
    (tmp_path / "request.json").write_text(content)
    with pytest.raises(InputError, match=r"request\.json: expected"):
        RunRequest.load(tmp_path / "request.json")


def test_what_a_run_has_to_be_of(monkeypatch, tmp_path):
    """Paths are full ones, a size by one number is that by two; time, memory, device and folder may differ."""
    monkeypatch.chdir(tmp_path)
    one = RunRequest(clip="a.npy", operator=MissingSettings(), reading=ClipSettings(size="64"), output="x")
    same = RunRequest(
        clip=f"{tmp_path}/a.npy",
        operator=MissingSettings(ratio=0.8),
        reading=ClipSettings(size="64x64"),
        settings=RecoverSettings(time=3, memory="2GB", device="cpu"),
        output="y",
    )
    assert one.is_same_recovery(same)
    for name, value in {"operator": FramesSettings(), "clip": "b.npy", "settings": RecoverSettings(seed=1)}.items():
        assert not one.is_same_recovery(one.model_copy(update={name: value}))


def test_warnings_of_the_data_are_said_once():
    """As a sentence to whoever made the run; other warnings are as before."""
    said = []

    def warned():
        with data_warnings_said(said.append):
            for _ in range(2):
                warnings.warn("cut in four", DataWarning, stacklevel=1)
            warnings.warn("another", UserWarning, stacklevel=1)

    with pytest.warns(UserWarning, match="another") as others:
        warned()
    assert said == ["Warning: cut in four"]
    assert [str(one.message) for one in others] == ["another"]


def test_what_is_typed_beside_a_config_counts_more(monkeypatch, tmp_path):
    """A value that is the default, too; what is not typed is as the file has it."""
    RunRequest(data="y.safetensors", settings=SETTINGS, output="run").save(tmp_path / "c.toml")
    made = []
    monkeypatch.setattr(commands, "_run", lambda *asked: made.append(asked[0]))
    commands.call(["recover", "--config", str(tmp_path / "c.toml"), "--quality", "standard", "--rank", "auto"])
    commands.call(["recover", "--config", str(tmp_path / "c.toml"), "-o", "other"])
    assert made[0].settings == SETTINGS.model_copy(update={"quality": "standard", "rank": "auto"})
    assert (made[1].settings, made[1].output) == (SETTINGS, "other")
