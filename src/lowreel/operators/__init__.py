"""Operators: what a camera makes of a clip."""

from .adapters import ExternalOperator, Functions, as_linear_operator, as_scipy, is_external
from .base import Composed, Data, LinearOperator, Part, Stacked, inner, is_stack, map_data, spec_hash, tensors_of
from .data_consistency import project_onto_data
from .diagnose import Diagnosis, check_operator, diagnose
from .pixels import Identity, Mask, MissingBlocks, MissingFrames, MissingPixels
from .plugin import operator_from_name
from .projections import Gaussian, Projections, Signs
from .repetition import repeated_rows
from .resample import Bayer, Blur, Downsample, LongExposure
from .snapshot import Snapshot
from .spec import from_spec, is_rebuilt
from .temporal_slice import extend, part_frames, temporal_slice, temporal_slice_rows
from .transforms import Cosine, Fourier, SinglePixel

__all__ = [
    "Bayer",
    "Blur",
    "Composed",
    "Cosine",
    "Data",
    "Diagnosis",
    "Downsample",
    "ExternalOperator",
    "Fourier",
    "Functions",
    "Gaussian",
    "Identity",
    "LinearOperator",
    "LongExposure",
    "Mask",
    "MissingBlocks",
    "MissingFrames",
    "MissingPixels",
    "Part",
    "Projections",
    "Signs",
    "SinglePixel",
    "Snapshot",
    "Stacked",
    "as_linear_operator",
    "as_scipy",
    "check_operator",
    "diagnose",
    "extend",
    "from_spec",
    "inner",
    "is_external",
    "is_rebuilt",
    "is_stack",
    "map_data",
    "operator_from_name",
    "part_frames",
    "project_onto_data",
    "repeated_rows",
    "spec_hash",
    "temporal_slice",
    "temporal_slice_rows",
    "tensors_of",
]
