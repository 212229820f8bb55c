"""Files of weights: the zoo, our own, and those of others."""

import hashlib
import io
import pickle
from importlib.resources import files

import pytest
import torch
from cases import noise
from safetensors.torch import save_file

from lowreel import Dcgan, Decoder, InputError
from lowreel.model.generators import ZOO, load_weights, make, pretrained, save_weights, weights_header, zoo_file
from lowreel.model.generators.weights import weights_hash
from lowreel.system.files import write_tensors
from lowreel.system.names import GENERATORS


def trained(generator):
    """A generator that looks trained: it has a mean and a spread of codes."""
    generator.code_mean, generator.code_spread = noise(2, generator.code_dim, dtype=torch.float32)
    return generator


MADE = {"dcgan": lambda: trained(Dcgan(1, seed=3)), "decoder": lambda: trained(Decoder((3, 9, 14), seed=3))}


@pytest.mark.parametrize("build", MADE.values(), ids=MADE)
def test_round_trip(build, tmp_path):
    """What is read is what was written, rounded to half precision."""
    generator = build()
    save_weights(tmp_path / "w.safetensors", generator, {"images": "none"})
    found = load_weights(tmp_path / "w.safetensors")
    assert (found.spec(), found.frame_shape) == (generator.spec(), generator.frame_shape)
    pairs = [(t, found.state_dict()[n]) for n, t in generator.state_dict().items()]
    pairs += [(generator.code_mean, found.code_mean), (generator.code_spread, found.code_spread)]
    assert all(torch.equal(a.half().float(), b) for a, b in pairs)
    assert weights_header(tmp_path / "w.safetensors")["provenance"] == {"images": "none"}


SPECS = [None, "decoder", {"kind": "decoder"}, {"kind": "decoder", "frame_shape": "x", "code_dim": 2}, {"k": 1}]


@pytest.mark.parametrize("spec", SPECS)
def test_a_header_that_describes_no_network(spec, tmp_path):
    """Refused in words, whatever stands there in place of the generator."""
    header = {"sha256": weights_hash({}), "provenance": {}} | ({"generator": spec} if spec else {})
    write_tensors(tmp_path / "w.safetensors", "weights", {}, header)
    with pytest.raises(InputError, match="generator"):
        load_weights(tmp_path / "w.safetensors")


