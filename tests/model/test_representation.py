"""A representation draws frames at any time, and its file gives the same frames or is refused."""

import pickle

import pytest
import torch
from cases import Linear, noise

from lowreel.data import Measured
from lowreel.errors import InputError
from lowreel.model.generators import Dcgan, Decoder
from lowreel.model.latents import Codes, factorise
from lowreel.model.representation import Representation
from lowreel.operators import Identity
from lowreel.system.files import read_tensors, write_tensors
from lowreel.system.threads import threads

T = 20
TIMES = torch.arange(T, dtype=torch.float64) / 25


def codes_of(dimension, rank, affine):
    free = noise(T, dimension, dtype=torch.float32)
    return Codes(free, TIMES) if rank is None else factorise(free, TIMES, rank, affine=affine)


REPRESENTATIONS = {
    "free": (lambda: Decoder((3, 8, 6)), None, False),
    "rank 3": (lambda: Decoder((3, 8, 6)), 3, False),
    "line": (lambda: Decoder((1, 9, 7)), 2, True),
    "constant": (lambda: Decoder((1, 9, 7)), 1, True),
    "paper, rank 4": (lambda: Dcgan(1), 4, False),
}


@pytest.fixture(params=REPRESENTATIONS.values(), ids=REPRESENTATIONS)
def representation(request):
    build, rank, affine = request.param
    generator = build()
    return Representation(generator, codes_of(generator.code_dim, rank, affine))


def test_round_trip(representation, tmp_path):
    """The file gives the same frames to the bit, at the clip's times and between them, and the same sizes."""
    path = tmp_path / "r.safetensors"
    representation.save(path)
    again = Representation.load(path)
    assert torch.equal(again.frames(), representation.frames())
    assert torch.equal(again.frames([0.03, 0.5]), representation.frames([0.03, 0.5]))
    assert torch.equal(again.times, representation.times)
    assert again.parameters == representation.parameters
    assert again.codes.rank == representation.codes.rank
    assert [file.name for file in tmp_path.iterdir()] == ["r.safetensors"]


def test_frames_are_the_generator_at_the_codes(representation):
    """frames() is G(Z), however many are made together, and carries no gradient."""
    frames = representation.frames()
    assert tuple(frames.shape) == (T, *representation.generator.frame_shape)
    torch.testing.assert_close(frames, representation.generator(representation.codes.matrix()).detach())
    assert not frames.requires_grad


STRETCHES = {  # frame, kind of generator, threads: frames of a stretch
    "small": ((1, 8, 6), Decoder, 2, 16),
    "large": ((1, 512, 256), Decoder, 2, 4),
    "large, four threads": ((1, 512, 256), Decoder, 4, 4),
    "large, one thread": ((1, 512, 256), Decoder, 1, 2),
    "large, of others": ((1, 512, 256), Linear, 2, 2),
}


@pytest.mark.parametrize(("shape", "kind", "count", "frames"), STRETCHES.values(), ids=STRETCHES)
def test_stretches_are_what_is_drawn_at_a_time(shape, kind, count, frames):
    """Longer only where several threads draw a part each."""
    generator = kind(shape, code_dim=2)
    codes = Codes(noise(20, 2, dtype=torch.float32), torch.arange(20.0).double())
    with threads(count):
        stretch = next(Representation(generator, codes).stretches())
    assert len(stretch) == frames


def test_frames_at_measured_times_are_the_frames(representation):
    """Asking for the clip's own times gives the clip."""
    torch.testing.assert_close(representation.frames(TIMES[[3, 0, 19]]), representation.frames()[[3, 0, 19]])


def test_frames_between_come_from_codes_between():
    """With a linear generator the frame halfway is the mean of its neighbours."""
    generator = Linear((1, 4, 5))
    drawn = Representation(generator, Codes(noise(T, 3), TIMES))
    frames = drawn.frames()
    torch.testing.assert_close(drawn.frames((TIMES[1:] + TIMES[:-1]) / 2), (frames[1:] + frames[:-1]) / 2)


def test_one_time_is_one_frame(representation):
    """A number in place of a list of times gives a clip of one frame."""
    middle = float(representation.times[1])
    assert torch.equal(representation.frames(middle), representation.frames([middle]))
    with pytest.raises(InputError, match="not finite"):
        representation.frames(float("nan"))


