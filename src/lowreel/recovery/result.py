"""What `recover` returns."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from ..analysis.metrics import peak_decibels, squared_error
from ..data import Levels
from ..model.representation import Representation
from ..settings import Candidate, RecoverSettings, SolverSettings
from ..system.complex_clips import magnitude
from .comparison import Baseline, best_by_heldout
from .fit import Trial
from .levels import AS_IS
from .recommendation import Recommended
from .search_plan import best_of
from .sharing import Sharing
from .verdict import Outcome, Verdict


@dataclass(frozen=True, repr=False)
class Recovery:
    """What `recover` returns.

    clip: the delivered frames, (T, C, H, W) in the units of the data, which agree with it where it is free of noise,
    and are refined by it where it is a noisy scan (`refinement`); representation: the generator and codes behind them;
    heldout_db: held-out error as a PSNR with peak 1, of a mask with holes as it is foretold for these
    (`data.gap_factor`), of the frames of epoch `chosen`, of the `steps` that the chosen fit made, refined where the
    delivered ones are; heldout_db_representation: the same of the frames as the representation
    draws them, None where they are not refined (`refined`); clip_range: lowest and highest grey level of the delivered
    clip; last_steps: epochs of the last fit, with all data, which gave the representation, 0 where there was none;
    verdict: whether to trust it, by comparison with the best baseline; trust: the same as a sentence. trials: the fits
    among which held-out data chose, none where the settings were given. solver: the settings of the fit that is
    delivered; weight_decay: what it used of theirs, a third of large frames of exact pixels. uncertainty: standard
    deviation of each pixel value, (T, C, H, W), from where the trials disagree; None without trials, and where noise of
    another kind than white of known size cannot be told from errors of the clip. device: on which it was fitted, such
    as cuda; all tensors are on the CPU. delivered: "generator", or the name of the baseline whose clip is delivered,
    because a fit that did not end was worse on held-out data. levels: clip = levels.scale * (grey levels in [0, 1]) +
    levels.offset; figures in dB are of the grey levels. together: of a clip of a group, how it was recovered
    (`recover_together`). trials_heldout_db: `heldout_db` of each of the trials;
    gap_factor: by which held-out errors are multiplied for these levels.

    Of complex clips `clip` and those of the baselines are complex64, uncertainty, (T, 1, H, W), is that of the real and
    of the imaginary part, and of the magnitude where that is well above it, and levels.scale stands for 1; grey levels
    are those of the parts, from -white to white, and the peak of `heldout_range_db` is the largest magnitude.
    """

    clip: Tensor
    representation: Representation
    history: tuple[dict[str, Any], ...]
    outcome: Outcome
    heldout_db: float
    chosen: int
    verdict: Verdict
    steps: int
    seconds: float
    settings: RecoverSettings
    solver: SolverSettings
    weight_decay: float
    device: str = "cpu"
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()
    uncertainty: Tensor | None = None
    last_steps: int = 0
    delivered: str = "generator"
    recommended: Recommended = field(default_factory=Recommended)
    levels: Levels = AS_IS
    clip_range: tuple[float, float] = (0.0, 1.0)
    together: Sharing | None = None
    heldout_db_representation: float | None = None
    trials_heldout_db: tuple[float, ...] = ()
    gap_factor: float = 1.0
    _best: list[Any] = field(default_factory=list, init=False, compare=False)

    @property
    def refined(self) -> bool:
        """Whether the frames that are judged, and delivered, are refined, as those of noisy scans are."""
        return self.heldout_db_representation is not None

    @property
    def drawn_db(self) -> float:
        """`heldout_db` of what the representation draws."""
        known = self.heldout_db_representation
        return self.heldout_db if known is None else known

    @property
    def heldout_range_db(self) -> float:
        """`heldout_db` with the range of the delivered clip as the peak, as in the verdict; NaN of a constant clip."""
        return self.heldout_db + peak_decibels(*self.clip_range)

    @property
    def trust(self) -> str:
        """The verdict as a sentence."""
        return self.verdict.sentence

    @property
    def recommended_clip(self) -> Tensor:
        """The best clip by held-out data, (T, C, H, W) in the units of the data; `clip` where there is no better."""
        return self.recommended.of(self.clip, self.baselines)

    @property
    def has_better(self) -> bool:
        """Whether what is recommended is another clip than the one that is delivered."""
        return self.recommended.name != self.delivered

    @property
    def choice(self) -> Candidate | None:
        """What the search over settings chose by held-out data; None without trials."""
        return best_of(self.trials).choice if self.trials else None

    def magnitudes(self) -> Recovery:
        """The same with the magnitudes of complex clips, which is what one looks at; itself where clips are real."""
        if not self.clip.is_complex():
            return self
        baselines = {name: replace(b, clip=magnitude(b.clip)) for name, b in self.baselines.items()}
        return replace(self, clip=magnitude(self.clip), baselines=baselines)

    def best_baseline(self, truth: Tensor | None = None) -> str | None:
        """Name of the baseline with the smallest error: against the true clip (T, C, H, W), else on held-out data.

        That of the true clip last given is kept: files, figures and pictures ask for it, and their clips are made anew.
        """
        if not self.baselines:
            return None
        if truth is None:
            return best_by_heldout(self.baselines)
        if not self._best or self._best[0]() is not truth:
            name = min(self.baselines, key=lambda name: squared_error(self.baselines[name].clip, truth))
            self._best[:] = [weakref.ref(truth), name]
        return str(self._best[1])

    def __repr__(self) -> str:
        return (
            f"Recovery(clip {tuple(self.clip.shape)}, {self.outcome.kind} after {self.steps} epochs in "
            f"{self.seconds:.1f} s, held-out {self.heldout_range_db:.2f} dB; {self.trust})"
        )