def test_every_changed_byte_is_noticed(tmp_path):
    """A flipped bit anywhere in the numbers is found by the SHA-256; a cut file is refused too."""
    path = tmp_path / "w.safetensors"
    save_weights(path, Decoder((1, 4, 4)), {})
    whole = path.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    for place in (start, start + 1001, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(InputError, match="SHA-256"):
            load_weights(path)
    path.write_bytes(whole[:-10])
    with pytest.raises(InputError, match="expected weights"):
        load_weights(path)


# ------------------------------------------------------------------------------------------------- zoo


@pytest.mark.parametrize("name", ZOO)
def test_zoo(name):
    """The shipped file is the one of the table, half precision, with all of its provenance."""
    path = files("lowreel") / "assets" / f"{name}.safetensors"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == ZOO[name]
    generator = pretrained(name)
    assert path.stat().st_size < 2.1 * generator.weights_count
    told = weights_header(path)["provenance"]
    assert set(told) >= {"images", "images_sha256", "count", "settings", "steps", "final_loss"}
    assert told["settings"]["seed"] == 0
    frames = generator(generator.code_mean + generator.code_spread * noise(4, generator.code_dim, dtype=torch.float32))
    assert float(frames.detach().std()) > 0.05


def test_every_name_is_a_generator():
    """The command line and the zoo speak of the same names."""
    assert set(GENERATORS) == {"auto", "decoder", "lean", "dcgan", *ZOO}


def test_a_damaged_zoo_file_is_refused(monkeypatch):
    """By its SHA-256."""
    monkeypatch.setitem(ZOO, "paper-grey", "0" * 64)
    with pytest.raises(InputError, match=r"SHA-256 is .* install or copy it again"):
        make("paper-grey", (1, 64, 64))


def test_weights_that_are_no_part_of_the_installation_are_found_elsewhere(monkeypatch, tmp_path):
    """In a folder that LOWREEL_DATA names, or in the package of their own; else it is said where to get them."""
    file = files("lowreel") / "assets" / "paper-rgb.safetensors"
    monkeypatch.setattr("lowreel.model.generators.zoo.HOMES", {"elsewhere": "."})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOWREEL_DATA", str(tmp_path / "mine"))
    with pytest.raises(InputError, match=r"paper-rgb: its weights are not here; install .* LOWREEL_DATA"):
        pretrained("paper-rgb")
    for folder in (tmp_path / "packages" / "elsewhere", tmp_path / "mine"):
        folder.mkdir(parents=True)
        (folder / "paper-rgb.safetensors").write_bytes(file.read_bytes())
        if folder.name == "elsewhere":
            (folder / "__init__.py").touch()
            monkeypatch.syspath_prepend(folder.parent)
        assert zoo_file("paper-rgb") == folder / "paper-rgb.safetensors"
        (folder / "paper-rgb.safetensors").unlink()


# ---------------------------------------------------------------------------------------------- others


def pth(content):
    def write(path):
        torch.save(content, path)
        return path

    return write


def state_dict(channels=1, **changes):
    """A state dict in the authors' layout, with changed, added or (None) removed tensors."""
    tensors = {**Dcgan(channels, seed=5).state_dict(), **changes}
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


GOOD = {
    "pth": (".pth", lambda path: torch.save(state_dict(), path)),
    "colour": (".pth", lambda path: torch.save(state_dict(3), path)),
    "old pth": (".pt", lambda path: torch.save(state_dict(), path, _use_new_zipfile_serialization=False)),
    "data parallel": (".pth", lambda path: torch.save({f"module.{n}": t for n, t in state_dict().items()}, path)),
    "checkpoint": (".tar", lambda path: torch.save({"epoch": 3, "state_dict": state_dict()}, path)),
    "safetensors": (".safetensors", lambda path: save_file(state_dict(), path)),
    "half": (".pth", lambda path: torch.save({n: t.half() for n, t in state_dict().items()}, path)),
}


@pytest.mark.parametrize(("suffix", "write"), GOOD.values(), ids=GOOD)
def test_state_dicts_of_others(suffix, write, tmp_path):
    """The authors' layout gives the DCGAN with those weights."""
    write(path := tmp_path / f"w{suffix}")
    found = load_weights(path)
    expected = Dcgan(found.frame_shape[0], seed=5)
    assert all(torch.allclose(t, expected.state_dict()[n], atol=1e-3) for n, t in found.state_dict().items())


class Evil:
    def __reduce__(self):
        return (exec, ("raise SystemExit('the pickle was run')",))


REFUSED = {
    "another shape": (
        lambda: state_dict(**{"main.2.weight": torch.zeros(256, 100, 4, 4), "main.4.weight": torch.zeros(3)}),
        r"main.2.weight has shape \(256, 100, 4, 4\).*wants \(256, 128, 4, 4\)",
    ),
    "another code": (lambda: state_dict(**{"main.0.weight": torch.zeros(100, 256, 4, 4)}), "main.0.weight has shape"),
    "a layer less": (lambda: state_dict(**{"main.6.weight": None}), "main.6.weight is missing"),
    "a layer more": (lambda: state_dict(**{"main.1.bias": torch.zeros(256)}), "main.1.bias is not a tensor of"),
    "not finite": (lambda: state_dict(**{"main.0.weight": torch.full((32, 256, 4, 4), torch.nan)}), "NaN or infinite"),
    "no tensors": (lambda: {"main.0.weight": "text"}, "expected a state dict"),
    "a list": (lambda: [torch.zeros(3)], "expected a state dict"),
    "batch norm": (lambda: state_dict(**{"main.1.num_batches_tracked": torch.tensor(3)}), "a network with batch norm"),
    "complex": (
        lambda: state_dict(**{"main.0.weight": torch.zeros(32, 256, 4, 4) + 0j}),
        "main.0.weight is not a dense",
    ),
    "several networks": (
        lambda: {**{f"a.{n}": t for n, t in state_dict().items()}, **{f"b.{n}": t for n, t in state_dict().items()}},
        "holds several networks",
    ),
    "empty": (dict, "main.0.weight is missing"),
    "code": (lambda: {"main.0.weight": Evil()}, "could run code"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_others_are_refused_by_the_first_difference(content, message, tmp_path):
    """What does not fit is named; nothing in a pickle is run."""
    with pytest.raises(InputError, match=message):
        load_weights(pth(content())(tmp_path / "w.pth"))


def test_state_dicts_are_checked_whatever_file_they_are_in(tmp_path):
    """Batch norm is named in a .safetensors as in a .pth."""
    save_file(state_dict(**{"main.1.num_batches_tracked": torch.tensor(3)}), tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="a network with batch norm"):
        load_weights(tmp_path / "w.safetensors")


def plain_pickle(path):
    path.write_bytes(pickle.dumps({"main.0.weight": Evil()}))


FILES = {
    "text": (".pth", lambda path: path.write_text("no weights"), "w.pth"),
    "nothing": (".pth", lambda path: path.write_bytes(b""), "w.pth"),
    "cut": (".pth", lambda path: path.write_bytes(cut_pth()), "w.pth"),
    "pickle": (".pth", plain_pickle, "could run code"),
    "text as safetensors": (".safetensors", lambda path: path.write_text("no weights"), "expected weights"),
    "data": (".safetensors", lambda path: write_tensors(path, "data", {"y": torch.zeros(3)}, {}), "got a data file"),
    "missing": (".pth", lambda path: None, "no such file"),
}


def cut_pth():
    torch.save(state_dict(), file := io.BytesIO())
    return file.getvalue()[:20_000]


@pytest.mark.parametrize(("suffix", "write", "message"), FILES.values(), ids=FILES)
def test_files_that_hold_no_weights(suffix, write, message, tmp_path):
    """Refused in words."""
    write(path := tmp_path / f"w{suffix}")
    with pytest.raises(InputError, match=message):
        load_weights(path)
