"""How much a command tells, where to, and in which form. Imports no torch."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TextIO

from cyclopts import Parameter

LOGGER = "lowreel"
"""Name of the logger of the package, which those of its modules pass their records to."""


QUIET_HELP = "print nothing but errors and, with --json, the result"
VERBOSE_HELP = "log baselines, fits of the search and checkpoints of a run, on the error output"
JSON_HELP = "print the result as JSON, all else on the error output"


@Parameter(name="*")
@dataclass(frozen=True)
class Telling:
    """How much a command tells, and in which form.

    What is told goes to the standard output, or, where that holds JSON, to the standard error output.
    """

    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], help=QUIET_HELP)] = False
    verbose: Annotated[bool, Parameter(name=["--verbose", "-v"], help=VERBOSE_HELP)] = False
    as_json: Annotated[bool, Parameter(name="--json", help=JSON_HELP)] = False

    @property
    def stream(self) -> TextIO:
        """Where sentences and bars go."""
        return sys.stderr if self.as_json else sys.stdout

    def say(self, *lines: Any) -> None:
        """Print lines, unless it is to be quiet."""
        if not self.quiet:
            print(*lines, sep="\n", file=self.stream, flush=True)

    @contextlib.contextmanager
    def logged(self) -> Iterator[None]:
        """Within the block the records of the package's logger go to the standard error output, if that is wanted."""
        if not self.verbose:
            yield
            return
        with logged_to(sys.stderr):
            yield


@contextlib.contextmanager
def logged_to(stream: TextIO, name: str = "") -> Iterator[None]:
    """Within the block the records of the package's logger go to a stream too, each behind a name."""
    logger, handler = logging.getLogger(LOGGER), logging.StreamHandler(stream)
    level = logger.level
    before = name.replace("%", "%%") + (": " if name else "")
    handler.setFormatter(logging.Formatter(f"{before}%(asctime)s %(name)s: %(message)s", "%H:%M:%S"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
