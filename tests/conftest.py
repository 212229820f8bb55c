"""What tests of the command line and of run folders share: small clips, commands in this process and in others."""

import os

# Read when a library is loaded, and by every process that a test starts: the tests share out all cores already, and
# threads that wait for each other on a busy core take many times the work.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import hashlib
import multiprocessing.forkserver
import shutil
import sys
from collections import namedtuple
from fractions import Fraction
from pathlib import Path

import av
import background
import numpy as np
import pytest
import torch

Ended = namedtuple("Ended", "code out err")


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Bits depend on the number of threads; small clips are faster on one."""
    torch.set_num_threads(1)


def moving(frames=6, channels=1, height=12, width=16):
    """A smooth moving clip, (T, C, H, W) float32 in [0, 1]."""
    t, c, y, x = np.mgrid[:frames, :channels, :height, :width].astype(np.float64)
    return (0.5 + 0.4 * np.sin(x / 4 + t / 3 + c) * np.cos(y / 5 + c)).astype(np.float32)


def snapshot(folder):
    """Every path below `folder`, with the SHA-256 of files: equal when nothing was changed, made or left behind."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(Path(folder).rglob("*"))
    }


def encode(path, clip, *, times=None, tone=False, **container):
    """An mp4 of a clip, made with PyAV alone. times: seconds of the frames; tone: with a sine as AAC audio."""
    with av.open(str(path), "w", options=container) as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.height, stream.width, stream.pix_fmt = *clip.shape[2:], "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        sound = out.add_stream("aac", rate=44100, layout="mono") if tone else None
        for n, frame in enumerate(clip):
            levels = np.ascontiguousarray((np.broadcast_to(frame, (3, *frame.shape[1:])) * 255).transpose(1, 2, 0))
            picture = av.VideoFrame.from_ndarray(levels.round().astype(np.uint8), format="rgb24")
            picture.pts, picture.time_base = round(1000 * (times[n] if times else n / 25)), Fraction(1, 1000)
            out.mux(stream.encode(picture))
        out.mux(stream.encode())
        if sound is not None:
            wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(1024 * 40) / 44100)
            for start in range(0, len(wave), 1024):
                heard = av.AudioFrame.from_ndarray(wave[None, start : start + 1024].astype(np.float32), "fltp", "mono")
                heard.sample_rate, heard.pts, heard.time_base = 44100, start, Fraction(1, 44100)
                out.mux(sound.encode(heard))
            out.mux(sound.encode())
    return path


@pytest.fixture(autouse=True, scope="session")
def _reports_are_drawn_once(tmp_path_factory):
    """The first report of this process is drawn; runs of later tests get its picture, which takes half of a short run.

    All that is on the page is still made, for each run; `drawn_reports` is for tests that look at what comes of it.
    """
    from lowreel.runs import slide

    kept, draw = tmp_path_factory.mktemp("reports"), slide.write_figure

    def write(figure, path, kind, about):
        if not (kept / kind).exists():
            draw(figure, kept / kind, kind, about)
        shutil.copyfile(kept / kind, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slide, "write_figure", write)
        yield draw


@pytest.fixture
def drawn_reports(_reports_are_drawn_once, monkeypatch):
    """Reports of this test are drawn, each by itself."""
    monkeypatch.setattr("lowreel.runs.slide.write_figure", _reports_are_drawn_once)


_SEEN = set()
"""Names of the modules that were here after an earlier test, and where they are in memory: to look at some thousand
after each would take minutes."""


@pytest.fixture(autouse=True)
def _modules_of_a_test(tmp_path_factory):
    """A module that a test wrote and imported is forgotten with it: another test may write one of the same name."""
    yield
    base = str(tmp_path_factory.getbasetemp())
    for name, place in {(name, id(module)) for name, module in sys.modules.items()} - _SEEN:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(base):
            del sys.modules[name]
        else:
            _SEEN.add((name, place))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder that holds clip.npy, 6 grey frames of 12x16."""
    np.save(tmp_path / "clip.npy", moving())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(capsys, monkeypatch):
    """`command("info clip.npy")` or `command("info", path)` runs the command line here: exit code, stdout, stderr."""
    from lowreel.cli import main

    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            main(arguments[0].split() if len(arguments) == 1 else [str(a) for a in arguments])
        return Ended(ending.value.code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def python_path():
    """The import path of this process, for others that run in another folder."""
    return os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path if entry)


@pytest.fixture(scope="session")
def _server(python_path):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [
            "lowreel.runs.folder",
            "lowreel.training.runs",
            "lowreel.runs.report",
            "lowreel.cli",
            "torch._dynamo",
            "pytest",
            # What a run imports when it is wanted: in each process anew it would take as long as the run.
            "av",
            "matplotlib.backends.backend_agg",
            "matplotlib.backends.backend_pdf",
            "matplotlib.figure",
            "rich.progress",
            "rich.table",
            "scipy.interpolate",
            "scipy.sparse.linalg",
            "skimage.metrics",
        ]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", python_path)
        patch.setenv("OMP_NUM_THREADS", "1")
        multiprocessing.forkserver.ensure_running()
    return context


@pytest.fixture(scope="session")
def start(_server, tmp_path_factory):
    """`start(arguments, folder, **options)` runs a command in another process: see `background.start`."""
    started = []

    def call(arguments, folder, **options):
        log = tmp_path_factory.mktemp("log")
        process = background.start(_server, arguments, folder, log=str(log), **options)
        process.log = log
        started.append(process)
        return process

    yield call
    for process in started:
        process.kill()
        process.join()


@pytest.fixture
def quick_workers(_server, monkeypatch):
    """Workers of batches that begin as copies of a process with torch, which a fresh one imports for seconds."""
    monkeypatch.setattr("lowreel.jobs.batch.START", _server.get_start_method())


def ended(process):
    """Wait for a process that `start` gave: its exit code (-9 when it was killed), stdout and stderr."""
    process.join(timeout=500)
    assert process.exitcode is not None, "it still runs after eight minutes"
    return Ended(process.exitcode, *((process.log / name).read_text() for name in ("out.txt", "err.txt")))


@pytest.fixture(scope="session")
def away(start):
    """`away(arguments, folder, **options)` runs a command in another process to its end."""
    return lambda arguments, folder, **options: ended(start(arguments, folder, **options))


@pytest.fixture(scope="session")
def _finished(tmp_path_factory):
    """A finished run of two epochs, made once; tests take a copy."""
    from lowreel.cli import main

    folder = tmp_path_factory.mktemp("finished")
    np.save(folder / "clip.npy", moving())
    with pytest.raises(SystemExit) as ending:
        main(["simulate", "missing", str(folder / "clip.npy"), "--steps", "2", "-o", str(folder / "run")])
    assert ending.value.code == 0
    return folder / "run"


@pytest.fixture
def finished(_finished, tmp_path):
    """A run of two epochs that is finished, in tmp_path/run."""
    return Path(shutil.copytree(_finished, tmp_path / "run"))
