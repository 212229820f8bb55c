"""The page without a browser: its form, its queue, its guard, and what it does with files of strangers."""

import asyncio
import os
import shutil
import struct
import time
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from conftest import encode, moving, snapshot
from PIL import Image
from served import Server

pytest.importorskip("gradio", reason="the page needs the extra `web`")

from lowreel import InputError, MissingPixels
from lowreel.catalogue import OPERATORS, ChainSettings, FramesSettings, GaussianSettings, MissingSettings
from lowreel.data import Measured
from lowreel.jobs.request import RunRequest
from lowreel.runs.preview import Live
from lowreel.settings import ClipSettings, InterpolateSettings, NoiseSettings, RecoverSettings, ServeSettings
from lowreel.system.files import read_json
from lowreel.web.auth import Auth, guarded
from lowreel.web.form import CHOICES, SERVERS, fields, filled, operator_of
from lowreel.web.interpolate_tab import chosen_of
from lowreel.web.queue import Queue
from lowreel.web.run_view import ERROR
from lowreel.web.server import SALT, SALT_BYTES, _salt
from lowreel.web.service import Service, Wish
from lowreel.web.standing import news_of_list, news_of_run, watched_list, watched_run
from lowreel.web.uploads import make_ready, remove_unused
from lowreel.web.words import GROUPS

QUICK = RecoverSettings(quality="draft", steps=3, baselines="none")
LONG = RecoverSettings(quality="draft", steps=100000, baselines="none")


# ------------------------------------------------------------------------------------------------------------- the form

FILLED = {
    **{kind: kind.example for kind in OPERATORS},
    ClipSettings: {"size": "8x12", "fit": "crop", "channels": "1", "frames": "0:4"},
    NoiseSettings: {"snr": "20", "blind": True},
    RecoverSettings: {"rank": "3", "similarity": "0.2", "seed": "7", "quality": "best", "linear": True, "time": "1.5"},
}


@pytest.mark.parametrize("kind", OPERATORS, ids=lambda kind: kind.name)
def test_form_fills_in_a_request(kind):
    """What is filled in comes to the very settings of the models, for every operator, and to a request that is one."""
    own = {name: component.value for name, component in fields(kind, kind.example).items()}
    wish = Wish(
        operator=operator_of(kind.name, own),
        reading=filled(ClipSettings, FILLED[ClipSettings]),
        noise=filled(NoiseSettings, FILLED[NoiseSettings]),
        settings=filled(RecoverSettings, FILLED[RecoverSettings]),
    )
    values = {name: tuple(v.splitlines()) if name == "of" else v for name, v in kind.example.items()}
    asked = wish.request("upload/a.npy", "2GB", is_data=False)
    assert asked == RunRequest(
        clip="upload/a.npy",
        operator=kind(**values),
        reading=ClipSettings(**FILLED[ClipSettings]),
        noise=NoiseSettings(**FILLED[NoiseSettings]),
        settings=RecoverSettings(**FILLED[RecoverSettings], memory="2GB"),
        output="run",
    )
    asked.check()


@pytest.mark.parametrize("model", FILLED, ids=lambda model: model.__name__)
def test_form_has_every_setting(model):
    """But for those of the server; what is left as it is changes nothing."""
    made = fields(model)
    assert set(made) == set(model.model_fields) - set(SERVERS)
    assert filled(model, {name: component.value for name, component in made.items()}) == model()


def test_settings_are_in_groups_and_in_words():
    """Every setting of a recovery that a visitor has is in one group, and says what it means before its name."""
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(set(RecoverSettings.model_fields) - set(SERVERS))
    made = fields(RecoverSettings, {}, GROUPS)
    assert list(made) == grouped
    assert made["rank"].label == "patterns that the frames are mixed of (rank)"
    assert all(len(component.label) > len(name) for name, component in made.items())


@pytest.mark.parametrize("generator", ["/etc/passwd", "../weights.pth", "--resume"])
def test_form_names_no_files(generator):
    """Whatever a visitor sends, no file of the server is read by its name."""
    assert set(CHOICES) == {"generator"}
    with pytest.raises(InputError, match="expected one of"):
        filled(RecoverSettings, {"generator": generator})
    with pytest.raises(InputError, match="expected one of"):
        operator_of(generator, {})


