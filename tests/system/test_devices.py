"""Where a fit is computed: chosen by a setting, refused where it is not there, and the same laws on every device.

Where there is no graphics card, "meta" tensors, which have a shape and a device but no numbers, show what would be left
behind on the CPU.
"""

import math
from dataclasses import replace

import pytest
import torch
from cases import OPERATORS, SHAPE, levels, like, moving, noise

from lowreel.data import hold_out
from lowreel.errors import InputError
from lowreel.model.generators import Dcgan, Decoder
from lowreel.model.representation import Representation
from lowreel.operators import (
    Gaussian,
    Identity,
    MissingPixels,
    Stacked,
    inner,
    is_external,
    map_data,
    tensors_of,
)
from lowreel.recovery.preparation import prepare
from lowreel.recovery.recover import recover
from lowreel.recovery.search import varied
from lowreel.runs.folder import Run
from lowreel.settings import Candidate, RecoverSettings
from lowreel.solver.state import State
from lowreel.system.devices import device_of

close = torch.testing.assert_close
META = torch.device("meta")
CLIP = moving()
FEW = RecoverSettings(baselines="none", quality="draft", steps=6, heldout=0.1)
SEARCH = RecoverSettings(baselines="none", steps=6, heldout=0.1)
OWN = {name: make for name, make in OPERATORS.items() if not is_external(make())}
GENERATORS = {"decoder": lambda: Decoder((1, 12, 10)), "decoder in colour": lambda: Decoder((3, 17, 31))}
GENERATORS |= {"dcgan": lambda: Dcgan(1), "extra stages": lambda: Decoder((1, 32, 32)).with_extra_stages(1, seed=0)}

gpu = pytest.mark.gpu
no_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


# Which device


