"""Data, and what is known of it: its file, its noise, its levels, what of it is held out."""

from .datafile import DataFile, Measured, checked, data_header
from .external import ARRAY_KINDS, Given, check_finite, data_of
from .holdout import hold_out
from .noise import (
    DATA_TERMS,
    add_dead_columns,
    add_poisson_noise,
    add_salt_and_pepper,
    add_white_noise,
    alive_in,
    is_exact,
    no_noise,
    noise_entry,
    weights_of,
)
from .scaling import Levels, estimate_scaling, in_levels

__all__ = [
    "ARRAY_KINDS",
    "DATA_TERMS",
    "DataFile",
    "Given",
    "Levels",
    "Measured",
    "add_dead_columns",
    "add_poisson_noise",
    "add_salt_and_pepper",
    "add_white_noise",
    "alive_in",
    "check_finite",
    "checked",
    "data_header",
    "data_of",
    "estimate_scaling",
    "hold_out",
    "in_levels",
    "is_exact",
    "no_noise",
    "noise_entry",
    "weights_of",
]
