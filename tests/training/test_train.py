"""Generative latent optimisation: laws over generators, and a training on disk that survives."""

import copy
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from cases import levels, noise
from conftest import ended, snapshot
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from lowreel import InputError
from lowreel.io.datasets import Images
from lowreel.model.generators import Dcgan, Decoder, Generator, load_weights
from lowreel.settings import TrainSettings
from lowreel.solver.optim import CUBIC, LINEAR, NEWTON_SCHULZ_ITERATIONS, QUINTIC, orthogonalised
from lowreel.system.checkpoints import folder_lock
from lowreel.training.loop import TrainState, in_unit_ball, iterate, planned_steps, principal_codes

close = torch.testing.assert_close


class Linear(Generator):
    """Frames that are mid-grey plus a linear map of the code."""

    kind = "linear"

    def __init__(self, code_dim, frame_shape, seed=0):
        super().__init__()
        self.code_dim, self.frame_shape = code_dim, frame_shape
        self.map = nn.Linear(code_dim, int(np.prod(frame_shape)), bias=False)
        with torch.no_grad():
            self.map.weight.copy_(0.1 * noise(*self.map.weight.shape, seed=seed, dtype=torch.float32))

    def forward(self, codes):
        return 0.5 + self.map(codes).unflatten(1, self.frame_shape).float()

    def spec(self):
        return {"kind": self.kind}


def images_like(generator, count=40, seed=0):
    """Smooth random images of a generator's frame shape."""
    channels, height, width = generator.frame_shape
    coarse = levels(count, channels, 3, 3, seed=seed, dtype=torch.float32)
    smooth = nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    return Images("smooth", smooth.mul(255).round().byte(), (height, width))


GENERATORS = {
    "linear": lambda: Linear(4, (1, 6, 5)),
    "decoder": lambda: Decoder((3, 8, 8)),
    "dcgan": lambda: Dcgan(1),
}
SETTINGS = TrainSettings(epochs=6, batch_size=8, seed=2)


@pytest.fixture(autouse=True)
def _one_precision(monkeypatch):
    """Which one is faster is measured, and a busy machine may say either: the bits compared here are those of one."""
    monkeypatch.setattr("lowreel.training.loop.fastest_precision", lambda *_: "float32")


@pytest.fixture(params=GENERATORS.values(), ids=GENERATORS)
def generator(request):
    return request.param()


def last(states):
    return list(states)[-1]


def same(a, b):
    return a.header() == b.header() and all(torch.equal(t, b.tensors()[n]) for n, t in a.tensors().items())


def test_the_loss_falls_and_codes_stay_in_the_ball(generator):
    """Far below the loss of mid-grey frames, with every code of length 1 at most; the start is left untouched."""
    images, before = images_like(generator), copy.deepcopy(generator.state_dict())
    state = last(iterate(images, generator, SETTINGS.model_copy(update={"epochs": 30})))
    grey = float((images.batch(slice(None)) - 0.5).square().mean())
    assert state.loss < 0.5 * grey
    assert float(state.codes.norm(dim=1).max()) <= 1 + 1e-5
    assert all(torch.equal(t, before[n]) for n, t in generator.state_dict().items())


def test_resumed_equals_unbroken(generator):
    """From each snapshot, through its tensors and JSON header, to the same bits; snapshots share no memory."""
    images, settings = images_like(generator), SETTINGS.model_copy(update={"epochs": 8})
    states = list(iterate(images, generator, settings))
    assert [s.step for s in states] == [16, 32, planned_steps(images, settings)]
    kept = copy.deepcopy(states)
    for state in states[:-1]:
        again = TrainState.of(state.tensors(), json.loads(json.dumps(state.header())))
        assert same(last(iterate(images, generator, settings, again)), states[-1])
    assert all(same(a, b) for a, b in zip(states, kept, strict=True))


