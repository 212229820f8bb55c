"""The page under load and hostile input: what is refused, what is left over, who sees what, what memory it takes.

    python -m benchmarks page_load [--visitors 20] [--minutes 5]

Serves the page in a process of its own, and asks it as a browser would, by plain HTTP. First every file of
tests/support/hostile.py is sent and given to the form; counted are those refused, and those of which anything is left
(files are removed when they are refused, or an hour after they came; the hour is cut short here). Then come requests
that do not end, lie about their length or are broken off, while somebody else looks at the page. Then so many visitors
send a clip each, at once, have it recovered, and look at it until it is done, again and again for so many minutes.
Counted are recoveries that were lost, were of another clip, or whose address or name another visitor was told, and the
memory of the server in the second and in the last quarter of that time. A row is kept in
benchmarks/results/page_load.json.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import secrets
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from .results import Rows
from .served import served
from .trees import ROOT, here

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "support")]

UPLOAD_BYTES = 20 * 10**6
"""That the page takes at most."""

ANSWER_SECONDS = 1800.0
"""After which the page has not answered."""

LOOK_SECONDS, SAMPLE_SECONDS = 2.0, 2.0
"""Between two looks of a visitor at his run, and between two at the memory of the server."""

QUICK = {"RecoverSettings-steps": "3", "RecoverSettings-baselines": "none", "source": "a file of yours"}
"""What visitors fill in, by the names of the fields."""

ENDED = "finished", "stopped", "failed"
"""How the phase of a run begins that is over."""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks page_load", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=5.0, help="for which they come again")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name, page_for(Path(name), chosen.visitors) as page:
        row: dict[str, Any] = {"commit": here().commit, "visitors": chosen.visitors, "minutes": chosen.minutes}
        row |= of_hostile_files(page)
        print(json.dumps(row), flush=True)
        row |= of_hostile_requests(page)
        print(json.dumps(row), flush=True)
        row |= of_visitors(page, chosen.visitors, 60 * chosen.minutes)
    print(json.dumps(row, indent=1))
    Rows("page_load").add(row)


@contextlib.contextmanager
def page_for(folder: Path, visitors: int) -> Iterator[Page]:
    """The page, served from a folder for so many visitors."""
    # All visitors come from this machine, which may have a third of the queue.
    options = ["--waiting", str(4 * visitors), "--upload", f"{UPLOAD_BYTES / 1e6:g}MB"]
    with served(folder / "runs", options, {"OMP_NUM_THREADS": "1"}) as (process, address):
        yield Page(folder / "runs", process, address)


@dataclass(frozen=True)
class Page:
    """The page, served in a process of its own. folder: of its runs."""

    folder: Path
    process: subprocess.Popen[str]
    address: str

    def left(self) -> list[str]:
        """Names of what lies in the folders for uploads; of a file that it hands on Gradio leaves an empty one too."""
        found = (self.folder / ".work").rglob("*")
        return [path.name for path in found if path.is_symlink() or (path.is_file() and path.stat().st_size)]

    def megabytes(self) -> float:
        """Resident memory of the server's process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


