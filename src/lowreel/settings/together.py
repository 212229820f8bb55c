"""Whether several clips are recovered by one generator."""

from __future__ import annotations

from pydantic import Field

from .model import Settings


class TogetherSettings(Settings):
    """Whether clips are recovered together, and whether without asking if that is better."""

    together: bool = Field(False, description="recover all clips that are named by one generator, and each alone, too")
    always_together: bool = Field(False, description="the same, without the fit of each clip alone for comparison")

    @property
    def is_meant(self) -> bool:
        """Whether one of both was asked for."""
        return self.together or self.always_together
