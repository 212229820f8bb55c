"""What the page's visitors ask for, done: start a recovery, find runs, draw what is to be seen, hand out files."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shlex
import shutil
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import torch

from ..catalogue import MissingSettings, OperatorSettings
from ..errors import InputError
from ..io.video import write_video
from ..jobs.request import InterpolateRequest, RunRequest, command_line
from ..settings import (
    ClipSettings,
    InterpolateSettings,
    NoiseSettings,
    RecoverSettings,
    ServeSettings,
    Settings,
)
from .films import beside, drawn
from .queue import RUN, Job, Queue, discard, lives
from .run_view import RECOVERED, Look, enlarged, run_folders
from .svg import asked_for, curves, escaped, path, picture_link, progress, strip, table
from .uploads import Upload, received, remove

FILES = {
    "recovered.mp4": "video/mp4",
    "recovered.npy": "application/octet-stream",
    "recommended.mp4": "video/mp4",
    "recommended.npy": "application/octet-stream",
    "report.png": "image/png",
    "report.pdf": "application/pdf",
    "summary.json": "application/json",
    "representation.safetensors": "application/octet-stream",
    "uncertainty.npy": "application/octet-stream",
}
"""Files of a run that are handed out."""

EXAMPLE = "example.mp4"
"""The film of an example, among the files that come with the package."""

LEFT_OUT = ("state.safetensors", "state.previous.safetensors", "live.safetensors")
"""Files of a run folder that its download leaves out."""

MOST_UPLOADS = 100
"""Whose shapes are remembered."""

MOST_FRAMES = 2000
"""Of a video that the page makes."""


class Wish(Settings):
    """What somebody filled in: how a clip is measured, and how it, or data, is recovered."""

    operator: OperatorSettings = MissingSettings()
    reading: ClipSettings = ClipSettings()
    noise: NoiseSettings = NoiseSettings()
    settings: RecoverSettings = RecoverSettings()

    def request(self, place: str, memory: str | None, *, is_data: bool) -> RunRequest:
        """The request for the upload at a place in the folder of the recovery; memory: that it may take, or None."""
        settings = self.settings.model_copy(update={"memory": memory})
        if is_data:
            return RunRequest(data=place, settings=settings, output=RUN)
        own = {"operator": self.operator, "reading": self.reading, "noise": self.noise}
        return RunRequest(clip=place, settings=settings, output=RUN, **own)


@dataclass
class Service:
    """jobs: the recoveries of the page; shared: folders whose runs all visitors may look at; work: for files in use."""

    settings: ServeSettings
    jobs: Queue
    shared: tuple[Path, ...]
    work: Path
    _uploads: dict[tuple[str, ...], Upload] = field(default_factory=dict)
    _receiving: threading.Lock = field(default_factory=threading.Lock)
    _zipping: threading.Lock = field(default_factory=threading.Lock)

    # ------------------------------------------------------------------------------------------------ recoveries

    def receive(self, sent: Sequence[tuple[Path, str]]) -> Upload:
        """Look at files that were sent, which lie in `uploads`; what they are. Raises InputError, and has then removed
        them.

        Files of the same content are one there, whoever sent them: each sender's are kept by another name.
        """
        inside = self.uploads.resolve()
        if any(not path.parent.resolve().is_relative_to(inside) for path, _ in sent):
            raise InputError("That is no file.")
        if any(path.is_symlink() for path, _ in sent):
            remove([path for path, _ in sent])
            raise InputError("That is no file.")
        key = tuple(str(path) for path, _ in sent)
        with self._receiving:
            known = self._uploads.get(key)
            if known is None or not all(path.is_file() for path in known.files):
                known = self._received(sent)
                self._uploads = {**dict(list(self._uploads.items())[-MOST_UPLOADS:]), key: known}
            return known

    def _received(self, sent: Sequence[tuple[Path, str]]) -> Upload:
        held = self.work / "held" / secrets.token_hex(16)
        held.mkdir(parents=True)
        own = []
        try:
            for number, (path, name) in enumerate(sent):
                own.append((held / f"{number:05d}{path.suffix}", name))
                with contextlib.suppress(OSError):
                    os.link(path, own[-1][0], follow_symlinks=False)
            return received(own, self.settings)
        except BaseException:
            shutil.rmtree(held, ignore_errors=True)
            remove([path for path, _ in sent])
            raise

    @property
    def uploads(self) -> Path:
        """Where files lie as they come in."""
        return self.work / "uploads"

    def start(self, upload: Upload | None, wish: Wish, visitor: str = "") -> Job:
        """Put a recovery into the queue: of an upload, or of the clip that comes with the package. Raises InputError
        for what the command line does not take."""
        folder = self.jobs.new_folder(visitor)
        try:
            if upload is None:
                title, what = "the demo clip", _demo(folder)
            else:
                title, what = upload.title, upload.put_into(folder)
            place = str(what.relative_to(folder))
            request = wish.request(place, self.settings.memory, is_data=upload is not None and upload.is_data)
            request.check()
            return self.jobs.add(folder, f"{title}: {_short(request)}", request, visitor)
        except BaseException:
            discard(folder)
            raise

    def stop(self, key: str) -> None:
        """End the recovery at an address with the best it has."""
        if (job := self.jobs.get(key)) is not None:
            self.jobs.stop(job)

    def go_on(self, key: str) -> None:
        """Put a recovery that was stopped, or failed, into the queue once more."""
        if (job := self.jobs.get(key)) is not None:
            self.jobs.go_on(job)

    def delete(self, key: str) -> None:
        """Remove a recovery that is over, and its files."""
        if (job := self.jobs.get(key)) is not None:
            self.jobs.delete(job)

    # ------------------------------------------------------------------------------------------------------ runs

    def folder(self, key: str) -> Path | None:
        """The run folder with this address; sections of a run are KEY/000 and so on."""
        own, _, section = key.partition("/")
        job = self.jobs.get(own)
        found = self.jobs.run_folder(job) if job is not None else self._shared().get(own)
        if found is not None and section:
            found = found / "sections" / section if re.fullmatch(r"[0-9]{3,6}", section) else None
        return found

    def look(self, key: str) -> Look | None:
        """What there is to see at an address."""
        folder = self.folder(key) if key else None
        return None if folder is None else Look.open(folder)

    def choices(self, mine: Sequence[str]) -> list[tuple[str, str]]:
        """Runs that a visitor may choose from, with their addresses: the shared ones, and the visitor's own."""
        own = [(_status(job), job.id) for job in self._own(mine)]
        return own + [(path.name, key) for key, path in self._shared().items()]

    def drawable(self, mine: Sequence[str]) -> list[tuple[str, str]]:
        """Those of the choices that have codes to draw from; of a run in sections its sections."""
        found = []
        for name, key in self.choices(mine):
            look = self.look(key)
            keys = [(f"{name}, section {k:03d}", f"{key}/{k:03d}") for k in range(len(look.sections))] if look else []
            for title, own in keys or [(name, key)]:
                folder = self.folder(own)
                if folder is not None and (folder / "representation.safetensors").is_file():
                    found.append((title, own))
        return found

    def _own(self, mine: Sequence[str]) -> list[Job]:
        """A visitor's recoveries, the last one first."""
        keys = (key for key in reversed(mine) if isinstance(key, str))
        return [job for key in keys if (job := self.jobs.get(key)) is not None]

    def _shared(self) -> dict[str, Path]:
        return {f"run-{digest(str(path.resolve()))}": path for path in run_folders(self.shared)}

    def state(self, key: str) -> tuple[str, str]:
        """A stamp that changes when there is something new to see at an address, and how the run stands there."""
        job = self.jobs.get(key)
        folder = self.folder(key)
        status = "none" if folder is None else job.status if job is not None else "running"
        if folder is None:
            return status, status
        ended = (folder / "summary.json").is_file()
        if job is None and ended:
            status = "finished"
        place = self.jobs.place(job) if job is not None and status == "waiting" else 0
        ends = job is not None and self.jobs.is_ending(job)
        with contextlib.suppress(OSError):
            shown = max((path.stat().st_mtime_ns for path in lives(folder)), default=0)
            return f"{status} {place} {ended} {ends} {shown}", status
        return f"{status} {place} {ended} {ends}", status

    def status_html(self, key: str) -> str:
        """How the run at an address stands, as HTML: its place in the queue, its progress, its error."""
        job, look, (_, status) = self.jobs.get(key), self.look(key), self.state(key)
        if status == "none":
            return '<p class="problem">There is no run at this address.</p>' if key else ""
        head = "" if job is None else f"<p><b>{escaped(job.title)}</b> <code>lowreel {_line(job)}</code></p>"
        if job is not None and status == "waiting":
            place = self.jobs.place(job)
            return f"{head}<p>Waiting: {place} before this one.</p>" if place else f"{head}<p>About to begin.</p>"
        if job is not None and status == "failed":
            return f'{head}<p class="problem">{escaped(job.error)}</p>'
        ended = look is not None and look.summary is not None
        if status in ("finished", "stopped"):
            return head if ended else f"{head}<p>{escaped((job and job.error) or 'Its folder cannot be read.')}</p>"
        if job is not None and self.jobs.is_ending(job):
            head += "<p>Ending with the best so far ...</p>"
        found = None if look is None else look.live()
        if found is None and ended:
            return f"{head}<p>Done; the last files are being written ...</p>"
        if found is None:
            said = "" if job is None else self.jobs.expectation(job)
            return f"{head}<p>Reading, measuring and planning ... {escaped(said)}</p>"
        live, section = found
        about = live.about
        limit = None if job is None else 60 * self.settings.minutes
        shown = strip(live.frames, live.shown) + curves(about["curve"]) + path(live.path)
        return head + progress(live, section, limit) + shown

    def figures(self, key: str) -> str:
        """The verdict and the table of a run that has ended, as HTML."""
        look = self.look(key)
        return "" if look is None or look.summary is None else table(look.summary)

    def asked(self, key: str) -> str:
        """How the run at an address was measured, and its settings, as HTML."""
        look = self.look(key)
        return "" if look is None else asked_for(look.operator, look.config.get("settings") or {})

    def example_html(self) -> str:
        """What is to be seen before there is a run: the demo clip, measured and recovered."""
        return (
            f'<video src="{EXAMPLE}" autoplay controls loop muted playsinline></video>'
            "<p class='told'>An example: a clip of which one pixel in five was measured (left), and what was recovered "
            "(right). <b>Recover</b> makes it again, in about half a minute, and shows how it comes about.</p>"
        )

    def poster(self, key: str) -> str:
        """A frame from the middle of what was recovered, as the attribute of a player; empty where it is not there."""
        look = self.look(key)
        if look is None or RECOVERED not in look.layers:
            return ""
        return f' poster="{picture_link(enlarged(look.frame(RECOVERED, look.shape[0] // 2)))}"'

    def downloads(self, key: str) -> str:
        """Links to what a run that has ended left, as HTML."""
        folder = self.folder(key)
        if folder is None or not (folder / "summary.json").is_file():
            return ""
        names = [name for name in FILES if (folder / name).is_file()]
        links = [f'<a href="run/{key}/{name}" download="{name}">{name}</a>' for name in names]
        links.append(f'<a href="run/{key}/run.zip" download="run.zip">the run folder</a>')
        video = f'<video src="run/{key}/recovered.mp4"{self.poster(key)} controls loop muted playsinline></video>'
        return f'{video}<p class="runs">{" ".join(links)}</p>'

    def list_of(self, mine: Sequence[str]) -> str:
        """Links to a visitor's own runs, as HTML."""
        links = [f'<a href="?run={job.id}">{escaped(_status(job))}</a>' for job in self._own(mine)]
        return f'<p class="runs">Your runs: {" ".join(links)}</p>' if links else ""

    # ----------------------------------------------------------------------------------------------------- files

    def file(self, key: str, name: str) -> Path | None:
        """A file of a run that is handed out, or of a video that the page has made; None for any other."""
        if key == "made":
            made = self.work / "made" / name
            return made if re.fullmatch(r"[a-f0-9]{32}\.mp4", name) and made.is_file() else None
        folder = self.folder(key)
        path = None if folder is None or name not in FILES else folder / name
        return path if path is not None and path.is_file() else None

    def zipped(self, key: str) -> Path | None:
        """A new archive of a run that has ended, to be removed by whoever asked for it."""
        folder = self.folder(key)
        if folder is None or not (folder / "summary.json").is_file():
            return None
        with self._zipping, self._new(".zip") as archive, zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as out:
            for file in sorted(folder.rglob("*")):
                if file.is_file() and file.name not in LEFT_OUT and not file.name.startswith("."):
                    out.write(file, Path("run") / file.relative_to(folder))
        return archive

    @contextlib.contextmanager
    def _new(self, suffix: str) -> Iterator[Path]:
        """A name for a file that is made; what is there of it is removed where that fails."""
        (self.work / "made").mkdir(parents=True, exist_ok=True)
        made = self.work / "made" / f"{secrets.token_hex(16)}{suffix}"
        try:
            yield made
        except BaseException:
            made.unlink(missing_ok=True)
            raise

    def side_by_side(self, first: tuple[str, str], second: tuple[str, str]) -> str:
        """A video of two layers beside each other, frame by frame; the link to it. first, second: address and layer.

        Raises InputError where a run is missing, or they have too many frames.
        """
        looks = [self.look(key) for key, _ in (first, second)]
        if None in looks:
            raise InputError("Choose two runs.")
        count = min(look.shape[0] for look in looks if look is not None)
        if count > MOST_FRAMES:
            raise InputError(f"{count} frames; the page makes videos of at most {MOST_FRAMES}.")

        def frames() -> Iterator[torch.Tensor]:
            for t in range(count):
                pair = [look.frame(layer, t) for look, (_, layer) in zip(looks, (first, second), strict=True) if look]
                yield torch.from_numpy(beside(*pair)).permute(2, 0, 1)[None].float() / 255

        with self._new(".mp4") as video:
            write_video(video, frames())
        return f"run/made/{video.name}"

    def interpolated(self, key: str, settings: InterpolateSettings) -> str:
        """A video of frames between those of a run; the link to it, and what there is to tell of it, as HTML.

        Raises InputError where no run is chosen, and for frames that cannot be drawn.
        """
        folder = self.folder(key)
        if folder is None:
            raise InputError("Choose a run.")
        with self._new(".mp4") as video:
            told = drawn(InterpolateRequest(recovery=str(folder), settings=settings, output=str(video)))
        link = f"run/made/{video.name}"
        lines = "<br>".join(escaped(line) for line in told.splitlines())
        return (
            f'<video src="{link}"{self.poster(key)} controls loop muted playsinline></video>'
            f'<p class="runs"><a href="{link}" download="interpolated.mp4">interpolated.mp4</a></p><p>{lines}</p>'
        )


def _demo(folder: Path) -> Path:
    """The clip that comes with the package, in a folder of a recovery."""
    target = folder / "upload" / "demo.mp4"
    target.parent.mkdir()
    target.write_bytes((files("lowreel") / "assets" / "demo.mp4").read_bytes())
    return target


def _short(request: RunRequest) -> str:
    """What tells a recovery from others: its operator and what is not as usual."""
    told = [word for word in command_line(request)[1:-2] if "/" not in word and not word.startswith("--memory")]
    return " ".join(told)[:80] or "as usual"


def _status(job: Job) -> str:
    """How it stands, and when it was asked for."""
    return f"{job.title}, {job.status} {time.strftime('%H:%M', time.localtime(job.created))}"


def _line(job: Job) -> str:
    """The command line that a recovery is, for somebody who wants to type it."""
    return escaped(shlex.join(command_line(job.request)))


def digest(text: str) -> str:
    """A short name for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
