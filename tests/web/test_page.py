"""The page without a browser: its form, its queue, its guard."""

import asyncio
import os
import shutil
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import moving, snapshot
from served import Server

pytest.importorskip("gradio", reason="the page needs the extra `web`")

from desk import clip_file, desk_of, measured_file, sent

from lowreel import InputError
from lowreel.catalogue import OPERATORS, ChainSettings, FramesSettings, GaussianSettings, MissingSettings
from lowreel.jobs.request import RunRequest
from lowreel.runs.preview import Live
from lowreel.settings import ClipSettings, InterpolateSettings, NoiseSettings, RecoverSettings, ServeSettings
from lowreel.system.files import read_json
from lowreel.web.auth import MOST_GUESSES, Auth, guarded
from lowreel.web.calm import CALM, calmed
from lowreel.web.form import CHOICES, SERVERS, fields, filled, operator_of
from lowreel.web.interpolate_tab import chosen_of
from lowreel.web.queue import Queue
from lowreel.web.run_view import ERROR
from lowreel.web.server import SALT, SALT_BYTES, _salt
from lowreel.web.service import Service, Wish
from lowreel.web.standing import news_of_list, news_of_run, watched_list, watched_run
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


def test_the_queue_is_in_order_when_the_clock_goes_back(tmp_path, monkeypatch):
    """Who came first is first, whatever the clock said, and after a restart too."""
    clock = iter((900.0, 500.0, 100.0))
    monkeypatch.setattr("lowreel.web.queue.time", SimpleNamespace(time=lambda: next(clock), monotonic=time.monotonic))
    queue = Queue(tmp_path, ServeSettings())
    asked = [queue.add(queue.new_folder(), "mine", RunRequest(data="y.safetensors")) for _ in range(3)]
    assert [queue.place(job) for job in asked] == [0, 1, 2]
    again = Queue(tmp_path, ServeSettings())
    again.start()
    again.close()
    assert sorted(asked, key=lambda job: again.get(job.id).created) == asked


def test_time_limit_keeps_the_best(tmp_path, monkeypatch):
    """After its minutes a run ends with what it has."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    short = desk_of(tmp_path / "page")
    try:
        job = short.start(None, Wish(settings=LONG))
        wait_for_live(short, job)
        short.jobs.settings = short.jobs.settings.model_copy(update={"minutes": 1e-3})  # over by now
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


def test_only_what_is_new_is_sent(finished, service, monkeypatch):
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
    drawn = shared.status_html

    def drawn_as_another_comes(key):
        html = drawn(key)
        Live.of_baseline("frame mean", clip, 22.0).save(finished)
        return html

    with monkeypatch.context() as patched:
        patched.setattr(shared, "status_html", drawn_as_another_comes)
        assert f'data-stamp="{seen[2]["stamp"]}"' in watched_run(shared, key, "again")  # so that it is asked for
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


def test_passwords_are_not_tried_faster_side_by_side(monkeypatch):
    """The right one waits for its turn as wrong ones do, and of very many at once most are not looked at."""
    monkeypatch.setattr("lowreel.web.auth.WAIT_SECONDS", 0.01)
    guard = guarded(behind, "secret", 1000, b"salt" * 4)
    guesses = [b"wrong"] * (MOST_GUESSES - 1) + [b"secret"] + [b"secret"] * 30
    answered = []

    async def guess(word):
        got = []

        async def receive():
            return {"type": "http.request", "body": b"password=" + word, "more_body": False}

        async def send(message):
            got.append(message)

        scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": [(b"host", b"a.b")]}
        await guard(scope, receive, send)
        answered.append(got[0]["status"])

    async def all_at_once():
        await asyncio.gather(*map(guess, guesses))

    asyncio.run(all_at_once())
    assert answered == [429] * 30 + [401] * (MOST_GUESSES - 1) + [303]
    assert answer(guard, method="POST", body=b"password=secret")[0] == 303


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
    assert text.count(CALM) == 1
    assert text.index("<script") == text.index(f"<head>{CALM}") + len("<head>")
    for address in ("/run/nowhere/standing", "/run/list"):
        first = site.get(address)
        assert first.status_code == 200
        again = site.get(address, params={"seen": first.json()["stamp"]})
        assert (again.status_code, again.content) == (204, b"")


def test_a_page_is_calm_whatever_is_sent_beside_it():
    """What is neither its head nor its body is handed on; a tag may come in two pieces."""
    pieces = [
        {"type": "http.response.debug", "info": {}},
        {"type": "http.response.start", "status": 200},
        {"type": "http.response.body", "body": b"<he", "more_body": True},
        {"type": "http.response.body", "body": b"ad></head>"},
    ]
    got = []

    async def app(scope, receive, send):
        for piece in pieces:
            await send(piece)

    async def send(message):
        got.append(message)

    asyncio.run(calmed(app)({"type": "http", "path": "/", "headers": []}, None, send))
    whole = f"<head>{CALM}</head>".encode()
    assert got[0] == pieces[0]
    assert got[1]["headers"] == [(b"content-length", str(len(whole)).encode())]
    assert [message["body"] for message in got[2:]] == [whole]


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
                status = site.post("/gradio_api/queue/join", json=sent_).status_code
                assert status == (400 if function["inputs"] else 200)
            if not function["inputs"]:
                site.get("/gradio_api/queue/data", params={"session_hash": f"s{number}"})
    there = [path for path in (served.folder / "runs").rglob("*") if path.is_file()]
    assert not [path for path in there if path.read_bytes() == secret.read_bytes()]
    assert not list((served.folder / "runs").glob("*/job.json"))


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
