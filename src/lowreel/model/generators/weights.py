"""Files of trained weights: our own with their provenance, and state dicts of other people."""

from __future__ import annotations

import hashlib
import json
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ...errors import InputError
from ...system.files import read_tensors, tensor_hash, write_tensors
from .dcgan import Dcgan
from .decoder import Decoder, first_stages
from .lean import Lean
from .moving import MovingDecoder
from .pyramid import Pyramid

if TYPE_CHECKING:
    from .base import Generator

FILE_KIND = "weights"
STATE_DICTS = (".pth", ".pt")
"""Endings by which `lowreel info` knows state dicts of others."""


def from_spec(spec: Mapping[str, Any]) -> Generator:
    """Build the network of a `spec`, with weights yet to be loaded. Raises InputError for an unknown kind."""
    match spec.get("kind"):
        case "dcgan":
            return Dcgan(spec["channels"])
        case "decoder":
            return _decoder(Decoder, spec)
        case "lean":
            return _decoder(Lean, spec)
        case "moving-decoder":
            return _decoder(MovingDecoder, spec, margin=spec["margin"])
        case "pyramid":
            sizes = {name: spec[name] for name in ("maps", "widths", "headroom")}
            return Pyramid(tuple(spec["frame_shape"]), margin=spec.get("margin"), **sizes)
        case other:
            raise InputError(f"generator: unknown kind {other!r}; is the file of a newer lowreel?")


def _decoder(kind: type[Decoder], spec: Mapping[str, Any], **more: Any) -> Decoder:
    if "doublings" in spec:
        raise InputError(
            "generator: its spec says doublings, not upsampling_stages; the file has an older form, make it anew"
        )
    shape = tuple(spec["frame_shape"])
    stages = spec.get("upsampling_stages", first_stages(shape))
    return kind(
        shape,
        code_dim=spec["code_dim"],
        upsampling_stages=stages,
        subpixel_stages=spec.get("subpixel_stages", 0),
        headroom=spec.get("headroom", 1.0),
        **more,
    )


def save_weights(path: str | Path, generator: Generator, provenance: Mapping[str, Any]) -> None:
    """Write weights in half precision, with what they came from and the SHA-256 of their numbers."""
    tensors = dict(generator.state_dict())
    for name, value in (("codes.mean", generator.code_mean), ("codes.spread", generator.code_spread)):
        tensors[name] = torch.as_tensor(value).expand(generator.code_dim)
    halves = {name: tensor.detach().cpu().half() for name, tensor in tensors.items()}
    header = {"generator": generator.spec(), "provenance": dict(provenance), "sha256": weights_hash(halves)}
    write_tensors(path, FILE_KIND, halves, header)


def weights_hash(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of the names and contents of tensors of any shape."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensor_hash(tensors[name])}\n".encode())
    return digest.hexdigest()


