"""Constraints on the codes: similarity (eq. 6), low rank (eq. 7), a line, the order of time along it."""

from __future__ import annotations

import torch
from torch import Tensor

from ..model.latents import affine_low_rank, in_order, lines, low_rank, similarity
from ..settings import SolverSettings
from .problem import Problem


def has_joint_lines(problem: Problem, settings: SolverSettings) -> bool:
    """Whether each of several sequences has its codes on a line of its own, all in one space."""
    return settings.linear and len(problem.sequences) > 1


def has_own_ranks(problem: Problem, settings: SolverSettings) -> bool:
    """Whether the codes of each of several sequences have a rank of their own to keep, in a space of their own."""
    several = len(problem.sequences) > 1 and problem.rank_of == "each"
    return several and settings.rank is not None and not settings.linear


def is_projected(problem: Problem, settings: SolverSettings) -> bool:
    """Whether codes are projected onto their constraint after each step, sequence by sequence. Otherwise they are kept
    to it by being stored as factors, or are free."""
    return has_joint_lines(problem, settings) or has_own_ranks(problem, settings)


def projected(codes: Tensor, problem: Problem, settings: SolverSettings) -> Tensor:
    """The nearest codes (T, K) of the wanted rank, or on lines, eq. (7); the same codes if they are free."""
    if settings.rank is None:
        return codes
    if has_joint_lines(problem, settings):
        found = lines(codes, problem.sequences, settings.rank)
        return in_order(found, problem.sequences) if settings.ordered else found
    if has_own_ranks(problem, settings):
        return torch.cat([low_rank(own, settings.rank) for own in torch.split(codes, list(problem.sequences))])
    found = (affine_low_rank if settings.linear else low_rank)(codes, settings.rank)
    return in_order(found) if settings.ordered else found


def constrained(coefficients: Tensor, problem: Problem, settings: SolverSettings) -> Tensor:
    """Coefficients as the joint fit stores them, after an update: codes (T, K), projected where they are; or (T, r) of
    factors, those of a line its positions, (T, 1), which keep their order where they have to."""
    if is_projected(problem, settings):
        return projected(coefficients, problem, settings)
    return in_order(coefficients) if settings.ordered else coefficients


def with_similarity(data_term: Tensor, codes: Tensor, problem: Problem, settings: SolverSettings) -> Tensor:
    """Eq. (6): lambda * data + (1 - lambda) * similarity of the codes (T, K), lambda = 1 - settings.similarity.

    Without the motion of a camera: it has pixels for its unit, and neighbouring frames may well be pixels apart.
    """
    if settings.similarity == 0:
        return data_term
    share, own = settings.similarity, codes[:, : codes.shape[1] - problem.generator.motion_numbers]
    return (1 - share) * data_term + share * similarity(own, problem.sequences, problem.beta)
