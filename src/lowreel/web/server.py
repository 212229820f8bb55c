"""The server of the page: the form and the pictures by Gradio, files of runs by themselves, a guard before both."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..settings import ServeSettings
from ..system.checkpoints import folder_lock
from ..system.memory import parse_bytes
from .auth import LOOPBACK, guarded
from .calm import calmed
from .queue import Queue
from .sent_files import SentFiles
from .uploads import make_ready, remove_unused

if TYPE_CHECKING:
    from .service import Service

PASSWORD = "LOWREEL_PASSWORD"

SALT, SALT_BYTES = ".salt", 32

EVERYWHERE = ("0.0.0.0", "::")
"""All addresses of this machine."""

MOST_SESSIONS = 200
"""Visitors whose state the server keeps in memory; the others have theirs in the address."""

NICENESS = 10
"""How far the page stands back behind the recoveries."""

SWEEP_SECONDS = 300.0
"""Seconds between two looks for uploads that nobody uses."""

BESIDE_FILES_BYTES = 2**20
"""Bytes of a request beside its files."""


def serve(
    folder: Path,
    shared: Sequence[Path],
    settings: ServeSettings,
    tell: Callable[[str], None],
) -> None:
    """Serve the page until it is interrupted; recoveries that are not over then go on when it is served again.

    folder: where the page's own runs are kept; shared: run folders, or folders of such, that every visitor may look at.
    tell: called with the address.

    Raises InputError where the extra `web` is missing, the folder is served already, or the port is taken.
    """
    try:
        parse_bytes(settings.upload)
    except InputError as error:
        raise InputError(str(error).replace("memory", "--upload", 1)) from None
    parse_bytes(settings.memory)
    folder = folder.resolve()
    for path in shared:
        if not path.is_dir():
            raise InputError(f"{path}: expected a run folder, or a folder of runs; check the path")
    folder.mkdir(parents=True, exist_ok=True)
    with folder_lock(folder), _listening(settings) as listener:
        work = folder / ".work"
        shutil.rmtree(work, ignore_errors=True)
        (work / "uploads").mkdir(parents=True)
        try:
            _serve(folder, shared, settings, tell, work, listener)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _serve(
    folder: Path,
    shared: Sequence[Path],
    settings: ServeSettings,
    tell: Callable[[str], None],
    work: Path,
    listener: socket.socket,
) -> None:
    # Gradio reads these when it is imported.
    os.environ["GRADIO_TEMP_DIR"] = str(work / "uploads")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import uvicorn
    except ImportError:
        raise InputError("serve: the page needs Gradio; install it with: pip install 'lowreel[web]'") from None
    from .service import Service

    password = _password(settings.host)
    jobs = Queue(folder, settings)
    page = application(Service(settings, jobs, tuple(shared), work), password, _salt(folder))
    server = uvicorn.Server(uvicorn.Config(page, log_level="critical", timeout_graceful_shutdown=1))
    over = threading.Event()
    sweeper = threading.Thread(target=_sweep, args=(work, over), daemon=True)
    make_ready()
    jobs.start()
    sweeper.start()
    _stand_back()
    tell(_address(settings.host, listener.getsockname()[1], password))
    try:
        server.run(sockets=[listener])
    finally:
        over.set()
        jobs.close()


def application(service: Service, password: str | None, salt: bytes) -> Any:
    """The page as an ASGI application. password, salt: as of `guarded`. Raises InputError where Gradio is missing."""
    try:
        import fastapi
        import gradio as gr
    except ImportError:
        raise InputError("serve: the page needs Gradio; install it with: pip install 'lowreel[web]'") from None
    from .standing import WATCH
    from .svg import STYLE
    from .view import THEME, page_of

    app = fastapi.FastAPI(openapi_url=None)
    _add_files(app, service)
    page = page_of(service)
    page.queue(default_concurrency_limit=8, max_size=200, api_open=False)
    page.has_launched = True  # else Gradio itself takes any path of this machine for an upload
    page.state_session_capacity = MOST_SESSIONS
    largest = parse_bytes(service.settings.upload)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        max_file_size=largest,
        ssr_mode=False,
        pwa=False,
        footer_links=[],
        run_history=False,
        show_error=False,
        theme=THEME,
        css=STYLE,
        head=WATCH,
    )
    checked = SentFiles(calmed(app), service.uploads.resolve())
    return guarded(checked, password, largest + BESIDE_FILES_BYTES, salt)


def _stand_back() -> None:
    """Leave the cores to the recoveries: this thread, and those that it starts, ask for less of them (Linux alone).

    Threads of a fit wait for each other, so that a look at it costs more than the time it takes.
    """
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _add_files(app: Any, service: Service) -> None:
    from fastapi import HTTPException
    from starlette.background import BackgroundTask
    from starlette.responses import FileResponse, JSONResponse, Response

    from .service import EXAMPLE, FILES
    from .standing import MOST_LISTED, news_of_list, news_of_run

    # They answer Any: older versions of FastAPI look up what is returned, and know no names of this function.
    def archive(key: str) -> Any:
        path = service.zipped(key)
        if path is None:
            raise HTTPException(404, "There is no finished run at this address.")
        gone = BackgroundTask(path.unlink, missing_ok=True)
        return FileResponse(path, media_type="application/zip", filename="run.zip", background=gone)

    def file(key: str, name: str) -> Any:
        path = service.file(key, name)
        if path is None:
            raise HTTPException(404, "There is no such file.")
        return FileResponse(path, media_type=FILES.get(name, "video/mp4"))

    def example() -> Any:
        return FileResponse(str(files("lowreel") / "assets" / EXAMPLE), media_type="video/mp4")

    def new_of_run(key: str, seen: str = "") -> Response:
        return sent(news_of_run(service, key, seen))

    def new_of_list(of: str = "", seen: str = "") -> Response:
        return sent(news_of_list(service, of.split(",")[:MOST_LISTED], seen))

    def sent(news: dict[str, Any] | None) -> Response:
        return Response(status_code=204) if news is None else JSONResponse(news)

    app.get(f"/{EXAMPLE}")(example)
    app.get("/run/list")(new_of_list)
    app.get("/run/{key}/standing")(new_of_run)
    app.get("/run/{key}/run.zip")(archive)
    app.get("/run/{key}/{name}")(file)


def _password(host: str) -> str | None:
    """What visitors have to know; None where only this machine can reach the page."""
    given = os.environ.get(PASSWORD)
    if given is not None and not given:
        raise InputError(f"${PASSWORD}: is empty; give a password, or unset it")
    return given if given or host in LOOPBACK else secrets.token_urlsafe(24)


def _salt(folder: Path) -> bytes:
    """Random bytes that the page keeps in its folder, for its own user alone: who has logged in stays so when it is
    served again, and a copy of a cookie does not help to guess the password."""
    path = folder / SALT
    if not path.is_file() or path.stat().st_size != SALT_BYTES:
        path.unlink(missing_ok=True)
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(secrets.token_bytes(SALT_BYTES))
    return path.read_bytes()


def _address(host: str, port: int, password: str | None) -> str:
    host = socket.gethostname() if host in EVERYWHERE else host
    shown = f"[{host}]" if ":" in host else host
    is_token = password is not None and PASSWORD not in os.environ
    return f"http://{shown}:{port}/" + (f"?token={password}" if is_token else "")


@contextlib.contextmanager
def _listening(settings: ServeSettings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
            listener.listen(128)
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise InputError(f"{where}: cannot listen there ({error.strerror}); try another --port") from None
        yield listener


def _sweep(folder: Path, over: threading.Event) -> None:
    while not over.wait(SWEEP_SECONDS):
        with contextlib.suppress(OSError):
            remove_unused(folder)
