"""What makes a fit what it is, in hashes: a saved state goes on with the same alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from torch import Tensor

from ..errors import InputError
from ..model.generators import Generator
from ..operators import Data, tensors_of
from ..settings import SolverSettings
from ..system.files import tensor_hash
from .problem import Problem
from .schedule import decay_share

DIFFERS = {
    "settings": "settings or the held-out data, which another version may draw otherwise, differ from those",
    "generator": "generator differs (another version may build another one) from that",
}
"""What differs from the saved state, in words: what is held out is hashed with the settings."""


def identity(problem: Problem, settings: SolverSettings) -> dict[str, str]:
    """Hashes of the data, the operator, the generator's spec and all else that makes a fit what it is."""
    return {
        "data": _hash(problem.data),
        "operator": problem.operator.fingerprint(),
        "generator": str(problem.generator.spec()),
        "settings": _settings_hash(problem, settings),
    }


def check_same(here: Mapping[str, str], saved: Mapping[str, str]) -> None:
    """Raise InputError where a saved state, or a fit of a search, belongs to another problem."""
    for what, value in here.items():
        if saved.get(what) != value:
            differs = DIFFERS.get(what, f"{what} differs from that")
            raise InputError(f"resume: the {differs} of the saved state; give the same, or start a new run")


def _settings_hash(problem: Problem, settings: SolverSettings) -> str:
    """Hash of the other settings that have to be the same when a run goes on: all but its length."""
    heldout = "" if problem.heldout is None else _hash(problem.heldout)
    beta = "" if problem.beta is None else tensor_hash(problem.beta)
    start = "" if problem.start is None else _start_hash(problem.generator, problem.start)
    own = settings.model_dump_json(exclude={"steps"} if settings.ordered else {"steps", "ordered"})
    term = f"{problem.data_term} {sorted(problem.noise.entry().items())}"
    each = "" if problem.rank_of == "all" else "rank of each"
    share = decay_share(problem)
    less = "" if share == 1 or settings.algorithm != "joint" else f"decay {share:g}"
    known = f"{problem.seed} {problem.sequences} {beta} {heldout} {start}{each}{less}"
    return hashlib.sha256(f"{own} {known} {term}".encode()).hexdigest()


def _start_hash(generator: Generator, codes: Tensor) -> str:
    """Hash of the first codes and weights of a fit that goes on from another one; no seed would draw them again."""
    return " ".join(tensor_hash(t) for t in (codes, *generator.state_dict().values()))


def _hash(data: Data) -> str:
    return " ".join(tensor_hash(t) for t in tensors_of(data))
