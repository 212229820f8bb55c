"""What several test modules share: seeded numbers, the list of operators, and a generator with a known answer."""

import math

import numpy as np
import pylops
import scipy.sparse
import torch
from pylops.signalprocessing import FFT2D, ConvolveND
from scipy.sparse.linalg import LinearOperator as ScipyLinearOperator
from scipy.sparse.linalg import aslinearoperator
from torch import nn

from lowreel.model.generators import Generator
from lowreel.operators import (
    MRI,
    BlockDiagonal,
    Blur,
    Cosine,
    Downsample,
    Fourier,
    Functions,
    Gaussian,
    Identity,
    LinearOperator,
    LongExposure,
    Mask,
    MissingBlocks,
    MissingFrames,
    MissingPixels,
    RealForm,
    Signs,
    SinglePixel,
    Snapshot,
    Stacked,
    as_linear_operator,
    as_scipy,
    tensors_of,
)

SHAPE = (5, 2, 4, 3)
T, C, H, W = SHAPE
ONE = (T, 1, H, W)
"""Of a clip of one channel, which is complex where its real form has SHAPE."""


def noise(*shape, seed=0, dtype=torch.float64):
    """Seeded N(0, 1) numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def levels(*shape, seed=0, dtype=torch.float64):
    """Seeded grey levels in [0, 1]."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def kept(*shape, seed=1):
    """A seeded mask that keeps about half."""
    return levels(*shape, seed=seed) < 0.5


def like(y, seed=5):
    """Seeded noise in the structure, shape and type of data."""
    if isinstance(y, tuple):
        return tuple(like(t, seed + k) for k, t in enumerate(y))
    return torch.randn(y.shape, generator=torch.Generator().manual_seed(seed), dtype=y.dtype)


def coil_maps(*count, seed=8):
    """Complex sensitivities (count, H, W)."""
    return torch.complex(noise(*count, H, W, seed=seed), noise(*count, H, W, seed=seed + 1)).to(torch.complex64)


def paths(*frames, seed=0):
    """Two readouts of six random points, (*frames, 2, 6, 2) radians per pixel, that stay within a turn if mirrored."""
    return levels(*frames, 2, 6, 2, seed=seed, dtype=torch.float32) * 4 - 2


def flat(y):
    """Data as one real vector, so that Re<a, b> is flat(a) @ flat(b)."""
    return torch.cat([(torch.view_as_real(t) if t.is_complex() else t).flatten() for t in tensors_of(y)])


def dense(operator):
    """The matrix of an operator: its answers to every unit clip, in columns."""
    units = torch.eye(math.prod(operator.clip_shape), dtype=torch.float64)
    return torch.stack([flat(operator(unit.reshape(operator.clip_shape))) for unit in units], 1)


class Sums(LinearOperator):
    """Weighted sums of `together` frames: one camera exposure sees several frames, the last one perhaps fewer."""

    kind = "sums"

    def __init__(self, clip_shape, together, weights=None):
        super().__init__(clip_shape, (math.ceil(clip_shape[0] / together), *clip_shape[1:]), part_frames=together)
        weights = levels(clip_shape[0], 1, *clip_shape[2:], seed=9) if weights is None else weights
        self.register_buffer("weights", weights)

    def _measure(self, x):
        return torch.stack([group.sum(0) for group in (x * self.weights).split(self.part_frames)])

    def _subset(self, parts):
        frames = [t for k in parts for t in self.parts()[k].frames]
        return Sums((len(frames), *self.clip_shape[1:]), self.part_frames, self.weights[frames])

    def parameters_spec(self):
        return {"together": self.part_frames}


