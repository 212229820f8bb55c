"""What the callback of `recover` is given: where a recovery stands, with frames on demand, and how it is stopped."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..errors import InputError
from ..model.representation import Representation
from ..recovery.fit import CTRL_C, Progress
from ..recovery.logs import EpochsLogged
from ..recovery.preparation import Given
from ..recovery.result import Recovery as Found
from ..system.form import Form


@dataclass(frozen=True, repr=False)
class RecoveryProgress(Progress):
    """Where a recovery stands after an epoch, as `Progress` has it, with what a callback asks for most.

    It may be kept, and given to `recover(..., resume=)` to go on from there.
    """

    put: Callable[[Representation], Any] | None = field(default=None, compare=False)

    @staticmethod
    def of(progress: Progress, given: Given, form: Form) -> RecoveryProgress:
        """The progress of a recovery of this data, whose clips are in this form."""

        def put(found: Representation) -> Any:
            frames = found.frames()
            return form.put(frames * given.levels.scale if given.is_complex else given.in_units(frames))

        return RecoveryProgress.drawing(progress, put)

    @staticmethod
    def drawing(progress: Progress, put: Callable[[Representation], Any]) -> RecoveryProgress:
        """The same progress with `put`, which draws what a representation is of."""
        known = {f.name: getattr(progress, f.name) for f in fields(Progress)}
        return RecoveryProgress(**known, put=put)

    def frames(self) -> Any:
        """The clip as far as the fit has come, (T, C, H, W), in the form and the units of the data; None before the
        first epoch. Of several clips a list with each, None for those that the fit is not of. Drawn when it is asked
        for: an epoch takes as long as before where it is not."""
        return None if self.now is None or self.put is None else self.put(self.now())

    @property
    def share(self) -> float:
        """Part of all planned epochs that is made, from 0 to 1."""
        return self.made / self.planned if self.planned else 0.0

    @property
    def loss(self) -> float:
        """Mean loss of the last epoch."""
        return self.state.loss

    def __repr__(self) -> str:
        return (
            f"RecoveryProgress({self.stage}, epoch {self.made} of {self.planned}, {self.seconds:.1f} s, "
            f"loss {self.loss:.3g}, held-out {self.heldout_db:.2f} dB)"
        )


class Watch:
    """The callback of fits: shows them, tells the user's own callback, and ends them where that says so.

    told: the user's; it ends the fits, which then give the best so far, by returning True, or by raising StopIteration
    or KeyboardInterrupt. show: what draws them; of: what the user's is given of an epoch.
    """

    def __init__(
        self,
        told: Callable[[RecoveryProgress], object] | None,
        show: Callable[[Progress], None],
        of: Callable[[Progress], RecoveryProgress],
    ) -> None:
        self.told, self.show, self.of = told, show, of
        self.has_stopped = False
        self.log = EpochsLogged()

    def __call__(self, progress: Progress) -> None:
        """Show an epoch; raises KeyboardInterrupt, by which a fit ends, where the user's callback ends it."""
        self.show(progress)
        self.log(progress)
        if self.told is None:
            return
        try:
            is_over = self.told(self.of(progress)) is True
        except StopIteration:
            is_over = True
        if is_over:
            self.has_stopped = True
            raise KeyboardInterrupt

    def said(self, found: Found, remedy: str) -> Found:
        """A recovery whose outcome names what ended it and, in place of flags of the command line, the remedy."""
        if not (self.has_stopped or found.outcome.interrupted):
            return found
        sentence = re.sub(r"Go on with --resume.*?\.$", remedy, found.outcome.sentence)
        sentence = sentence.replace(CTRL_C, "its callback") if self.has_stopped else sentence
        return replace(found, outcome=replace(found.outcome, sentence=sentence))


def check_callback(callback: Any) -> None:
    """Raise InputError for what is given as a callback and cannot be called."""
    if callback is not None and not callable(callback):
        raise InputError(f"callback: expected a function of a RecoveryProgress, or None, got {callback!r}")
