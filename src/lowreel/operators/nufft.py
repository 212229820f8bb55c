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


class Nufft:
    """y_k = sum_n x_n exp(-i (p_k . n)) / sqrt(H W) of pictures (H, W), at points p_k, (M, 2), in radians per pixel.

    n counts pixels from that in the middle, (H // 2, W // 2), or, not `centred`, from the first one round the edge, as
    `torch.fft` does. The first coordinate of a point belongs to the rows, the first axis. Between the points of a grid
    it goes by a Kaiser-Bessel kernel (Jackson et al., IEEE Trans. Med. Imaging 10:473, 1991), as a sparse matrix whose
    transpose makes the adjoint, exact to rounding. there: booleans (M,); what is at the other points is zero.
    """

    def __init__(
        self,
        points: Tensor,
        there: Tensor,
        shape: tuple[int, int],
        *,
        centred: bool,
        dtype: torch.dtype,
        device: torch.device,
    ):
        precision = DOUBLE if dtype == torch.float64 else SINGLE
        self.grid = tuple(_grid_length(n, precision) for n in shape)
        self._places = [_places(n, g, centred) for n, g in zip(shape, self.grid, strict=True)]
        apodisation = np.outer(*(_apodisation(n, g, precision, centred) for n, g in zip(shape, self.grid, strict=True)))
        self._apodisation = torch.from_numpy(apodisation / math.sqrt(math.prod(shape))).to(device, dtype)
        matrix = _interpolation(points.double().cpu().numpy(), there.cpu().numpy(), self.grid, precision)
        self._to_points, self._to_grid = (Sparse.of(m, dtype, device) for m in (matrix, matrix.T.tocsr()))

    def forward(self, picture: Tensor, maps: Tensor) -> Tensor:
        """The picture (H, W) times each map, (coils, H, W), at the points: (coils, M)."""
        spread = picture * self._apodisation
        grid = spread.new_zeros(len(maps), *self.grid)
        for rows, grid_rows in self._places[0]:
            for columns, grid_columns in self._places[1]:
                torch.mul(maps[:, rows, columns], spread[rows, columns], out=grid[:, grid_rows, grid_columns])
        table = torch.view_as_real(torch.fft.fft2(grid).flatten(1).T.contiguous())
        values = self._to_points(table.flatten(1))
        return torch.view_as_complex(values.unflatten(1, (-1, 2))).T

    def adjoint(self, values: Tensor, maps: Tensor) -> Tensor:
        """The adjoint of `forward` in the picture: (coils, M) to (H, W)."""
        table = self._to_grid(torch.view_as_real(values.T.contiguous()).flatten(1))
        grid = torch.view_as_complex(table.unflatten(1, (-1, 2))).T.reshape(-1, *self.grid)
        grid = torch.fft.ifft2(grid, norm="forward")
        picture = maps.new_empty(maps.shape[1:])
        for rows, grid_rows in self._places[0]:
            for columns, grid_columns in self._places[1]:
                seen = maps[:, rows, columns].conj() * grid[:, grid_rows, grid_columns]
                torch.sum(seen, 0, out=picture[rows, columns])
        return picture * self._apodisation

    def density_weights(self, iterations: int = 20) -> Tensor:
        """Weights (M,) that even out how densely the points lie (Pipe and Menon, Magn. Reson. Med. 41:179, 1999)."""
        weights = self._to_points(self._apodisation.new_ones(math.prod(self.grid), 1)).sign()
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
    def of(cls, matrix: scipy.sparse.csr_array, dtype: torch.dtype, device: torch.device) -> Sparse:
        """SciPy's matrix on a device."""
        columns, values, begins = (
            torch.from_numpy(a).to(device) for a in (matrix.indices, matrix.data, matrix.indptr[:-1].copy())
        )
        return cls(columns, values.to(dtype), begins)

    def __call__(self, table: Tensor) -> Tensor:
        """The product with (columns, n)."""
        return F.embedding_bag(self.columns, table, self.begins, mode="sum", per_sample_weights=self.values)


def nufft_bytes(points: int, dtype: torch.dtype) -> int:
    """Bytes of the two sparse matrices of a `Nufft` at so many points."""
    width = DOUBLE.width if dtype == torch.float64 else SINGLE.width
    return 2 * points * width**2 * (dtype.itemsize + np.dtype(np.int32).itemsize)


def workspace_bytes(coils: int, shape: tuple[int, int], dtype: torch.dtype) -> int:
    """Bytes that a transform of one picture takes while it is made: the grid of each coil, its spectrum and a copy."""
    precision = DOUBLE if dtype == torch.float64 else SINGLE
    return 3 * coils * 2 * dtype.itemsize * math.prod(_grid_length(n, precision) for n in shape)


def _grid_length(count: int, precision: Precision) -> int:
    """The next even length whose factors are 2, 3 and 5, which transforms are quick for."""
    length = math.ceil(max(precision.finer * count, precision.width) / 2) * 2
    while (60**length) % length:
        length += 2
    return length


def _places(count: int, grid: int, centred: bool) -> list[tuple[slice, slice]]:
    """Which pixels, along an axis, lie where on the grid, whose first point is pixel zero."""
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
    points: NDArray[np.float64], there: NDArray[np.bool_], grid: tuple[int, ...], precision: Precision
) -> scipy.sparse.csr_array:
    """The matrix (M, points of the grid) of kernel values, with empty rows for points that are not there."""
    width, measured = precision.width, points[there]
    columns, values = np.zeros((len(measured), 1), np.int32), np.ones((len(measured), 1))
    for axis, length in enumerate(grid):
        place = measured[:, axis, None] * (length / (2 * np.pi))
        near = np.ceil(place - width / 2) + np.arange(width)
        along = (near % length).astype(np.int32)
        columns = (columns[:, :, None] * length + along[:, None]).reshape(len(measured), -1)
        values = (values[:, :, None] * _kernel(near - place, precision)[:, None]).reshape(len(measured), -1)
    ends = np.concatenate([[0], np.cumsum(there)]).astype(np.int32) * width**2
    return scipy.sparse.csr_array((values.ravel(), columns.ravel(), ends), shape=(len(points), math.prod(grid)))
