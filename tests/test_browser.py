"""The page in a real Chromium, as somebody who has just been told its address."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("gradio", reason="the page needs the extra `web`")
sync_api = pytest.importorskip("playwright.sync_api", reason="the browser is driven by playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt install chromium)")

SHOTS = os.environ.get("LOWREEL_SCREENSHOTS")
"""A folder to keep pictures of the page in, for the docs."""


class Server:
    """`lowreel serve` in a process of its own."""

    def __init__(self, folder, *arguments):
        self.folder, self.arguments = folder, arguments
        self.start()

    def start(self):
        words = [sys.executable, "-m", "lowreel", "serve", "-o", "runs", "--port", "0", *self.arguments]
        self.process = subprocess.Popen(words, cwd=self.folder, stdout=subprocess.PIPE, text=True)
        self.address = re.search(r"http://\S+", self.process.stdout.readline())[0]

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        self.process.wait(30)
        self.process.stdout.close()


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


@pytest.fixture(params=[(1200, 900), (390, 844)], ids=["desk", "phone"])
def visitor(chromium, request):
    """A page of somebody with a screen of this size, and all that the browser asked for."""
    width, height = request.param
    phone = width < 500
    context = chromium.new_context(
        viewport={"width": width, "height": height}, is_mobile=phone, has_touch=phone, accept_downloads=True
    )
    context.set_default_timeout(60_000)
    page = context.new_page()
    asked = []
    page.on("request", lambda sent: asked.append(sent.url))
    yield page, asked
    context.close()


def shot(page, name):
    if SHOTS:
        width = page.viewport_size["width"]
        page.screenshot(path=str(Path(SHOTS) / f"{name}{'-phone' if width < 500 else ''}.png"), full_page=True)


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


def test_a_newcomer_recovers_the_demo(server, visitor, tmp_path):
    """Opens the page, starts the demo, sees frames change and the loss fall, stops it, wipes, takes the video away,
    reloads and finds the run again. Nobody else is asked for anything; nothing is wider than the screen."""
    page, asked = visitor
    page.goto(server.address)
    page.get_by_text("How it is recovered").click()
    page.locator("#RecoverSettings-steps textarea, #RecoverSettings-steps input").fill("4000")
    page.locator("#start").click()
    page.wait_for_selector("#told .told")
    first, before = page.locator("#told .strip img").first.get_attribute("src"), loss_of(page)
    page.wait_for_function(
        "before => parseFloat(document.querySelector('#told .told').dataset.loss) < 0.5 * before", arg=before
    )
    assert page.locator("#told .strip img").first.get_attribute("src") != first
    assert page.locator("#told svg.plot").count() == 2
    shot(page, "page-running")
    assert re.search(r"\?run=[\w-]{22}$", page.url)
    page.locator("#stop").click()
    page.wait_for_selector("#results table.figures")
    page.wait_for_selector("#wipe img")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    shown = page.locator("#wipe img").last.get_attribute("src")
    page.locator("#frame input[type=number]").fill("3")
    page.locator("#frame input[type=number]").press("Enter")
    page.wait_for_function("old => [...document.querySelectorAll('#wipe img')].at(-1).src != old", arg=shown)
    handle = page.locator("#wipe .slider-wrap, #wipe [role=slider], #wipe .outer").last.bounding_box()
    assert handle is not None
    shot(page, "page-finished")
    with page.expect_download() as download:
        page.get_by_role("link", name="recovered.mp4").click()
    download.value.save_as(tmp_path / "recovered.mp4")
    assert (tmp_path / "recovered.mp4").stat().st_size > 1000
    page.reload()
    page.wait_for_selector("#results table.figures")
    assert "Stopped by Ctrl-C" in page.locator("#figures").inner_text()
    page.wait_for_selector("#mine a")
    page.get_by_role("tab", name="Look").click()
    choose(page, "[id='run-first run']")
    choose(page, "[id='run-second run']")
    page.wait_for_function("document.querySelectorAll('#pair img').length == 2")
    shot(page, "page-look")
    page.get_by_role("tab", name="Interpolate").click()
    choose(page, "#path-run")
    page.wait_for_selector("#drawn img")
    drawn = page.locator("#drawn img").get_attribute("src")
    page.locator("#place input[type=number]").fill("0.5")
    page.locator("#place input[type=number]").press("Enter")
    page.wait_for_function("old => document.querySelector('#drawn img').src != old", arg=drawn)
    shot(page, "page-interpolate")
    assert asked
    assert not asked_elsewhere(asked, server.address)