@dataclass
class Visitor:
    """Somebody with a browser of his own. heard: all that the page has told him."""

    page: Page
    session: str = field(default_factory=lambda: secrets.token_hex(6))
    heard: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        import httpx

        self.http = httpx.Client(base_url=self.page.address, timeout=ANSWER_SECONDS)
        self.config = self._told(self.http.get("/config")).json()
        self.parts = {part["id"]: part for part in self.config["components"]}
        self.names = {part["props"].get("elem_id"): part["id"] for part in self.config["components"]}

    def _told(self, answer: Any) -> Any:
        self.heard.append(answer.text)
        return answer

    def function(self, event: str, part: int) -> dict[str, Any]:
        """What the page does on an event of a component."""
        wanted = [part, event]
        return next(each for each in self.config["dependencies"] if wanted in each["targets"])

    def kind(self, name: str) -> int:
        """The first component of a kind."""
        return next(number for number, part in self.parts.items() if part["type"] == name)

    def send(self, content: bytes, name: str) -> tuple[int, list[dict[str, Any]]]:
        """Send a file; the status, and what stands for it in the form."""
        answer = self._told(self.http.post("/gradio_api/upload", files={"files": (name, content)}))
        if answer.status_code != 200:
            return answer.status_code, []
        meta = {"_type": "gradio.FileData"}
        return 200, [{"path": path, "orig_name": name, "meta": meta} for path in answer.json()]

    def ask(self, function: dict[str, Any], values: dict[int, Any]) -> tuple[bool, list[Any]]:
        """Call a function with what the form holds, or `values` in place of it: whether it went well, its outputs."""
        given = [values.get(each, self.parts[each]["props"].get("value")) for each in function["inputs"]]
        body = {"data": given, "fn_index": function["id"], "session_hash": self.session}
        if self._told(self.http.post("/gradio_api/queue/join", json=body)).status_code != 200:
            return False, []
        with self.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.session}) as lines:
            for text in lines.iter_lines():
                self.heard.append(text)
                message = json.loads(text[5:]) if text.startswith("data:") else {}
                if message.get("msg") == "process_completed":
                    return bool(message["success"]), message["output"].get("data") or [json.dumps(message["output"])]
        return False, []

    def recover(self, name: str, content: bytes) -> str:
        """Have a clip recovered, and look until it is done; its address, empty where it was refused."""
        _, files = self.send(content, name)
        filled = {self.kind("file"): files} | {self.names[own]: value for own, value in QUICK.items()}
        well, found = self.ask(self.function("click", self.names["start"]), filled)
        if not well:
            return ""
        mine = next(value for value in found if isinstance(value, list))  # what the browser is to remember
        key, news = str(mine[-1]), {"stamp": "", "phase": ""}
        end = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < end and not news["phase"].startswith(ENDED):
            reply = self._told(self.http.get(f"/run/{key}/standing", params={"seen": news["stamp"]}))
            if reply.status_code == 200:
                news = reply.json()
            time.sleep(LOOK_SECONDS)
        self.ask(self.function("click", self.names["draw-again"]), {self.kind("browserstate"): mine})
        self._told(self.http.get("/run/list", params={"of": key}))
        return key


def of_hostile_files(page: Page) -> dict[str, Any]:
    """How many of the hostile files are refused, and how many are left over."""
    from hostile import HOSTILE

    visitor, refused, taken = Visitor(page), 0, []
    for what, (name, write, _) in HOSTILE.items():
        content = _content(write, Path(name).suffix)
        if content is None:
            continue
        with contextlib.suppress(UnicodeError):
            status, files = visitor.send(content, name)
            well, shown = (False, []) if status != 200 else _given(visitor, files)
            if well and not any("problem" in str(each) for each in shown):
                taken.append(what)
                continue
        refused += 1
    visitor.http.close()
    left = page.left()
    for path in (page.folder / ".work").rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    print(f"left until they are swept: {left}")
    return {"hostile_files": refused + len(taken), "refused": refused, "taken": taken, "left_for_an_hour": len(left)}


def _given(visitor: Visitor, files: list[dict[str, Any]]) -> tuple[bool, list[Any]]:
    part = visitor.kind("file")
    return visitor.ask(visitor.function("upload", part), {part: files})