def test_parameters_count(representation):
    """Weights and codes: the numbers in the file, its times apart."""
    stored = sum(t.numel() for t in representation.generator.state_dict().values())
    codes = sum(t.numel() for name, t in representation.codes.tensors().items() if name != "times")
    assert representation.parameters == {"weights": stored, "codes": codes}
    assert representation.bits() == 32 * (stored + codes) + 64 * T


def saved(path):
    generator = Decoder((1, 8, 6))
    Representation(generator, codes_of(generator.code_dim, 3, False)).save(path)
    return path


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.5, 0.999])
def test_cut_file_is_refused(share, tmp_path):
    """Wherever a file ends too early, it is refused."""
    path = saved(tmp_path / "r.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match="expected a lowreel representation file"):
        Representation.load(path)


@pytest.mark.parametrize("position", [0, 8, 9, 40])
def test_damaged_header_is_refused(position, tmp_path):
    """Bytes of the header that were overwritten are noticed."""
    path = saved(tmp_path / "r.safetensors")
    damaged = bytearray(path.read_bytes())
    damaged[position : position + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(bytes(damaged))
    with pytest.raises(InputError, match="representation file"):
        Representation.load(path)


def without(name):
    return lambda tensors: {n: t for n, t in tensors.items() if n != name}


MISFITS = {
    "no coefficients": without("codes.coefficients"),
    "no times": without("codes.times"),
    "a weight missing": lambda tensors: without(next(n for n in tensors if n.startswith("generator.")))(tensors),
    "a weight too many": lambda tensors: tensors | {"generator.extra": torch.zeros(1)},
    "a code tensor too many": lambda tensors: tensors | {"codes.extra": torch.zeros(1)},
    "weights of another size": lambda tensors: {
        n: t[:1] if n.startswith("generator.") else t for n, t in tensors.items()
    },
    "codes of another size": lambda tensors: tensors | {"codes.basis": torch.zeros(3, 5)},
    "times of another length": lambda tensors: tensors | {"codes.times": TIMES[:7]},
}


@pytest.mark.parametrize("change", MISFITS.values(), ids=MISFITS)
def test_tensors_that_do_not_fit_are_refused(change, tmp_path):
    """Codes and weights that do not fit the generator, or each other, are refused when the file is read."""
    path = saved(tmp_path / "r.safetensors")
    tensors, header = read_tensors(path, "representation")
    write_tensors(path, "representation", change(tensors), {"generator": header["generator"]})
    with pytest.raises(InputError, match="do not fit"):
        Representation.load(path)


def test_data_file_is_refused_by_kind(tmp_path):
    """A data file is not a representation, nor the other way round, and the message says what it is."""
    data, clip = tmp_path / "y.safetensors", torch.zeros(2, 1, 3, 3)
    Measured(clip, Identity((2, 1, 3, 3)), TIMES[:2]).save(data)
    with pytest.raises(InputError, match="expected a representation file, got a data file"):
        Representation.load(data)
    with pytest.raises(InputError, match="expected a data file, got a representation file"):
        Measured.load(saved(tmp_path / "r.safetensors"))


def pickled(path):
    path.write_bytes(pickle.dumps({"codes": [1, 2, 3]}))


def torch_pickled(path):
    torch.save({"codes": torch.zeros(3)}, path)


def foreign(path):
    from safetensors.torch import save_file

    save_file({"codes.coefficients": torch.zeros(3, 3)}, path)


def from_the_future(path):
    write_tensors(saved(path), "representation", {}, {"version": 2})


OTHERS = {
    "pickled": (pickled, "expected a lowreel representation file"),
    "pickled by torch": (torch_pickled, "expected a lowreel representation file"),
    "of another program": (foreign, "not one of lowreel's"),
    "text": (lambda path: path.write_text("hello\n"), "expected a lowreel representation file"),
    "a folder": (lambda path: path.mkdir(), "no such file"),
    "absent": (lambda path: None, "no such file"),
    "newer": (from_the_future, "newer lowreel"),
}


@pytest.mark.parametrize(("write", "message"), OTHERS.values(), ids=OTHERS)
def test_other_files_are_refused(write, message, tmp_path):
    """What is not a representation of this version is refused in words; nothing is unpickled."""
    path = tmp_path / "file"
    write(path)
    with pytest.raises(InputError, match=message):
        Representation.load(path)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    """Whole or absent: when writing fails, the file of before is still there and nothing else."""
    import safetensors.torch

    path = saved(tmp_path / "r.safetensors")
    before = path.read_bytes()

    def fail(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr(safetensors.torch, "save_file", fail)
    with pytest.raises(OSError, match="no space left"):
        saved(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["r.safetensors"]