def test_seed_decides(generator):
    """The same seed gives the same bits, another order of the images others."""
    images = images_like(generator)
    one, two = (last(iterate(images, generator, SETTINGS)) for _ in range(2))
    other = last(iterate(images, generator, SETTINGS.model_copy(update={"seed": 3})))
    assert same(one, two)
    assert not torch.equal(one.codes, other.codes)


def test_state_of_other_images_or_settings_is_refused(generator):
    """A training goes on with its own images and steps; only its length may change."""
    images = images_like(generator)
    state = next(iterate(images, generator, SETTINGS))
    for others, settings, what in (
        (images_like(generator, seed=1), SETTINGS, "images"),
        (images, SETTINGS.model_copy(update={"code_lr": 0.3}), "settings"),
    ):
        with pytest.raises(InputError, match=f"the {what} differ"):
            next(iterate(others, generator, settings, state))
    longer = SETTINGS.model_copy(update={"epochs": 7})
    assert last(iterate(images, generator, longer, state)).step == planned_steps(images, longer)


def test_frames_of_another_shape_are_refused():
    """By both shapes."""
    with pytest.raises(InputError, match=r"\(1, 64, 64\), the images are \(3, 8, 8\)"):
        next(iterate(images_like(Decoder((3, 8, 8))), Dcgan(1), SETTINGS))


def test_images_in_the_range_of_a_linear_generator_are_fitted():
    """Two-dimensional images and a linear generator with codes as long: the loss falls to rounding of levels."""
    generator = Linear(2, (1, 8, 8))
    plane = in_unit_ball(noise(64, 2, dtype=torch.float32)) @ (0.2 * noise(2, 64, seed=1, dtype=torch.float32))
    images = Images("plane", (0.5 + plane).clamp(0, 1).mul(255).round().byte().view(-1, 1, 8, 8), (8, 8))
    start = float((images.batch(slice(None)) - 0.5).square().mean())
    state = last(iterate(images, generator, TrainSettings(epochs=120, batch_size=16, weight_lr=2e-2)))
    assert state.loss < 0.01 * start


@pytest.mark.parametrize("shape", [(5, 3, 4, 4), (64, 16), (3, 64), (7,), (4, 4), (9000, 16)])  # the last by a sample
def test_orthogonalised_weighs_directions_alike(shape):
    """All singular values within a factor of 2 of each other, singular vectors kept, entries of unit mean square."""
    matrix = noise(*shape, dtype=torch.float32)
    found = orthogonalised(matrix)
    assert found.shape == matrix.shape
    assert float(found.square().mean()) == pytest.approx(1, abs=5e-5 if len(matrix) < 9000 else 3e-2)
    rows = (lambda m: m.flatten(1)) if len(shape) > 1 else (lambda m: m[None])
    values = torch.linalg.svdvals(rows(found))
    assert float(values.max() / values.min()) < 2
    u, _, vt = torch.linalg.svd(rows(matrix), full_matrices=False)
    aligned = torch.nn.functional.cosine_similarity((u @ vt).flatten(), rows(found).flatten(), 0)
    assert float(aligned) > 0.95


@pytest.mark.parametrize("shape", [(5, 3, 4, 4), (64, 16), (3, 64), (7,), (4, 4)])
def test_orthogonalised_is_the_polynomial_of_the_whole_matrix(shape):
    """As if the Newton-Schulz steps were made on the matrix itself, in float64, also where it is nearly singular."""
    matrix = noise(*shape)
    x = matrix.flatten(1) if len(shape) > 1 else matrix[None]
    u, s, vt = torch.linalg.svd(x, full_matrices=False)
    matrix = ((u * torch.logspace(0, -4, len(s), dtype=s.dtype)) @ vt).reshape(shape)
    x = matrix.flatten(1) if len(shape) > 1 else matrix[None]
    u, s, vt = torch.linalg.svd(x / x.norm(), full_matrices=False)
    for _ in range(NEWTON_SCHULZ_ITERATIONS):
        s = LINEAR * s + CUBIC * s**3 + QUINTIC * s**5
    wanted = ((u * s) @ vt).reshape(shape)
    wanted = wanted / wanted.square().mean().sqrt()
    torch.testing.assert_close(orthogonalised(matrix.float()).double(), wanted, rtol=0, atol=2e-2)


