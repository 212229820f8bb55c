"""Sums, multiples, adjoints and Gram operators are those of the dense matrices. Sums are in the list of laws too."""

import numpy as np
import pytest
import torch
from cases import OPERATORS, SAVED, SHAPE, Coils, H, T, W, dense, flat, kept, like, noise

from lowreel.errors import InputError
from lowreel.operators import (
    Fourier,
    Gaussian,
    Identity,
    LinearMap,
    Mask,
    MissingPixels,
    RealForm,
    Snapshot,
    Stacked,
    Sum,
    to_complex,
    to_real,
)

close = torch.testing.assert_close


@pytest.fixture(params=OPERATORS.values(), ids=OPERATORS)
def operator(request):
    return request.param().double()


def test_adjoint_and_gram_are_those_of_the_matrix(operator):
    """A.H y = M^T y and A.gram x = A.H @ A x = M^T M x, a complex number as two rows; the adjoint of A.H is A."""
    x, matrix = noise(*SHAPE), dense(operator)
    y = like(operator(x))
    close(operator.H(y).flatten(), matrix.T @ flat(y))
    close(flat(operator.H.H(x)), matrix @ x.flatten())
    for gram in (operator.gram, operator.H @ operator, operator.gram.H):
        assert (gram.takes, gram.gives) == (SHAPE, SHAPE)
        close(gram(x).flatten(), matrix.T @ (matrix @ x.flatten()))


def test_data_may_go_there_and_back():
    """A A^H y, and its adjoint."""
    operator = Gaussian(SHAPE, 7).double()
    y, matrix = noise(T, 7), dense(operator)
    both = operator @ operator.H
    assert isinstance(both, LinearMap)
    close(both(y).flatten(), matrix @ (matrix.T @ y.flatten()))
    close(both.H(y), both(y))
    assert "Gaussian @ Gaussian.H: (5, 7) -> (5, 7)" in repr(both)


COMBINED = {
    "A + B": lambda A, B: (A + B, dense(A) + dense(B)),
    "A - B": lambda A, B: (A - B, dense(A) - dense(B)),
    "2 A": lambda A, B: (2 * A, 2 * dense(A)),
    "A 2": lambda A, B: (A * np.float32(2), 2 * dense(A)),
    "a number of NumPy's times A": lambda A, B: (np.float64(2) * A, 2 * dense(A)),
    "-A": lambda A, B: (-A, -dense(A)),
    "0 A": lambda A, B: (0 * A, 0 * dense(A)),
    "2 (A - 3 B) + A": lambda A, B: (2 * (A - 3 * B) + A, 3 * dense(A) - 6 * dense(B)),
}


@pytest.mark.parametrize("combine", COMBINED.values(), ids=COMBINED)
@pytest.mark.parametrize("name", ["gaussian", "sum of spectra", "snapshot"])
def test_sums_and_multiples_are_those_of_the_matrices(name, combine):
    """Each is one sum, its operators those of the sums that it is made of."""
    found, matrix = combine(SAVED[name](0).double(), SAVED[name](1).double())
    close(dense(found), matrix)
    assert isinstance(found, Sum)
    assert not any(isinstance(member, Sum) for member in found.members().values())


def test_a_multiple_knows_what_its_operator_knows():
    """Norm of the rows, what is observed, how the data is arranged; nothing is observed by zero times it."""
    mask = Mask(SHAPE, kept(H, W))
    assert (-3 * mask).row_norm() == 3
    assert torch.equal((2 * mask).observed_mask(), mask.observed_mask())
    assert (2 * mask).arrangements() == mask.arrangements() != (mask + Identity(SHAPE)).arrangements()
    assert not (0 * mask).observed_mask().any()
    assert (2 * Fourier(SHAPE, "radial", 2)).is_complex


REFUSED = {
    "other data": (lambda A: A + Gaussian(SHAPE, 7), r"Gaussian of clips .* to data \(5, 7\)"),
    "other clips": (lambda A: A - Identity((1, 1, W, H)), "the same clip and data shapes"),
    "no number": (lambda A: float("nan") * A, "a finite number"),
    "none": (lambda A: Sum([]), "got none"),
    "weights": (lambda A: Sum([A, A], [1.0]), "a finite number for each of 2 operators"),
    "products": (lambda A: Gaussian(SHAPE, 7).H @ A, r"Gaussian.H @ MissingPixels: the first takes shape \(5, 7\)"),
}


@pytest.mark.parametrize(("combine", "message"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused(combine, message):
    """By shapes and numbers."""
    with pytest.raises(InputError, match=message):
        combine(MissingPixels(SHAPE, 0.5))


@pytest.mark.parametrize("combine", [lambda A: A + 1, lambda A: 2j * A, lambda A: A @ 3, lambda A: A.H @ "A"])
def test_what_is_no_operator_is_a_type_error(combine):
    """As for any two things that have no sum or product."""
    with pytest.raises(TypeError, match="unsupported operand"):
        combine(Snapshot(SHAPE, 2))


def test_operators_on_complex_clips_stand_alone():
    """One that takes complex clips is refused in chains, sums and stacks, in words."""
    coils = Coils((T, 1, H, W))
    for combine in (lambda: coils @ Identity((T, 1, H, W)), lambda: coils + coils, lambda: Stacked([coils])):
        with pytest.raises(InputError, match=r"takes complex clips, and stands alone"):
            combine()
    with pytest.raises(InputError, match="takes real clips already"):
        RealForm(Identity(SHAPE))


def test_real_form_is_the_operator_on_complex_clips():
    """RealForm gives the data of the complex clip, and its adjoint the parts of the complex one."""
    coils = Coils((T, 1, H, W))
    x = torch.complex(noise(T, 1, H, W), noise(T, 1, H, W, seed=1))
    close(RealForm(coils)(to_real(x)), coils(x))
    close(to_complex(RealForm(coils).adjoint(coils(x))), coils.adjoint(coils(x)))
