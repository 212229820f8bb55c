"""Linear maps that measure no clip: adjoints, Gram operators, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import InputError


class LinearMap:
    """A linear map with its adjoint: `L(v)`, `L.H`, and `L @ M`, which does M first.

    takes, gives: shapes of what it is called with and of what it returns, a clip or data. For complex data the adjoint
    of an operator is the real part of A^H y, as clips are real, and all products follow.
    """

    def __init__(
        self, there: Callable[[Any], Any], back: Callable[[Any], Any], *, takes: Any, gives: Any, name: str = "map"
    ):
        self._there, self._back = there, back
        self.takes, self.gives, self.name = takes, gives, name

    def __call__(self, v: Any) -> Any:
        return self._there(v)

    @property
    def H(self) -> LinearMap:
        """The adjoint."""
        name = self.name.removesuffix(".H") if self.name.endswith(".H") else f"({self.name}).H"
        return LinearMap(self._back, self._there, takes=self.gives, gives=self.takes, name=name)

    def __matmul__(self, other: Any) -> LinearMap:
        """This one after `other`, a map or an operator. Raises InputError where the shapes do not fit."""
        first = other if isinstance(other, LinearMap) else getattr(other, "as_map", lambda: None)()
        if first is None:
            return NotImplemented
        if first.gives != self.takes:
            raise InputError(
                f"{self.name} @ {first.name}: the first takes shape {self.takes}, the second gives {first.gives}"
            )
        return LinearMap(
            lambda v: self(first(v)),
            lambda v: first._back(self._back(v)),
            takes=first.takes,
            gives=self.gives,
            name=f"{self.name} @ {first.name}",
        )

    def __repr__(self) -> str:
        return f"LinearMap({self.name}: {self.takes} -> {self.gives})"