def test_principal_codes_keep_distances():
    """Images of rank K: distances between codes are distances between images, but for one factor."""
    plane = noise(30, 5) @ noise(5, 64, seed=1)
    pixels = (128 + 8 * plane).round().clamp(0, 255).byte().view(-1, 1, 8, 8)
    images = Images("plane", pixels, (8, 8))
    codes = principal_codes(images, 20)
    inside = codes.norm(dim=1) < 1 - 1e-6
    ratio = torch.pdist(codes[inside]) / torch.pdist(images.batch(slice(None)).flatten(1)[inside])
    assert float(ratio.std() / ratio.mean()) < 1e-3
    assert float(codes.norm(dim=1).max()) <= 1 + 1e-6
    assert principal_codes(images, 100).shape == (30, 100)


# --------------------------------------------------------------------------------------------- on disk

TRAIN = "train pictures -o w.safetensors --generator decoder --size 8 --epochs 8 --batch-size 2"


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A working folder with 16 small pictures in pictures/."""
    return picture_folder(tmp_path, monkeypatch.chdir)


def picture_folder(path, enter=lambda _: None):
    (path / "pictures").mkdir(parents=True, exist_ok=True)
    for k, image in enumerate(images_like(Decoder((3, 8, 8)), 16).pixels):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(path / "pictures" / f"{k}.png")
    enter(path)
    return path


def test_train_and_use(pictures, command):
    """Weights in half precision with provenance and SHA-256; a contact sheet; `info` tells; a recovery starts there."""
    (pictures / "pictures" / "broken.png").write_bytes(b"no picture")
    ending = command(TRAIN)
    assert ending.code == 0, ending.err
    assert "broken.png" in ending.out
    assert "1 files skipped, 16 images read" in ending.out
    tensors = load_file("w.safetensors")
    assert {t.dtype for t in tensors.values()} == {torch.float16}
    told = command("info w.safetensors").out
    words = ("pictures", "images_sha256", "final_loss", "steps          64", "sha256", "'seed': 0")
    assert [w for w in words if w not in told] == []
    sheet = np.asarray(Image.open("w.training/reconstructions.png")).astype(float)
    assert sheet.shape == (128, 1024, 3)
    assert np.abs(sheet[:64] - sheet[64:]).mean() < np.abs(sheet[:64] - 128).mean()
    np.save("clip.npy", levels(6, 3, 8, 8).numpy())
    ending = command("simulate missing clip.npy --generator w.safetensors --steps 2 -o run")
    assert ending.code == 0, ending.err
    assert command("simulate missing clip.npy --generator w.safetensors --size 9 -o other").code == 2


def test_a_generator_remembers_its_codes(pictures, command):
    """What starts from trained weights starts among the codes that they were trained with."""
    assert command(TRAIN).code == 0
    generator = load_weights("w.safetensors")
    codes = load_file("w.training/state.safetensors")["codes"]
    close(generator.code_mean, codes.mean(0), atol=1e-3, rtol=1e-3)
    close(generator.code_spread, codes.std(0, correction=0), atol=1e-3, rtol=1e-3)


def test_more_epochs_and_other_wishes(pictures, command):
    """--resume may make a training longer; anything else is refused and changes nothing."""
    assert command(TRAIN).code == 0
    assert command(TRAIN.replace("--epochs 8", "--epochs 20") + " --resume").code == 0
    assert "steps          160" in command("info w.safetensors").out
    of_v = TRAIN.replace("w.safe", "v.safe")
    assert command(of_v + " --seed 3").code == 0
    before = snapshot(pictures)
    for line in (
        *(TRAIN + wish for wish in (" --seed 3 --resume", " --code-lr 0.5 --resume", " --images 3 --resume", "")),
        *(of_v + " --seed 0 --resume", of_v + " --code-lr 0.1 --seed 0 --resume", TRAIN + " --resume"),
        of_v.replace("v.safetensors", "v.pth") + " --seed 3 --resume",
    ):
        ending = command(line)
        assert (ending.code, ending.err.count("\n")) == (2, 1), line
    with folder_lock(pictures / "v.training"):
        ending = command(of_v.replace("--epochs 8", "--epochs 9") + " --seed 3 --resume")
    assert (ending.code, "another lowreel" in ending.err) == (2, True)
    assert snapshot(pictures) == before


def test_weights_among_the_pictures_they_come_from(pictures, command, monkeypatch):
    """What a training leaves in the folder of its pictures does not become part of the set."""
    monkeypatch.chdir(pictures / "pictures")
    line = TRAIN.replace("train pictures", "train .")
    assert command(line).code == 0
    ending = command(line.replace("--epochs 8", "--epochs 9") + " --resume")
    assert ending.code == 0, ending.err
    assert "16 images" in ending.out


def test_names_come_before_folders_of_the_name(pictures, command):
    """A folder called decoder is not taken for the generator."""
    (pictures / "decoder").mkdir()
    assert command(TRAIN).code == 0


def test_diverged(pictures, command):
    """One line with what to do, and no weights."""
    ending = command(TRAIN + " --weight-lr 1e30")
    assert (ending.code, ending.err.count("\n")) == (2, 1), ending.err
    assert "diverged" in ending.err
    assert sorted(p.name for p in pictures.iterdir()) == ["pictures"]


def test_info_of_a_training(pictures, command):
    """What is trained on what, how far, and how to go on; the last not while another process works at it."""
    assert command(TRAIN).code == 0
    told = command("info w.training").out
    assert [w for w in ("pictures", "decoder", "finished, step 64 of 64", "--resume") if w not in told] == []
    with folder_lock(pictures / "w.training"):
        told = command("info w.training").out
    assert "under way: step 64 of 64" in told
    assert "--resume" not in told


def test_resume_needs_no_settings_and_names_what_differs(pictures, command):
    """What was begun with other flags goes on with the output alone; a flag that differs is named with both values."""
    assert command(TRAIN).code == 0
    assert command("train pictures -o w.safetensors --epochs 9 --resume").code == 0
    ending = command("train pictures -o w.safetensors --size 12 --resume")
    assert ending.code == 2
    assert "--size was [8, 8] when this training was begun, now it is [12, 12]" in ending.err


@pytest.mark.parametrize(("count", "batch", "epochs"), [(36, 4, 223), (3, 1, 667), (60_000, 256, 20)])
def test_lengths_follow_the_number_of_images(count, batch, epochs):
    """Minibatches of 256 and 20 epochs where there are many images; few images are seen more often, in smaller ones."""
    chosen = TrainSettings().for_images(count)
    assert (chosen.batch_size, chosen.epochs) == (batch, epochs)
    assert TrainSettings(batch_size=7, epochs=3).for_images(count) == TrainSettings(batch_size=7, epochs=3)


def test_sigterm_is_a_stop_like_ctrl_c(start, tmp_path):
    """A scheduler's SIGTERM leaves weights and a checkpoint."""
    folder = picture_folder(tmp_path)
    process = start(TRAIN.replace("--epochs 8", "--epochs 4000"), folder, hurried=True)
    while not (folder / "w.training" / "history.jsonl").exists():
        assert process.is_alive(), ended(process).err
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGTERM)
    ending = ended(process)
    assert (ending.code, "half-trained" in ending.out) == (0, True), ending.err
    assert load_weights(folder / "w.safetensors").frame_shape == (3, 8, 8)


