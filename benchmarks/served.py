"""The page in a process of its own, for a script that asks it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

END_SECONDS = 60.0
"""After which a server that was asked to end is killed."""


@contextmanager
def served(
    folder: Path, options: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve the page on a free port: its process and its address; ends the program where it does not start.

    folder: where its runs are kept; options: of `lowreel serve`; environment: beside that of this process.
    """
    words = [sys.executable, "-m", "lowreel", "serve", "-o", str(folder), "--port", "0", *options]
    environment = os.environ | (environment or {})
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://\S+", server.stdout.readline())
            if found is None:
                sys.exit("the page did not start; run `lowreel serve` by hand to see why")
            yield server, found[0]
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
