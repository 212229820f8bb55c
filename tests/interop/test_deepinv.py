"""deepinv, the real one, both ways: `make test-interop` makes an environment that has it and runs these."""

import re
from functools import partial
from pathlib import Path

import deepinv
import pytest
import torch
from cases import flat, like, noise
from deepinv.physics import (
    MRI,
    Blur,
    BlurFFT,
    CompressedSensing,
    Decolorize,
    Demosaicing,
    Downsampling,
    Inpainting,
    LinearPhysics,
    SinglePixelCamera,
    Tomography,
)
from deepinv.physics.functional.blur import gaussian_blur

import lowreel
from lowreel import Gaussian, MissingPixels, RecoverSettings, as_linear_operator, as_scipy, psnr, recover
from lowreel.errors import InputError
from lowreel.operators import Signs, Snapshot, Stacked, check_operator, diagnose, operator_from_name

close = torch.testing.assert_close
T, C, H, W = COLOUR = (5, 3, 16, 12)
GREY, PAIRS = (T, 1, H, H), (T, 2, H, W)


def kept(*shape):
    """A seeded mask of zeros and ones."""
    return (torch.rand(shape, generator=torch.Generator().manual_seed(3)) < 0.5).float()


def drawn():
    return torch.Generator().manual_seed(0)


def sensing():
    return CompressedSensing(m=60, img_size=COLOUR[1:], rng=drawn())


PHYSICS = {
    "inpainting": (lambda: Inpainting(COLOUR[1:], mask=kept(C, H, W)), COLOUR, 1),
    "inpainting, a mask a frame": (lambda: Inpainting(COLOUR[1:], mask=kept(*COLOUR)), COLOUR, T),
    "blur": (lambda: Blur(gaussian_blur(sigma=(1.0, 1.0)), padding="reflect"), COLOUR, 1),
    "blur, valid": (lambda: Blur(gaussian_blur(sigma=(1.0, 1.0))), COLOUR, 1),
    "blur, a filter a frame": (lambda: Blur(1 + kept(T, 1, 3, 3), padding="circular"), COLOUR, T),
    "blur by fft": (lambda: BlurFFT(COLOUR[1:], gaussian_blur(sigma=(1.0, 2.0))), COLOUR, 1),
    "downsampling": (lambda: Downsampling(COLOUR[1:], filter="gaussian", factor=2, padding="circular"), COLOUR, 1),
    "compressed sensing": (sensing, COLOUR, 1),
    "single pixel": (lambda: SinglePixelCamera(60, GREY[1:], rng=drawn()), GREY, 1),
    "tomography": (lambda: Tomography(angles=8, img_width=H, normalize=True), GREY, 1),
    "grey": (Decolorize, COLOUR, 1),
    "demosaicing": (lambda: Demosaicing(img_size=COLOUR[1:]), COLOUR, 1),
    "mri": (lambda: MRI(kept(H, W), PAIRS[1:]), PAIRS, 1),
    "stack": (lambda: Inpainting(COLOUR[1:], mask=kept(C, H, W)).stack(sensing()), COLOUR, 1),
    "composed": (lambda: sensing() * Blur(gaussian_blur(sigma=(1.0, 1.0)), padding="circular"), COLOUR, 1),
}


@pytest.fixture(params=PHYSICS.values(), ids=PHYSICS)
def physics(request):
    make, clip_shape, part_frames = request.param
    return make(), clip_shape, part_frames


def test_the_data_is_what_deepinv_gives(physics):
    """A x and A* y are those of the physics, with the frames as the batch."""
    theirs, clip_shape, _ = physics
    operator, x = as_linear_operator(theirs, clip_shape), noise(*clip_shape, dtype=torch.float32)
    y = theirs.A(x)
    several = not isinstance(y, torch.Tensor)
    close(operator(x), tuple(y) if several else y)
    close(operator.adjoint(tuple(y) if several else y), theirs.A_adjoint(y))


def test_laws(physics):
    """Adjoint, linear, gradient, for a clip of float64 and a physics that computes in float32."""
    theirs, clip_shape, _ = physics
    operator = as_linear_operator(theirs, clip_shape)
    x, z = noise(*clip_shape).requires_grad_(), noise(*clip_shape, seed=1)
    measured = operator(x)
    y = like(measured)
    assert measured[0].real.dtype == torch.float64
    close(flat(operator(2 * x - 3 * z)), 2 * flat(measured) - 3 * flat(operator(z)), rtol=1e-4, atol=1e-4)
    close(flat(measured) @ flat(y), (x * operator.adjoint(y)).sum(), rtol=1e-4, atol=1e-4)
    close(torch.autograd.grad(flat(measured) @ flat(y), x)[0], operator.adjoint(y))


def test_frames_are_cut_where_they_can_be(physics):
    """Parts give their share of the data and of the adjoint."""
    theirs, clip_shape, part_frames = physics
    operator, x = as_linear_operator(theirs, clip_shape), noise(*clip_shape, dtype=torch.float32)
    y = operator(x)
    assert operator.part_frames == part_frames
    chosen = [1, 3] if part_frames == 1 else [0]
    frames = [t for k in chosen for t in operator.parts()[k].frames]
    part, rows = operator.subset(chosen), operator.take(y, chosen)
    close(part(x[frames]), rows, rtol=1e-4, atol=1e-5)
    close(part.adjoint(rows), operator.adjoint(y)[frames], rtol=1e-4, atol=1e-5)


def test_check_finds_them_sound(physics):
    """`lowreel check` has nothing to say against deepinv's."""
    theirs, clip_shape, _ = physics
    assert diagnose(as_linear_operator(theirs, clip_shape)).sentence.startswith("Sound")