def test_a_run_does_not_depend_on_where_its_weights_were_named(pictures, command, monkeypatch):
    """Weights given by a relative path are found again when a run is resumed from another folder."""
    assert command(TRAIN).code == 0
    np.save("clip.npy", levels(6, 3, 8, 8).numpy())
    assert command("simulate missing clip.npy --generator w.safetensors --steps 2 -o run").code == 0
    summary = json.loads((pictures / "run" / "summary.json").read_text())
    assert summary["generator_start"] == str((pictures / "w.safetensors").resolve())
    summary["outcome"]["kind"] = "stopped"
    (pictures / "run" / "summary.json").write_text(json.dumps(summary))
    monkeypatch.chdir("/")
    ending = command("recover", pictures / "run", "--resume")
    assert ending.code == 0, ending.err


def what_counts(folder):
    rows = [json.loads(line) for line in (folder / "w.training" / "history.jsonl").read_text().splitlines()]
    return load_file(folder / "w.safetensors"), [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


@pytest.fixture(scope="module")
def unbroken(away, tmp_path_factory):
    folder = picture_folder(tmp_path_factory.mktemp("unbroken"))
    assert away(TRAIN, folder).code == 0
    return what_counts(folder)


def is_unbroken(folder, unbroken):
    (weights, rows), (others, expected) = what_counts(folder), unbroken
    return rows == expected and all(torch.equal(t, others[n]) for n, t in weights.items())


def test_killed_at_any_write_ends_in_the_same_weights(away, tmp_path, unbroken):
    """Killed before its n-th fsync or rename, again and again, and resumed: the weights of an unbroken training."""
    folder, resume = picture_folder(tmp_path), ""
    for dies_at in (1, 3, 9, 2, 5, 12, 7, 30):
        ending = away(TRAIN + resume, folder, hurried=True, dies_at=dies_at)
        assert ending.code in (-signal.SIGKILL, 0), ending.err
        resume = " --resume" if (folder / "w.training" / "config.json").exists() else ""
    assert away(TRAIN + resume, folder, hurried=True).code == 0
    assert is_unbroken(folder, unbroken)
    assert [p.name for p in folder.rglob("*") if ".part" in p.name] == []


def test_ctrl_c_writes_the_weights_and_can_be_resumed(start, away, tmp_path):
    """SIGINT: weights as they are, word of how to go on, and a checkpoint that --resume goes on from."""
    folder, long = picture_folder(tmp_path), TRAIN.replace("--epochs 8", "--epochs 4000")
    process = start(long, folder, hurried=True)
    while not (folder / "w.training" / "history.jsonl").exists():
        assert process.is_alive(), ended(process).err
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGINT)
    ending = ended(process)
    assert ending.code == 0, ending.err
    assert "--resume" in ending.out
    assert load_weights(folder / "w.safetensors").frame_shape == (3, 8, 8)
    history = folder / "w.training" / "history.jsonl"
    epochs = json.loads(history.read_text().splitlines()[-1])["step"] // 8 + 3
    ending = away(TRAIN.replace("--epochs 8", f"--epochs {epochs}") + " --resume", folder)
    assert ending.code == 0, ending.err
    assert json.loads(history.read_text().splitlines()[-1])["step"] == 8 * epochs


