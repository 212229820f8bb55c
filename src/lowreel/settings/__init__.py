"""Every setting of the product, defined once: default, meaning, bounds. Imports no torch.

The command line, the run folder's `config.json` and the Python functions all use these models.
"""

from .batch import BatchSettings
from .data import ArraysSettings, ClipSettings, MeasureSettings, NoiseSettings
from .interpolation import InterpolateSettings
from .keywords import FillKeywords, PackKeywords, RecoverKeywords
from .model import Seed, Settings, settings_sentence
from .packing import (
    CLIP_EPOCHS,
    DEFAULT_LOSS_DB,
    LEAST_CLIP_UPDATES,
    PACK_UPDATES,
    RECOVERED_SHARE,
    PackSettings,
    UnpackSettings,
)
from .page import ServeSettings
from .records import FillSettings
from .recovery import (
    ENOUGH_HELDOUT_NUMBERS,
    LARGE_SECTION_FRAMES,
    LEAST_HELDOUT_SHARE,
    MOST_HELDOUT_SHARE,
    SECTION_FRAMES,
    WARM_EPOCHS_SHARE,
    WARM_STEP_FACTOR,
    Auto,
    ContinuedSettings,
    Device,
    RecoverSettings,
    enough_share,
)
from .search import (
    BRANCH_SHARE,
    LAST_EPOCHS_SHARE,
    LAST_STEP_SHARE,
    LONGER,
    LOOK_SHARE,
    MOVES,
    SWEEPS,
    Candidate,
    Quality,
)
from .solver import BATCH_PIXELS, PRESETS, UPDATES, DataTerm, Precision, Preset, SolverSettings
from .together import TogetherSettings
from .training import TRAINING_STEPS, ImagesSettings, TrainSettings

__all__ = [
    "BATCH_PIXELS",
    "BRANCH_SHARE",
    "CLIP_EPOCHS",
    "DEFAULT_LOSS_DB",
    "ENOUGH_HELDOUT_NUMBERS",
    "LARGE_SECTION_FRAMES",
    "LAST_EPOCHS_SHARE",
    "LAST_STEP_SHARE",
    "LEAST_CLIP_UPDATES",
    "LEAST_HELDOUT_SHARE",
    "LONGER",
    "LOOK_SHARE",
    "MOST_HELDOUT_SHARE",
    "MOVES",
    "PACK_UPDATES",
    "PRESETS",
    "RECOVERED_SHARE",
    "SECTION_FRAMES",
    "SWEEPS",
    "TRAINING_STEPS",
    "UPDATES",
    "WARM_EPOCHS_SHARE",
    "WARM_STEP_FACTOR",
    "ArraysSettings",
    "Auto",
    "BatchSettings",
    "Candidate",
    "ClipSettings",
    "ContinuedSettings",
    "DataTerm",
    "Device",
    "FillKeywords",
    "FillSettings",
    "ImagesSettings",
    "InterpolateSettings",
    "MeasureSettings",
    "NoiseSettings",
    "PackKeywords",
    "PackSettings",
    "Precision",
    "Preset",
    "Quality",
    "RecoverKeywords",
    "RecoverSettings",
    "Seed",
    "ServeSettings",
    "Settings",
    "SolverSettings",
    "TogetherSettings",
    "TrainSettings",
    "UnpackSettings",
    "enough_share",
    "settings_sentence",
]
