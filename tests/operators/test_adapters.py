"""Operators of others as ours and ours as theirs, with the real SciPy and PyLops; operators by name."""

import math
import re
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pylops
import pytest
import sigpy
import torch
from cases import OPERATORS, SHAPE, C, Camera, H, Spinning, T, W, dense, flat, like, noise
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator as ScipyLinearOperator
from scipy.sparse.linalg import aslinearoperator, lsqr

import lowreel
from lowreel import RecoverSettings, as_linear_operator, as_scipy, recover
from lowreel.errors import InputError
from lowreel.operators import (
    Functions,
    Gaussian,
    Identity,
    LinearOperator,
    Mask,
    Stacked,
    from_spec,
    map_data,
    operator_from_name,
)

close = torch.testing.assert_close
N = math.prod(SHAPE)


@pytest.fixture(params=OPERATORS.values(), ids=OPERATORS)
def operator(request):
    return request.param().double()


# Ours as SciPy's


def real(values):
    """Numbers as the laws see them: a complex one as two."""
    return np.stack([values.real, values.imag], -1).reshape(-1) if np.iscomplexobj(values) else values


def test_as_scipy_is_the_same_matrix(operator):
    """matvec is A x and rmatvec the real part of A^H y, on flattened clip and data."""
    made, x = as_scipy(operator), noise(*SHAPE)
    assert isinstance(made, ScipyLinearOperator)
    y = operator(x)
    tensors = y if isinstance(y, tuple) else (y,)
    found = made.matvec(x.numpy().reshape(-1))
    assert made.shape == (sum(t.numel() for t in tensors), N)
    assert np.iscomplexobj(found) == any(t.is_complex() for t in tensors)
    given = like(y)
    vector = np.concatenate([t.numpy().reshape(-1) for t in (given if isinstance(given, tuple) else (given,))])
    np.testing.assert_allclose(real(found), flat(y), atol=1e-12)
    np.testing.assert_allclose(made.rmatvec(vector), operator.adjoint(given).reshape(-1), atol=1e-12)


def test_there_and_back_are_the_same_numbers(operator):
    """as_linear_operator(as_scipy(A)) measures as A does, with the data as one vector."""
    again, x = as_linear_operator(as_scipy(operator)), noise(*SHAPE)
    y = operator(x)
    close(flat(again(x)), flat(y))
    close(again.adjoint(again(x)), operator.adjoint(y))


def test_lsqr_solves_with_ours():
    """SciPy's solver finds the clip from as many Gaussian numbers as it has."""
    operator, x = Gaussian((2, 1, 5, 4), 20, seed=3).double(), noise(2, 1, 5, 4)
    solution = lsqr(as_scipy(operator), operator(x).numpy().reshape(-1), atol=1e-13, btol=1e-13, iter_lim=1000)[0]
    np.testing.assert_allclose(solution, x.reshape(-1), atol=1e-6)


def test_lsqr_finds_the_least_norm():
    """With fewer numbers than unknowns it gives A^+ y."""
    operator = Gaussian(SHAPE, 7, seed=3).double()
    y = operator(noise(*SHAPE))
    solution = lsqr(as_scipy(operator), y.numpy().reshape(-1), atol=1e-13, btol=1e-13)[0]
    close(torch.from_numpy(solution), torch.linalg.pinv(dense(operator)) @ y.flatten())


def test_pylops_takes_ours():
    """PyLops composes it, its own dot test passes, and its solver inverts it."""
    theirs = pylops.aslinearoperator(as_scipy(Gaussian(SHAPE, 7, seed=3).double()))
    assert pylops.utils.dottest(theirs, 5 * 7, N, rtol=1e-10)
    slope = pylops.FirstDerivative(SHAPE, axis=0)
    assert pylops.utils.dottest(theirs @ slope, 5 * 7, N, rtol=1e-10)
    x = noise(N).numpy()
    np.testing.assert_allclose((theirs @ slope) @ x, theirs @ (slope @ x))


