"""Operators from what a file says of them, and from the settings that a user chose."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..catalogue import OPERATORS, OperatorSettings
from ..errors import InputError
from ..system import streams

if TYPE_CHECKING:
    from .base import LinearOperator

Spec = Mapping[str, Any]
Tensors = Mapping[str, Tensor]

WITHOUT_SETTINGS = (
    "pixels:Mask",
    "base:Sum",
    "external:ExternalOperator",
    "real_form:RealForm",
    "block_diagonal:BlockDiagonal",
)
"""Operators that no flags make: masks, sums, those of other libraries, real forms of complex ones, and groups of
clips."""


@cache
def class_at(home: str) -> type[LinearOperator]:
    """The class at an address, module:class, where the module is one of this folder."""
    module, _, name = home.partition(":")
    found: type[LinearOperator] = getattr(import_module(f".{module}", __package__), name)
    return found


@cache
def _classes() -> dict[str, type[LinearOperator]]:
    homes = (*(settings.home for settings in OPERATORS), *WITHOUT_SETTINGS)
    return {found.kind: found for found in map(class_at, homes)}


def class_of(spec: Spec) -> type[LinearOperator] | None:
    """The class of the operator with this spec; None where it is none of ours."""
    return _classes().get(spec.get("kind", ""))


def is_of_complex_clips(known: Spec | OperatorSettings) -> bool:
    """Whether the operator with this spec, or of these settings, takes complex clips."""
    found = class_at(known.home) if isinstance(known, OperatorSettings) else class_of(known)
    return found is not None and found.takes_complex_clips


def from_settings(
    settings: OperatorSettings, clip_shape: Sequence[int], *, seed: int = 0, memory: int | None = None
) -> LinearOperator:
    """The operator of these settings for a clip of this shape, (T, C, H, W), holding at most `memory` bytes.

    Raises InputError where the two do not fit.
    """
    return class_at(settings.home).from_settings(settings, tuple(clip_shape), seed=seed, memory=memory)


def from_spec(spec: Spec, tensors: Tensors | None = None, *, memory: int | None = None) -> LinearOperator:
    """Rebuild an operator from its `spec` and tensors, to the same numbers, holding at most `memory` bytes of them.

    Raises InputError for an unknown kind, a newer version of the random streams, tensors that were changed, and for
    an operator made of functions, which no file can hold.
    """
    if spec.get("streams", 0) > streams.VERSION:
        raise InputError("operator: its random streams are of a newer lowreel; upgrade to read it")
    operator = rebuilt(spec, tensors or {}, memory)
    if operator.fingerprint() != spec_hash(spec):
        raise InputError(f"operator: the tensors of this {spec['kind']} are not those it was saved with")
    return operator


def rebuilt(spec: Spec, tensors: Tensors, memory: int | None) -> LinearOperator:
    """What `from_spec` gives, without a look at whether it is the operator that was saved. Raises InputError for a kind
    that is not known."""
    found = class_of(spec)
    if found is None:
        raise InputError(f"operator: unknown kind {spec.get('kind')!r}; is the file of a newer lowreel?")
    return found.from_spec(spec, tensors, memory)


def is_rebuilt(operator: LinearOperator) -> bool:
    """Whether `from_spec` gives this operator again: it is one of ours, not of a class derived from one."""
    ours = type(operator).__module__.startswith(f"{__package__}.")
    return ours and all(map(is_rebuilt, operator.members().values()))


def spec_hash(spec: Spec) -> str:
    """SHA-256 of a spec, whatever the order of its fields."""
    return hashlib.sha256(json.dumps(dict(spec), sort_keys=True).encode()).hexdigest()


def with_prefix(prefix: str, tensors: Tensors) -> dict[str, Tensor]:
    """The tensors whose names begin with this prefix and a dot, by the rest of their names."""
    start = prefix + "."
    return {name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)}
