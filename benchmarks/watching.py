"""What it costs to watch a run on the page: the same recovery with a browser that looks at it, and with none, in turn.

`python -m benchmarks watching` serves the page, opens it in a Chromium, and recovers the demo clip from there. Where
nobody is to watch, the browser is closed when the run has begun. Told are the seconds of the fit, and the seconds of
processor time that run, server and browser took from the first picture to the end, on the cores that they share.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lowreel.system.processes import die_with_parent

from .results import Rows
from .served import served

MEASURED = "fit", "server", "browser", "seconds"

POLL_SECONDS = 0.05
"""Seconds between two looks at the files of the run."""

LONGEST_SECONDS = 1200.0
"""Seconds that one run may take."""


def processor_seconds(server: int) -> dict[str, float]:
    """Seconds of processor time so far of the fit, the server and the browser, each with what it has started."""
    import psutil

    spent = {"fit": 0.0, "server": 0.0, "browser": 0.0}
    for process in psutil.Process(os.getpid()).children(recursive=True):
        try:
            used, name = process.cpu_times(), process.name()
            is_fit = any(parent.pid == server for parent in process.parents())
        except psutil.Error:
            continue
        group = "server" if process.pid == server else "fit" if is_fit else "browser"
        if "node" not in name:  # what drives the browser is no part of it
            spent[group] += used.user + used.system
    return spent


def wait_for(there: Callable[[], Any], what: str) -> Any:
    """What is there in the end; ends the program where it does not come."""
    end = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < end:
        if found := there():
            return found
        time.sleep(POLL_SECONDS)
    sys.exit(f"benchmarks watching: {what} did not come in {LONGEST_SECONDS:g} s")


def begun(page: Any, address: str, steps: int) -> str:
    """Start the demo clip on the page as a visitor does; the address of the run."""
    page.goto(address)
    page.get_by_text("How it is recovered").click()
    page.locator("#RecoverSettings-steps textarea, #RecoverSettings-steps input").fill(str(steps))
    page.locator("#start").click()
    page.wait_for_function("location.search.startsWith('?run=')")
    return str(page.url.rpartition("=")[2])


def watched_run(server: int, address: str, folder: Path, steps: int, *, is_watched: bool) -> dict[str, Any]:
    """One recovery; a row of what it took."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(120_000)
        run = folder / begun(page, address, steps) / "run"
        if not is_watched:
            browser.close()
        wait_for((run / "live.safetensors").is_file, "the first picture")
        before = processor_seconds(server)
        wait_for((run / "summary.json").is_file, "the end of the run")
        after = processor_seconds(server)
        if is_watched:
            page.wait_for_selector("#results table.figures")
            browser.close()
    seconds = json.loads((run / "summary.json").read_text())["seconds"]
    spent = {name: round(after[name] - before[name], 2) for name in before}
    return {"watched": is_watched, "steps": steps, "seconds": round(seconds, 2), **spent}


def chromium() -> str:
    """Where the browser is; ends the program where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        sys.exit("benchmarks watching: no Chromium on this machine (Debian: apt install chromium)")
    return found


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks watching", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="runs of each kind")
    parser.add_argument("--steps", type=int, default=200, help="epochs of a run")
    parser.add_argument("--of", default="the page", help="what is measured, in the row that is kept")
    given = parser.parse_args(arguments)
    die_with_parent()
    rows = []
    with tempfile.TemporaryDirectory() as place, served(Path(place)) as (server, address):
        for number in range(2 * given.repeats):
            is_watched = number % 2 == 1
            row = watched_run(server.pid, address, Path(place), given.steps, is_watched=is_watched)
            rows.append(row)
            print(json.dumps(row), flush=True)
    found = costs(rows)
    Rows("watching").add({"of": given.of, "steps": given.steps, **found, "rows": rows})
    print(json.dumps(found, indent=1))


def costs(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Medians of the runs, watched and not, and what watching adds, in percent of the run that nobody watches."""
    of = {watched: [row for row in rows if row["watched"] is watched] for watched in (False, True)}
    alone, seen = ({key: statistics.median(row[key] for row in of[w]) for key in MEASURED} for w in (False, True))
    added = seen["server"] + seen["browser"] - alone["server"] - alone["browser"]
    return {
        "seconds_alone": round(alone["seconds"], 2),
        "seconds_watched": round(seen["seconds"], 2),
        "longer_percent": round(100 * (seen["seconds"] / alone["seconds"] - 1), 1),
        "server_seconds": round(seen["server"], 2),
        "browser_seconds": round(seen["browser"], 2),
        "processor_percent": round(100 * added / alone["fit"], 1),
    }
