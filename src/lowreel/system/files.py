"""Files that are either whole or absent: atomic writing, and safetensors with a JSON header."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

HEADER_KEY = "lowreel"

VERSIONS = {"state": 2, "training": 2}
"""The version of each kind of file that is written and read, where it is not 1."""

PACKED_MAGIC = b"\x89LOWREEL"
"""What the file of a packed clip begins with."""

LEFT_AFTER_SECONDS = 600.0
"""A half-filled folder that no process holds counts as left behind after so many seconds."""

HDF5_FILES = (".h5", ".hdf5", ".nwb", ".emd", ".nxs", ".hspy", ".cxi", ".he5")
"""Suffixes of HDF5: its own, and those of neurophysiology, electron microscopes, NeXus, HyperSpy, CXI and HDF-EOS."""

ARRAY_FILES = (
    ".mat",
    *HDF5_FILES,
    ".npz",
    ".npy",
    ".nc",
    ".nc4",
    ".cdf",
    ".nii",
    ".nii.gz",
    ".dcm",
    ".cfl",
    ".zarr",
)
"""Suffixes of files that hold arrays; .zarr is a folder."""

TIFF_FILES = (".tif", ".tiff", ".btf", ".tf8")
"""Suffixes of TIFF, which may hold several series of pictures."""

_SUFFIXES = "|".join(map(re.escape, (*ARRAY_FILES, *TIFF_FILES)))
_MEMBER = re.compile(rf"(.+(?:{_SUFFIXES})):(.+)", re.IGNORECASE | re.DOTALL)

_CHOICE_IN_FOLDER = re.compile(r"(.+):(\w+=\w+(?:,\w+=\w+)*)", re.DOTALL)


def split_member(path: str | Path) -> tuple[Path, str | None]:
    """File and name of "FILE.mat:NAME" or "FILE.tif:SERIES", None for the name of any other path.

    Of a folder that is there, FOLDER:AXIS=PLACE. A file of that very name comes first.
    """
    if Path(path).exists():
        return Path(path), None
    match = _MEMBER.fullmatch(str(path)) or _CHOICE_IN_FOLDER.fullmatch(str(path))
    if match is None or (match.re is _CHOICE_IN_FOLDER and not Path(match[1]).is_dir()):
        return Path(path), None
    return Path(match[1]), match[2]


def is_array_file(path: str | Path) -> bool:
    """Whether this names a file of arrays, or an array in one."""
    return split_member(path)[0].name.lower().endswith(ARRAY_FILES)


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path`; on success it is synced and renamed onto `path`, on failure removed.

    The temporary name keeps the suffix, because encoders choose their container by it.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """The same of a folder: a temporary name beside `path`, renamed onto it on success, removed with all on failure."""
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
        _sync_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: str | Path, content: Any) -> None:
    """Write `content` as indented JSON, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Read a JSON file; a damaged one is an `InputError`."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: expected JSON, but {error}; restore the file or start afresh") from None


def is_toml(path: str | Path) -> bool:
    """Whether a file is named as one of TOML."""
    return Path(path).suffix.lower() == ".toml"


