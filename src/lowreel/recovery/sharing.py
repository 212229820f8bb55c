"""Whether a clip was recovered better together with others or alone, by its held-out data. Importing this needs no
torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Chosen = Literal["together", "alone"]


@dataclass(frozen=True)
class Sharing:
    """How a clip of a group was recovered. clips: how many were fitted by one generator; chosen: what is delivered;
    together_db, alone_db: held-out error of both, neither of which has seen that data, as PSNR with peak 1, alone_db
    NaN where it was not asked. is_chance: whether their difference may be chance (`chance.is_chance`), so that the
    held-out data of all clips decides; by_all: whether that tells both apart. Where it does not, it is recovered
    together."""

    clips: int
    chosen: Chosen
    together_db: float
    alone_db: float = math.nan
    is_chance: bool = False
    by_all: bool = False

    @property
    def gain(self) -> float:
        """By how many dB together is better than alone on the clip's held-out data; NaN where it was not asked."""
        return self.together_db - self.alone_db

    @property
    def sentence(self) -> str:
        """What was chosen, by how much it is better, and what decided."""
        others = f"{self.clips - 1} other clip{'s' if self.clips > 2 else ''}"
        if math.isnan(self.gain):
            return f"Recovered together with {others}, by one generator; alone it was not tried."
        is_together = self.chosen == "together"
        gain = self.gain if is_together else -self.gain
        told = f"on its held-out data that is {abs(gain):.1f} dB {'better' if gain >= 0 else 'worse'} than"
        chance = ""
        if self.is_chance:
            of_all = "but over all clips it is better" if self.by_all else "and so it is over all clips"
            chance = f", which may be chance, {of_all}"
        if is_together:
            return f"Recovered together with {others}, by one generator: {told} alone{chance}."
        return f"Recovered alone: {told} together with {others}{chance}."