class Spectrum(LinearOperator):
    """Half the spectrum of every row, complex; it leaves its adjoint to autograd and cannot be cut."""

    kind = "spectrum"

    def __init__(self, clip_shape):
        super().__init__(clip_shape, (*clip_shape[:3], clip_shape[3] // 2 + 1))

    def _measure(self, x):
        return torch.fft.rfft(x)

    def parameters_spec(self):
        return {}


class Coils(LinearOperator):
    """Complex clips through two smooth complex sensitivities, then the spectrum of each; adjoint left to autograd."""

    kind = "coils"
    is_complex = True
    takes_complex_clips = True

    def __init__(self, clip_shape):
        frames, _, height, width = clip_shape
        super().__init__(clip_shape, (frames, 2, height, width), part_frames=1)
        self.register_buffer("maps", noise(2, height, width, 2, seed=3))

    def _measure(self, x):
        return torch.fft.fft2(x * torch.view_as_complex(self.maps))

    def _subset(self, parts):
        return self._like(len(parts), (len(parts), *self.data_shape[1:]))

    def parameters_spec(self):
        return {}


def blur():
    """A pair of NumPy functions, real: products of every row with a fixed matrix."""
    matrix = np.linspace(-1, 1, W * 3).reshape(W, 3) ** 3
    return Functions(lambda x: x @ matrix, lambda y: y @ matrix.T, SHAPE)


def fourier(conjugate=True):
    """A pair of NumPy functions, complex: every other row of each frame's spectrum; its transpose if asked."""

    def forward(x):
        return np.fft.fft2(x)[..., ::2, :]

    def adjoint(y):
        full = np.zeros((T, C, H, W), complex)
        full[..., ::2, :] = y
        return (np.fft.ifft2(full) * H * W if conjugate else np.fft.fft2(full)).real

    return Functions(forward, adjoint, SHAPE)


class Camera:
    """An object with `A` and `A_adjoint` on batches of tensors: products of all rows with a matrix, and what is left.

    With `together` the frames of a batch are mixed. It is no operator of any library, as a user's own may be.
    """

    def __init__(self, together=False):
        self.matrix = noise(W, 2, seed=4)
        self.mixing = noise(T, T, seed=6) if together else None

    def A(self, x):
        x = x if self.mixing is None else torch.tensordot(self.mixing.to(x.dtype), x, 1)
        return x @ self.matrix.to(x.dtype), x[:, :, ::2]

    def A_adjoint(self, y):
        products, rows = y
        x = products @ self.matrix.to(products.dtype).T
        x[:, :, ::2] += rows
        return x if self.mixing is None else torch.tensordot(self.mixing.to(x.dtype).T, x, 1)


class Spinning(ScipyLinearOperator):
    """SciPy's own base class: phases times each number of a vector, complex."""

    def __init__(self, count):
        self.phases = np.exp(1j * np.arange(count))
        super().__init__(np.complex128, (count, count))

    def _matvec(self, x):
        return self.phases * x.reshape(-1)

    def _rmatvec(self, y):
        return self.phases.conj() * y.reshape(-1)


def sparse(rows, columns):
    return aslinearoperator(scipy.sparse.random(rows, columns, 0.2, random_state=2).tocsr())


SAVED = {
    "identity": lambda seed=0: Identity(SHAPE),
    "missing": lambda seed=0: MissingPixels(SHAPE, 0.6, seed=seed),
    "mask H W": lambda seed=0: Mask(SHAPE, kept(H, W, seed=seed)),
    "mask T H W": lambda seed=0: Mask(SHAPE, kept(T, H, W, seed=seed)),
    "mask T 1 H W": lambda seed=0: Mask(SHAPE, kept(T, 1, H, W, seed=seed + 100)),
    "blocks": lambda seed=0: MissingBlocks(SHAPE, 0.4, 2, seed=seed),
    "frames": lambda seed=0: MissingFrames(SHAPE, 0.4, seed=seed),
    "named frames": lambda seed=0: MissingFrames(SHAPE, dropped=[seed % 4, 4]),
    "gaussian": lambda seed=0: Gaussian(SHAPE, 7, seed=seed),
    "signs": lambda seed=0: Signs(SHAPE, 7, seed=seed),
    "snapshot": lambda seed=0: Snapshot(SHAPE, 2, seed=seed),
    "mri, rows": lambda seed=0: RealForm(MRI(ONE, mask=kept(T, H, W, seed=seed), coil_maps=coil_maps(2))),
    "mri, in the corner": lambda seed=0: RealForm(MRI(ONE, mask=kept(H, W, seed=seed), centred=False)),
    "mri, paths": lambda seed=0: RealForm(MRI(ONE, trajectory=paths(T, seed=seed), coil_maps=coil_maps(T, 3))),
    "mri, uneven field": lambda seed=0: RealForm(
        MRI(ONE, trajectory=paths(T, seed=seed), off_resonance=50 * noise(T, H, W), times=torch.arange(6) / 600)
    ),
    "mri, one path": lambda seed=0: RealForm(
        MRI(ONE, trajectory=paths(seed=seed), mask=kept(T, 2, 6, seed=seed), coil_maps=coil_maps(2))
    ),
    "snapshot, own mask": lambda seed=0: Snapshot(SHAPE, 3, mask=levels(3, H, W, seed=seed, dtype=torch.float32)),
    "fourier rows": lambda seed=0: Fourier(SHAPE, "rows", 0.5, seed=seed),
    "fourier, own mask": lambda seed=0: Fourier(SHAPE, "mask", mask=kept(T, H, W, seed=seed)),
    "single-pixel, cake": lambda seed=0: SinglePixel(SHAPE, 5 + seed, "cake"),
    "single-pixel, random": lambda seed=0: SinglePixel(SHAPE, 5, "random", seed=seed),
    "dct, random": lambda seed=0: Cosine(SHAPE, 5, "random", seed=seed),
    "dct, low": lambda seed=0: Cosine(SHAPE, 5 + seed, "low"),
    "blur": lambda seed=0: Blur(SHAPE, 0.7 + seed),
    "blur, own kernel": lambda seed=0: Blur(SHAPE, kernel=noise(3, 1, seed=seed)),
    "downsample": lambda seed=0: Downsample(SHAPE, 2 + seed % 2),
    "exposure": lambda seed=0: LongExposure(SHAPE, 2 + seed),
    "mask T C H W": lambda seed=0: Mask(SHAPE, kept(*SHAPE, seed=seed)),
    "mask @ identity": lambda seed=0: Mask(SHAPE, kept(T, H, W, seed=seed)) @ Identity(SHAPE),
    "gaussian @ mask": lambda seed=0: Gaussian(SHAPE, 7, seed=seed) @ Mask(SHAPE, kept(T, H, W)),
    "mask @ mask": lambda seed=0: Mask(SHAPE, kept(T, H, W, seed=seed)) @ Mask(SHAPE, kept(H, W, seed=7)),
    "mask + gaussian": lambda seed=0: Stacked([Mask(SHAPE, kept(T, H, W)), Gaussian(SHAPE, 7, seed=seed)]),
    "stack of one": lambda seed=0: Stacked([Gaussian(SHAPE, 7, seed=seed)]),
    "(mask + gaussian) @ mask": lambda seed=0: (
        Stacked([Mask(SHAPE, kept(T, H, W)), Gaussian(SHAPE, 7, seed=seed)]) @ Mask(SHAPE, kept(H, W))
    ),
    "block-diagonal": lambda seed=0: BlockDiagonal(
        [Snapshot((3, C, H, W), 2, seed=seed), Gaussian((2, C, H, W), 7, seed=seed)]
    ),
    "block-diagonal with a stack": lambda seed=0: BlockDiagonal(
        [
            Mask((1, C, H, W), kept(H, W, seed=4)),
            Stacked([Mask((4, C, H, W), kept(4, H, W)), Gaussian((4, C, H, W), 7, seed=seed)]),
        ]
    ),
    "3 times a mask": lambda seed=0: 3 * Mask(SHAPE, kept(T, H, W, seed=seed)),
    "minus a snapshot": lambda seed=0: -Snapshot(SHAPE, 2, seed=seed),
    "difference of gaussians": lambda seed=0: Gaussian(SHAPE, 7, seed=seed) - 0.5 * Gaussian(SHAPE, 7, seed=9),
    "sum of spectra": lambda seed=0: Fourier(SHAPE, "rows", 0.5, seed=seed) + Fourier(SHAPE, "radial", 1),
    "sum of a spectrum and pixels": lambda seed=0: Fourier(SHAPE, "rows", 0.5, seed=seed) + Mask(SHAPE, kept(T, H, W)),
    "sum of stacks": lambda seed=0: (
        Stacked([Mask(SHAPE, kept(T, H, W)), Gaussian(SHAPE, 7, seed=seed)])
        + 2 * Stacked([Blur(SHAPE, 1.0), Gaussian(SHAPE, 7, seed=9)])
    ),
    "(identity - blur) @ mask": lambda seed=0: (
        (Identity(SHAPE) - Blur(SHAPE, 1.0)) @ Mask(SHAPE, kept(H, W, seed=seed))
    ),
}
"""Operators that a file can hold, each by a seed."""

OPERATORS = SAVED | {
    "fourier radial": lambda: Fourier(SHAPE, "radial", 2),
    "snapshot of all": lambda: Snapshot(SHAPE, 5),
    "gaussian, drawn anew": lambda: Gaussian(SHAPE, 9, memory=0),
    "signs, drawn anew": lambda: Signs(SHAPE, 9, memory=0),
    "downsample @ blur": lambda: Downsample(SHAPE, 2) @ Blur(SHAPE, 1.0),
    "snapshot @ blocks": lambda: Snapshot(SHAPE, 2) @ MissingBlocks(SHAPE, 0.4, 2),
    "functions": blur,
    "functions, complex": fourier,
    "pair": lambda: as_linear_operator((lambda x: x[..., ::2], lambda y: np.insert(y, [1], 0, axis=-1)), SHAPE),
    "tensors, in frames": lambda: as_linear_operator(Camera(), SHAPE),
    "tensors, together": lambda: as_linear_operator(Camera(together=True), SHAPE),
    "pylops, a frame": lambda: as_linear_operator(ConvolveND((C, H, W), noise(3, 3).numpy(), (1, 1), (1, 2)), SHAPE),
    "pylops, a clip": lambda: as_linear_operator(pylops.FirstDerivative(SHAPE, axis=0, kind="forward")),
    "pylops, restriction": lambda: as_linear_operator(pylops.Restriction(C * H * W, [2, 3, 5, 7, 11]), SHAPE),
    "pylops, complex": lambda: as_linear_operator(
        FFT2D((H, W)) @ pylops.Restriction(C * H * W, range(H * W), dtype=complex), SHAPE
    ),
    "scipy, a frame": lambda: as_linear_operator(sparse(9, C * H * W), SHAPE),
    "scipy, a clip": lambda: as_linear_operator(sparse(70, math.prod(SHAPE)), SHAPE),
    "scipy, complex": lambda: as_linear_operator(Spinning(C * H * W), SHAPE),
    "ours by way of scipy": lambda: as_linear_operator(as_scipy(Gaussian(SHAPE, 7, seed=1).double())),
    "pylops @ mask": lambda: (
        as_linear_operator(pylops.Restriction(C * H * W, [2, 3, 5, 7, 11]), SHAPE) @ Mask(SHAPE, kept(T, H, W))
    ),
    "real form of coils": lambda: RealForm(Coils((T, C // 2, H, W))),
    "autograd, complex": lambda: Spectrum(SHAPE),
    "sums of 2": lambda: Sums(SHAPE, 2),
    "sums of 2 @ mask": lambda: Sums(SHAPE, 2) @ Mask(SHAPE, kept(T, H, W)),
    "mask of 3 frames @ sums of 2": lambda: Mask((3, C, H, W), kept(3, H, W)) @ Sums(SHAPE, 2),
    "sums of 2 + mask": lambda: Stacked([Sums(SHAPE, 2), Mask(SHAPE, kept(T, H, W))]),
    "sums of 2 + sums of 3": lambda: Stacked([Sums(SHAPE, 2), Sums(SHAPE, 3)]),
    "half of sums of 2": lambda: Sums(SHAPE, 2) * 0.5,
    "pixels and functions added": lambda: (
        Mask(SHAPE, kept(T, H, W)) + Functions(lambda x: x[::-1].copy(), lambda y: y[::-1].copy(), SHAPE)
    ),
}
"""Every operator that has to keep the laws."""


class Linear(Generator):
    """Frames = codes @ W, in float64, rows of W orthogonal, not clamped: the fit then has an answer in closed form."""

    kind = "linear"

    def __init__(self, frame_shape, code_dim=3, seed=3):
        super().__init__()
        self.code_dim, self.frame_shape = code_dim, tuple(frame_shape)
        pixels = math.prod(frame_shape)
        columns, _ = torch.linalg.qr(noise(pixels, code_dim, seed=seed))
        self.weight = nn.Parameter(columns.T * math.sqrt(pixels / code_dim))

    def forward(self, codes):
        return (codes.to(self.weight) @ self.weight).unflatten(1, self.frame_shape)

    def spec(self):
        return {"kind": self.kind, "frame_shape": list(self.frame_shape), "code_dim": self.code_dim}


def moving(frames=6, channels=1, height=12, width=10):
    """A smooth bright spot that moves over a slope: an easy clip, float32 grey levels."""
    t, c, y, x = torch.meshgrid(*(torch.arange(float(n)) for n in (frames, channels, height, width)), indexing="ij")
    spot = torch.exp(-((x - width * (0.2 + 0.6 * t / frames)) ** 2 + (y - height / 2) ** 2) / (0.06 * width * height))
    return 0.2 + 0.2 * x / width + 0.1 * c / channels + 0.45 * spot