def _content(write: Any, suffix: str) -> bytes | None:
    """What a hostile file holds; None of a link, which cannot be sent."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{suffix}"
        write(path)
        made = next(Path(folder).iterdir())  # NumPy gives its files an end
        return None if made.is_symlink() else made.read_bytes()


BOUNDARY = b"x" * 20
PART = b"--" + BOUNDARY + b'\r\ncontent-disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n'
FORM = b"content-type: multipart/form-data; boundary=" + BOUNDARY + b"\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"
UPLOAD, JOIN = b"POST /gradio_api/upload HTTP/1.1\r\n", b"POST /gradio_api/queue/join HTTP/1.1\r\n"
JSON = b"content-type: application/json\r\n"


def _chunks(content: bytes, size: int = 2**16) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        piece = content[start : start + size]
        yield f"{len(piece):x}\r\n".encode() + piece + b"\r\n"


def _endless(content: bytes = b"\0" * 2**16) -> Iterator[bytes]:
    yield from _chunks(PART)
    while True:
        yield from _chunks(content)


def _drops() -> Iterator[bytes]:
    """A byte now and then."""
    for _ in range(20):
        yield b"1\r\n-\r\n"
        time.sleep(0.5)


REQUESTS: dict[str, tuple[bytes, Iterator[bytes]]] = {
    "an upload without end": (UPLOAD + FORM + CHUNKED, _endless()),
    "parts without end": (UPLOAD + FORM + CHUNKED, _endless(PART + b"\0\r\n")),
    "headers of parts without end": (UPLOAD + FORM + CHUNKED, _endless(b"x-a: b\r\n" * 1000)),
    "an upload of a terabyte": (UPLOAD + FORM + b"content-length: 1000000000000\r\n", iter([PART])),
    "an upload of fewer than no bytes": (UPLOAD + FORM + b"content-length: -1\r\n", iter([PART])),
    "an upload that is broken off": (UPLOAD + FORM + b"content-length: 1000000\r\n", iter([PART + b"\0" * 1000])),
    "an upload without a boundary": (UPLOAD + b"content-type: multipart/form-data\r\n" + CHUNKED, _chunks(PART)),
    "an upload byte by byte": (UPLOAD + FORM + CHUNKED, _drops()),
    "headers without end": (UPLOAD, (b"x-a: b\r\n" for _ in range(10**6))),
    "a question without end": (JOIN + JSON + CHUNKED, (piece for _ in iter(int, 1) for piece in _chunks(b" " * 2**16))),
    "a question of brackets": (JOIN + JSON + CHUNKED, iter([*_chunks(b"[" * 10**6), b"0\r\n\r\n"])),
    "a question that is no JSON": (JOIN + JSON + CHUNKED, iter([*_chunks(b"{"), b"0\r\n\r\n"])),
    "a path that leads elsewhere": (b"GET /gradio_api/file=/etc/passwd HTTP/1.1\r\n", iter([b"\r\n"])),
    "a run that leads elsewhere": (b"GET /run/..%2f..%2f/job.json HTTP/1.1\r\n", iter([b"\r\n"])),
    "no request": (b"\x16\x03\x01" + b"\0" * 100, iter([])),
}
"""The first lines of a request, and its body."""

MOST_SENT_BYTES = 4 * UPLOAD_BYTES
"""After which a request that is still listened to counts as taken."""


def of_hostile_requests(page: Page) -> dict[str, Any]:
    """How many requests that are none are refused or hung up on, and whether others are answered meanwhile."""
    import httpx

    slowest, over = [0.0], threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            begun = time.monotonic()
            httpx.get(page.address, timeout=ANSWER_SECONDS).raise_for_status()
            slowest[0] = max(slowest[0], time.monotonic() - begun)

    before, watcher = page.left(), threading.Thread(target=look)
    watcher.start()
    try:
        answers = {what: _answered(page, head, body) for what, (head, body) in REQUESTS.items()}
    finally:
        over.set()
        watcher.join()
    time.sleep(LOOK_SECONDS)
    taken = [f"{what}: {told}" for what, told in answers.items() if told.startswith("200") or told == "listened to"]
    print(json.dumps(answers, indent=1))
    left = len(page.left()) - len(before)
    counts = {"hostile_requests": len(answers), "requests_refused": len(answers) - len(taken)}
    return counts | {"requests_taken": taken, "left_of_requests": left, "others_waited_seconds": round(slowest[0], 2)}


def _answered(page: Page, head: bytes, body: Iterator[bytes]) -> str:
    """Status of the answer to a request that is written by hand, "hung up", or "listened to" where there is none."""
    where = urlsplit(page.address)
    with socket.create_connection((where.hostname, where.port), timeout=20) as wire:
        sent, told = 0, "listened to"
        try:
            ends = b"" if head.startswith((b"GET", b"\x16")) or head == UPLOAD else b"\r\n"
            host = b"" if head.startswith(b"\x16") else f"host: {where.netloc}\r\n".encode()
            wire.sendall(head + host + ends)
            for piece in body:
                wire.sendall(piece)
                sent += len(piece)
                if sent > MOST_SENT_BYTES:
                    return told  # it is neither answered nor hung up on
                if select.select([wire], [], [], 0)[0]:
                    break  # there is an answer
            if b"content-length: 1000000\r\n" in head:
                return "hung up"  # by us
        except ConnectionError:
            told = "hung up"
        except TimeoutError:  # nobody listens any more
            pass
        with contextlib.suppress(ConnectionError, IndexError, TimeoutError):
            return wire.recv(64).split(b" ", 2)[1].decode()
        return told


def of_visitors(page: Page, count: int, seconds: float) -> dict[str, Any]:
    """How it fares with so many visitors at once, each with clips of his own, for so long."""
    end, asked = time.monotonic() + seconds, {}
    memory: list[tuple[float, float]] = []
    over = threading.Event()

    def sample() -> None:
        while not over.wait(SAMPLE_SECONDS):
            memory.append((time.monotonic(), page.megabytes()))

    def come(number: int) -> Visitor:
        visitor, times = Visitor(page), 0
        while times == 0 or time.monotonic() < end:
            name, content = f"clip-of-{number:02d}-{times}.npy", _clip_of(number, times)
            asked[name] = visitor.recover(name, content), content, number
            times += 1
        visitor.http.close()
        return visitor

    watcher = threading.Thread(target=sample)
    watcher.start()
    try:
        with ThreadPoolExecutor(count) as pool:
            visitors = list(pool.map(come, range(count)))
    finally:
        over.set()
        watcher.join()
    return _counted(page, visitors, asked) | _memory_of(memory)


def _clip_of(number: int, times: int) -> bytes:
    """A clip that no other is like, as a file."""
    from conftest import moving

    held = io.BytesIO()
    np.save(held, moving() * (0.5 + 0.02 * number) + 0.001 * times)
    return held.getvalue()


def _counted(page: Page, visitors: list[Visitor], asked: dict[str, tuple[str, bytes, int]]) -> dict[str, Any]:
    lost, others_clip, seen = [], 0, 0
    for name, (key, content, number) in asked.items():
        folder = page.folder / key
        if not key or not (folder / "run" / "recovered.npy").is_file():
            lost.append(name)
            continue
        others_clip += (folder / "upload" / "clip.npy").read_bytes() != content
        others = [visitor for each, visitor in enumerate(visitors) if each != number]
        seen += sum(any(key in text or name in text for text in visitor.heard) for visitor in others)
    counts = {"recoveries": len(asked), "lost": len(lost), "of_another_clip": others_clip, "seen_by_another": seen}
    print("lost:", lost)
    return counts


def _memory_of(samples: list[tuple[float, float]]) -> dict[str, float]:
    """Median megabytes of the second and of the last quarter, and the most."""
    values = [megabytes for _, megabytes in samples]
    quarter = max(1, len(values) // 4)
    second, last = statistics.median(values[quarter : 2 * quarter] or values), statistics.median(values[-quarter:])
    return {"megabytes_second_quarter": round(second, 1), "megabytes_last_quarter": round(last, 1)} | {
        "megabytes_most": round(max(values), 1),
        "seconds_of_visits": round(samples[-1][0] - samples[0][0], 1),
    }
