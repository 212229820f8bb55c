"""What `check_operator` and `diagnose` find out: wrong operators, each with the words that name its defect."""

import math

import numpy as np
import pytest
import torch
from cases import OPERATORS, SHAPE, C, H, Sums, T, W, blur, dense, fourier, levels, noise
from scipy.sparse.linalg import LinearOperator as ScipyLinearOperator

from lowreel.errors import InputError
from lowreel.operators import (
    Functions,
    Gaussian,
    Identity,
    LinearOperator,
    as_linear_operator,
    check_operator,
    diagnose,
)

SQUARE = (3, 1, 6, 6)
MATRIX = noise(W, W).numpy()
KERNEL = noise(H, 1).numpy()


def pair(forward, adjoint, clip_shape=SHAPE):
    return lambda: Functions(forward, adjoint, clip_shape)


def same(x):
    return x


class Cut(LinearOperator):
    """A class of a user's own that gives all parts the weights of the first ones."""

    kind = "cut"

    def __init__(self, weights):
        super().__init__((len(weights), C, H, W), (len(weights), C, H, W), part_frames=1)
        self.register_buffer("weights", weights)

    def _measure(self, x):
        return x * self.weights

    def _subset(self, parts):
        return Cut(self.weights[: len(parts)])

    def parameters_spec(self):
        return {}


class Own(LinearOperator):
    """A class of a user's own, whose two maps are given as functions of tensors."""

    kind = "own"

    def __init__(self, measure, adjoint=same, data_shape=SHAPE, part_frames=None):
        super().__init__(SHAPE, data_shape, part_frames=part_frames)
        self.maps = (measure, adjoint)

    def _measure(self, x):
        return self.maps[0](x)

    def _adjoint(self, y):
        return self.maps[1](y)

    def parameters_spec(self):
        return {}


def noisy(x, generator=np.random.default_rng(0)):  # noqa: B008 (one stream for all calls is the point)
    return x + 0.1 * generator.standard_normal(x.shape)


def halved_in_place(x):
    x *= 0.5
    return x


def in_place(x):
    x -= x.mean(0)
    return x


def divided(x):
    with np.errstate(all="ignore"):
        return x / (np.arange(W) - 1).astype(np.float32)


def fails(y):
    raise KeyError("mask")


WRONG_ADJOINTS = {
    "twice": (pair(same, lambda y: 2 * y), "2 times as large as it should be; multiply its result by 0.5"),
    "unscaled inverse transform": (
        pair(np.fft.fft2, lambda y: np.fft.ifft2(y).real),
        "0.0833333 times as large as it should be; multiply its result by 12",
    ),
    "other sign": (pair(lambda x: x @ MATRIX, lambda y: -y @ MATRIX.T), "the other sign; multiply its result by -1"),
    "frames backwards": (pair(same, lambda y: y[::-1]), "reversed along the frames; reverse it back"),
    "turned": (
        pair(lambda x: x * KERNEL, lambda y: (y * KERNEL)[..., ::-1, ::-1]),
        "reversed along the rows and columns",
    ),
    "rows for columns": (
        pair(lambda x: x * noise(6, 1).numpy(), lambda y: (y * noise(6, 1).numpy()).swapaxes(2, 3), SQUARE),
        r"in the order \(frames, channels, columns, rows\), not \(frames, channels, rows, columns\); transpose",
    ),
    "columns first": (
        pair(
            lambda x: x @ MATRIX,
            lambda y: (y @ MATRIX.T).transpose(0, 1, 3, 2).reshape(SHAPE),
        ),
        r"in the order \(frames, channels, columns, rows\)",
    ),
    "channels first": (
        pair(lambda x: x @ MATRIX, lambda y: (y @ MATRIX.T).swapaxes(0, 1).reshape(SHAPE)),
        r"in the order \(channels, frames, rows, columns\)",
    ),
    "no conjugate": (lambda: fourier(conjugate=False), r"it is A\^T and not A\^H; conjugate the data first"),
    "inverse": (
        pair(lambda x: x @ MATRIX, lambda y: y @ np.linalg.inv(MATRIX)),
        "it is an inverse, .* give the adjoint",
    ),
    "matrix not transposed": (pair(lambda x: x @ MATRIX, lambda y: y @ MATRIX), "differ by .* derive it again"),
    "zero": (pair(same, lambda y: 0 * y), "derive it again"),
    "a hundredth off in one frame": (
        pair(same, lambda y: y * np.array([1, 1, 1, 1.01, 1])[:, None, None, None]),
        "derive it again",
    ),
}
"""adjoint is not the adjoint of forward, and why."""

