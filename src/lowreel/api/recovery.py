"""What `lowreel.recover` returns and `lowreel.load` reads: a recovery in the form in which its data came."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, cast

import torch
from torch import Tensor
from typing_extensions import TypeVar

from ..data import Levels, Measured
from ..errors import InputError
from ..model.representation import Representation
from ..operators.shapes import without_channel
from ..recovery.comparison import Baseline
from ..recovery.fit import Trial
from ..recovery.recommendation import Recommended
from ..recovery.result import Recovery as Found
from ..recovery.sharing import Sharing
from ..recovery.verdict import Outcome, Verdict
from ..runs.html import recovery_html
from ..runs.summarise import summarise
from ..runs.summary import Summary
from ..settings import Candidate, RecoverSettings, SolverSettings
from ..system.as_tensor import tensor_of
from ..system.form import Form
from .compare import Comparison, compared
from .files import copy_run, save_run, write_film

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Clip = TypeVar("Clip", default=Tensor)


@dataclass(frozen=True)
class Source:
    """What a recovery was made of. measured: the data in grey levels with its operator, None where a run has one that
    no file holds; known: pixels that are delivered as they came, in the precision in which they came, and which;
    holdout: what was held out, where the user said it; run: the folder that it was read from."""

    measured: Measured | None
    known: tuple[Tensor, Tensor] | None = None
    holdout: Any = None
    run: Path | None = None


@dataclass(frozen=True, repr=False)
class Recovery(Generic[Clip]):
    """A recovered clip, the compact form of it, and how far to trust it; what `lowreel.recover` returns.

    Clips and standard deviations are of the library that the data is of: NumPy's arrays, torch's tensors on its device,
    xarray's arrays with its coordinates (NumPy's where the data has another shape than the clip); in float64 where the
    data is. The representation, its codes and its generator are torch's on the CPU. Of complex clips `clip` and those
    of the baselines are complex, `uncertainty`, (T, 1, H, W), is that of the real and of the imaginary part.
    """

    found: Found = field(repr=False)
    form: Form = field(repr=False)
    source: Source = field(repr=False)
    recommended_tensor: Tensor | None = field(default=None, repr=False)
    """The clip that is recommended, of a run that was read; None: it follows from the others."""
    of_run: Summary | None = field(default=None, repr=False)
    """The summary of a run that was read; None: it is made when it is asked for."""

    @cached_property
    def clip(self) -> Clip:
        """The delivered frames, (T, C, H, W) in the units of the data, with which they agree where it is exact."""
        return self._put(self.found.clip)

    @cached_property
    def recommended_clip(self) -> Clip:
        """The best clip by held-out data, (T, C, H, W) in the units of the data; `clip` where there is no better."""
        known = self.recommended_tensor
        return self._put(self.found.recommended_clip if known is None else known)

    @cached_property
    def uncertainty(self) -> Clip | None:
        """Standard deviation of each value of the clip, (T, C, H, W) in its units; None without a search over settings,
        and for noise that cannot be told from errors of the clip."""
        sigma = self.found.uncertainty
        return None if sigma is None else cast("Clip", self.form.put(sigma))

    @cached_property
    def baselines(self) -> dict[str, Baseline]:
        """Simpler methods on the same data by name: `clip`, in the form of the recovered one, and `heldout_db`. Of a
        run that was read the best one alone: it keeps no others."""
        return {name: replace(b, clip=cast("Any", self._put(b.clip))) for name, b in self.found.baselines.items()}

    def _put(self, clip: Tensor) -> Clip:
        """A clip in the form of the data, with the pixels that are known exactly as they came."""
        if self.source.known is not None:
            values, known = self.source.known
            clip = torch.where(known, values, clip.to(values.dtype))
        return cast("Clip", self.form.put(clip))

    def _true(self, truth: Any) -> Tensor | None:
        """A true clip as a tensor (T, C, H, W)."""
        if truth is None:
            return None
        clip = tensor_of(truth, "truth").cpu()
        return clip[:, None] if without_channel(clip.shape, tuple(self.found.clip.shape)) else clip

    @property
    def representation(self) -> Representation:
        """Codes and generator, the compact form of the clip, from which frames at any time can be drawn."""
        return self.found.representation

    @property
    def times(self) -> Tensor:
        """Seconds of the frames, (T,)."""
        return self.found.representation.times

    @property
    def verdict(self) -> Verdict:
        """Whether to trust the clip: `kind` (use, use_with_care, undecided, unknown, do_not_use) and `sentence`."""
        return self.found.verdict

    @property
    def trust(self) -> str:
        """The verdict as a sentence."""
        return self.found.trust

    @property
    def together(self) -> Sharing | None:
        """Of a clip that was recovered with others (`recover_together`): `chosen`, together or alone, and why."""
        return self.found.together

    @property
    def outcome(self) -> Outcome:
        """How the fit ended: `kind` (converged, finished, stopped, diverged) and a `sentence` that says what to do."""
        return self.found.outcome

    @property
    def heldout_db(self) -> float:
        """PSNR on data that was not fitted, in dB with peak 1."""
        return self.found.heldout_db

    @property
    def refined(self) -> bool:
        """Whether the generator's clip was refined by its data before it was judged and delivered, as those of noisy
        scans are; `representation` draws it as it was before."""
        return self.found.refined

    @property
    def heldout_range_db(self) -> float:
        """The same with the range of the delivered clip as the peak, as in the verdict; NaN of a constant clip."""
        return self.found.heldout_range_db

    @property
    def history(self) -> tuple[dict[str, Any], ...]:
        """A row an epoch: step, loss, heldout (squared error per pixel, None between checks), seconds."""
        return self.found.history

    @property
    def steps(self) -> int:
        """Epochs of the fit that was chosen."""
        return self.found.steps

    @property
    def last_steps(self) -> int:
        """Epochs of the last fit, with all data, which gave the representation; 0 where there was none."""
        return self.found.last_steps

    @property
    def chosen(self) -> int:
        """The epoch of the chosen fit that held-out data prefers."""
        return self.found.chosen

    @property
    def seconds(self) -> float:
        """What the optimisation took."""
        return self.found.seconds

    @property
    def settings(self) -> RecoverSettings:
        """The settings that were asked for."""
        return self.found.settings

    @property
    def solver(self) -> SolverSettings:
        """Those of the fit that is delivered."""
        return self.found.solver

    @property
    def device(self) -> str:
        """What it was fitted on, such as cuda."""
        return self.found.device

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The fits among which held-out data chose; none where the settings were given, or of a run that was read."""
        return self.found.trials

    @property
    def choice(self) -> Candidate | None:
        """What the search over settings chose by held-out data; None without one."""
        return self.found.choice if self.of_run is None else self.of_run.choice

    @property
    def delivered(self) -> str:
        """ "generator", or the baseline whose clip is delivered because a fit that did not end was worse."""
        return self.found.delivered

    @property
    def recommended(self) -> Recommended:
        """Which clip is the best by held-out data: its `name` and `heldout_db`."""
        return self.found.recommended

    @property
    def has_better(self) -> bool:
        """Whether what is recommended is another clip than the one that is delivered."""
        return self.found.has_better

    @property
    def levels(self) -> Levels:
        """clip = levels.scale * (grey levels in [0, 1]) + levels.offset; figures in dB are of the grey levels. Of a
        complex clip the scale is white, the largest size of its numbers."""
        return self.found.levels

    @property
    def clip_range(self) -> tuple[float, float]:
        """Lowest and highest grey level of the delivered clip."""
        return self.found.clip_range

    @cached_property
    def summary(self) -> Summary:
        """All figures as summary.json of a run folder has them (docs/format.md)."""
        if self.of_run is not None:
            return self.of_run
        assert self.source.measured is not None  # only a run that was read may not know it
        return summarise(in_grey_levels(self.found), self.source.measured, None)

    def best_baseline(self, truth: Any = None) -> str | None:
        """Name of the baseline with the smallest error: against the true clip (T, C, H, W), else on held-out data."""
        return self.found.best_baseline(self._true(truth))

    def compare(self, truth: Any = None) -> Comparison:
        """The recovered clip beside the baselines, a row each: levels on held-out data, and with a true clip,
        (T, C, H, W) in the units of the data, PSNR and SSIM too. A list of dictionaries, such as `pandas.DataFrame`
        takes; it prints as a table. Raises ValueError for a true clip of another shape."""
        return compared(self.found, self.summary, self._true(truth), self.recommended_tensor)

    def plot(self, truth: Any = None, frames: int = 5) -> Figure:
        """A matplotlib figure: what was measured, the best baseline, the recovered clip, and its standard deviation.

        truth: the true clip, (T, C, H, W) in the units of the data, which is shown too, with the errors; frames: how
        many are shown, evenly over the clip. Raises InputError for a true clip of another shape.
        """
        from .plot import drawn

        true = in_grey(self._true(truth), self.levels)
        if true is not None and true.shape != self.found.clip.shape:
            wanted, got = tuple(self.found.clip.shape), tuple(true.shape)
            raise InputError(f"truth: expected a clip of shape {wanted}, as the recovered one, got {got}")
        return drawn(in_grey_levels(self.found), self.source.measured, true, frames)

    def video(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the delivered clip as .mp4, .mov, .mkv or .gif, at the times of its frames; of a complex one the
        magnitudes. Returns the path. Raises InputError where a file of this name is there, but for overwrite=True.
        """
        return write_film(Path(path), in_grey_levels(self.found), overwrite=overwrite)

    def save(self, path: str | Path) -> Path:
        """Write a run folder, as the command line makes it: `lowreel.load(path)`, `lowreel info`, `embed`,
        `interpolate` and `export` take it (docs/format.md). Returns its path. Arrays are float32 there.

        Raises InputError where the folder holds anything already.
        """
        if self.source.run is not None:
            return copy_run(self.source.run, Path(path))
        assert self.source.measured is not None  # only a run that was read may not know it
        return save_run(Path(path), in_grey_levels(self.found), self.source.measured, self.source.holdout)

    def to_xarray(self) -> Any:
        """An xarray.Dataset with `recovered`, `recommended` where that is another, and `uncertainty` where it is known,
        over time (seconds), channel, y and x; or over the axes and coordinates that the data came with.

        Raises ImportError without xarray.
        """
        from .to_xarray import dataset_of

        recommended = self.recommended_clip if self.has_better else None
        clips = {"recovered": self.clip, "recommended": recommended, "uncertainty": self.uncertainty}
        about = {"verdict": self.verdict.kind, "trust": self.trust, "outcome": self.outcome.kind}
        return dataset_of(clips, self.form, self.times, about)

    def __repr__(self) -> str:
        shape = tuple(self.found.clip.shape)
        return (
            f"Recovery(clip {shape}, {self.outcome.kind} after {self.steps} epochs in {self.seconds:.1f} s, "
            f"held-out {self.heldout_range_db:.2f} dB; {self.trust})"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: a film strip, the verdict, the table of figures."""
        return recovery_html(in_grey_levels(self.found), self.summary)


def in_grey(clip: Tensor | None, levels: Levels) -> Tensor | None:
    """A clip in the units of the data, (T, C, H, W), in grey levels."""
    if clip is None or levels == (1.0, 0.0):
        return clip
    return (clip - levels.offset) / levels.scale


def in_grey_levels(found: Found) -> Found:
    """The same recovery with clips and standard deviations in grey levels, complex ones over white."""
    levels = found.levels
    if levels == (1.0, 0.0):
        return found
    sigma = found.uncertainty
    return replace(
        found,
        clip=cast("Tensor", in_grey(found.clip, levels)),
        baselines={n: replace(b, clip=cast("Tensor", in_grey(b.clip, levels))) for n, b in found.baselines.items()},
        uncertainty=None if sigma is None else sigma / levels.scale,
        levels=Levels(1.0),
    )
