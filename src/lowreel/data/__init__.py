"""Data, and what is known of it: its file, its noise, its levels, what of it is held out."""

from .datafile import DataFile, Measured, checked, data_header
from .difficulty import gap_factor
from .external import ARRAY_KINDS, Given, check_finite, data_of
from .holdout import FEW_NUMBERS, held_out_by, hold_out, holes
from .mask_check import contradiction
from .noise import (
    DeadColumns,
    Noise,
    NoNoise,
    PoissonNoise,
    SaltAndPepper,
    UnknownNoise,
    WhiteNoise,
    add_dead_columns,
    add_poisson_noise,
    add_salt_and_pepper,
    add_white_noise,
    as_noise,
)
from .scaling import Levels, estimate_scaling, in_levels

__all__ = [
    "ARRAY_KINDS",
    "FEW_NUMBERS",
    "DataFile",
    "DeadColumns",
    "Given",
    "Levels",
    "Measured",
    "NoNoise",
    "Noise",
    "PoissonNoise",
    "SaltAndPepper",
    "UnknownNoise",
    "WhiteNoise",
    "add_dead_columns",
    "add_poisson_noise",
    "add_salt_and_pepper",
    "add_white_noise",
    "as_noise",
    "check_finite",
    "checked",
    "contradiction",
    "data_header",
    "data_of",
    "estimate_scaling",
    "gap_factor",
    "held_out_by",
    "hold_out",
    "holes",
    "in_levels",
]
