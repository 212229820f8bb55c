"""How the summary of a run is made: from its recovery, or from what its sections came to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from ..analysis.metrics import both_psnr, error_decibels, peak_decibels, psnr, psnr_complex, ssim, stated_peak_decibels
from ..data import Measured
from ..recovery.comparison import levels_of
from ..recovery.coverage import caveat, unseen_share
from ..recovery.fit import Trial
from ..recovery.result import Recovery
from ..recovery.uncertainty import calibration
from ..recovery.verdict import OutcomeKind, judge, judge_sections
from ..system.complex_clips import magnitude, to_real
from .joined_scores import WholeScores
from .sections import Section
from .summary import SUMMARY_VERSION, Ended, SectionFigures, SharingFigures, Summary, finite, rounded
from .truth import numbers_of

AnyName = TypeVar("AnyName", str, str | None)

WORST_FIRST: tuple[OutcomeKind, ...] = ("diverged", "stopped", "finished", "converged")


def summarise(recovery: Recovery, measured: Measured, truth: Tensor | None) -> Summary:
    """What was done, how well, and whether to trust it; of complex clips the scores are those of the magnitudes. truth:
    the true clip, (T, C, H, W), where it is known."""
    frames, channels, height, width = recovery.clip.shape
    codes = recovery.representation.codes
    levels, measured_numbers = levels_of(recovery.baselines), numbers_of(measured)
    content = {
        "version": SUMMARY_VERSION,
        "outcome": {"kind": recovery.outcome.kind, "sentence": recovery.outcome.sentence},
        "frames": frames,
        "height": height,
        "width": width,
        "channels": channels,
        "operator": measured.operator.spec(),
        "noise": measured.noise.entry(),
        "numbers_per_pixel": measured_numbers / (recovery.clip.numel() * (2 if recovery.clip.is_complex() else 1)),
        "preset": recovery.settings.preset,
        "steps": recovery.steps,
        "last_steps": recovery.last_steps,
        "chosen": recovery.chosen,
        "solver": recovery.solver.model_dump(mode="json"),
        "seconds": round(recovery.seconds, 2),
        "device": recovery.device,
        "precision": recovery.solver.precision,
        "delivered": recovery.delivered,
        "seed": recovery.settings.seed,
        "rank": codes.rank,
        "similarity": recovery.solver.similarity,
        "weight_decay": recovery.weight_decay,
        "early_weight_decay": recovery.solver.early_weight_decay,
        "quality": recovery.settings.quality if recovery.settings.searches else None,
        "search": tuple(
            _tried(trial, level) for trial, level in zip(recovery.trials, recovery.trials_heldout_db, strict=True)
        ),
        "choice": recovery.choice,
        "uncertainty": _uncertainty(recovery, truth),
        "generator": recovery.representation.generator.spec(),
        "generator_start": recovery.settings.generator_name(channels),
        "parameters": recovery.representation.parameters,
        "stored_bytes": recovery.representation.bits() // 8,
        "bits_per_pixel": round(recovery.representation.bits() / (frames * height * width), 4),
        "measured_numbers": measured_numbers,
        "heldout_db": rounded(recovery.heldout_db),
        "refined": recovery.refined,
        "verdict": recovery.verdict.kind,
        "trust": recovery.trust,
        "best_baseline": recovery.best_baseline(truth),
        "baselines_heldout_db": {name: rounded(level) for name, level in levels.items()},
        "recommended": recovery.recommended.name,
        "recommended_heldout_db": rounded(recovery.recommended.heldout_db),
        "unseen_share": unseen_share(measured.operator, measured.operator.observed_mask()),
    }
    content |= _by_range(recovery.clip_range, recovery.heldout_db, levels) | _sharing(recovery)
    content |= {} if recovery.gap_factor == 1 else {"gap_factor": round(recovery.gap_factor, 4)}
    content |= {"heldout_db_representation": rounded(recovery.drawn_db)} if recovery.refined else {}
    return Summary(**content, **({} if truth is None else _scores(recovery, truth)))


def _sharing(recovery: Recovery) -> dict[str, Any]:
    """How a clip of a group was recovered; nothing of other clips."""
    shared = recovery.together
    if shared is None:
        return {}
    levels = {"together_db": rounded(shared.together_db), "alone_db": rounded(shared.alone_db)}
    figures = {"clips": shared.clips, "chosen": shared.chosen, **levels}
    figures |= {"is_chance": shared.is_chance, "by_all": shared.by_all}
    return {"together": SharingFigures(**figures)}


def _by_range(
    clip_range: tuple[float, float] | None, heldout_db: float, baselines: Mapping[str, float]
) -> dict[str, Any]:
    """The levels on held-out data with the range of the delivered clip as the peak; none where that is not known."""
    if clip_range is None:
        return {}
    peak = peak_decibels(*clip_range)
    return {
        "clip_range": (round(clip_range[0], 6), round(clip_range[1], 6)),
        "heldout_range_db": rounded(heldout_db + peak),
        "baselines_heldout_range_db": {name: rounded(level + peak) for name, level in baselines.items()},
    }


def _joined_range(found: Sequence[Summary]) -> tuple[float, float] | None:
    """Lowest and highest grey level of all sections; None where one of them does not tell."""
    known = [s.clip_range for s in found if s.clip_range is not None]
    if len(known) < len(found):
        return None
    return min(low for low, _ in known), max(high for _, high in known)


def _uncertainty(recovery: Recovery, truth: Tensor | None) -> dict[str, Any] | None:
    """Mean standard deviation where it is not 0, and how it fits the true errors."""
    sigma = recovery.uncertainty
    if sigma is None or not bool((sigma > 0).any()):
        return None
    known = {"mean_sigma": round(float(sigma.sum(dtype=torch.float64) / (sigma > 0).sum()), 6)}
    if truth is None:
        return known
    if recovery.clip.is_complex():
        found, true = to_real(recovery.clip), to_real(truth)
        return known | calibration(found, true, sigma.expand_as(found))
    return known | calibration(recovery.clip, truth, sigma)


def _tried(trial: Trial, level: float) -> dict[str, Any]:
    """A fit of the search for summary.json: what was tried, what the held-out data said, the score of that iterate."""
    scores = {row["step"]: row["score"] for row in trial.history if row.get("score") is not None}
    best = {"best_score": _told(max(scores.values())), "score": _told(scores[trial.step])} if scores else {}
    told = {"heldout_db": _told(level), "step": trial.step, "steps": trial.steps}
    return trial.choice.model_dump() | told | best


def _told(value: float) -> float | str | None:
    return finite(rounded(value))


def _scores(recovery: Recovery, truth: Tensor) -> dict[str, Any]:
    as_recovered = recovery.clip
    of_parts = {"psnr_complex": rounded(psnr_complex(as_recovered, truth))} if as_recovered.is_complex() else {}
    truth = magnitude(truth)
    if recovery.has_better:
        of_parts["psnr_recommended"] = rounded(psnr(magnitude(recovery.recommended_clip), truth))
    of_parts |= _scores_of_representation(recovery, truth)
    recovery = recovery.magnitudes()
    level, of_range = both_psnr(recovery.clip, truth)
    return of_parts | {
        "psnr": rounded(level),
        "psnr_range": rounded(of_range),
        "ssim": rounded(ssim(recovery.clip, truth)),
        **_scores_of_baselines(recovery, truth),
    }


def _scores_of_baselines(recovery: Recovery, truth: Tensor) -> dict[str, Any]:
    """Those of the baselines, each of whose clips is made once."""
    scores = {}
    for name, baseline in recovery.baselines.items():
        scores[name] = tuple(map(rounded, both_psnr(baseline.clip, truth)))
    of_range = {name: level for name, (_, level) in scores.items()}
    return {"baselines": {name: level for name, (level, _) in scores.items()}, "baselines_psnr_range": of_range}


def _scores_of_representation(recovery: Recovery, truth: Tensor) -> dict[str, Any]:
    """Those of the frames that the representation draws, which are not needed after."""
    generated = magnitude(recovery.representation.frames())
    level, of_range = both_psnr(generated, truth)
    return {"psnr_representation": rounded(level), "psnr_range_representation": rounded(of_range)}


def summarise_sections(
    sections: Sequence[Section],
    found: Sequence[Summary],
    pilot: int,
    operator: Mapping[str, Any],
    scores: WholeScores | None,
) -> Summary:
    """The summary of a whole clip: the pilot's, with what all sections together came to.

    found: the summaries of the sections; operator: its spec for all frames.
    """
    lengths = [len(section.frames) for section in sections]
    judged = [k for k, s in enumerate(found) if s.heldout_db is not None]
    of_judged = [lengths[k] for k in judged]
    heldout = _level([found[k].heldout_db for k in judged], of_judged)
    names = [n for n in found[pilot].baselines_heldout_db if all(n in s.baselines_heldout_db for s in found)]
    baselines = {n: _level([found[k].baselines_heldout_db[n] for k in judged], of_judged) for n in names}
    unseen = _weighted([s.unseen_share for s in found], lengths)
    clip_range = _joined_range(found)
    peak = stated_peak_decibels(*clip_range) if clip_range else 0.0
    judgement = judge(heldout + peak, {n: level + peak for n, level in baselines.items()})
    verdict = judge_sections(judgement, [s.verdict for s in found], lengths)
    whole: dict[str, Any] = {
        "outcome": _outcome(found),
        "operator": dict(operator),
        "frames": sections[-1].frames.stop,
        "numbers_per_pixel": _weighted([s.numbers_per_pixel for s in found], lengths),
        "steps": max(s.steps for s in found),
        "last_steps": max(s.last_steps for s in found),
        "seconds": round(sum(s.seconds for s in found), 2),
        "parameters": {name: sum(s.parameters[name] for s in found) for name in found[pilot].parameters},
        **_stored(found, sections[-1].frames.stop),
        "heldout_db": rounded(heldout),
        **_refined([found[k] for k in judged], of_judged),
        "verdict": verdict.kind,
        "trust": verdict.with_more(caveat(unseen)).sentence,
        "best_baseline": _same([s.best_baseline for s in found]),
        "baselines_heldout_db": {name: rounded(level) for name, level in baselines.items()},
        **_by_range(clip_range, heldout, baselines),
        "recommended": _same([s.recommended for s in found]),
        "recommended_heldout_db": rounded(_level([found[k].recommended_heldout_db for k in judged], of_judged)),
        "unseen_share": unseen,
        "uncertainty": None,
        "scenes": sections[-1].scene + 1,
        "sections": tuple(_figures(section, s) for section, s in zip(sections, found, strict=True)),
    }
    return found[pilot].model_copy(update=whole | ({} if scores is None else _levels(found, lengths, scores)))


def _refined(found: Sequence[Summary], lengths: Sequence[int]) -> dict[str, Any]:
    """Whether one of the sections of these lengths is refined; the level of what the representations draw if so."""
    if not any(s.refined for s in found):
        return {"refined": False}
    return {"refined": True, "heldout_db_representation": rounded(_level([s.drawn_db for s in found], lengths))}


def _stored(found: Sequence[Summary], frames: int) -> dict[str, Any]:
    """Bytes of all sections, bits a pixel of the whole clip, and the numbers that it was made from, overlaps once; none
    where one of the sections does not tell."""
    known = [s.stored_bytes for s in found if s.stored_bytes is not None]
    numbers = [s.measured_numbers / s.frames for s in found if s.measured_numbers is not None]
    if len(known) < len(found) or len(numbers) < len(found):
        return {"stored_bytes": None, "bits_per_pixel": None, "measured_numbers": None}
    bits = 8 * sum(known) / (frames * found[0].height * found[0].width)
    measured = round(frames * _weighted(numbers, [s.frames for s in found]))
    return {"stored_bytes": sum(known), "bits_per_pixel": round(bits, 4), "measured_numbers": measured}


def _same(names: Sequence[AnyName]) -> AnyName | str:
    """What was best in every section, or in words that it differs."""
    return names[0] if len(set(names)) == 1 else "the best of each section"


def _outcome(found: Sequence[Summary]) -> Ended:
    """The outcome of the section that ended worst."""
    worst = min(range(len(found)), key=lambda k: WORST_FIRST.index(found[k].outcome.kind))
    ended = found[worst].outcome
    if ended.kind == "converged":
        return ended
    return Ended(kind=ended.kind, sentence=f"Section {worst:03d}: {ended.sentence}")


def _figures(section: Section, summary: Summary) -> SectionFigures:
    names = ("heldout_db", "psnr", "ssim", "rank", "seconds")
    known = {name: getattr(summary, name) for name in names if name in summary.model_fields_set}
    known |= {"follows_camera": True} if "margin" in summary.generator else {}
    return SectionFigures(frames=(section.frames.start, section.frames.stop), scene=section.scene, **known)


def _levels(found: Sequence[Summary], lengths: Sequence[int], scores: WholeScores) -> dict[str, Any]:
    """Levels against the true clip. Those of generator and baselines are the sections', overlaps counted twice."""
    peak = 20 * math.log10(scores.range) if scores.range > 0 else 0.0
    whole, better = error_decibels(scores.error), scores.recommended_error
    alone = _level([s.psnr_representation for s in found], lengths)
    names = [name for name in found[0].baselines if all(name in s.baselines for s in found)]
    baselines = {name: _level([s.baselines[name] for s in found], lengths) for name in names}
    return {
        "psnr": rounded(whole),
        "psnr_range": rounded(whole + peak),
        "ssim": rounded(scores.ssim),
        "psnr_recommended": None if better is None else rounded(error_decibels(better)),
        "psnr_representation": rounded(alone),
        "psnr_range_representation": rounded(alone + peak),
        "baselines": {name: rounded(level) for name, level in baselines.items()},
        "baselines_psnr_range": {name: rounded(level + peak) for name, level in baselines.items()},
    }


def _level(levels: Sequence[float | None], lengths: Sequence[int]) -> float:
    """The level of the mean error over sections of these lengths; not a number where one is not known, or none is."""
    known = [level for level in levels if level is not None]
    if not known or len(known) < len(levels):
        return math.nan
    return error_decibels(_weighted([10 ** (-level / 10) for level in known], lengths))


def _weighted(values: Sequence[float], lengths: Sequence[int]) -> float:
    return sum(v * n for v, n in zip(values, lengths, strict=True)) / sum(lengths)
