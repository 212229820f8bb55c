"""Fourier transform at any points: a grid a third finer than the picture, and a short kernel between its points."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Precision:
    """width: points of the grid under the kernel, along each axis; finer: points of the grid over those of the picture.

    The error is about exp(-pi width sqrt(1 - 1 / finer)) of what is transformed (Fessler and Sutton, IEEE Trans. Signal
    Process. 51:560, 2003, compare such kernels; Barnett, Appl. Comput. Harmon. Anal. 51:1, 2021, for this rate).
    """

    width: int
    finer: float


SINGLE, DOUBLE = Precision(8, 4 / 3), Precision(14, 2.0)
"""Errors of 4e-6 and of 3e-14. A finer grid would do with a narrower kernel, but its transform costs more than that."""


@dataclass(frozen=True)
class Wrapping:
    """Pictures (..., H, W) on the finer grid of `Nufft`, zero between, with pixel zero on its first point.

    Pixel zero is that in the middle, (H // 2, W // 2), or, not centred, the first one.
    """

    shape: tuple[int, int]
    grid: tuple[int, int]
    centred: bool

    @classmethod
    def of(cls, shape: tuple[int, int], centred: bool, dtype: torch.dtype) -> Wrapping:
        """That of pictures of a shape, (H, W), for this real type."""
        height, width = shape
        precision = _precision(dtype)
        return cls(shape, (_grid_length(height, precision), _grid_length(width, precision)), centred)

    def wrap(self, pictures: Tensor) -> Tensor:
        """(..., H, W) to (..., *grid)."""
        wrapped = pictures.new_zeros(*pictures.shape[:-2], *self.grid)
        for pixels, places in self._blocks():
            wrapped[(..., *places)] = pictures[(..., *pixels)]
        return wrapped

    def unwrap(self, grids: Tensor) -> Tensor:
        """The adjoint of `wrap`: (..., *grid) to (..., H, W)."""
        pictures = grids.new_empty(*grids.shape[:-2], *self.shape)
        for pixels, places in self._blocks():
            pictures[(..., *pixels)] = grids[(..., *places)]
        return pictures

    def _blocks(self) -> list[tuple[tuple[slice, slice], tuple[slice, slice]]]:
        """Four blocks of pixels, and where each lies on the grid."""
        rows, columns = (_halves(n, g, self.centred) for n, g in zip(self.shape, self.grid, strict=True))
        return [((down, right), (at, along)) for down, at in rows for right, along in columns]


class Nufft:
    """y_k = sum_n x_n exp(-i (p_k . n)) / sqrt(H W) of pictures (H, W), at points p_k, (M, 2), in radians per pixel.

    n counts pixels from pixel zero of the wrapping. The first coordinate of a point belongs to the rows, the first
    axis. Between the points of a grid it goes by a Kaiser-Bessel kernel (Jackson et al., IEEE Trans. Med. Imaging
    10:473, 1991), as a sparse matrix whose transpose makes the adjoint, exact to rounding. there: booleans (M,); what
    is at the other points is zero. Maps, which the picture is multiplied by, are given wrapped, so that this is done
    once for all frames.
    """

    def __init__(self, points: Tensor, there: Tensor, wrapping: Wrapping, dtype: torch.dtype, device: torch.device):
        precision, shape, grid = _precision(dtype), wrapping.shape, wrapping.grid
        self.wrapping = wrapping
        apodisation = np.outer(*(_apodisation(*n, precision, wrapping.centred) for n in zip(shape, grid, strict=True)))
        self._apodisation = torch.from_numpy(apodisation / math.sqrt(math.prod(shape))).to(device, dtype)
        matrix = _interpolation(points.double().cpu().numpy(), there.cpu().numpy(), grid, dtype)
        self._to_points, self._to_grid = (Sparse.of(m, device) for m in (matrix, matrix.T.tocsr()))

    def forward(self, picture: Tensor, maps: Tensor) -> Tensor:
        """The picture (H, W) times each wrapped map, (coils, *grid), at the points: (coils, M)."""
        spectra = torch.fft.fft2(maps * self.wrapping.wrap(picture * self._apodisation))
        table = torch.view_as_real(spectra.flatten(1).T.contiguous())
        values = self._to_points(table.flatten(1))
        return torch.view_as_complex(values.unflatten(1, (-1, 2))).T

    def adjoint(self, values: Tensor, conjugates: Tensor) -> Tensor:
        """The adjoint of `forward` in the picture, given the conjugates of the wrapped maps.

        (coils, M), or M in several axes, to (H, W).
        """
        table = self._to_grid(torch.view_as_real(values.flatten(1).T.contiguous()).flatten(1))
        spectra = torch.view_as_complex(table.unflatten(1, (-1, 2))).T.unflatten(1, self.wrapping.grid)
        pictures = torch.fft.ifft2(spectra, norm="forward").mul_(conjugates)
        return self.wrapping.unwrap(pictures.sum(0)) * self._apodisation

    def density_weights(self, iterations: int = 20) -> Tensor:
        """Weights (M,) that even out how densely the points lie (Pipe and Menon, Magn. Reson. Med. 41:179, 1999)."""
        weights = self._to_points(self._apodisation.new_ones(math.prod(self.wrapping.grid), 1)).sign()
        for _ in range(iterations):
            density = self._to_points(self._to_grid(weights))
            weights = torch.where(density > 0, weights / density, 0)
        return weights[:, 0]


@dataclass(frozen=True)
class Sparse:
    """A sparse matrix by rows: columns and values of its entries, and where each row begins among them.

    Its product is that of a bag of embeddings, which torch is quicker at than at that of its sparse matrices.
    """

    columns: Tensor
    values: Tensor
    begins: Tensor

    @classmethod
    def of(cls, matrix: scipy.sparse.csr_array, device: torch.device) -> Sparse:
        """SciPy's matrix on a device."""
        columns, values, begins = (
            torch.from_numpy(a).to(device) for a in (matrix.indices, matrix.data, matrix.indptr[:-1].copy())
        )
        return cls(columns, values, begins)

    def __call__(self, table: Tensor) -> Tensor:
        """The product with (columns, n)."""
        return F.embedding_bag(self.columns, table, self.begins, mode="sum", per_sample_weights=self.values)


def nufft_bytes(points: int, dtype: torch.dtype) -> int:
    """Bytes of the two sparse matrices of a `Nufft` at so many points."""
    return 2 * points * _precision(dtype).width ** 2 * (dtype.itemsize + np.dtype(np.int32).itemsize)


def workspace_bytes(coils: int, shape: tuple[int, int], dtype: torch.dtype) -> int:
    """Bytes that a transform of one picture takes while it is made: wrapped maps, grids, spectra and their copy."""
    return 4 * coils * 2 * dtype.itemsize * math.prod(_grid_length(n, _precision(dtype)) for n in shape)


def _precision(dtype: torch.dtype) -> Precision:
    return DOUBLE if dtype == torch.float64 else SINGLE


def _grid_length(count: int, precision: Precision) -> int:
    """The next even length whose factors are 2, 3 and 5, which transforms are quick for."""
    length = math.ceil(max(precision.finer * count, precision.width) / 2) * 2
    while (60**length) % length:
        length += 2
    return length


def _halves(count: int, grid: int, centred: bool) -> list[tuple[slice, slice]]:
    """Pixels along an axis from pixel zero on, those before it, and where they lie on the grid."""
    before = count // 2
    after = count - before
    negative, positive = slice(grid - before, grid), slice(0, after)
    if centred:
        return [(slice(before, count), positive), (slice(0, before), negative)]
    return [(slice(0, after), positive), (slice(after, count), negative)]


def _shape_parameter(precision: Precision) -> float:
    """Of the kernel (Beatty et al., IEEE Trans. Med. Imaging 24:799, 2005, equation 5)."""
    return math.pi * math.sqrt((precision.width * (1 - 0.5 / precision.finer)) ** 2 - 0.8)


def _kernel(distance: NDArray[np.float64], precision: Precision) -> NDArray[np.float64]:
    """At distances in points of the grid; scaled so that it is 1 in the middle."""
    beta = _shape_parameter(precision)
    inside = np.sqrt(np.maximum(1 - (2 * distance / precision.width) ** 2, 0))
    return np.i0(beta * inside) / np.i0(beta)


def _apodisation(count: int, grid: int, precision: Precision, centred: bool) -> NDArray[np.float64]:
    """What the pixels along an axis are multiplied by: one over the transform of the kernel."""
    beta, numbers = _shape_parameter(precision), np.arange(count) - count // 2
    root = np.sqrt(beta**2 - (np.pi * precision.width * numbers / grid) ** 2)
    apodisation = np.i0(beta) * root / (precision.width * np.sinh(root))
    return apodisation if centred else np.fft.ifftshift(apodisation)


def _interpolation(
    points: NDArray[np.float64], there: NDArray[np.bool_], grid: tuple[int, ...], dtype: torch.dtype
) -> scipy.sparse.csr_array:
    """The matrix (M, points of the grid) of kernel values, with empty rows for points that are not there."""
    precision, measured = _precision(dtype), points[there]
    width, real = precision.width, np.float64 if dtype == torch.float64 else np.float32
    columns, values = np.zeros((len(measured), 1), np.int32), np.ones((len(measured), 1), real)
    for axis, length in enumerate(grid):
        place = measured[:, axis, None] * (length / (2 * np.pi))
        near = np.ceil(place - width / 2) + np.arange(width)
        along = (near % length).astype(np.int32)
        columns = (columns[:, :, None] * length + along[:, None]).reshape(len(measured), width ** (axis + 1))
        kernel = _kernel(near - place, precision).astype(real)
        values = (values[:, :, None] * kernel[:, None]).reshape(len(measured), width ** (axis + 1))
    ends = np.concatenate([[0], np.cumsum(there)]).astype(np.int32) * width**2
    return scipy.sparse.csr_array((values.ravel(), columns.ravel(), ends), shape=(len(points), math.prod(grid)))