def write_toml(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write `content` as TOML, which knows no None: such values are left out. Atomically."""
    import tomli_w

    def known(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: known(one) for name, one in value.items() if one is not None}
        return value

    with atomic_write(path) as temporary:
        temporary.write_text(tomli_w.dumps(known(content)), encoding="utf-8")


def read_toml(path: str | Path) -> Any:
    """Read a TOML file; one that is not there or damaged is an `InputError`."""
    import tomllib

    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give one that --save-config wrote") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: expected TOML, but {error}; correct it, or write it anew by --save-config") from None


class VersionError(InputError):
    """A file of an older or newer lowreel, which this one does not read."""


def write_tensors(path: str | Path, kind: str, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write named tensors of any shape and a JSON header as safetensors, atomically.

    `kind` says what the file is ("data", "representation", "state"); readers refuse another kind in words. Raises
    OSError when it cannot be written, and ValueError for a header that holds NaN or infinity.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    flat: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        own = tensor.detach().cpu().contiguous()
        # A checkpoint of large frames is hundreds of MB: it is not copied, but for what shares memory with more.
        is_alone = own.untyped_storage().nbytes() == own.numel() * own.element_size()
        shares = any(own.data_ptr() == other.data_ptr() for other in flat.values())
        flat[name] = own if is_alone and not shares else own.clone()
    text = json.dumps({"kind": kind, "version": VERSIONS.get(kind, 1), **header}, allow_nan=False)
    with atomic_write(path) as temporary:
        try:
            save_file(flat, temporary, metadata={HEADER_KEY: text})
        except SafetensorError as error:
            raise OSError(f"cannot write {path}: {error}") from None


def read_tensors(
    path: str | Path, kind: str, rows: Mapping[str, slice] | None = None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a file that `write_tensors` made: the tensors by name, and the header.

    rows: of these tensors alone these rows are read; a tensor that is not named is left out. None reads everything.

    Raises InputError when it is missing, cut short, of another kind, or (VersionError) of another version.
    """
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; expected a lowreel {kind} file")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            names = [name for name in file.keys() if rows is None or name in rows]  # noqa: SIM118 (not a dict)
            tensors = {n: file.get_tensor(n) if rows is None else file.get_slice(n)[rows[n]] for n in names}
    except (SafetensorError, OSError, RuntimeError) as error:
        raise InputError(f"{path}: expected a lowreel {kind} file (safetensors), but {error}") from None
    try:
        header = json.loads(metadata[HEADER_KEY])
        if not isinstance(header, dict):
            raise KeyError
    except (KeyError, json.JSONDecodeError):
        raise InputError(f"{path}: a safetensors file, but not one of lowreel's; expected its {kind} file") from None
    if header.get("kind") != kind:
        raise InputError(f"{path}: expected a {kind} file, got a {header.get('kind')} file")
    version, known = header.get("version"), VERSIONS.get(kind, 1)
    if not isinstance(version, int) or version < known:
        raise VersionError(f"{path}: written by an older lowreel (file version {version}, not {known}); start afresh")
    if version > known:
        raise VersionError(f"{path}: written by a newer lowreel (file version {version}); upgrade to read it")
    return tensors, header


def tensor_names(path: str | Path) -> list[str]:
    """Names of the tensors in a safetensors file."""
    from safetensors import safe_open

    with safe_open(str(path), framework="pt") as file:
        return list(file.keys())


def is_packed(path: str | Path) -> bool:
    """Whether this is a file that begins as packed clips do."""
    path = Path(path)
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.read(len(PACKED_MAGIC)) == PACKED_MAGIC


def kind_of(path: str | Path) -> str | None:
    """The `kind` that `write_tensors` gave a file; None for a file that is damaged or somebody else's."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            return str(json.loads((file.metadata() or {})[HEADER_KEY])["kind"])
    except (SafetensorError, OSError, RuntimeError, KeyError, TypeError, ValueError):
        return None


def check_free(folder: Path) -> None:
    """Raise InputError unless a run can be made in this folder: it is empty or does not exist."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; give a folder for the run with -o")
    if folder.is_dir() and any(folder.iterdir()):
        if (folder / "config.json").exists():
            raise InputError(f"{folder}: holds a run; add --resume to go on with it, or give a new folder with -o")
        raise InputError(f"{folder}: holds other files; give an empty or new folder with -o")


def check_free_file(file: Path, flag: str = "-o") -> None:
    """Raise InputError unless there is no file of this name. flag: by which it was given."""
    if file.exists():
        raise InputError(f"{file}: exists already; give another name with {flag}")


def unused_folder(folder: Path) -> Path:
    """`folder`, or with -2, -3, ... behind its name, whichever does not exist yet."""
    candidates = (folder.with_name(f"{folder.name}-{k}") for k in range(2, 100_000))
    return folder if not folder.exists() else next(c for c in candidates if not c.exists())


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder beside `folder` to fill; renamed onto it on success, removed on failure.

    What a process that was killed had left of the same folder is removed. Raises InputError as `check_free` does.
    """
    check_free(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    for leftover in folder.parent.glob(f".{glob.escape(folder.name)}.{'[0-9a-f]' * 8}.part"):
        if leftover.is_dir() and _is_left(leftover):
            shutil.rmtree(leftover, ignore_errors=True)
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    draft.mkdir()
    descriptor = os.open(draft, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)  # says that somebody is at it
        yield draft
        os.rename(draft, folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    finally:
        os.close(descriptor)


def _is_left(folder: Path) -> bool:
    """Whether no process is filling this folder: no one on this machine has locked it, and it is too old for one
    elsewhere."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return time.time() - os.fstat(descriptor).st_mtime > LEFT_AFTER_SECONDS
    except OSError:
        return False
    finally:
        os.close(descriptor)


def is_whole(path: str | Path) -> bool:
    """Whether a safetensors file is there with its header and all its bytes."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt"):
            return True
    except (SafetensorError, OSError, RuntimeError):
        return False


def remove_leftovers(folder: Path, stem: str = "*") -> None:
    """Delete the temporary files that a killed `atomic_write` left in a folder, for files of this stem or for all."""
    for leftover in folder.glob(f".{stem}.*.part*"):
        leftover.unlink(missing_ok=True)


def tensor_hash(tensor: Tensor) -> str:
    """SHA-256 of the type, shape and bytes of a tensor of any shape."""
    array = tensor.detach().cpu().contiguous()
    digest = hashlib.sha256(f"{array.dtype} {tuple(array.shape)} ".encode())
    if array.is_complex():
        import torch

        array = torch.view_as_real(array)
    digest.update(array.numpy().tobytes())
    return digest.hexdigest()