def test_gradient_is_that_of_autograd(physics):
    """The adjoint gives the gradient that torch finds through the physics itself."""
    theirs, clip_shape, _ = physics
    operator, x = as_linear_operator(theirs, clip_shape), noise(*clip_shape, dtype=torch.float32).requires_grad_()
    measured = theirs.A(x)
    tensors = (measured,) if isinstance(measured, torch.Tensor) else tuple(measured)
    (wanted,) = torch.autograd.grad(sum(t.square().sum() for t in tensors) / 2, x)
    found = operator(x)
    tensors = (found,) if isinstance(found, torch.Tensor) else found
    close(torch.autograd.grad(sum(t.square().sum() for t in tensors) / 2, x)[0], wanted, rtol=1e-4, atol=1e-4)


def test_phase_retrieval_is_refused():
    """Intensities are not linear in the clip, and that is what the message says."""
    theirs = deepinv.physics.PhaseRetrieval(sensing())
    with pytest.raises(InputError, match=r"not linear: .* a square; give the amplitudes"):
        check_operator(as_linear_operator(theirs, COLOUR))


def test_a_wrong_adjoint_is_named():
    """A physics with an adjoint of twice the size."""
    theirs = LinearPhysics(A=lambda x, **_: x, A_adjoint=lambda y, **_: 2 * y)
    with pytest.raises(InputError, match="2 times as large"):
        check_operator(as_linear_operator(theirs, COLOUR))


LENS = """
from deepinv.physics import Decolorize

physics = Decolorize()

def make(clip_shape):
    return physics
"""


def test_by_name(tmp_path, monkeypatch):
    """`lowreel check camera:physics` finds a physics in the user's file."""
    (tmp_path / "lens.py").write_text(LENS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert operator_from_name("lens:physics", COLOUR).data_shape == (T, 1, H, W)
    assert operator_from_name("lens:make", COLOUR).data_shape == (T, 1, H, W)


def bright():
    """A smooth spot that moves, (8, 1, 24, 24)."""
    t, _, y, x = torch.meshgrid(*(torch.arange(float(n)) for n in (8, 1, 24, 24)), indexing="ij")
    return 0.2 + 0.6 * torch.exp(-((x - 6 - t) ** 2 + (y - 12) ** 2) / 30)


def test_recover_from_a_physics():
    """A clip seen through deepinv's inpainting is recovered to the observed pixels, and well."""
    clip = bright()
    theirs = Inpainting((1, 24, 24), mask=kept(1, 24, 24))
    found = recover(
        theirs.A(clip),
        theirs,
        RecoverSettings(quality="draft", steps=60, baselines="none"),
        clip_shape=tuple(clip.shape),
    )
    seen = theirs.mask.expand(clip.shape).bool()
    close(found.clip[seen], clip[seen], rtol=1e-4, atol=1e-4)
    assert psnr(found.clip, clip) > 22


def test_recover_takes_the_data_of_a_stack():
    """As deepinv gives it, a TensorList."""
    clip = bright()
    theirs = Inpainting((1, 24, 24), mask=kept(1, 24, 24)).stack(Blur(gaussian_blur(sigma=(1.0, 1.0))))
    few = RecoverSettings(quality="draft", steps=2, baselines="none")
    found = recover(theirs.A(clip), theirs, few, clip_shape=tuple(clip.shape))
    assert found.clip.shape == clip.shape


def test_the_page_runs(monkeypatch):
    """deepinv's example of docs/plugins.md."""
    page = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    few = partial(recover, settings=RecoverSettings(quality="draft", steps=2, baselines="none"))
    monkeypatch.setattr(lowreel, "recover", few)
    names = {}
    for block in (blocks[0], *(block for block in blocks if "deepinv" in block)):
        exec(block, names)
    assert names["recovery"].clip.shape == names["clip"].shape


OURS = {
    "missing": lambda: MissingPixels(COLOUR, 0.5),
    "gaussian": lambda: Gaussian(COLOUR, 60),
    "signs": lambda: Signs(COLOUR, 60),
    "snapshot": lambda: Snapshot(COLOUR, 5),
    "stack": lambda: Stacked([MissingPixels(COLOUR, 0.5), Gaussian(COLOUR, 60)]),
    "ours by way of SciPy": lambda: as_linear_operator(as_scipy(Gaussian(COLOUR, 60))),
}


@pytest.mark.filterwarnings("ignore:.*does not support TensorList inputs")
@pytest.mark.parametrize("make", OURS.values(), ids=OURS)
def test_deepinv_takes_ours(make):
    """deepinv's own test of the adjoint passes, and its least squares solver meets the data.

    For real data: of complex data it compares complex sums, while our adjoint is the real part.
    """
    operator = make()
    theirs = LinearPhysics(
        A=lambda x, **_: batched(operator(x[0])),  # the clip is one signal, a batch of one
        A_adjoint=lambda y, **_: operator.adjoint(unbatched(y))[None],
        img_size=COLOUR,
    )
    x = noise(1, *COLOUR, dtype=torch.float32)
    assert float(theirs.adjointness_test(x).real.abs()) < 1e-3
    y = theirs.A(x)
    found = theirs.A(theirs.A_dagger(y))
    close(unbatched(found), unbatched(y), rtol=0.02, atol=0.02)


def batched(y):
    return deepinv.utils.TensorList([t[None] for t in y]) if isinstance(y, tuple) else y[None]


def unbatched(y):
    return y[0] if isinstance(y, torch.Tensor) else tuple(t[0] for t in y)