def test_auto_takes_the_card_and_else_the_cpu(monkeypatch):
    """Never a Mac's, which has not been tried."""
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    for there, found in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert device_of("auto").type == found
    assert device_of("mps").type == "mps"


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_refused(name, here, command, monkeypatch):
    """In one sentence, from Python and the command line, before anything is made."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    operator, seen = Identity(CLIP.shape), []
    with pytest.raises(InputError, match=rf"device: {name} was asked for, but .*--device cpu"):
        recover(CLIP, operator, FEW.model_copy(update={"device": name}), callback=seen.append)
    outcome = command(f"simulate missing clip.npy --device {name} -o run")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert name in outcome.err
    assert [path.name for path in here.iterdir()] == ["clip.npy"]
    assert seen == []


def test_other_words_are_refused():
    with pytest.raises(InputError, match=r"device: .*'auto', 'cpu', 'cuda' or 'mps'"):
        RecoverSettings(device="gpu")


def test_the_cpu_by_name_is_the_cpu():
    """The same bits as by default on a machine without a card; the result says where it was fitted."""
    operator = MissingPixels(CLIP.shape, 0.5)
    named = recover(operator(CLIP), operator, SEARCH.model_copy(update={"device": "cpu"}))
    assert named.device == "cpu"
    if not torch.cuda.is_available():
        assert torch.equal(named.clip, recover(operator(CLIP), operator, SEARCH).clip)


def test_a_run_says_its_device_and_goes_on_with_another(here, command, monkeypatch):
    """summary.json has it; a run that was begun on a card goes on where --device says."""
    import json

    asked = "simulate missing clip.npy --quality draft --steps 3 --baselines none --device cpu -o run"
    assert command(asked).code == 0
    assert json.loads((here / "run" / "summary.json").read_text())["device"] == "cpu"
    config = json.loads((here / "run" / "config.json").read_text())
    config["settings"]["device"] = "cuda"
    (here / "run" / "config.json").write_text(json.dumps(config))
    (here / "run" / "summary.json").unlink()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    refused = command("recover run --resume")
    assert refused.code == 2
    assert "cuda" in refused.err
    assert command("recover run --resume --device cpu").code == 0


# Nothing is left behind


def on(data, device):
    return map_data(lambda t: t.to(device), data)


def devices_of(data):
    return {t.device.type for t in tensors_of(data)}


@pytest.mark.parametrize("make", OWN.values(), ids=OWN)
def test_operators_leave_nothing_behind(make):
    """Data, adjoint, parts and what is known are where the operator was moved; it itself stays where it is."""
    operator = make()
    moved = operator.on(META)
    assert (operator.device.type, moved.device.type) == ("cpu", "meta")
    assert {b.device.type for b in operator.buffers()} <= {"cpu"}
    x = levels(*operator.clip_shape, dtype=torch.float32).to(META)
    y = moved(x)
    assert devices_of(y) == devices_of(moved.adjoint(y)) == devices_of(moved.observed_mask()) == {"meta"}
    assert devices_of(moved.with_redundant(moved.observed_mask())) == {"meta"}
    parts = moved.parts()
    part = moved.subset([len(parts) - 1])
    assert devices_of(part(x[list(parts[-1].frames)])) == devices_of(moved.take(y, [len(parts) - 1])) == {"meta"}
    assert moved.fingerprint() == operator.fingerprint() if not operator.spec_tensors() else True


@pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
def test_representations_leave_nothing_behind(make):
    """Frames are where the generator and the codes were moved."""
    from lowreel.model.latents import factorise

    generator = make()
    codes = factorise(noise(5, generator.code_dim, dtype=torch.float32), torch.arange(5.0).double(), 2, affine=True)
    found = Representation(generator.requires_grad_(False), codes)
    moved = found.on(META)
    assert moved.frames().device.type == moved.frames(at=[0.3, 2.5]).device.type == "meta"
    assert {p.device.type for p in generator.parameters()} == {found.codes.basis.device.type} == {"cpu"}
    assert found.on(torch.device("cpu")) is found


@pytest.mark.parametrize(
    "operator",
    [
        MissingPixels(CLIP.shape, 0.5),
        Gaussian(CLIP.shape, 30),
        Stacked([Identity(CLIP.shape), Gaussian(CLIP.shape, 9)]),
    ],
    ids=lambda operator: operator.kind,
)
def test_an_update_leaves_nothing_behind(operator):
    """Loss and gradients of a minibatch; a deeper decoder is made where the usual one is."""
    problem = prepare(operator(CLIP), operator, FEW)
    moved = problem.on(META)
    vars(moved)["grey_level"] = 0.01  # a number that is read off the device
    assert problem.on(torch.device("cpu")) is problem
    generator = moved.generator.requires_grad_(True)
    batch = list(range(len(moved.operator.parts())))
    found = moved.operator.subset(batch)(generator(torch.zeros(len(CLIP), generator.code_dim, device=META)))
    loss = moved.data_fidelity(found, *(moved.operator.take(v, batch) for v in (moved.data, moved.fitted)))
    loss.backward()
    assert {p.grad.device.type for p in generator.parameters()} == {loss.device.type} == {"meta"}
    big = replace(prepare(torch.zeros(2, 1, 32, 32), Identity((2, 1, 32, 32)), FEW).on(META))
    assert (
        varied(big, Candidate(extra_stages=1, weight_decay=1.0, similarity=0.1)).generator.to_frame.weight.device.type
        == "meta"
    )


# With a card


@gpu
@no_gpu
@pytest.mark.parametrize("make", OPERATORS.values(), ids=OPERATORS)
def test_laws_of_operators_on_the_card(make):
    """The CPU's numbers, <Ax, y> = <x, A*y>, parts of the whole, and the same entries known, alike and held out."""
    operator = make().double()
    moved = operator.on(device_of("cuda"))
    x = levels(*SHAPE)
    y = operator(x)
    found = moved(x.cuda())
    assert devices_of(found) == {"cuda"}
    close(on(found, "cpu"), y, rtol=1e-4, atol=1e-5)
    v = like(y)
    back = moved.adjoint(on(v, "cuda"))
    close(back.cpu(), operator.adjoint(v), rtol=1e-4, atol=1e-5)
    close(inner(found, on(v, "cuda")), inner(x.cuda(), back), rtol=1e-4, atol=1e-4)
    known = moved.observed_mask()
    for a, b in zip(tensors_of(known), tensors_of(operator.observed_mask()), strict=True):
        assert torch.equal(a.cpu(), b)
    assert moved.repeated_rows(tensors_of(known)) == operator.repeated_rows(tensors_of(operator.observed_mask()))
    for a, b in zip(tensors_of(hold_out(moved, 0.3)), tensors_of(hold_out(operator, 0.3)), strict=True):
        assert torch.equal(a.cpu(), b)
    for k, part in enumerate(moved.parts()):
        close(moved.subset([k])(x.cuda()[list(part.frames)]), moved.take(found, [k]), rtol=1e-4, atol=1e-5)
    assert moved.fingerprint() == operator.fingerprint()
    assert math.isclose(moved.row_norm(), operator.row_norm(), rel_tol=1e-4)