def test_as_scipy_takes_complex_vectors():
    """Real operators are linear over complex vectors too, both ways."""
    made = as_scipy(Gaussian(SHAPE, 7).double())
    x, y = (like(torch.zeros(n, dtype=torch.complex128)).numpy() for n in reversed(made.shape))
    np.testing.assert_allclose(made.matvec(x), made.matvec(x.real) + 1j * made.matvec(x.imag))
    np.testing.assert_allclose(np.vdot(made.matvec(x), y), np.vdot(x, made.rmatvec(y)))


def test_as_scipy_keeps_the_precision():
    """In the type of the operator's tensors, float64 where it has none."""
    assert as_scipy(Gaussian(SHAPE, 7)).dtype == np.float32
    assert as_scipy(Gaussian(SHAPE, 7).double()).dtype == np.float64
    assert as_scipy(Identity(SHAPE)).dtype == np.float64
    mixed = Stacked([Identity(SHAPE), as_linear_operator(Spinning(C * H * W), SHAPE)])
    assert as_scipy(mixed).dtype == np.complex128


# Theirs as ours


def test_gradient_through_pylops():
    """d/dx |A x - y|^2 / 2 = A^T (A x - y), by a library that knows nothing of torch."""
    theirs = pylops.FirstDerivative(SHAPE, axis=0)
    operator, x, y = as_linear_operator(theirs), noise(*SHAPE).requires_grad_(), noise(N, seed=1)
    (gradient,) = torch.autograd.grad((operator(x) - y).square().sum() / 2, x)
    wanted = theirs.rmatvec(theirs.matvec(x.detach().numpy().reshape(-1)) - y.numpy())
    np.testing.assert_allclose(gradient.reshape(-1), wanted)


@pytest.mark.parametrize("name", ["functions", "functions, complex", "tensors, in frames", "pylops, complex"])
def test_gradients_of_gradients_and_of_the_adjoint(name):
    """Checked by finite differences: A, A*, and both twice."""
    operator = OPERATORS[name]()
    x = noise(*SHAPE).requires_grad_()
    assert torch.autograd.gradcheck(operator, x)
    assert torch.autograd.gradgradcheck(operator, x)
    y = map_data(lambda t: t.requires_grad_(), like(operator(x.detach())))
    tensors = y if isinstance(y, tuple) else (y,)
    assert torch.autograd.gradcheck(lambda *t: operator.adjoint(t if operator.stacked else t[0]), tensors)


def test_theirs_inside_ours():
    """An operator of ours that leaves its adjoint to autograd may be built around another's."""

    class Around(Gaussian):
        def _measure(self, x):
            return super()._measure(theirs(x).reshape(self.clip_shape))

        def _adjoint(self, y):
            return LinearOperator._adjoint(self, y)

    theirs = as_linear_operator(pylops.FirstDerivative(SHAPE, axis=0))
    operator, x = Around(SHAPE, 7).double(), noise(*SHAPE)
    y = like(operator(x))
    close(flat(operator(x)) @ flat(y), (x * operator.adjoint(y)).sum())


CUT = {
    "pylops, a frame": 1,
    "pylops, a clip": T,
    "scipy, a frame": 1,
    "scipy, a clip": T,
    "tensors, in frames": 1,
    "tensors, together": T,
    "pair": T,
}


@pytest.mark.parametrize("name", CUT)
def test_what_is_cut_into_frames(name):
    """Operators that see each frame alone have a part for each, those that see the clip have one."""
    assert OPERATORS[name]().part_frames == CUT[name]


class Weights:
    """Weights for each frame of the batch, which the first frames of a smaller batch take from the start."""

    def __init__(self, weights):
        self.weights = torch.tensor(weights)[..., None, None, None] if isinstance(weights, list) else weights

    def A(self, x):
        return x * self.weights[: len(x)]

    A_adjoint = A


@pytest.mark.parametrize(("weights", "frames"), [([1, 2, 1, 2, 1], T), ([1, 1, 1, 1, 2], T), ([3, 3, 3, 3, 3], 1)])
def test_frames_that_are_measured_differently_are_not_cut(weights, frames):
    """Every position is tried: weights that differ in any frame keep the clip whole."""
    operator = as_linear_operator(Weights(weights), SHAPE)
    assert operator.part_frames == frames