NOT_LINEAR = {
    "offset": (pair(lambda x: x + 1, same), "because of an offset: .* subtract A.0. from forward and from the data"),
    "small offset": (pair(lambda x: x + 0.01, same), "because of an offset: A.0. has 0.0"),
    "square": (pair(np.square, same), "not linear: A.4x. = 16 Ax, a square"),
    "intensity": (pair(lambda x: np.abs(np.fft.fft2(x)) ** 2, same), "a square; give the amplitudes"),
    "modulus": (pair(np.abs, same), "not linear: A.-x. = Ax, a modulus"),
    "phase lost": (pair(lambda x: np.abs(np.fft.fft2(x)), same), "a modulus"),
    "clipped": (pair(lambda x: x.clip(0, 1), same), "not linear: .*clipped"),
    "saturated": (pair(lambda x: x.clip(-5, 5), same), "differs from 4 Ax; large numbers are clipped"),
    "rounded": (pair(lambda x: np.round(255 * x) / 255, same), "small numbers are rounded"),
    "median": (
        pair(lambda x: np.median(x, axis=0), lambda y: np.stack([y] * T)),
        "sort, or take a maximum or a median",
    ),
}
"""forward is not linear, and why."""

NOT_A_FUNCTION = {
    "noise": (pair(noisy, same), "two applications to the same clip differ"),
    "changes the clip": (pair(in_place, same), "forward modifies its input in place; let it work on a copy"),
    "changes the data": (pair(lambda x: 0.5 * x, halved_in_place), "adjoint modifies its input in place"),
    "infinite": (pair(divided, divided), "forward gives 40 of 120 numbers NaN or infinite"),
    "adjoint NaN": (pair(same, lambda y: np.full_like(y, np.nan)), "adjoint gives 120 of 120 numbers NaN"),
    "adjoint short": (pair(same, lambda y: y[:, :1]), r"adjoint gave shape \(5, 1, 4, 3\), expected the clip's"),
    "adjoint raises": (pair(same, fails), "adjoint raised KeyError: 'mask'"),
    "adjoint of integers": (
        pair(same, lambda y: y.astype(np.int16)),
        "adjoint gave int16 numbers.*let it return floats",
    ),
    "no rmatvec": (
        lambda: as_linear_operator(ScipyLinearOperator((24, 24), matvec=same, dtype=np.float64), SHAPE),
        "adjoint raised NotImplementedError",
    ),
    "own, integers": (lambda: Own(lambda x: x.int()), "forward gives int32 numbers"),
    "own, other shape": (lambda: Own(lambda x: x[:2]), r"not give data of its own data_shape.*got \(2, 2, 4, 3\)"),
    "own, adjoint short": (
        lambda: Own(same, lambda y: y[:2]),
        r"adjoint gives shape \(2, 2, 4, 3\), expected the clip's",
    ),
    "own, no subset": (
        lambda: Own(same, part_frames=1),
        "part . alone raised NotImplementedError: Own has parts but no",
    ),
    "own, wrong subset": (
        lambda: Cut(levels(T, 1, 1, 1, dtype=torch.float32)),
        "part 4 alone is not measured as it is in the clip; mend subset",
    ),
    "own, twice": (lambda: Own(lambda x: 3 * x, lambda y: 6 * y), "2 times as large"),
}
"""It does not keep to shapes and types, or is no function of its input alone."""