def load_weights(path: str | Path) -> Generator:
    """The generator in a file of `save_weights`, or of a state dict of the paper's DCGAN (main.0.weight ...).

    State dicts may be .safetensors, .pth or .pt (read with weights_only=True, so that no code in them is run); names
    may have a prefix such as `module.`. Raises InputError for a damaged file, by its SHA-256 where it has one, and
    for tensors of another network, naming the first that differs.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected weights that lowreel train wrote, or a state dict (.pth)")
    if path.suffix == ".safetensors":
        tensors, header = _safetensors(path)
        if header is not None:
            codes = {name: tensors.pop(name) for name in ("codes.mean", "codes.spread") if name in tensors}
            generator = _loaded(path, _network(path, header), tensors)
            if [t.shape for t in codes.values()] != 2 * [(generator.code_dim,)]:
                raise InputError(f"{path}: codes.mean and codes.spread should have {generator.code_dim} numbers each")
            generator.code_mean, generator.code_spread = (t.float() for t in codes.values())
            return generator
    else:
        tensors = _pickled(path)
    _check_plain(path, tensors)
    return _loaded(path, _dcgan_like(path, tensors), tensors)


def _network(path: Path, header: Mapping[str, Any]) -> Generator:
    try:
        return from_spec(header["generator"])
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise InputError(f"{path}: its header does not describe a generator ({error!r}); copy it again") from None


def weights_header(path: str | Path) -> dict[str, Any]:
    """The header of a file of `save_weights`: generator (spec), provenance, sha256."""
    return read_tensors(path, FILE_KIND)[1]


def _safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    """Tensors and our header, or None in place of a header for a state dict of others."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            foreign = "lowreel" not in (file.metadata() or {})
            if foreign:
                return {name: file.get_tensor(name) for name in file.keys()}, None  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, RuntimeError) as error:
        raise InputError(f"{path}: expected weights (safetensors), but {error}; copy or download it again") from None
    tensors, header = read_tensors(path, FILE_KIND)
    found = weights_hash(tensors)
    if found != header.get("sha256"):
        raise InputError(
            f"{path}: damaged: the SHA-256 of its weights is {found[:16]}..., it should be "
            f"{str(header.get('sha256'))[:16]}...; copy it again, or train anew"
        )
    return tensors, header


def _pickled(path: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the pickle protocol; what matters raises
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise InputError(
            f"{path}: holds more than tensors (or is damaged), and what else a pickle holds could run code; save the "
            "state dict alone: torch.save(model.state_dict(), FILE)"
        ) from None
    except Exception as error:  # a damaged pickle can raise anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: cannot be read as a state dict ({reason}); copy or download it again") from None
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(t, Tensor) for t in content.values()):
        raise InputError(f"{path}: expected a state dict (names and tensors), got {type(content).__name__}")
    return dict(content)


def _check_plain(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Raise InputError for a state dict of others that holds batch norm, or anything but dense real tensors."""
    if any(name.endswith(("running_mean", "num_batches_tracked")) for name in tensors):
        raise InputError(
            f"{path}: a network with batch norm; what is read is the DCGAN of the paper, which has none: "
            "main.0.weight, main.2.weight, ... main.8.weight alone (docs/format.md)"
        )
    odd = [n for n, t in tensors.items() if t.layout != torch.strided or t.is_meta or not t.is_floating_point()]
    if odd:
        raise InputError(f"{path}: {odd[0]} is not a dense tensor of real numbers; save plain weights")


def _dcgan_like(path: Path, tensors: dict[str, Tensor]) -> Generator:
    """The DCGAN with as many channels as the last tensor makes; names lose what stands before `main.`."""
    renamed = {name[name.find("main.") :] if "main." in name else name: tensor for name, tensor in tensors.items()}
    if len(renamed) < len(tensors):
        raise InputError(
            f"{path}: holds several networks ({', '.join(list(tensors)[:3])}, ...); save one of them alone"
        )
    tensors.clear()
    tensors.update(renamed)
    last = [t for name, t in tensors.items() if name.startswith("main.") and t.ndim == 4]
    return Dcgan(1 if last and last[-1].shape[1] == 1 else 3)


def _loaded(path: Path, generator: Generator, tensors: Mapping[str, Tensor]) -> Generator:
    expected = generator.state_dict()
    network = json.dumps(generator.spec())
    for name, tensor in expected.items():
        if name not in tensors:
            raise InputError(f"{path}: {name} is missing; {network} has it with shape {tuple(tensor.shape)}")
        if tensors[name].shape != tensor.shape:
            raise InputError(
                f"{path}: {name} has shape {tuple(tensors[name].shape)}, {network} wants {tuple(tensor.shape)}"
            )
        if not torch.isfinite(tensors[name]).all():
            raise InputError(f"{path}: {name} holds numbers that are NaN or infinite; take another file")
    for name in tensors:
        if name not in expected:
            raise InputError(f"{path}: {name} is not a tensor of {network}, which has no such layer")
    generator.load_state_dict({name: tensors[name].float() for name in expected})
    return generator
