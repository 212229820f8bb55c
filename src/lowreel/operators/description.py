"""What an operator says of itself: its identity in files, how it is cut, and how it is made of a file or of
settings."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from torch import Tensor, nn

from ..errors import InputError
from ..system import streams
from ..system.files import tensor_hash
from .shapes import Shape
from .spec import Spec, Tensors, spec_hash

if TYPE_CHECKING:
    from .base import LinearOperator


class Described(nn.Module):
    """What a `LinearOperator` says of itself, and what its class knows before there is one."""

    kind: ClassVar[str]
    """What files call it."""
    part_length: ClassVar[int | str | None] = None
    """Frames in a part, to whose multiples a clip can be cut from a file alone: a number, the name of the parameter
    that says it, or None where it cannot be."""
    has_window: ClassVar[bool] = False
    """Whether an excerpt has to know where it is in the whole, since random numbers go by the number of the frame."""
    tensors_by_frame: ClassVar[tuple[str, ...]] = ()
    """Names of the tensors of its spec whose first axis may be the frames: an excerpt has its own part of them."""
    hides_regions: ClassVar[bool] = False
    """Whether what is not seen are whole blocks or frames of pixels, of which single pixels say little."""
    may_skip_frames: ClassVar[bool] = False
    """Whether it may see nothing at all of a frame."""
    takes_complex_clips: ClassVar[bool] = False
    """Whether its clips are complex, (T, C, H, W) complex64, and its adjoint gives such; see `RealForm`."""
    has_no_zero_rows: ClassVar[bool] = False
    """Whether no row of A is zero."""
    zero_level: ClassVar[float] = 0.0
    """The grey level that stands for nothing: clips of least norm are the nearest ones to it."""
    is_random_projection: ClassVar[bool] = False
    """Whether its rows are random with mean 0: any sign of the data then is of some clip, likely or not."""
    is_spectrum: ClassVar[bool] = False
    """Whether its data is a spectrum of each frame, (T, C, H, W), with frequency zero in the corner."""
    clip_shape: tuple[int, int, int, int]

    def density_weights(self) -> Tensor | None:
        """Weights of the residuals of samples of a spectrum in a fit: how far apart the samples lie, in the frame or in
        time, 0 or more in any unit, in a shape that expands to the data's. Without them a fit is slow where samples lie
        far apart. None where the data is no such samples."""
        return None

    def sample_weights(self) -> Tensor | None:
        """How much of a spectrum that is not measured each number of the data speaks for, as `density_weights`."""
        return self.density_weights()

    def sums_grey_levels(self) -> bool:
        """Whether each number of its data is a sum of grey levels with weights of 0 or more."""
        return False

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the baselines that suit this operator, beside those that suit any operator (`lowreel.baselines`)."""
        return ()

    def members(self) -> dict[str, LinearOperator]:
        """The operators that it is made of, by the prefix of the names of their tensors; most are made of none."""
        return {}

    def bytes_to_come(self) -> int:
        """Bytes that it will take when it is used, and has not taken yet, besides its tensors, the clip and the
        data."""
        return sum(member.bytes_to_come() for member in self.members().values())

    @abstractmethod
    def parameters_spec(self) -> dict[str, Any]:
        """The numbers that, with `kind`, `clip_shape` and the tensors, rebuild this operator."""

    def spec_tensors(self) -> dict[str, Tensor]:
        """Tensors that no seed can rebuild (a user's mask)."""
        return {}

    def spec(self) -> dict[str, Any]:
        """Identity as JSON: kind, version of the random streams, clip shape, parameters, SHA-256 of the tensors."""
        tensors = {name: tensor_hash(tensor) for name, tensor in self.spec_tensors().items()}
        return {
            "kind": self.kind,
            "streams": streams.VERSION,
            "clip_shape": list(self.clip_shape),
            **self.parameters_spec(),
            **({"tensors": tensors} if tensors else {}),
        }

    def fingerprint(self) -> str:
        """SHA-256 of `spec`: equal for equal operators."""
        return spec_hash(self.spec())

    @classmethod
    def from_settings(cls, settings: Any, clip_shape: Shape, *, seed: int, memory: int | None) -> LinearOperator:
        """The operator of these settings, which are those of `OPERATORS` whose class this is.

        Here the settings are arguments of the class, as they are named. memory: bytes that it may hold.
        """
        return cls._called({**dict(settings), "clip_shape": clip_shape, "seed": seed, "memory": memory})

    @classmethod
    def from_spec(cls, spec: Spec, tensors: Tensors, memory: int | None) -> LinearOperator:
        """The operator with this spec and these tensors; here both are arguments of the class, as they are named."""
        known = {**tensors, **spec, "clip_shape": tuple(spec["clip_shape"]), "memory": memory}
        return cls._called(known | ({"within": tuple(spec["within"])} if "within" in spec else {}))

    @classmethod
    def _called(cls, known: Mapping[str, Any]) -> LinearOperator:
        """The class called with those of the values that it has arguments for. Raises KeyError where one is missing."""
        arguments = inspect.signature(cls).parameters.values()
        made = cls(**{a.name: known[a.name] for a in arguments if a.name in known or a.default is a.empty})
        return cast("LinearOperator", made)

    @classmethod
    def frames_of_part(cls, parameters: Mapping[str, Any]) -> int | None:
        """Frames in a part of the operator with this spec, or with these settings; None where it cannot be cut."""
        return int(parameters[cls.part_length]) if isinstance(cls.part_length, str) else cls.part_length

    @classmethod
    def cut_spec(cls, spec: Spec, tensors: Tensors, frames: range) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Spec and tensors of the operator that measures these frames alone."""
        total = spec["clip_shape"][0]
        by_frame = {name for name in cls.tensors_by_frame if name in tensors}
        own = {
            name: t[frames.start : frames.stop] if name in by_frame and len(t) == total else t
            for name, t in tensors.items()
        }
        if cls.has_window and not by_frame:
            first, whole = spec.get("within", (0, total))
            spec = {**spec, "within": [first + frames.start, whole]}
        return with_frames(spec, len(frames), own), own

    @classmethod
    def rows_of(cls, spec: Spec, frames: range) -> list[slice]:
        """The rows of the data that belong to these frames: of its one tensor, or of each tensor of a stack."""
        step = cls.frames_of_part(spec) or 1
        return [slice(frames.start // step, -(-frames.stop // step))]


def with_frames(spec: Spec, frames: int, tensors: Tensors) -> dict[str, Any]:
    """The spec with so many frames and the hashes of these tensors."""
    hashes = {name: tensor_hash(tensor) for name, tensor in tensors.items()}
    own = {**spec, "clip_shape": [frames, *spec["clip_shape"][1:]]}
    return own | ({"tensors": hashes} if hashes else {})


def refuse_complex_clips(*operators: Described) -> None:
    """Raise InputError where one of the operators that are to be combined takes complex clips."""
    complex_ones = [operator.kind for operator in operators if operator.takes_complex_clips]
    if complex_ones:
        raise InputError(
            f"{complex_ones[0]}: it takes complex clips, and stands alone; put a factor into its data or its coil maps"
        )