@gpu
@no_gpu
@pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
def test_generators_on_the_card(make):
    """The CPU's frames and gradients."""
    generator = make().double()
    codes = noise(3, generator.code_dim)
    found = {}
    for device in ("cpu", "cuda"):
        there, own = generator.to(device), codes.to(device).requires_grad_()
        frames = there(own)
        frames.square().mean().backward()
        found[device] = (frames.detach().cpu(), own.grad.cpu())
    close(found["cuda"], found["cpu"])


CARD = {
    "missing": lambda: MissingPixels(CLIP.shape, 0.5),
    "gaussian": lambda: Gaussian(CLIP.shape, 60),
    "stack": lambda: Stacked([Gaussian(CLIP.shape, 30), MissingPixels(CLIP.shape, 0.5)]),
    "functions": OPERATORS["functions"],
}


@gpu
@no_gpu
@pytest.mark.parametrize("settings", [FEW, SEARCH], ids=["draft", "search"])
@pytest.mark.parametrize("make", CARD.values(), ids=CARD)
def test_recovery_on_the_card_comes_back(make, settings):
    """Everything that is returned is on the CPU, and about what the CPU finds."""
    operator = make()
    clip = CLIP if tuple(CLIP.shape) == operator.clip_shape else levels(*operator.clip_shape, dtype=torch.float32)
    y = operator(clip)
    found, here = (recover(y, operator, settings.model_copy(update={"device": d})) for d in ("cuda", "cpu"))
    assert (found.device, operator.device.type) == ("cuda", "cpu")
    tensors = [found.clip, *found.representation.tensors().values()]
    tensors += [t for trial in found.trials for t in trial.representation.tensors().values()]
    assert {t.device.type for t in tensors} == {"cpu"}
    assert len(found.trials) == len(here.trials)
    assert found.heldout_db == pytest.approx(here.heldout_db, abs=3)


@gpu
@no_gpu
@pytest.mark.parametrize("then", ["cuda", "cpu"])
@pytest.mark.parametrize("stage", ["fit", "search", "last"])
def test_resume_on_the_card(stage, then, tmp_path):
    """From a checkpoint on disk, on the card or on the CPU, in every stage: about the unbroken run."""
    operator, seen = CARD["missing"](), []
    y = operator(CLIP)
    settings = (FEW if stage == "fit" else SEARCH).model_copy(update={"steps": 24, "device": "cuda"})
    unbroken = recover(y, operator, settings, callback=seen.append)
    chosen = [p for p in seen if p.stage == stage and (p.trials or stage == "fit")]
    (tmp_path / "run").mkdir()
    run = Run(tmp_path / "run", settings)
    run.save_progress(chosen[len(chosen) // 2])
    resume = run.load_progress()
    resumed = recover(y, operator, settings.model_copy(update={"device": then}), resume=resume)
    assert resumed.heldout_db == pytest.approx(unbroken.heldout_db, abs=1)
    assert resumed.steps == unbroken.steps
    assert isinstance(resume.state, State)