WRONG = {
    "ratio": {"operator": MissingSettings(ratio=1.5)},
    "m and sampling": {"operator": GaussianSettings(m=3, sampling=0.1)},
    "no operators": {"operator": ChainSettings(of=("rm -rf /",))},
    "frames to drop": {"operator": FramesSettings(drop="many")},
    "size": {"reading": ClipSettings(size="0")},
    "frames": {"reading": ClipSettings(frames="a:b")},
    "two kinds of noise": {"noise": NoiseSettings(noise=0.1, snr=3)},
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_values_do_not_wait(service, name):
    """What the command line would not take is refused at once, and leaves nothing in the queue."""
    with pytest.raises(InputError):
        service.start(None, Wish(settings=QUICK, **WRONG[name]))
    assert not list(service.jobs.folder.glob("*/job.json"))


@pytest.mark.parametrize("text", ["2\x004", "x" * 3000])
def test_form_takes_short_plain_texts(text):
    with pytest.raises(InputError, match="short text"):
        filled(ClipSettings, {"size": text})


def test_form_says_what_is_wrong():
    with pytest.raises(InputError, match="rank"):
        filled(RecoverSettings, {"rank": "many"})


# ------------------------------------------------------------------------------------------------------------ the queue


@pytest.fixture
def service(tmp_path, monkeypatch):
    """A page's service with an empty queue, whose runs have one thread, and its clip."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    made = desk_of(tmp_path / "page")
    yield made
    made.jobs.close()


def desk_of(folder, shared=(), **settings):
    chosen = ServeSettings(**settings)
    jobs = Queue(folder, chosen)
    jobs.start()
    for name in ("uploads", "held"):
        (folder / ".work" / name).mkdir(parents=True, exist_ok=True)
    return Service(chosen, jobs, tuple(shared), folder / ".work")


def sent(service, name, write):
    """A file of somebody's where uploads lie, and its name."""
    folder = service.work / "uploads" / os.urandom(8).hex()
    folder.mkdir()
    write(folder / name)
    return [(folder / name, name)]


def clip_file(path):
    np.save(path, moving())


def wait_for(service, job, *statuses, seconds=400):
    """The job, once it stands like that."""
    end = time.monotonic() + seconds
    while (found := service.jobs.get(job.id)).status not in statuses:
        assert time.monotonic() < end, (found, (service.jobs.folder / job.id / "log.txt").read_text())
        time.sleep(0.05)
    return found


def wait_for_live(service, job, seconds=400):
    end = time.monotonic() + seconds
    while (look := service.look(job.id)) is None or look.live() is None:
        assert time.monotonic() < end
        time.sleep(0.05)
    return look


def test_a_run_of_the_page_is_that_of_the_command_line(service, away, tmp_path):
    """Bit for bit: the same settings give the same clip, codes and weights."""
    files = sent(service, "mine.npy", clip_file)
    job = service.start(service.receive(files), Wish(operator=MissingSettings(ratio=0.5), settings=QUICK))
    assert service.receive(files).shape == (6, 1, 12, 16)  # it may be used again
    assert wait_for(service, job, "finished", "failed").error is None
    clip_file(tmp_path / "clip.npy")
    flags = "--ratio 0.5 --quality draft --steps 3 --baselines none"
    assert away(f"simulate missing clip.npy {flags} -o run", tmp_path).code == 0
    for name in ("recovered.npy", "representation.safetensors"):
        assert (service.folder(job.id) / name).read_bytes() == (tmp_path / "run" / name).read_bytes()
    look = service.look(job.id)
    assert set(look.layers) == {"recovered", "measured", "true", ERROR}
    for layer in look.layers:
        assert look.frame(layer, 2).shape == (12, 16, 3)
    true = (moving()[2, 0] * 255).round().astype(np.uint8)
    assert (look.frame("true", 2)[..., 0] == true).all()
    assert 'poster="data:image/png;base64,' in service.downloads(job.id)
    shown = service.asked(job.id)
    assert "missing ratio 0.5" in shown
    for told in (
        "epochs of a fit (steps)</th><td>3",
        "random</th><td>0",
        "(linear)</th><td>no",
        "(time)</th><td>default",
    ):
        assert told in shown


def test_data_that_was_measured_is_recovered(service):
    """A data file is taken as a clip is."""
    upload = service.receive(sent(service, "y.safetensors", measured_file))
    assert upload.is_data
    job = service.start(upload, Wish(settings=QUICK))
    assert wait_for(service, job, "finished", "failed").error is None
    assert "true" not in service.look(job.id).layers


def measured_file(path):
    clip = torch.from_numpy(moving())
    operator = MissingPixels(tuple(clip.shape), 0.5, seed=0)
    Measured(operator(clip), operator, torch.arange(len(clip)) / 25.0).save(path)


def test_queue_stop_and_going_on(service):
    """One runs, the others wait in order; one that waits is taken out, one that runs keeps its best and can go on."""
    jobs = [service.start(None, Wish(settings=LONG)) for _ in range(3)]
    wait_for(service, jobs[0], "running")
    assert [service.jobs.place(service.jobs.get(job.id)) for job in jobs] == [0, 1, 2]
    assert "Waiting: 1 before" in service.status_html(jobs[1].id)
    service.stop(jobs[1].id)
    assert wait_for(service, jobs[1], "stopped").error
    assert service.jobs.place(service.jobs.get(jobs[2].id)) == 1
    service.stop(jobs[2].id)
    wait_for_live(service, jobs[0])
    shown = service.status_html(jobs[0].id)
    assert shown.count("<img") == 6
    assert shown.count("<svg") == 2
    service.stop(jobs[0].id)
    assert wait_for(service, jobs[0], "stopped").error is None
    made = read_json(service.folder(jobs[0].id) / "summary.json")["steps"]
    service.go_on(jobs[0].id)
    look = wait_for_live(service, jobs[0])
    service.stop(jobs[0].id)
    wait_for(service, jobs[0], "stopped")
    assert look.live() is None
    assert read_json(service.folder(jobs[0].id) / "summary.json")["steps"] > made


def test_queue_is_bounded_and_failures_are_told(service, tmp_path):
    """Too many are refused; what fails says why, without a folder of the server's."""
    job = service.start(None, Wish(operator=FramesSettings(drop="0:48"), settings=QUICK))
    assert wait_for(service, job, "failed").error
    assert str(tmp_path) not in service.status_html(job.id)
    assert "problem" in service.status_html(job.id)
    full = desk_of(tmp_path / "full", waiting=3)
    try:
        jobs = [full.start(None, Wish(settings=LONG), visitor) for visitor in "ab"]
        with pytest.raises(InputError, match="of your recoveries"):
            full.start(None, Wish(settings=LONG), "a")
        jobs.append(full.start(None, Wish(settings=LONG), "c"))
        with pytest.raises(InputError, match="queue is full"):
            full.start(None, Wish(settings=LONG), "d")
        assert len(list(full.jobs.folder.glob("*/job.json"))) == 3
        with pytest.raises(InputError, match="not over"):
            full.delete(jobs[2].id)
        for made in reversed(jobs):
            full.stop(made.id)
            wait_for(full, made, "stopped")
            full.delete(made.id)
        assert full.look(jobs[0].id) is None
        assert not list(full.jobs.folder.glob("*/job.json"))
    finally:
        full.jobs.close()


def test_time_limit_keeps_the_best(tmp_path, monkeypatch):
    """After its minutes a run ends with what it has."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    short = desk_of(tmp_path / "page", minutes=0.7)
    try:
        job = short.start(None, Wish(settings=LONG))
        assert wait_for(short, job, "stopped").error is None
        assert short.look(job.id).summary.outcome.kind == "stopped"
    finally:
        short.jobs.close()


def test_unfinished_runs_go_on_after_a_restart(tmp_path, monkeypatch):
    """A server that stops leaves its runs; the next one finds them, the finished and the unfinished, and goes on."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    first = desk_of(tmp_path / "page")
    running, waiting = (first.start(None, Wish(settings=LONG.model_copy(update={"time": 3000}))) for _ in range(2))
    wait_for_live(first, running)
    pid = first.jobs._running[running.id].popen.pid
    first.jobs.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    second = desk_of(tmp_path / "page")
    try:
        assert second.jobs.get(waiting.id).status == "waiting"
        wait_for(second, running, "running")
        wait_for_live(second, running)
        log = (second.jobs.folder / running.id / "log.txt").read_text()
        assert "$ lowreel recover run --resume --time=3000" in log
    finally:
        second.jobs.close()


# -------------------------------------------------------------------------------------------------------- who sees what


def test_runs_are_found_by_their_address_alone(tmp_path, service):
    """Shared folders are listed to all, runs of the page to those who know their address; no address is a path."""
    shared = tmp_path / "shared"
    upload = service.receive(sent(service, "mine.npy", clip_file))
    job = service.start(upload, Wish(settings=QUICK))
    wait_for(service, job, "finished")
    shutil.copytree(service.folder(job.id), shared / "one")
    other = Service(service.settings, service.jobs, (shared,), service.work)
    assert [name for name, _ in other.choices([])] == ["one"]
    assert other.choices([job.id])[0][1] == job.id
    key = other.choices([])[0][1]
    assert other.look(key).summary is not None
    assert other.drawable([]) == [("one", key)]
    for wrong in ("", "..", "../..", f"{job.id}/..", f"{job.id}/../x", "run", str(tmp_path), f"{key}x", "a" * 22):
        assert other.look(wrong) is None
        assert other.file(wrong, "recovered.mp4") is None
    for name in ("config.json", "../job.json", "log.txt", "data.safetensors", "..", ""):
        assert other.file(job.id, name) is None
    assert other.file(job.id, "recovered.mp4") is not None
    with zipfile.ZipFile(other.zipped(job.id)) as archive:
        assert {"run/recovered.npy", "run/summary.json", "run/data.safetensors"} <= set(archive.namelist())
    assert other.side_by_side((job.id, "recovered"), (key, "true")).startswith("run/made/")


def test_only_what_is_new_is_sent(finished, service):
    """A run that stands as it was seen sends nothing; another picture is sent, and another phase is told as such."""
    shared = Service(service.settings, service.jobs, (finished,), service.work)
    key = shared.choices([])[0][1]
    (finished / "summary.json").unlink()
    clip = torch.from_numpy(moving())
    seen = [news_of_run(shared, key, "")]
    for level in (20.0, 21.0):
        Live.of_baseline("frame mean", clip, level).save(finished)
        seen.append(news_of_run(shared, key, seen[-1]["stamp"]))
    assert [news["html"].count("<img") for news in seen] == [0, 6, 6]
    assert [f"{level} dB" in seen[2]["html"] for level in ("20.00", "21.00")] == [False, True]
    assert len({news["phase"] for news in seen}) == 1
    assert news_of_run(shared, key, seen[2]["stamp"]) is None
    assert f'data-stamp="{seen[2]["stamp"]}"' in watched_run(shared, key, "again")
    shutil.rmtree(finished)
    assert news_of_run(shared, key, seen[2]["stamp"])["phase"] != seen[2]["phase"]


def test_own_runs_are_sent_where_they_stand_otherwise(service):
    """The list of a visitor's runs; of no runs, or of those of nobody, there is none."""
    job = service.start(None, Wish(settings=LONG))
    wait_for(service, job, "running")
    seen = news_of_list(service, [job.id], "")
    assert news_of_list(service, [job.id], seen["stamp"]) is None
    assert f"run/list?of={job.id}" in watched_list(service, [job.id, "a" * 22])
    service.stop(job.id)
    wait_for(service, job, "stopped")
    assert "stopped" in news_of_list(service, [job.id], seen["stamp"])["html"]
    assert watched_list(service, ["a" * 22]) == ""


def test_slow_motion_is_that_of_the_command_line(service):
    """The video is that of `lowreel interpolate`, its sentences are shown without paths, and the request is gone."""
    upload = service.receive(sent(service, "mine.npy", clip_file))
    job = service.start(upload, Wish(settings=QUICK))
    wait_for(service, job, "finished")
    told = service.interpolated(job.id, InterpolateSettings(between=(1, 4), frames=20))
    assert "20 frames from frame 1 to frame 4" in told
    assert str(service.jobs.folder) not in told
    assert [path.suffix for path in (service.work / "made").iterdir()] == [".mp4"]
    with pytest.raises(InputError, match="two frames of 0 to 5"):
        service.interpolated(job.id, InterpolateSettings(between=(4, 1)))


OPEN = {
    "the one that is open": (["b", "a"], "a", "b", "a"),
    "its first section": (["b", "a/000", "a/001"], "a", None, "a/000"),
    "another section of it, chosen before": (["a/000", "a/001"], "a", "a/001", "a/001"),
    "none is open": (["b", "a"], "", "b", "b"),
    "the open one has no codes yet": (["b"], "a", None, None),
}


@pytest.mark.parametrize(("keys", "opened", "before", "chosen"), OPEN.values(), ids=OPEN)
def test_the_open_run_is_chosen(keys, opened, before, chosen):
    assert chosen_of(keys, opened, before) == chosen


# --------------------------------------------------------------------------------------------------- files of strangers


def png_header(width, height):
    """A PNG of a few bytes that says it is of this size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


def npy_header(shape, descr="'<f4'"):
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def many_frames(path):
    """An animation of 5000 frames in a few kilobytes."""
    frames = [Image.new("L", (8, 8), k % 251) for k in range(5000)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def zip_of(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for k in range(50):
            out.writestr(f"{k}.png", b"\0" * 100_000)


def pickled(path):
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)


def cut_video(path):
    encode(path, np.tile(moving(30, 3, 32, 48), 1))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def large_video(path):
    encode(path, np.zeros((2, 3, 2200, 1200), np.float32))


def broken_video(path):
    """A whole container whose pictures are noise."""
    encode(path, moving(30, 3, 64, 96))
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 60
    content[start : start + 2000] = os.urandom(min(2000, len(content) - start))
    path.write_bytes(content[: path.stat().st_size])


def data_of(shape):
    def write(path):
        measured_file(path)
        content = path.read_bytes()
        path.write_bytes(content.replace(b"[6, 1, 12, 16]", shape))

    return write


def huge_safetensors(path):
    """A header that promises a terabyte."""
    path.write_bytes(struct.pack("<Q", 2**40) + b"{}")


def written(content):
    return lambda path: path.write_bytes(content)


def link(path):
    path.symlink_to("/etc/passwd")


def list_in_other_letters(path):
    """A list of files that does not look like text."""
    path.write_bytes("ffconcat version 1.0\n#é\nfile b.mp4\n".encode())


def nan(path):
    clip = moving()
    clip[2, 0, 3] = np.nan
    np.save(path, clip)


TOO_LARGE = r"at most 2,073,600 pixels|decompression bomb|more memory"
HOSTILE = {
    "a picture of 100000x100000": (
        "a.png",
        written(png_header(100_000, 100_000)),
        r"at most 2,073,600 pixels|decompression bomb|more memory",
    ),
    "a picture of 2^31 pixels a side": (
        "a.png",
        written(png_header(2**31 - 1, 2**31 - 1)),
        r"at most 2,073,600 pixels|decompression bomb|more memory",
    ),
    "an animation of 5000 frames": ("a.gif", many_frames, r"5000 frames; at most 1000"),
    "an archive": ("a.zip", zip_of, r"not taken"),
    "an archive that says it is a video": ("a.mp4", zip_of, r"is no .mp4 file"),
    "a script": ("a.py", written(b"import os"), r"not taken"),
    "a page": ("a.html", written(b"<script>alert(1)</script>"), r"not taken"),
    "a drawing with a script": ("a.svg", written(b"<svg onload='alert(1)'/>"), r"not taken"),
    "a playlist that names files": (
        "a.mp4",
        written(b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"),
        r"is a text",
    ),
    "a list of files for the decoder": (
        "a.mp4",
        written(b"ffconcat version 1.0\nfile /etc/passwd\n"),
        r"is a text",
    ),
    "a list that is not plain text": ("a.mp4", list_in_other_letters, r"is no .mp4 file"),
    "a pickled array": ("a.npy", pickled, r"object|pickle|numbers"),
    "an array of 10^15 numbers": ("a.npy", written(npy_header((10**6, 3, 10**5, 10**4))), r"frames|short|read"),
    "an array with a program in its header": (
        "a.npy",
        written(npy_header((2, 2), "__import__('os').abort()")),
        r"read|array",
    ),
    "an array of too many frames": (
        "a.npy",
        lambda path: np.save(path, np.zeros((1001, 2, 2), np.float32)),
        r"1001 frames",
    ),
    "an array with holes": ("a.npy", nan, r"NaN"),
    "a video cut short": ("a.mp4", cut_video, r"is no .mp4 file|cut short"),
    "a video of large frames": ("a.mp4", large_video, r"2200x1200"),
    "a video of noise": ("a.mp4", broken_video, r"damaged|decode|cut short|cannot"),
    "data of a clip of 10^12 frames": ("a.safetensors", data_of(b"[9999999999,1,12,16]"), r"frames|damaged|header"),
    "data that is not of its shape": ("a.safetensors", data_of(b"[6, 1, 16, 12]"), r"expected|shape|mask|operator"),
    "a file that promises a terabyte": ("a.safetensors", huge_safetensors, r"expected a lowreel data file"),
    "weights that are a pickle": ("a.pth", written(b"\x80\x04."), r"not taken"),
    "an empty file": ("a.mp4", written(b""), r"empty"),
    "a link": ("a.png", link, r"That is no file"),
    "a name of a script": ("<img src=x onerror=alert(1)>.mp4", written(b"\0" * 99), r"is no .mp4 file"),
    "a name that is a flag": ("--resume.exe", written(b"MZ"), r"not taken"),
}


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    make_ready()
    made = desk_of(tmp_path_factory.mktemp("strangers"))
    yield made
    made.jobs.close()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_uploads_are_refused_in_a_sentence(strangers, name):
    """Refused in words, without a path of the server; nothing is left on the disk, and sound files are taken still."""
    file, write, expected = HOSTILE[name]
    before = snapshot(strangers.jobs.folder)
    files = sent(strangers, file, write)
    with pytest.raises(InputError, match=expected) as refused:
        strangers.receive(files)
    assert str(strangers.jobs.folder) not in str(refused.value)
    assert "Traceback" not in str(refused.value)
    assert "root:" not in str(refused.value)
    assert snapshot(strangers.jobs.folder) == before


def test_sound_uploads_are_taken(strangers):
    """A video, pictures in the order of their numbers, an array."""
    video = strangers.receive(sent(strangers, "a.mp4", lambda path: encode(path, moving(9, 3, 32, 48))))
    assert video.shape == (9, 3, 32, 48)
    assert "9 frames of 32x48" in video.sentence()
    pictures = []
    for k in (10, 9, 1):
        pictures += sent(strangers, f"frame{k}.png", lambda path, k=k: Image.new("L", (8, 6), 20 * k).save(path))
    upload = strangers.receive(pictures)
    assert upload.names == ("frame1.png", "frame9.png", "frame10.png")
    assert upload.shape == (3, 1, 6, 8)
    folder = upload.put_into(strangers.jobs.new_folder())
    assert [np.asarray(Image.open(path))[0, 0] for path in sorted(folder.iterdir())] == [20, 180, 200]
    both = [*sent(strangers, "a.npy", clip_file), *sent(strangers, "b.npy", clip_file)]
    with pytest.raises(InputError, match="several pictures"):
        strangers.receive(both)


def test_size_of_uploads_is_bounded(tmp_path):
    small = desk_of(tmp_path / "page", upload="1KB")
    try:
        with pytest.raises(InputError, match="at most 1KB"):
            small.receive(sent(small, "a.npy", lambda path: np.save(path, np.zeros((9, 16, 16), np.float32))))
        assert not list((small.work / "uploads").rglob("*.npy"))
    finally:
        small.jobs.close()


# ------------------------------------------------------------------------------------------------------------ the guard


def answer(guard, *, method="GET", path="/", query=b"", body=b"", **headers):
    """Status, headers and body of the answer to a request."""
    named = {"host": "127.0.0.1:7860", **{k.replace("_", "-"): v for k, v in headers.items()}}
    scope = {"type": "http", "method": method, "path": path, "query_string": query}
    scope["headers"] = [(k.encode(), v.encode()) for k, v in named.items()]
    got = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        got.append(message)

    asyncio.run(guard(scope, receive, send))
    found = {k.decode(): v.decode() for k, v in got[0]["headers"]}
    return got[0]["status"], found, b"".join(m.get("body", b"") for m in got[1:])


async def behind(scope, receive, send):
    """What the guard stands before: it reads the request and says so."""
    message = await receive()
    told = b"cut" if message["type"] == "http.disconnect" else b"in"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": told})


def test_open_page_is_for_this_machine_alone():
    """Names that lead here from elsewhere, other pages and large bodies are turned away."""
    guard = Auth(behind, None, 1000)
    for host in ("127.0.0.1:7860", "localhost:7860", "[::1]:7860"):
        assert answer(guard, host=host)[2] == b"in"
    assert answer(guard, host="evil.example")[0] == 403
    assert answer(guard, host="127.0.0.1.evil.example:7860")[0] == 403
    assert answer(guard, method="POST", origin="http://evil.example")[0] == 403
    assert answer(guard, method="POST", origin="null")[0] == 403
    assert answer(guard, method="POST", origin="http://127.0.0.1:7860")[2] == b"in"
    assert answer(guard, method="POST", content_length="1001")[0] == 413
    assert answer(guard, method="POST", content_length="-1")[0] == 413
    assert answer(guard, method="POST", body=b"x" * 1001)[2] == b"cut"
    headers = answer(guard)[1]
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_page_for_others_asks_for_the_password(monkeypatch):
    """Nothing is answered before; the token in the address or the password in the form gives a cookie that opens it."""
    monkeypatch.setattr("lowreel.web.auth.WAIT_SECONDS", 0.0)
    guard = guarded(behind, "secret", 1000, b"salt" * 4)
    for path in ("/", "/run/abc/recovered.mp4", "/gradio_api/upload", "/config"):
        status, _, body = answer(guard, path=path, host="lab.example")
        assert status == 401
        assert b"Password" in body
    assert answer(guard, query=b"token=wrong")[0] == 401
    assert answer(guard, method="POST", body=b"password=wrong")[0] == 401
    opened = [
        answer(guard, query=b"token=secret&run=abc"),
        answer(guard, method="POST", body=b"password=secret"),
    ]
    assert opened[0][1]["location"] == "./?run=abc"
    assert answer(guard, query=b"token=secret&run=//evil.example")[1]["location"] == "./"
    for status, headers, _ in opened:
        assert status == 303
        assert "httponly; samesite=lax" in headers["set-cookie"]
        assert "secret" not in headers["set-cookie"]
        cookie = headers["set-cookie"].split(";")[0]
        assert answer(guard, host="lab.example", cookie=cookie)[2] == b"in"
        name, _, value = cookie.partition("=")
        for forged in (f"{name}=secret", f"{name}={value[:-1]}", f"{name}={value.partition('.')[0]}", f"{name}={name}"):
            assert answer(guard, host="lab.example", cookie=forged)[0] == 401
        for other in (guarded(behind, "secret", 1000, b"else" * 4), guarded(behind, "another", 1000, b"salt" * 4)):
            assert answer(other, host="lab.example", cookie=cookie)[0] == 401


def test_sessions_outlive_the_server_and_are_its_users_own(tmp_path):
    """The salt of the page is random, stays when it is served again, and is for one user to read."""
    salt = _salt(tmp_path)
    assert _salt(tmp_path) == salt
    assert len(salt) == SALT_BYTES
    assert (tmp_path / SALT).stat().st_mode & 0o777 == 0o600
    (tmp_path / SALT).write_bytes(b"")  # it was killed while it wrote
    assert len(_salt(tmp_path)) == SALT_BYTES
    assert _salt(tmp_path) != salt


def test_serve_says_what_is_wrong(command, here):
    """A folder that is not there, a size that is none: exit code 2 and one line."""
    for words_ in ("serve nowhere", "serve --upload much", "serve --port 99999"):
        outcome = command(words_)
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert snapshot(here).keys() == {"clip.npy"}


# ------------------------------------------------------------------------------------------ Gradio behind the guard


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("served"))
    yield made
    made.end()


@pytest.fixture
def site(served):
    import httpx  # comes with Gradio

    with httpx.Client(base_url=served.address, timeout=60) as client:
        yield client


SHUT = (
    *(
        "/gradio_api/file=https://example.com/x",
        "/gradio_api/file=http://127.0.0.1:1/",
        "/gradio_api/proxy=http://a.b/",
    ),
    *(
        "/gradio_api/process_recording",
        "/gradio_api/deep_link",
        "/gradio_api/component_server",
        "/gradio_api/monitoring",
    ),
    *("/gradio_api/call/x", "/gradio_api/run/x", "/gradio_api/api/x", "/gradio_api/reset", "/gradio_api/vibe-editor"),
    *("/openapi.json", "/docs", "/login", "/custom_component/a/b/c", "/gradio_api/stream/a/b/c/playlist.m3u8"),
)


def test_looks_pass_by_gradio(site):
    """No timer of Gradio's ticks, and no part that may leave the page counts seconds; a look that has seen what there
    is is answered with nothing."""
    config = site.get("/config").json()
    kinds = {part["id"]: part["type"] for part in config["components"]}
    assert "timer" not in kinds.values()
    silent = [event for event in config["dependencies"] if event["show_progress"] == "hidden"]
    assert len(silent) > 10
    assert {kinds[part] for event in silent for part in event["show_progress_on"]} == {"button"}
    text = site.get("/").text
    assert text.index("requestAnimationFrame") < text.index("<script", text.index("requestAnimationFrame"))
    assert text.startswith("<!doctype html>") or "<head><script>" in text
    for address in ("/run/nowhere/standing", "/run/list"):
        first = site.get(address)
        assert first.status_code == 200
        again = site.get(address, params={"seen": first.json()["stamp"]})
        assert (again.status_code, again.content) == (204, b"")


def test_what_gradio_has_beside_is_shut(site):
    """What fetches, runs or writes for strangers is not there; the page itself is."""
    assert site.get("/").status_code == 200
    assert site.get("/config").status_code == 200
    assert site.get("/example.mp4").headers["content-type"] == "video/mp4"
    assert "example.mp4" in site.get("/").text
    for path in SHUT:
        for ask in (site.get, site.post):
            assert ask(path).status_code == 404, path
    for path in ("/etc/passwd", "../../../../etc/passwd", "%2e%2e/etc/passwd"):
        assert site.get(f"/gradio_api/file={path}").status_code in (403, 404)


def test_no_function_of_the_page_reads_a_file_of_the_server(site, served, tmp_path):
    """Whatever function is called, with files or addresses of files that were never sent in place of all it takes."""
    secret = tmp_path / "secret.npy"
    np.save(secret, moving() * 0.5)
    meta = {"meta": {"_type": "gradio.FileData"}}
    functions = site.get("/config").json()["dependencies"]
    assert len(functions) > 15
    for given in ({"path": str(secret), **meta}, {"path": "http://127.0.0.1:9/secret.npy", **meta}):
        for number, function in enumerate(functions):
            for value in (given, [given]):
                sent_ = {"fn_index": function["id"], "session_hash": f"s{number}", "trigger_id": None}
                sent_["data"] = [value] * len(function["inputs"])
                site.post("/gradio_api/queue/join", json=sent_)
            site.get("/gradio_api/queue/data", params={"session_hash": f"s{number}"})
    there = [path for path in (served.folder / "runs").rglob("*") if path.is_file()]
    assert not [path for path in there if path.read_bytes() == secret.read_bytes()]
    assert not list((served.folder / "runs").glob("*/job.json"))


def test_data_names_no_files_of_the_server(service):
    """A data file that says it came from a film with sound gets none of the server's."""

    def write(path):
        clip = torch.from_numpy(moving())
        operator = MissingPixels(tuple(clip.shape), 0.5, seed=0)
        about = {"source": "/home/somebody/film.mp4", "audio": True, "rate": "25"}
        Measured(operator(clip), operator, torch.arange(len(clip)) / 25.0, clip=about).save(path)

    upload = service.receive(sent(service, "y.safetensors", write))
    found = Measured.load(upload.put_into(service.jobs.new_folder()))
    assert (found.clip["audio"], found.clip["source"]) == (False, "")
    torch.testing.assert_close(found.data, found.operator(torch.from_numpy(moving())))


def test_files_that_nobody_uses_are_removed(service):
    """All of them, however many; those of today stay."""
    old = [sent(service, "a.npy", clip_file)[0][0] for _ in range(5)]
    for path in old:
        os.utime(path, (1, 1))
    new = sent(service, "b.npy", clip_file)[0][0]
    remove_unused(service.work)
    assert [path.is_file() for path in (*old, new)] == [False] * 5 + [True]


def test_a_folder_that_is_gone_stops_nobody_else(service):
    """The run of a folder that somebody deletes fails; the next one is made."""
    first, second = (service.start(None, Wish(settings=LONG)) for _ in range(2))
    third = service.start(None, Wish(reading=ClipSettings(size="16"), settings=QUICK))
    wait_for(service, first, "running")
    for job in (second, first):
        shutil.rmtree(service.jobs.folder / job.id, ignore_errors=True)
    service.stop(first.id)
    assert wait_for(service, third, "finished", "failed", seconds=400).status == "finished"
    assert service.jobs.get(second.id).status == "failed"


def test_two_who_look_at_the_same_clip(service):
    """Decoders are not shared between those who look at once."""
    job = service.start(None, Wish(reading=ClipSettings(size="16"), settings=QUICK))
    wait_for(service, job, "finished", "failed")
    look = service.look(job.id)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda t: look.frame("true", t % 48), range(200)))
    for t, frame in enumerate(found[:48]):
        assert (frame == look.frame("true", t)).all()