def test_full_disk_keeps_the_last_good_checkpoint(away, tmp_path, unbroken):
    """A checkpoint that does not fit: exit code 2, one line, the one before is whole, and --resume goes on from it."""
    folder = picture_folder(tmp_path)
    ending = away(TRAIN, folder, hurried=True, dies_at=16)
    assert ending.code == -signal.SIGKILL
    good = (folder / "w.training" / "state.safetensors").read_bytes()
    ending = away(TRAIN + " --resume", folder, hurried=True, largest=len(good) // 2)
    assert (ending.code, ending.err.count("\n")) == (2, 1), ending.err
    assert (folder / "w.training" / "state.safetensors").read_bytes() == good
    assert away(TRAIN + " --resume", folder).code == 0
    assert is_unbroken(folder, unbroken)


BAD = {
    "empty name": (["train", "", "-o", "w.safetensors"], "DATASET is empty"),
    "no such data": ("train nowhere -o w.safetensors", "nowhere"),
    "empty folder": ("train empty -o w.safetensors", "holds no pictures or videos"),
    "nothing readable": ("train broken -o w.safetensors --size 8 --generator decoder", "none of its 2 files"),
    "dcgan of another size": ("train pictures -o w.safetensors --size 8", "makes 64x64 frames"),
    "output of another kind": ("train pictures -o w.pth", ".safetensors"),
    "output exists": ("train pictures -o there.safetensors", "exists already"),
    "output in a missing folder": ("train pictures -o no/w.safetensors", "no such folder"),
    "nothing to resume": ("train pictures -o w.safetensors --resume", "no training to go on with"),
    "no epochs": ("train pictures -o w.safetensors --epochs 0", "--epochs"),
    "unknown generator": ("train pictures -o w.safetensors --generator wizard", "wizard"),
    "two channels": ("train pictures -o w.safetensors --channels 2", "channels"),
}


@pytest.mark.parametrize(("arguments", "words"), BAD.values(), ids=BAD)
def test_bad_input(arguments, words, pictures, command):
    """Exit code 2, one line, nothing made."""
    (pictures / "empty").mkdir()
    (pictures / "broken").mkdir()
    for name in ("a.png", "b.mp4"):
        (pictures / "broken" / name).write_bytes(b"nothing")
    (pictures / "there.safetensors").write_bytes(b"mine")
    before = snapshot(pictures)
    ending = command(*arguments) if isinstance(arguments, list) else command(arguments)
    assert (ending.code, ending.err.count("\n")) == (2, 1), ending.err
    assert words in ending.err
    assert snapshot(pictures) == before


# ------------------------------------------------------------------------------------------------- several processes


def trained_by(processes, folder, python_path, command=TRAIN):
    """Train with so many processes under `torchrun`, one thread each."""
    words = f"--standalone --nproc-per-node {processes} -m lowreel {command}".split()
    environment = os.environ | {"PYTHONPATH": python_path, "OMP_NUM_THREADS": "1"}
    ending = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ending.returncode == 0, ending.stderr
    rows = (folder / "w.training" / "history.jsonl").read_text().splitlines()
    return [json.loads(row)["loss"] for row in rows], ending.stdout


def test_two_processes_train_as_one_does(away, python_path, tmp_path):
    """The same loss curve within rounding, from torchrun; the first process alone speaks; a resume goes on."""
    one, two = (picture_folder(tmp_path / name) for name in ("one", "two"))
    assert away(TRAIN, one).code == 0
    wanted = [json.loads(row)["loss"] for row in (one / "w.training" / "history.jsonl").read_text().splitlines()]
    found, told = trained_by(2, two, python_path)
    assert found == pytest.approx(wanted, rel=0.02)
    assert told.count("wrote w.safetensors") == 1
    longer, _ = trained_by(2, two, python_path, "train pictures -o w.safetensors --epochs 12 --resume")
    assert longer[: len(found)] == found
    assert len(longer) > len(found)
    assert longer[-1] < found[-1]
    of_one, of_two = (load_file(folder / "w.safetensors") for folder in (one, two))
    assert {name: t.shape for name, t in of_one.items()} == {name: t.shape for name, t in of_two.items()}


@pytest.mark.parametrize(("name", "value"), [("WORLD_SIZE", "two"), ("WORLD_SIZE", "2")])
def test_half_a_launcher_is_said(name, value, pictures, command, monkeypatch):
    monkeypatch.setenv(name, value)
    outcome = command(TRAIN)
    assert outcome.code == 2
    assert name in outcome.err