WRONG = WRONG_ADJOINTS | NOT_LINEAR | NOT_A_FUNCTION


@pytest.mark.parametrize(("make", "message"), WRONG.values(), ids=WRONG)
def test_the_defect_is_named(make, message):
    """`check_operator` raises the sentence, `diagnose` gives it back."""
    with pytest.raises(InputError, match=message):
        check_operator(make())
    found = diagnose(make())
    assert not found.sound
    assert math.isnan(found.norm)
    assert found.sentence == found.defect


@pytest.mark.parametrize("name", WRONG_ADJOINTS)
def test_a_wrong_adjoint_is_called_that(name):
    """Before the cause, the message says what is wrong, and the number says how much."""
    found = diagnose(WRONG_ADJOINTS[name][0]())
    assert found.sentence.startswith("adjoint is not the adjoint of forward: ")
    assert found.adjointness > 1e-3 > found.linearity


@pytest.mark.parametrize("name", NOT_LINEAR)
def test_what_is_not_linear_is_called_that(name):
    """Before the cause, the message says what is wrong, and the number says how much."""
    found = diagnose(NOT_LINEAR[name][0]())
    assert found.sentence.startswith("forward is not linear")
    assert found.linearity > 1e-3


def test_forward_of_integers_is_refused_when_it_is_adapted():
    """Whole grey levels are rounded ones; the message says so before anything else is tried."""
    with pytest.raises(InputError, match="forward gave uint8 numbers"):
        Functions(lambda x: (255 * x.clip(0, 1)).astype(np.uint8), same, SHAPE)


@pytest.mark.parametrize("make", OPERATORS.values(), ids=OPERATORS)
def test_norm_is_the_largest_singular_value(make):
    """From below, within what the power iteration leaves; both defects are rounding."""
    operator = make().float()
    found = diagnose(operator)
    largest = float(torch.linalg.matrix_norm(dense(operator.double()), 2))
    assert found.sound, found.sentence
    assert 0.9 * largest < found.norm < 1.0001 * largest
    assert max(found.linearity, found.adjointness) < 1e-5
    assert min(found.forward_seconds, found.adjoint_seconds) > 0


def test_what_is_reported():
    """Shapes, parts, and the type that came before it was rounded to ours."""
    own, functions, whole = diagnose(Sums(SHAPE, 2).float()), diagnose(fourier()), diagnose(blur())
    assert (own.clip_shape, own.data_shape, own.dtype, own.parts) == (SHAPE, (3, C, H, W), "float32", 3)
    assert (functions.dtype, functions.parts) == ("complex64", 1)
    assert (whole.dtype, whole.data_shape) == ("float64", (T, C, H, 3))
    assert own.sentence == "Sound: it is linear, and its adjoint is the adjoint."


def test_large_operators_are_tested_as_sharply():
    """An adjoint that is 1 % off is found among a million numbers too, and a right one passes."""
    shape = (4, 1, 512, 512)
    weights = levels(*shape).numpy()
    off = weights.copy()
    off[2] *= 1.1
    check_operator(Functions(lambda x: x * weights, lambda y: y * weights, shape))
    with pytest.raises(InputError, match="derive it again"):
        check_operator(Functions(lambda x: x * weights, lambda y: y * off, shape))


def test_the_operator_is_left_as_it_was():
    """No buffer and no random state is changed by an examination."""
    operator, state = Gaussian(SHAPE, 7), torch.get_rng_state()
    before = operator.held.clone()
    diagnose(operator)
    assert torch.equal(operator.held, before)
    assert torch.equal(torch.get_rng_state(), state)
    assert diagnose(Identity((1, 1, 1, 1))).sound
