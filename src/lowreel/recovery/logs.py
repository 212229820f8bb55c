"""What a recovery tells the logger `lowreel.recovery` while it is made."""

from __future__ import annotations

import logging

from .comparison import Baseline
from .fit import Progress

LOG = logging.getLogger(__name__)


class EpochsLogged:
    """Logs, of the progress after each epoch, fits of the search that have ended and each stage that begins."""

    def __init__(self) -> None:
        self.stage = ""
        self.trials = 0

    def __call__(self, progress: Progress) -> None:
        """Log what is new since the epoch before."""
        if progress.stage != self.stage:
            self.stage = progress.stage
            LOG.info("%s, epoch %d of %d", WORDS[progress.stage], progress.made, progress.planned)
        for trial in progress.trials[self.trials :]:
            LOG.info("fit %d: %r, %s", self.trials + 1, trial, trial.outcome.sentence)
            self.trials += 1


WORDS = {"fit": "fitting", "search": "choosing settings", "last": "last fit, with all data"}
"""Stages of a recovery in words."""


def log_baseline(name: str, baseline: Baseline) -> None:
    """Log a baseline that is better than those before."""
    LOG.info("baseline %s: %.2f dB (peak 1) on held-out data", name, baseline.heldout_db)
