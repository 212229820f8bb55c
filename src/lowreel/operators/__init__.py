"""Operators: what a camera makes of a clip."""

from .adapters import Foreign, Functions, as_measurement, as_scipy, is_of_others
from .base import Composed, Data, Measurement, Part, Stacked, inner, is_stack, map_data, spec_hash, tensors_of
from .data_consistency import nearest_consistent
from .diagnose import Examination, check_operator, examine
from .pixels import Identity, Mask, MissingBlocks, MissingFrames, MissingPixels
from .plugin import operator_from_name
from .projections import Gaussian, Projections, Signs
from .repetition import rows_alike
from .resample import Bayer, Blur, Downsample, LongExposure
from .snapshot import Snapshot
from .spec import from_spec, is_rebuilt
from .temporal_slice import excerpt, excerpt_rows, part_frames, prolonged
from .transforms import Cosine, Fourier, SinglePixel

__all__ = [
    "Bayer",
    "Blur",
    "Composed",
    "Cosine",
    "Data",
    "Downsample",
    "Examination",
    "Foreign",
    "Fourier",
    "Functions",
    "Gaussian",
    "Identity",
    "LongExposure",
    "Mask",
    "Measurement",
    "MissingBlocks",
    "MissingFrames",
    "MissingPixels",
    "Part",
    "Projections",
    "Signs",
    "SinglePixel",
    "Snapshot",
    "Stacked",
    "as_measurement",
    "as_scipy",
    "check_operator",
    "examine",
    "excerpt",
    "excerpt_rows",
    "from_spec",
    "inner",
    "is_of_others",
    "is_rebuilt",
    "is_stack",
    "map_data",
    "nearest_consistent",
    "operator_from_name",
    "part_frames",
    "prolonged",
    "rows_alike",
    "spec_hash",
    "tensors_of",
]