def test_what_takes_no_single_frame_is_not_cut():
    """An error for a batch of one is an answer."""

    class Whole(Weights):
        def A(self, x):
            return (x[0] - x[4])[None].expand(T, -1, -1, -1)

    assert as_linear_operator(Whole([]), SHAPE).part_frames == T


def test_precision_is_theirs_inside_and_ours_outside():
    """An operator of float32 is given float32, and a clip of float64 gets float64 back."""
    seen = []

    class Picky(ScipyLinearOperator):
        def _matvec(self, x):
            seen.append(x.dtype)
            return x

        _rmatvec = _matvec

    for dtype in (np.float32, np.float64, np.complex64, np.complex128, np.int32):
        operator = as_linear_operator(Picky(dtype, (24, 24)), SHAPE)
        seen.clear()
        for precision in (torch.float32, torch.float64):
            assert operator(noise(*SHAPE, dtype=precision)).dtype == precision
            assert operator.adjoint(noise(T, 24, dtype=precision)).dtype == precision
        assert set(seen) == {np.dtype(np.float32 if dtype in (np.float32, np.complex64) else np.float64)}


def test_a_module_computes_in_its_own_precision():
    """Weights of float32 meet float32, whatever the clip is; `.double()` moves them."""

    class Filter(torch.nn.Conv2d):
        def A(self, x):
            return self(x)

        def A_adjoint(self, y):
            return torch.nn.functional.conv_transpose2d(y, self.weight)

    operator, x = as_linear_operator(Filter(C, 3, 2, bias=False), SHAPE), noise(*SHAPE)
    assert (operator(x).dtype, operator(x.float()).dtype) == (torch.float64, torch.float32)
    assert operator.part_frames == 1
    close(operator.double()(x).float(), operator.float()(x.float()))


def test_ours_is_returned_as_it_is():
    """With its own clip shape or none; another is refused."""
    operator = Gaussian(SHAPE, 7)
    assert as_linear_operator(operator) is operator
    assert as_linear_operator(operator, list(SHAPE)) is operator
    with pytest.raises(InputError, match=r"for clips of shape \(5, 2, 4, 3\), clip_shape says \(4, 2, 4, 3\)"):
        as_linear_operator(operator, (4, 2, 4, 3))


