"""What the page does with files of strangers, and with what they ask of its functions."""

import asyncio
import json
import os

import numpy as np
import pytest
import torch
from conftest import encode, moving, snapshot
from PIL import Image

pytest.importorskip("gradio", reason="the page needs the extra `web`")

from desk import clip_file, desk_of, sent
from hostile import HOSTILE

from lowreel import InputError, MissingPixels
from lowreel.data import Measured
from lowreel.web.sent_files import ASKED_BYTES, JOIN, SentFiles
from lowreel.web.uploads import make_ready, remove_unused


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


def test_data_names_no_files_of_the_server(strangers):
    """A data file that says it came from a film with sound gets none of the server's."""

    def write(path):
        clip = torch.from_numpy(moving())
        operator = MissingPixels(tuple(clip.shape), 0.5, seed=0)
        about = {"source": "/home/somebody/film.mp4", "audio": True, "rate": "25"}
        Measured(operator(clip), operator, torch.arange(len(clip)) / 25.0, clip=about).save(path)

    upload = strangers.receive(sent(strangers, "y.safetensors", write))
    found = Measured.load(upload.put_into(strangers.jobs.new_folder()))
    assert (found.clip["audio"], found.clip["source"]) == (False, "")
    torch.testing.assert_close(found.data, found.operator(torch.from_numpy(moving())))


def test_files_that_nobody_uses_are_removed(strangers):
    """All of them, however many; those of today stay."""
    old = [sent(strangers, "a.npy", clip_file)[0][0] for _ in range(5)]
    for path in old:
        os.utime(path, (1, 1))
    new = sent(strangers, "b.npy", clip_file)[0][0]
    remove_unused(strangers.work)
    assert [path.is_file() for path in (*old, new)] == [False] * 5 + [True]


# ------------------------------------------------------------------------------------------------ before Gradio


def asked(app, *bodies, path=JOIN):
    """What a guard answers to a request whose body comes in these pieces: its status, and what was passed on."""
    pieces = [{"type": "http.request", "body": body, "more_body": body is not bodies[-1]} for body in bodies]
    passed, got = [], []

    async def behind(scope, receive, send):
        passed.append(((await receive())["body"], dict(scope["headers"])))
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive():
        return pieces.pop(0) if pieces else {"type": "http.disconnect"}

    async def send(message):
        got.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": [(b"content-length", b"1")]}
    asyncio.run(app(behind)(scope, receive, send))
    return got[0]["status"], passed


def test_functions_are_given_files_that_were_sent(tmp_path):
    """By their path alone, however deep it stands, with the length that the body then has; all else is as it came."""

    def guard(behind):
        return SentFiles(behind, tmp_path)

    file = {"path": f"{tmp_path}/ab/clip.npy", "url": "http://127.0.0.1/x", "meta": {"_type": "gradio.FileData"}}
    body = json.dumps({"data": [[{"value": file}], 0.5, None, "path"]}).encode()
    status, passed = asked(guard, body[:7], body[7:])
    assert status == 200
    ((found, headers),) = passed
    assert json.loads(found) == {"data": [[{"value": {**file, "url": None}}], 0.5, None, "path"]}
    assert headers == {b"content-length": str(len(found)).encode()}
    elsewhere = ("/etc/passwd", f"{tmp_path}/../x", f"{tmp_path}x/a", "http://a.b/c", "file:///etc/passwd", "", "a.npy")
    for path in elsewhere:
        assert asked(guard, json.dumps({"data": [{"a": [{**file, "path": path}]}]}).encode()) == (400, []), path
    for wrong in (b"", b"{", b"\xff\xfe{", b"[" * 10**5, b'{"data": NaN}', b" " * (ASKED_BYTES + 1)):
        assert asked(guard, wrong) == (400, []), wrong[:20]
    assert asked(guard, b"anything", path="/gradio_api/upload")[0] == 200
