"""What the search over settings tries, and how many epochs each of its fits gets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .model import Settings
from .solver import SolverSettings

Quality = Literal["draft", "standard", "best"]


class Candidate(Settings):
    """What the search over settings chooses by held-out data: the settings of one of its fits."""

    extra_stages: Annotated[int, Field(ge=0)] = Field(
        0, description="stages of upsampling of the decoder beyond its usual ones: it then starts from a coarser grid"
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(description="`SolverSettings.weight_decay`")
    similarity: Annotated[float, Field(ge=0, lt=1)] = Field(description="`SolverSettings.similarity`")
    early_weight_decay: Annotated[float, Field(ge=0)] | None = Field(
        None, description="`SolverSettings.early_weight_decay`"
    )

    def solver(self, base: SolverSettings) -> SolverSettings:
        """`base` with this choice put in."""
        chosen = {
            "weight_decay": self.weight_decay,
            "similarity": self.similarity,
            "early_weight_decay": self.early_weight_decay,
        }
        return base.model_copy(update=chosen)

    def going_on(self) -> Candidate:
        """The same for a fit that starts from the weights of another one: what is done early only is behind it."""
        return self.model_copy(update={"early_weight_decay": None})

    @property
    def begins_afresh(self) -> bool:
        """Whether its fit differs from the preset's before `BRANCH_SHARE` of the epochs: it cannot go on from that."""
        return self.extra_stages > 0 or self.early_weight_decay is not None


MOVES: dict[Quality, tuple[dict[str, float], ...]] = {
    "draft": (),
    "standard": ({"early_weight_decay": 10.0}, {"similarity": 0.1}),
    "best": (
        {"early_weight_decay": 10.0},
        {"similarity": 0.1},
        {"extra_stages": 1},
        {"weight_decay": 10.0},
        {"similarity": 0.001},
    ),
}
"""What the search changes of the preset, one at a time; "best" does so a second time, with the best of the first."""

SWEEPS: dict[Quality, int] = {"draft": 0, "standard": 1, "best": 2}
"""How often `MOVES` are tried."""

BRANCH_SHARE, LOOK_SHARE = 0.5, 0.75
"""Shares of the epochs: up to the first all settings that are tried share one fit, and after the second the best alone
goes on (docs/choices.md)."""

LONGER: dict[Quality, int] = {"draft": 1, "standard": 1, "best": 2}
"""How many times as many epochs a fit gets."""

LAST_EPOCHS_SHARE, LAST_STEP_SHARE = 0.25, 0.3
"""The last fit, with all data, goes on from the best one: its share of the epochs, and of the step."""
