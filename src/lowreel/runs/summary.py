"""summary.json: what a run came to, as one frozen model. Importing this needs no torch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer, SerializerFunctionWrapHandler, ValidationError
from pydantic import model_serializer as serializer

from ..errors import InputError
from ..recovery.sharing import Chosen
from ..recovery.verdict import OutcomeKind, VerdictKind
from ..settings import Candidate
from ..system.files import read_json, write_json

FILE = "summary.json"
SUMMARY_VERSION = 1


def rounded(value: float) -> float | None:
    """A figure as summaries have it: four digits, or None where it is not a number."""
    return None if math.isnan(value) else round(value, 4)


def finite(value: float | None) -> float | str | None:
    """The value for JSON, which knows no infinity: "inf" or "-inf"."""
    return value if value is None or math.isfinite(value) else str(value)


Level = Annotated[float | None, PlainSerializer(finite)]
"""A level in dB, infinite where there is no error; None where there is no such level."""


class _Figures(BaseModel):
    """Fields that nobody has set are not written: they do not apply."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    @serializer(mode="wrap")
    def _as_set(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if name in self.model_fields_set}


class Ended(_Figures):
    """How the run ended, and a sentence that says what to do."""

    kind: OutcomeKind
    sentence: str


class SectionFigures(_Figures):
    """What a section came to. frames: its first and one past its last; scene: the number of its scene; follows_camera:
    whether its frames are parts of a larger picture."""

    frames: tuple[int, int]
    scene: int
    heldout_db: Level = None
    psnr: Level = None
    ssim: float | None = None
    rank: int | None = None
    seconds: float = 0.0
    follows_camera: bool = False


class SharingFigures(_Figures):
    """How a clip of a group was recovered; the fields are those of `recovery.sharing.Sharing`."""

    clips: int
    chosen: Chosen
    together_db: Level = None
    alone_db: Level = None
    is_chance: bool = False
    by_all: bool = False


class Summary(_Figures):
    """The content of summary.json; docs/format.md says what each field means.

    psnr to baselines_psnr_range are set where there is a true clip (psnr_recommended where another clip than the one
    that is delivered is recommended, too), heldout_db_representation where clips are refined,
    gap_factor where it is not 1, scenes and sections of a run in sections, together of a clip of a group.
    """

    version: Literal[1] = 1
    outcome: Ended
    frames: int
    height: int
    width: int
    channels: int
    operator: dict[str, Any]
    noise: dict[str, Any]
    numbers_per_pixel: float
    preset: str
    steps: int
    last_steps: int
    chosen: int | None = None
    seconds: float
    device: str
    precision: str
    delivered: str
    seed: int
    rank: int
    similarity: float
    weight_decay: float
    early_weight_decay: float | None
    quality: str | None
    search: tuple[dict[str, Any], ...]
    choice: Candidate | None
    uncertainty: dict[str, Any] | None
    generator: dict[str, Any]
    generator_start: str
    parameters: dict[str, int]
    stored_bytes: int | None = None
    bits_per_pixel: float | None = None
    measured_numbers: int | None = None
    heldout_db: Level
    verdict: VerdictKind
    trust: str
    best_baseline: str | None
    baselines_heldout_db: dict[str, Level]
    clip_range: tuple[float, float] | None = None
    heldout_range_db: Level = None
    baselines_heldout_range_db: dict[str, Level] = {}
    recommended: str = "generator"
    recommended_heldout_db: Level = None
    unseen_share: float = 0.0
    psnr: Level = None
    psnr_range: Level = None
    ssim: float | None = None
    psnr_complex: Level = None
    psnr_representation: Level = None
    psnr_range_representation: Level = None
    psnr_recommended: Level = None
    baselines: dict[str, Level] = {}
    baselines_psnr_range: dict[str, Level] = {}
    scenes: int = 1
    sections: tuple[SectionFigures, ...] = ()
    request: dict[str, Any] | None = None
    settings: dict[str, Any] | None = None
    solver: dict[str, Any] | None = None
    environment: dict[str, Any] | None = None
    together: SharingFigures | None = None
    refined: bool = False
    heldout_db_representation: Level = None
    gap_factor: float = 1.0

    @property
    def delivered_db(self) -> float | None:
        """The level on held-out data of the clip that is delivered, the generator's or a baseline's."""
        return self.heldout_db if self.delivered == "generator" else self.baselines_heldout_db.get(self.delivered)

    @property
    def drawn_db(self) -> float | None:
        """`heldout_db` of what the representation draws."""
        return self.heldout_db_representation if self.refined else self.heldout_db

    @property
    def is_complete(self) -> bool:
        """Whether the run is at its end; one that was stopped may be gone on with."""
        return self.outcome.kind != "stopped"

    def write(self, folder: Path) -> None:
        """Write summary.json, the last file of a run: it says that the others are complete."""
        write_json(folder / FILE, self.model_dump(mode="json"))

    @staticmethod
    def read(folder: Path) -> Summary | None:
        """The summary of the run in a folder; None where that has not ended.

        Raises InputError for a damaged file, and one of another version.
        """
        path = folder / FILE
        return summary_of(read_json(path), str(path)) if path.is_file() else None


def summary_of(content: Any, label: str) -> Summary:
    """The summary in the content of a file. Raises InputError, with the label, for other content or a newer version."""
    version = content.get("version", 0) if isinstance(content, dict) else 0
    if isinstance(version, int) and version > SUMMARY_VERSION:
        raise InputError(f"{label}: of a newer lowreel (version {version}); upgrade to read it")
    try:
        return Summary.model_validate({"version": version} | content)
    except (ValidationError, TypeError) as error:
        wrong = ", ".join(map(str, error.errors()[0]["loc"])) if isinstance(error, ValidationError) else "its content"
        raise InputError(
            f"{label}: no summary of this version of lowreel ({wrong}); restore the file or recover the clip again"
        ) from None
