"""What is said of a recovery: how its fit ended, and whether to trust it. Importing this needs no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

OutcomeKind = Literal["finished", "converged", "stopped", "diverged"]

VerdictKind = Literal["use", "use_with_care", "undecided", "unknown", "do_not_use"]
"""unknown: nothing was there to judge by, or to compare with."""


ALIKE_DB = 1.0
"""Of two clips whose levels on held-out data differ by less, and that by chance, neither is preferred, and the mean is
recommended: with errors in common it is half of that below the better one, with errors of their own 2 to 3 dB above
both (docs/choices.md)."""

ROUNDED_DB = 0.05
"""Levels that differ by less are the same in the digits that are told."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended, and a sentence that says what to do. interrupted: stopped by the user, not by a time limit.

    stopped: the epochs made are too few, so that the run may be gone on with; one that a time limit has shortened is
    finished where it made enough of its epochs.
    """

    kind: OutcomeKind
    sentence: str
    interrupted: bool = False


@dataclass(frozen=True)
class Verdict:
    """Whether to trust a result, by data that was not fitted: the kind, and one sentence or a few for the user."""

    kind: VerdictKind
    sentence: str

    def with_more(self, sentence: str) -> Verdict:
        """This verdict with one more sentence; an empty one adds nothing."""
        return replace(self, sentence=f"{self.sentence} {sentence}") if sentence else self


def judge(
    heldout_db: float, baseline_dbs: Mapping[str, float], chance_of: str = "", judged_by: str = "held-out data"
) -> Verdict:
    """Whether the result can be trusted: compares it with the baselines on data that was not fitted.

    Levels are PSNR in dB, the peak being the range of the clip, so that a dark clip does not flatter itself. A level
    that is not a number is passed over. judged_by: what was held out, in words; chance_of: how much, where so little
    cannot tell the result from the best baseline.
    """
    known = {name: db for name, db in baseline_dbs.items() if not math.isnan(db)}
    if math.isnan(heldout_db):
        return Verdict("unknown", "No data was held out, so nothing can be said.")
    if not known:
        told = f"On {judged_by} its PSNR is {heldout_db:.1f} dB; no baseline was run to compare it with."
        return Verdict("unknown", told)
    name, bar = max(known.items(), key=lambda item: item[1])
    gain = 0.0 if bar == heldout_db else heldout_db - bar
    if chance_of and gain > -ALIKE_DB:
        far = f"{abs(gain):.1f} dB {'better' if gain > 0 else 'worse'} than {name}, which may be chance"
        if abs(gain) < ROUNDED_DB:
            far = f"as good as {name}"
        return Verdict(
            "undecided",
            f"Undecided: on {chance_of} it is {far}; look at the clip, or use a larger --heldout.",
        )
    if gain >= 1:
        told = f"Use it: on {judged_by} it is {gain:.1f} dB better than the best baseline ({name}, {bar:.1f} dB)."
        return Verdict("use", told)
    if gain >= 0.3:
        told = f"Use with care: on {judged_by} it is only {gain:.1f} dB better than {name} ({bar:.1f} dB)."
        return Verdict("use_with_care", told)
    return Verdict(
        "do_not_use",
        f"Do not use: on {judged_by} it is no better than {name} ({heldout_db:.1f} against {bar:.1f} dB); "
        "allow more time, or take the baseline.",
    )


def judge_within_noise(name: str, is_better: bool, is_chance: bool, judged_by: str) -> Verdict:
    """What is said where the result and the best baseline, of this name, both explain the held-out data to the noise:
    then no level tells how far apart they are, but which is nearer to the data may still be beyond chance."""
    told = f"on {judged_by} both it and {name} explain the data to the noise"
    if is_chance:
        return Verdict("undecided", f"Undecided: {told}; look at both, or use a larger --heldout.")
    if is_better:
        return Verdict("use_with_care", f"Use with care: {told}; it is nearer to the data, beyond chance.")
    return Verdict("do_not_use", f"Do not use: {told}, and {name} is nearer to the data; take the baseline.")


DOUBTS: dict[VerdictKind, str] = {
    "do_not_use": "Do not use {}.",
    "undecided": "Undecided: {}.",
    "unknown": "Nothing can be said of {}.",
}
"""How the verdict on a whole names the sections that it does not hold for."""


def judge_sections(whole: Verdict, found: Sequence[VerdictKind], lengths: Sequence[int]) -> Verdict:
    """The verdict on a clip in sections. It names sections with another verdict; "undecided" if most frames are that.

    whole: by the levels of all sections together; lengths: frames of each section.
    """
    undecided = sum(n for kind, n in zip(found, lengths, strict=True) if kind == "undecided")
    if whole.kind in ("use", "use_with_care") and 2 * undecided > sum(lengths):
        told = "Undecided: in most sections, what is better than the best baseline may be chance; look at the clip."
        whole = Verdict("undecided", told)
    for doubt, words in DOUBTS.items():
        these = [f"{k:03d}" for k, kind in enumerate(found) if kind == doubt]
        if these and len(these) < len(found) and whole.kind != doubt:
            whole = whole.with_more(words.format(f"section{'s' if len(these) > 1 else ''} {', '.join(these)}"))
    return whole
