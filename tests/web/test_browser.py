"""The page in a real Chromium, as somebody who has just been told its address."""

import re
import shutil
import signal
from urllib.parse import urlsplit

import numpy as np
import pytest
from conftest import moving
from served import Server

pytest.importorskip("gradio", reason="the page needs the extra `web`")
sync_api = pytest.importorskip("playwright.sync_api", reason="the browser is driven by playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt install chromium)")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    found = Server(tmp_path_factory.mktemp("server"))
    yield found
    found.end()


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


DESK, PHONE = (1200, 900), (390, 844)


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def visitor(chromium, request):
    """A page of somebody with a screen of this size, and all that the browser asked for."""
    (width, height), phone = request.param, request.param == PHONE
    context = chromium.new_context(
        viewport={"width": width, "height": height}, is_mobile=phone, has_touch=phone, accept_downloads=True
    )
    context.set_default_timeout(300_000)
    asked = []
    page = chromium_page(context, asked)
    yield page, asked
    context.close()


def chromium_page(context, asked):
    """A new tab; what it asks for is noted."""
    page = context.new_page()
    page.on("request", lambda sent: asked.append(sent.url))
    return page


def loss_of(page):
    return float(page.locator("#told .told").get_attribute("data-loss"))


def choose(page, where, number=0):
    page.locator(f"{where} input").click()
    page.locator("[role=option]").nth(number).click()


def asked_elsewhere(asked, address):
    """Requests to any host but the server."""
    own = urlsplit(address).netloc
    return [
        url for url in asked if urlsplit(url).scheme in ("http", "https", "ws", "wss") and urlsplit(url).netloc != own
    ]


def asks_while_hidden(page, asked):
    """Whether a page that nobody sees asks how a run stands; one that is seen again does."""
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true, configurable: true })")
    page.wait_for_timeout(1000)
    before, wait = len(asked), float(page.locator("#told [data-wait]").get_attribute("data-wait"))
    page.wait_for_timeout(1000 * (wait + 2))  # of a run that goes on for long it asks seldom
    found = [url for url in asked[before:] if "seen=" in url or "queue/join" in url]
    page.evaluate("delete document.hidden")
    with page.expect_request(lambda sent: "/standing?seen=" in sent.url):
        pass
    return bool(found)


def test_a_newcomer_recovers_the_demo(server, visitor, tmp_path):
    """Opens the page, starts the demo, sees a first picture and the loss fall, stops it, wipes, takes the video away,
    reloads and finds the run again. Nobody else is asked for anything; nothing is wider than the screen."""
    page, asked = visitor
    page.goto(server.address)
    page.get_by_text("How it is recovered").click()
    page.locator("#RecoverSettings-steps textarea, #RecoverSettings-steps input").fill("600")
    page.locator("#start").click()
    page.wait_for_selector("#told .strip img")
    page.wait_for_selector("#told .told[data-loss]")
    before = loss_of(page)
    page.wait_for_function(
        "before => parseFloat(document.querySelector('#told .told').dataset.loss) < 0.5 * before", arg=before
    )
    assert page.locator("#told .strip img").count() == 6
    assert page.locator("#told svg.plot").count() == 2
    assert not asks_while_hidden(page, asked)
    assert re.search(r"\?run=[\w-]{22}$", page.url)
    page.locator("#stop").click()
    page.wait_for_selector("#results table.figures")
    page.wait_for_selector("#wipe img")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    shown = page.locator("#wipe img").last.get_attribute("src")
    page.locator("#frame input[type=number]").fill("3")
    page.locator("#frame input[type=number]").press("Enter")
    page.wait_for_function(
        "old => ![old, undefined].includes([...document.querySelectorAll('#wipe img')].at(-1)?.src)", arg=shown
    )
    with page.expect_download() as download:
        page.get_by_role("link", name="recovered.mp4").click()
    download.value.save_as(tmp_path / "recovered.mp4")
    assert (tmp_path / "recovered.mp4").stat().st_size > 1000
    page.reload()
    page.wait_for_selector("#results table.figures")
    assert "Stopped after epoch" in page.locator("#figures").inner_text()
    page.wait_for_selector("#mine a")
    page.get_by_role("tab", name="Look").click()
    choose(page, "[id='run-first run']")
    choose(page, "[id='run-second run']")
    page.wait_for_function("document.querySelectorAll('#pair img').length == 2")
    page.get_by_role("tab", name="Interpolate").click()
    choose(page, "#path-run")
    page.wait_for_selector("#drawn img")
    drawn = page.locator("#drawn img").get_attribute("src")
    page.locator("#place input[type=number]").fill("0.5")
    page.locator("#place input[type=number]").press("Enter")
    page.wait_for_function("old => document.querySelector('#drawn img').src != old", arg=drawn)
    assert asked
    assert not asked_elsewhere(asked, server.address)


def test_password_opens_the_page(chromium, tmp_path, monkeypatch):
    """A wrong one does not, and says so; the right one does, and the address of a run is kept."""
    monkeypatch.setenv("LOWREEL_PASSWORD", "a secret")
    made = Server(tmp_path)
    context = chromium.new_context()
    page = context.new_page()
    page.goto(made.address + "?run=" + "a" * 22)
    for password, shown in (("wrong", "text=That is not it."), ("a secret", "#start")):
        page.locator("input[name=password]").fill(password)
        page.locator("button").click()
        page.wait_for_selector(shown, timeout=300_000)
    assert page.url.endswith("?run=" + "a" * 22)
    context.close()
    made.end()


@pytest.mark.parametrize("visitor", [DESK], indirect=True)
def test_files_of_strangers_and_of_friends(server, visitor, chromium, tmp_path):
    """A bad file is refused in a sentence and gone; a good one is recovered, and goes on when the server was killed and
    is there again. Somebody else is not told of it."""
    page, asked = visitor
    page.goto(server.address)
    page.get_by_label("a file of yours").click()
    for name, content in (
        ("<img src=x onerror=alert(1)>.mp4", b"\0" * 99),
        ("a.npy", b"\x93NUMPY\x01\x00v\x00" + b"\0" * 99),
    ):
        (tmp_path / name).write_bytes(content)
        page.locator("input[type=file]").set_input_files(str(tmp_path / name))
        page.wait_for_selector("#found .problem")
        assert not any(path.is_file() for path in (server.folder / "runs/.work/uploads").rglob(f"*{name[-4:]}"))
        page.reload()
        page.get_by_label("a file of yours").click()
    np.save(tmp_path / "mine.npy", moving(12, 1, 24, 32))
    page.locator("input[type=file]").set_input_files(str(tmp_path / "mine.npy"))
    page.wait_for_selector("text=A clip of 12 frames of 24x32 pixels")
    page.get_by_text("How it is recovered").click()
    page.locator("#RecoverSettings-steps textarea, #RecoverSettings-steps input").fill("100000")
    page.locator("#start").click()
    page.wait_for_selector("#told .told[data-loss]")
    address, port = page.url, urlsplit(server.address).port
    page.close()
    server.end(signal.SIGKILL)
    server.start(port)
    page = chromium_page(page.context, asked)
    page.goto(address)
    page.wait_for_selector("#told .told[data-loss]")
    assert "mine.npy" in page.locator("#told").inner_text()
    context = chromium.new_context()
    other = context.new_page()
    other.goto(server.address)
    other.wait_for_selector("#start")
    other.wait_for_timeout(3000)
    assert other.locator("#mine a").count() == 0
    context.close()
    page.locator("#stop").click()
    page.wait_for_selector("#results table.figures")
    assert not asked_elsewhere(asked, server.address)
