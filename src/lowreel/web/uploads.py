"""Files that somebody sends to the page: looked at from the outside first, then by a process with little to lose."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..io.video import PICTURES, natural_order
from ..settings import ServeSettings
from ..system.files import read_tensors, write_tensors
from ..system.memory import bytes_text, parse_bytes
from .probe import CONTAINERS, probe

ARRAYS = (".npy",)
DATA = (".safetensors",)
ACCEPTED = (*CONTAINERS, *PICTURES, *ARRAYS, *DATA)
"""Suffixes of files that are read."""

PROBE_SECONDS = 180.0
"""For the process that reads an upload whole, its start included."""

PROCESSES = multiprocessing.get_context("forkserver")

PROBES_AT_ONCE = threading.Semaphore(2)
"""Uploads that are read at once."""

TEXT_BYTES = 64
"""Bytes of a file that are looked at to tell text."""

UNUSED_SECONDS = 3600.0
"""Seconds after which an upload that nobody started a recovery with is removed."""


@dataclass(frozen=True)
class Upload:
    """One clip or data file that was found sound. names: as its sender calls the files; about: in words."""

    files: tuple[Path, ...]
    names: tuple[str, ...]
    shape: tuple[int, ...]
    about: str

    @property
    def is_data(self) -> bool:
        """Whether it is data that was measured, and not a clip."""
        return self.files[0].suffix.lower() in DATA

    @property
    def title(self) -> str:
        """What to call it."""
        return self.names[0] if len(self.names) == 1 else f"{len(self.names)} pictures"

    def sentence(self) -> str:
        """What was found in it."""
        frames, channels, height, width = self.shape
        colour = "grey" if channels == 1 else "colour" if channels == 3 else f"{channels} channels"
        what = "Data of" if self.is_data else "A clip of"
        return f"{what} {frames} frame{'s' if frames > 1 else ''} of {height}x{width} pixels, {colour} ({self.about})."

    def put_into(self, folder: Path) -> Path:
        """Put the files into a folder, under names of ours; what is recovered: a file, or a folder of pictures."""
        target = folder / "upload"
        target.mkdir()
        for number, file in enumerate(self.files):
            name = f"{number:05d}" if len(self.files) > 1 else "clip"
            os.link(file, target / f"{name}{file.suffix.lower()}")
        if self.is_data:
            _forget_files(target / "clip.safetensors")
        return target if len(self.files) > 1 else next(target.iterdir())


def _forget_files(data: Path) -> None:
    """Take out of the header of a data file which files of its own machine it came from: here they are others."""
    tensors, header = read_tensors(data, "data")
    clip = {**header["clip"], "audio": False, "source": ""}
    write_tensors(data, "data", tensors, {**header, "clip": clip})


def received(files: Sequence[tuple[Path, str]], settings: ServeSettings) -> Upload:
    """Check files that were sent, and their names; what is in them. Raises InputError in words for the sender, and
    has then removed them."""
    paths, names = tuple(path for path, _ in files), tuple(Path(name).name[:100] for _, name in files)
    try:
        kind = _checked(paths, names, settings)
        order = sorted(range(len(paths)), key=lambda k: natural_order(Path(names[k])))
        paths, names = tuple(paths[k] for k in order), tuple(names[k] for k in order)
        found = _probed(kind, paths, settings)
        if "error" in found:
            raise InputError(_without_paths(str(found["error"]), paths, names))
        return Upload(paths, names, tuple(found["shape"]), found["about"])
    except BaseException:
        remove(paths)
        raise


def remove(files: Sequence[Path]) -> None:
    """Delete uploaded files, and the folders that were made for them alone."""
    for file in files:
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)
            file.parent.rmdir()  # an error where there are others in it


def remove_unused(folder: Path) -> None:
    """Delete files that lie about for long."""
    for file in list(folder.rglob("*")):
        with contextlib.suppress(OSError):
            if not file.is_dir() and time.time() - file.lstat().st_mtime > UNUSED_SECONDS:
                remove([file])


def _checked(paths: Sequence[Path], names: Sequence[str], settings: ServeSettings) -> str:
    """The kind of an upload, "clip" or "data", by what can be seen from the outside."""
    if not paths:
        raise InputError("Choose a file first.")
    if any(path.is_symlink() or not path.is_file() for path in paths):
        raise InputError("The file is not here any more; send it again.")
    size = sum(path.stat().st_size for path in paths)
    if size > parse_bytes(settings.upload):
        raise InputError(f"{bytes_text(size)}; at most {settings.upload} are taken here.")
    for path, name in zip(paths, names, strict=True):
        if path.suffix.lower() not in ACCEPTED:
            raise InputError(f"{name}: files of this kind are not taken; send one of {', '.join(ACCEPTED)}.")
        if path.stat().st_size == 0:
            raise InputError(f"{name}: is empty.")
        if _is_text(path):
            raise InputError(f"{name}: is a text, not what its name says.")
    if len(paths) > 1 and any(path.suffix.lower() not in PICTURES for path in paths):
        raise InputError("Send one video, array or data file, or several pictures.")
    if len(paths) > settings.frames:
        raise InputError(f"{len(paths)} pictures; at most {settings.frames} are taken here.")
    return "data" if paths[0].suffix.lower() in DATA else "clip"


def _is_text(path: Path) -> bool:
    """Whether a file begins with text: decoders take some for lists of other files, which they then open."""
    with open(path, "rb") as file:
        return all(32 <= byte < 127 or byte in b"\t\r\n" for byte in file.read(TEXT_BYTES))


def _probed(kind: str, paths: Sequence[Path], settings: ServeSettings) -> dict[str, Any]:
    """What a process of its own says of the files."""
    if len(paths) == 1:
        return _probe(kind, paths[0], settings)
    folder = paths[0].parent / "together"
    folder.mkdir()
    try:
        for number, path in enumerate(paths):
            os.link(path, folder / f"{number:05d}{path.suffix.lower()}")
        return _probe(kind, folder, settings)
    finally:
        shutil.rmtree(folder)


def _probe(kind: str, path: Path, settings: ServeSettings) -> dict[str, Any]:
    with PROBES_AT_ONCE:
        return _probe_alone(kind, path, settings)


def _probe_alone(kind: str, path: Path, settings: ServeSettings) -> dict[str, Any]:
    there, here = PROCESSES.Pipe()
    process = PROCESSES.Process(target=probe, args=(kind, str(path), settings.frames, settings.pixels, here))
    process.start()
    here.close()
    try:
        if not there.poll(PROBE_SECONDS):
            return {"error": "takes too long to read; send a shorter or simpler file"}
        return there.recv()
    except EOFError:
        return {"error": "cannot be read within the time and memory that an upload is given, or is damaged"}
    finally:
        process.kill()
        process.join()
        there.close()


def make_ready() -> None:
    """Start the process from which those are forked that read uploads: they need not import anything then."""
    PROCESSES.set_forkserver_preload([probe.__module__])
    forkserver.ensure_running()


def _without_paths(error: str, paths: Sequence[Path], names: Sequence[str]) -> str:
    """An error in the words of the sender: with the file's own name, and no folder of the server."""
    for number, (path, name) in enumerate(zip(paths, names, strict=True)):
        together = path.parent / "together"
        for shown in (str(together / f"{number:05d}{path.suffix.lower()}"), str(path.resolve()), str(path)):
            error = error.replace(shown, name)
        error = error.replace(f"{together}", "the pictures").replace(f"{number:05d}{path.suffix.lower()}", name)
    return error