REFUSED = {
    "nothing": (
        lambda: as_linear_operator(3, SHAPE),
        "A and A_adjoint, with matvec, rmatvec and shape",
    ),
    "array of three axes": (lambda: as_linear_operator(np.ones((2, 3, 4)), SHAPE), "got ndarray"),
    "class": (lambda: as_linear_operator(Camera, SHAPE), "got type"),
    "one function": (lambda: as_linear_operator((np.abs,), SHAPE), "got tuple"),
    "no clip shape": (lambda: as_linear_operator(aslinearoperator(np.eye(24))), "give its clip_shape"),
    "pair, no clip shape": (lambda: as_linear_operator((np.abs, np.abs)), "tuple does not say which clips"),
    "N": (
        lambda: as_linear_operator(aslinearoperator(np.eye(30)), SHAPE),
        r"vectors of 30 numbers, a clip of shape \(5, 2, 4, 3\) has 120 and each frame 24",
    ),
    "two axes": (
        lambda: as_linear_operator(aslinearoperator(np.eye(24)), SHAPE[2:]),
        r"expected a clip shape \(T, C, H, W\)",
    ),
    "raises": (
        lambda: as_linear_operator((lambda x: x @ np.eye(7), np.abs), SHAPE),
        r"Functions: for a clip of shape \(5, 2, 4, 3\) it raised ValueError: .*made for clips of this shape\?",
    ),
    "no array": (lambda: as_linear_operator((lambda x: "much", np.abs), SHAPE), "it returned: .*got str"),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_operator_is_refused(call, message):
    """By an InputError that says what was looked for and what to do."""
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("name", ["pylops, a frame", "scipy, complex", "tensors, in frames", "pair"])
def test_identity_is_the_response(name):
    """The same object gives the same fingerprint, no file holds it, and ways to say the same thing agree."""
    assert OPERATORS[name]().fingerprint() == OPERATORS[name]().fingerprint()
    with pytest.raises(InputError, match="give the same operator again"):
        from_spec(OPERATORS[name]().spec())


def test_functions_and_vectors_that_do_the_same_are_the_same():
    """A run begun with a pair of functions goes on with the PyLops operator that it stood for."""
    theirs = pylops.FirstDerivative(SHAPE, axis=0)
    same = Functions(lambda x: theirs.matvec(x.reshape(-1)), lambda y: theirs.rmatvec(y).reshape(SHAPE), SHAPE)
    assert same.fingerprint() == as_linear_operator(theirs).fingerprint()


# In a recovery


CLIP = (4, 1, 8, 6)
BLUR = pylops.signalprocessing.ConvolveND((1, 8, 6), np.ones((1, 3, 3)) / 9, (0, 1, 1), axes=(0, 1, 2))
PLUGGED = {
    "pylops": lambda: (BLUR, CLIP),
    "scipy": lambda: (as_scipy(Gaussian(CLIP, 20)), None),
    "pair": lambda: ((lambda x: x[:, :, ::2], lambda y: np.insert(y, range(1, 5), 0, axis=2)), CLIP),
    "tensors": lambda: (Weights([2.0, 2.0, 2.0, 2.0]), CLIP),
}


@pytest.mark.parametrize("make", PLUGGED.values(), ids=PLUGGED)
def test_recover_takes_them_all(make):
    """`recover(y, A, clip_shape=...)` gives the clip that it gives with the adapted operator."""
    theirs, clip_shape = make()
    operator = as_linear_operator(theirs, clip_shape)
    y, few = operator(noise(*CLIP).sigmoid()), RecoverSettings(quality="draft", steps=2, heldout=0.1, baselines="none")
    found = recover(y.numpy(), theirs, few, clip_shape=clip_shape)
    np.testing.assert_array_equal(found.clip, recover(y, operator, few).clip)
    assert tuple(found.clip.shape) == CLIP


def test_recover_takes_the_data_of_a_stack_in_any_container():
    """A list, as PyTorch libraries return several tensors, is what a tuple is."""
    theirs = Camera()
    theirs.matrix = noise(6, 2, seed=4)
    y = theirs.A(torch.rand(CLIP))
    few = RecoverSettings(quality="draft", steps=1, heldout=0.1, baselines="none")
    found, same = (recover(given, theirs, few, clip_shape=CLIP).clip for given in (list(y), y))
    close(found, same, rtol=0, atol=0)


def test_what_returns_its_input_is_an_identity():
    """A view of the clip as data does no harm: gradients flow, the clip stays."""
    operator = as_linear_operator(Weights([1] * T), SHAPE)
    operator.physics.A = operator.physics.A_adjoint = lambda x: x
    x = noise(*SHAPE).requires_grad_()
    (gradient,) = torch.autograd.grad(operator(x).square().sum() / 2, x)
    close(gradient, x.detach())


def test_one_number_of_data():
    """Data without axes, the sum of a clip, goes both ways too."""
    operator = as_linear_operator((lambda x: x.sum(), lambda y: np.full(SHAPE, y)), SHAPE)
    assert operator.data_shape == ()
    close(as_linear_operator(as_scipy(operator))(noise(*SHAPE))[0], noise(*SHAPE).sum())


def test_recover_checks_theirs_inside_a_composition():
    """Behind a mask or in a stack a wrong adjoint is refused as well."""
    wrong = Functions(lambda x: x, lambda y: 2 * y, CLIP)
    for operator in (wrong @ Mask(CLIP, torch.ones(8, 6)), Stacked([Identity(CLIP), wrong])):
        y = operator(torch.rand(CLIP))
        with pytest.raises(InputError, match="adjoint is not the adjoint"):
            recover(y, operator, RecoverSettings(quality="draft", steps=1))


# By name


CAMERA = """
import numpy as np
from scipy.sparse.linalg import aslinearoperator
from lowreel import Functions, Gaussian

vectors = aslinearoperator(np.eye(24, dtype=np.float32)[::2])
pair = (lambda x: 2 * x, lambda y: 2 * y)
ours = Gaussian((5, 2, 4, 3), 7)
number = 3

def make(clip_shape):
    return Functions(*pair, clip_shape)

def fixed():
    return ours

def broken(clip_shape):
    raise ValueError("no such lens")

class Lens:
    def A(self, x): return 3 * x
    A_adjoint = A

class kit:
    inner = Lens()
"""


@pytest.fixture
def camera(tmp_path, monkeypatch):
    """A file camera.py in the working directory, and a broken one."""
    (tmp_path / "camera.py").write_text(CAMERA)
    (tmp_path / "cracked.py").write_text("import no_such_library")
    (tmp_path / "dropped.py").write_text("1 / 0")
    (tmp_path / "quits.py").write_text("raise SystemExit('bye')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    yield
    for name in ("camera", "cracked", "dropped", "quits"):
        sys.modules.pop(name, None)


NAMED = {
    "camera:vectors": ((T, 12), 1),
    "camera:pair": (SHAPE, 2),
    "camera:ours": ((T, 7), None),
    "camera:make": (SHAPE, 2),
    "camera:fixed": ((T, 7), None),
    "camera:Lens": (SHAPE, 3),
    "camera:kit.inner": (SHAPE, 3),
    "lowreel.operators:Identity": (SHAPE, 1),
}


@pytest.mark.usefixtures("camera")
@pytest.mark.parametrize("name", NAMED)
def test_operators_by_name(name):
    """Objects, and functions and classes that make one, of a file in the working directory or a package."""
    operator = operator_from_name(name, SHAPE)
    shape, factor = NAMED[name]
    assert operator.data_shape == shape
    if factor and shape == SHAPE:
        x = noise(*SHAPE, dtype=torch.float32)
        close(operator(x), factor * x)


UNNAMED = {
    "camera": "expected package.module:object, such as camera:operator, got 'camera'",
    "camera:": "expected package.module:object",
    ":make": "expected package.module:object",
    "my camera:make": "expected package.module:object",
    "camera.py:make": "write the module.s name without .py, camera",
    "kamera:make": "no module kamera here in .*, and none is installed",
    "cracked:make": "importing it raised ModuleNotFoundError: No module named 'no_such_library'",
    "dropped:make": "importing it raised ZeroDivisionError",
    "quits:make": "importing it raised SystemExit: bye",
    "camera:maker": "there is no maker in it, only Functions, Gaussian, Lens",
    "camera:number": "expected one of lowreel's, .*, got int",
    "camera:broken": "raised ValueError: no such lens",
}


@pytest.mark.usefixtures("camera")
@pytest.mark.parametrize("name", UNNAMED)
def test_names_that_lead_nowhere_are_refused(name):
    """The message says what is missing, or what the user's own module raised."""
    with pytest.raises(InputError, match=UNNAMED[name]):
        operator_from_name(name, SHAPE)


@pytest.mark.usefixtures("camera")
def test_a_maker_wants_a_clip_shape():
    """Without one it is asked for; one that takes nothing does without."""
    with pytest.raises(InputError, match="give one, such as --clip-shape 16x1x64x64"):
        operator_from_name("camera:make")
    assert operator_from_name("camera:fixed").clip_shape == SHAPE


# The page


def blocks():
    """The Python of docs/plugins.md, block by block, but for deepinv's, which make test-interop runs."""
    page = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
    found = re.findall(r"^```python\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    return [block for block in found if "deepinv" not in block]


def test_the_page_runs(monkeypatch):
    """Every example of docs/plugins.md, with two epochs for each recovery."""
    few = partial(recover, settings=RecoverSettings(quality="draft", steps=2, baselines="none"))
    monkeypatch.setattr(lowreel, "recover", few)
    names = {}
    for block in blocks():
        exec(block, names)
        if "recovery" in block:
            assert names.pop("recovery").clip.shape == names["clip"].shape
    assert len(blocks()) == 6
    assert names["clip"].is_complex()
    assert names["least_norm"].shape == names["shape"]


# Matrices, and operators on arrays

ENTRIES = np.random.default_rng(0).standard_normal((40, N)).astype(np.float32)
FRAME_ENTRIES = ENTRIES[:, : N // SHAPE[0]]


class Halved:
    """Every other column, as an object with two methods."""

    def forward(self, clip):
        return clip[..., ::2]

    def adjoint(self, data):
        clip = np.zeros((*data.shape[:-1], W), data.dtype)
        clip[..., ::2] = data
        return clip


class Weighted(torch.nn.Module):
    """The same for a module of tensors, in a precision of its own."""

    def __init__(self):
        super().__init__()
        self.matrix = torch.nn.Parameter(torch.from_numpy(FRAME_ENTRIES).double())

    def forward(self, frames):
        return frames.flatten(1) @ self.matrix.T

    def adjoint(self, data):
        return (data @ self.matrix).reshape(-1, *SHAPE[1:])


SAMPLED = np.random.default_rng(1).uniform(-3, 3, (30, 2))
GIVEN = {
    "matrix of a clip": lambda: ENTRIES,
    "matrix of a frame": lambda: FRAME_ENTRIES,
    "sparse matrix": lambda: csr_array(FRAME_ENTRIES),
    "tensor": lambda: torch.from_numpy(FRAME_ENTRIES),
    "sparse tensor": lambda: torch.from_numpy(FRAME_ENTRIES).to_sparse(),
    "two methods": Halved,
    "module": Weighted,
    "sigpy, clip": lambda: sigpy.linop.FFT(SHAPE),
    "sigpy, other axes": lambda: sigpy.linop.Multiply((T * C, H, W), np.arange(H * W).reshape(H, W)),
    "sigpy, NUFFT of a frame": lambda: sigpy.linop.NUFFT((C, H, W), SAMPLED),
    "sigpy, spectra of frames": lambda: spectra_of_frames(),
}


def spectra_of_frames():
    """A stack of sigpy's; given real numbers it drops the imaginary parts of its data."""
    return sigpy.linop.Diag([sigpy.linop.FFT((1, C, H, W), axes=(-2, -1)) for _ in range(T)], oaxis=0, iaxis=0)


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_matrices_and_operators_on_arrays_have_their_adjoint(given):
    """<A x, y> = <x, A* y>, with the real libraries; one that takes a frame is applied to each."""
    operator = as_linear_operator(given(), SHAPE)
    x = noise(*SHAPE).float()
    y = operator(x)
    other = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(0))
    close(torch.vdot(other.flatten(), y.flatten()).real, (operator.adjoint(other) * x).sum(), rtol=1e-4, atol=1e-3)


def test_stacks_of_sigpy_keep_imaginary_parts():
    """They are given complex numbers, since their data is of the type of the clip."""
    x = noise(*SHAPE).float()
    close(as_linear_operator(spectra_of_frames())(x), as_linear_operator(sigpy.linop.FFT(SHAPE, axes=(-2, -1)))(x))


def test_a_matrix_says_what_it_says():
    """Its product with the flattened clip, and of each frame where it is of a frame."""
    x = noise(*SHAPE).float()
    close(as_linear_operator(ENTRIES, SHAPE)(x), torch.from_numpy(ENTRIES) @ x.flatten(), rtol=1e-4, atol=1e-4)
    each = x.flatten(1) @ torch.from_numpy(FRAME_ENTRIES).T
    close(as_linear_operator(FRAME_ENTRIES, SHAPE)(x), each, rtol=1e-4, atol=1e-4)


def test_the_shape_that_sigpy_says_is_the_clips():
    """Four numbers are a clip; fewer need a clip shape, and one of another size is refused."""
    assert as_linear_operator(sigpy.linop.FFT(SHAPE)).clip_shape == SHAPE
    with pytest.raises(InputError, match="does not say which clips"):
        as_linear_operator(sigpy.linop.FFT((H, W)))
    with pytest.raises(InputError, match="it takes arrays of shape"):
        as_linear_operator(sigpy.linop.FFT((H + 1, W)), SHAPE)


class OfVideos:
    """As deepinv has it for videos: batches of clips, (B, C, T, H, W)."""

    def A(self, x):
        return x * 1.0

    def A_adjoint(self, y):
        return y * 1.0


def test_batches_of_whole_clips_are_refused():
    """In a sentence that says how frames are the batch."""
    with pytest.raises(InputError, match=r"batch of whole clips, \(1, 3, 5, 8, 8\).*x\[0\].transpose\(0, 1\)"):
        recover(torch.rand(1, 3, 5, 8, 8), OfVideos())
