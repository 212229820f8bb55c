"""Draw the pictures of docs/page.md: python docs/page_pictures.py docs. Needs Chromium; takes two minutes.

Serves the page, recovers the demo clip on it, and takes it as it goes on and at the end, on a screen and on a phone.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.served import served

SCREENS = {"": (1280, 860), "-narrow": (390, 844)}
"""Sizes in pixels, by the ends of the names of the pictures."""

EPOCHS_SHARE = 0.6
"""Part of the epochs after which the run is taken while it goes on."""

PATIENCE = 600_000
"""Milliseconds that a step of the run may take."""

IS_FAR = (
    "share => { const found = document.querySelector('#told .told')?.innerText.match(/epoch (\\d+) of (\\d+)/);"
    " return found && found[1] > share * found[2]; }"
)


def picture_of(page: Any, folder: Path, name: str) -> None:
    """Take the page as it is, in its whole height."""
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(1000)
    page.screenshot(path=str(folder / f"{name}.png"), full_page=True)


def main(folder: Path, address: str) -> None:
    """Recover the demo clip, and take what is seen of it."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        pages = {}
        for end, (width, height) in SCREENS.items():
            pages[end] = browser.new_context(viewport={"width": width, "height": height}).new_page()
            pages[end].set_default_timeout(PATIENCE)
        wide, narrow = pages.values()
        wide.goto(address)
        wide.wait_for_function("document.querySelector('#example video')?.readyState == 4")
        wide.locator("#start").click()
        wide.wait_for_function("location.search.startsWith('?run=')")
        narrow.goto(wide.url)
        for end, page in pages.items():
            page.wait_for_function(IS_FAR, arg=EPOCHS_SHARE)
            picture_of(page, folder, f"page-running{end}")
        for end, page in pages.items():
            page.wait_for_selector("#results table.figures")
            page.wait_for_selector("#wipe img")
            picture_of(page, folder, f"page-finished{end}")
        browser.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place, served(Path(place)) as (_, at):
        main(Path(sys.argv[1]), at)
