"""Operators: what a camera makes of a clip."""

from . import mri, pixels, projections, real_form, resample, simulated_scan, snapshot, stack, trajectories, transforms
from .adapters import Functions, as_linear_operator, clip_shape_of_data
from .base import Composed, LinearOperator, Sum
from .block_diagonal import BlockDiagonal, joined_data
from .data_consistency import project_onto_data
from .diagnose import Diagnosis, check_operator, diagnose
from .external import ExternalOperator, is_external
from .maps import LinearMap
from .mri import *
from .parts import Part, is_stack
from .pixels import *
from .plugin import operator_from_name
from .projections import *
from .real_form import *
from .resample import *
from .simulated_scan import *
from .snapshot import *
from .spec import class_of, from_settings, from_spec, is_of_complex_clips, is_rebuilt, spec_hash
from .stack import *
from .subpixels import tells_subpixels_apart
from .temporal_slice import extend, part_frames, part_frames_of, temporal_slice, temporal_slice_rows
from .tensors import Data, count_of, inner, map_data, taken_at, tensors_of
from .to_scipy import as_scipy
from .trajectories import *
from .transforms import *

__all__ = [
    "BlockDiagonal",
    "Composed",
    "Data",
    "Diagnosis",
    "ExternalOperator",
    "Functions",
    "LinearMap",
    "LinearOperator",
    "Part",
    "Sum",
    "as_linear_operator",
    "as_scipy",
    "check_operator",
    "class_of",
    "clip_shape_of_data",
    "count_of",
    "diagnose",
    "extend",
    "from_settings",
    "from_spec",
    "inner",
    "is_external",
    "is_of_complex_clips",
    "is_rebuilt",
    "is_stack",
    "joined_data",
    "map_data",
    "operator_from_name",
    "part_frames",
    "part_frames_of",
    "project_onto_data",
    "spec_hash",
    "taken_at",
    "tells_subpixels_apart",
    "temporal_slice",
    "temporal_slice_rows",
    "tensors_of",
]
__all__ += pixels.__all__ + projections.__all__ + resample.__all__ + snapshot.__all__ + stack.__all__
__all__ += transforms.__all__ + real_form.__all__ + mri.__all__ + simulated_scan.__all__ + trajectories.__all__
