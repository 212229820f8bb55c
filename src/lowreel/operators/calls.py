"""How an operator is called: with arrays of any library, and what it returns is of the same library."""

from __future__ import annotations

from typing import Any, overload

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..system.as_tensor import tensor_of
from ..system.form import as_it_came
from .shapes import misfit, without_channel
from .tensors import Data, map_data, shape_of, tensors_of

_SHORT = (torch.float16, torch.bfloat16)
"""Types without a Fourier transform on the CPU, and with too few digits for an exact adjoint."""


class OnArrays(nn.Module):
    """A map between clips and data, given and giving NumPy's arrays, torch's tensors or xarray's arrays."""

    clip_shape: tuple[int, int, int, int]
    data_shape: Any

    def _measure(self, x: Tensor) -> Data:
        raise NotImplementedError

    def _adjoint(self, y: Data) -> Tensor:
        raise NotImplementedError

    @overload
    def forward(self, x: Tensor) -> Data: ...

    @overload
    def forward(self, x: Any) -> Any: ...

    def forward(self, x: Any) -> Any:
        """Data of a clip, y = A x, as a NumPy array for an array, as a tensor for a tensor, on its device.

        x: `clip_shape`; a grey clip also (T, H, W), whose data is without that axis too where it has the shape of a
        clip. Of xarray's array the data keeps the coordinates where it has the shape of the clip, and is NumPy's
        otherwise. A stack gives a tuple. Raises InputError for another shape.
        """
        if not isinstance(x, Tensor):
            return as_it_came(x, self(tensor_of(x, f"{type(self).__name__}: clip")))
        if without_channel(x.shape, self.clip_shape):
            return self._squeezed(self(x[:, None]))
        x = x.float() if x.dtype in _SHORT else x
        if tuple(x.shape) != self.clip_shape:
            raise InputError(misfit(type(self).__name__, self.clip_shape, "clip", tuple(x.shape)))
        return self._measure(x)

    @overload
    def adjoint(self, y: Data) -> Tensor: ...

    @overload
    def adjoint(self, y: Any) -> Any: ...

    def adjoint(self, y: Any) -> Any:
        """A* y, a clip, of the library of y as in `forward`; of A^H y the real part where clips are real.

        y: `data_shape`, of a stack a tuple; (T, H, W) where that is a grey clip's, and then A* y too. Raises
        InputError for another shape.
        """
        if isinstance(y, Tensor) and self._is_squeezed(y):
            return self._squeezed(self.adjoint(y[:, None]))
        if not all(isinstance(t, Tensor) for t in tensors_of(y)):
            return as_it_came(y, self.adjoint(map_data(lambda t: tensor_of(t, f"{type(self).__name__}: data"), y)))
        return self._adjoint(self.checked_data(y))

    def _is_squeezed(self, y: Tensor) -> bool:
        """Whether this is data in the shape of a grey clip, without its axis of channels."""
        return tuple(self.data_shape) == self.clip_shape and without_channel(y.shape, self.clip_shape)

    def _squeezed(self, found: Data) -> Data:
        """The same without the axis of channels, where it is in the shape of a clip."""
        return found[:, 0] if isinstance(found, Tensor) and tuple(found.shape) == self.clip_shape else found

    def checked_data(self, y: Data) -> Data:
        """`y` if it has this operator's shape; else an InputError."""
        if shape_of(y) != self.data_shape:
            raise InputError(misfit(type(self).__name__, self.data_shape, "data", shape_of(y)))
        return y
