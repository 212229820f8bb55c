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
    NaN where it was not asked; is_chance: whether their difference is within two standard errors."""

    clips: int
    chosen: Chosen
    together_db: float
    alone_db: float = math.nan
    is_chance: bool = False

    @property
    def gain(self) -> float:
        """By how many dB together is better than alone on the clip's held-out data; NaN where it was not asked."""
        return self.together_db - self.alone_db

    @property
    def sentence(self) -> str:
        """What was chosen, and by how much it is better."""
        others = f"{self.clips - 1} other clip{'s' if self.clips > 2 else ''}"
        if math.isnan(self.gain):
            return f"Recovered together with {others}, by one generator; alone it was not tried."
        chance = ", which may be chance" if self.is_chance else ""
        told = f"on its held-out data that is {abs(self.gain):.1f} dB better than"
        if self.chosen == "together":
            return f"Recovered together with {others}, by one generator: {told} alone{chance}."
        return f"Recovered alone: {told} together with {others}{chance}."
