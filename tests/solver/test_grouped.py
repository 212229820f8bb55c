"""Several clips as one problem: what is of each alone, what they share, and one clip as it is without a group."""

from dataclasses import replace

import pytest
import torch
from cases import Linear, levels, moving, noise

from lowreel.data import PoissonNoise, WhiteNoise, hold_out
from lowreel.errors import InputError
from lowreel.model.generators import Decoder
from lowreel.model.latents import low_rank, similarity
from lowreel.operators import Gaussian, MissingPixels, Snapshot, Stacked, map_data, tensors_of
from lowreel.settings import PRESETS, SolverSettings
from lowreel.solver.grouped import grouped, joined_times
from lowreel.solver.iteration import iterate
from lowreel.solver.problem import Problem
from lowreel.solver.schedule import minibatches, planned_epochs
from lowreel.solver.state import State

close = torch.testing.assert_close
FRAME = (1, 6, 5)
K = 4
LENGTHS = (6, 4, 5)
OPERATORS = (
    lambda shape: MissingPixels(shape, 0.5, seed=1),
    lambda shape: Stacked([Gaussian(shape, 9, seed=1), MissingPixels(shape, 0.7, seed=2)]),
    lambda shape: Snapshot(shape, 2, seed=3),
)
NAMES = ("first", "second", "third")


def problem_of(operator, seed=0, generator=None, **known):
    clip = levels(*operator.clip_shape, seed=seed, dtype=torch.float32)
    y, times = operator(clip), torch.arange(operator.clip_shape[0], dtype=torch.float64) / 25
    heldout = hold_out(operator, 0.1, data=y)
    return Problem(y, operator, generator or Linear(FRAME, K).float(), times, heldout=heldout, **known)


def problems():
    made = [make((frames, *FRAME)) for make, frames in zip(OPERATORS, LENGTHS, strict=True)]
    return [problem_of(operator, seed=k) for k, operator in enumerate(made)]


@pytest.fixture
def clips():
    return problems()


@pytest.fixture
def group(clips):
    return grouped(clips, NAMES)


def test_each_clip_has_data_and_held_out_entries_of_its_own(clips, group):
    """What the group measures, knows and holds out is, clip by clip, what each has alone."""
    frames = [levels(*clip.operator.clip_shape, seed=7, dtype=torch.float32) for clip in clips]
    y = group.operator(torch.cat(frames))
    for k, clip in enumerate(clips):
        close(group.operator.by_clip(y)[k], clip.operator(frames[k]))
        for what in ("data", "known", "heldout", "fitted"):
            close(group.operator.by_clip(getattr(group, what))[k], getattr(clip, what))
    assert group.held_count == sum(clip.held_count for clip in clips)


def test_the_held_out_error_is_the_mean_over_frames(clips, group):
    """Of each clip its own, by the share of its frames; and so the fitted one."""
    frames = levels(sum(LENGTHS), *FRAME, seed=7, dtype=torch.float32)
    parts = frames.split(LENGTHS)
    for what in ("heldout_error", "heldout_misfit", "fitted_error"):
        own = [getattr(clip, what)(part) for clip, part in zip(clips, parts, strict=True)]
        mean = sum(n * error for n, error in zip(LENGTHS, own, strict=True)) / sum(LENGTHS)
        assert getattr(group, what)(frames) == pytest.approx(mean, rel=1e-5)


def test_similarity_of_a_group_is_the_sum_of_its_clips():
    """(T - 1) K times the penalty of all is the sum of (T_k - 1) K times that of each."""
    codes = noise(sum(LENGTHS), K)
    own = sum((len(part) - 1) * similarity(part) for part in codes.split(LENGTHS))
    close((len(codes) - 1) * similarity(codes, LENGTHS), own)


def test_a_frame_counts_as_much_whatever_its_operator(clips):
    """The loss is the mean over frames of what each clip's own would be; another unit of the data changes nothing."""
    group = grouped(clips, NAMES)
    found = map_data(lambda y: y + 0.1, group.data)
    total = float(group.scale(group.fit_weights) * group.data_fidelity(found, group.data, group.fit_weights))
    each = [
        clip.scale(clip.fitted)
        * float(clip.data_fidelity(map_data(lambda y: y + 0.1, clip.data), clip.data, clip.fitted))
        for clip in clips
    ]
    shares = torch.tensor([n * e for n, e in zip(LENGTHS, each, strict=True)])
    parts = zip(group.operator.by_clip(found), group.operator.by_clip(group.data), strict=True)
    weights = group.operator.by_clip(group.fit_weights)
    terms = [float(clips[0].data_fidelity(f, y, w)) for (f, y), w in zip(parts, weights, strict=True)]
    close(torch.tensor(terms) / sum(terms), shares / shares.sum(), rtol=1e-4, atol=0)
    assert total == pytest.approx(float(shares.sum()) / sum(LENGTHS), rel=0.3)  # up to the probe's luck
    louder = [*clips[:2], problem_of(10 * clips[2].operator, seed=2)]
    again = grouped(louder, NAMES)
    close(tensors_of(again.fit_weights)[-1] * 100, tensors_of(group.fit_weights)[-1], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("preset", ["default", "paper-joint"])
def test_a_group_of_one_is_the_clip_alone(preset):
    """Every epoch of the fit, to the bit."""
    operator = MissingPixels((6, 1, 16, 16), 0.5, seed=1)
    generator = Decoder((1, 16, 16), seed=0)
    clip = moving(6, 1, 16, 16)
    times = torch.arange(6, dtype=torch.float64) / 25
    y = operator(clip)
    alone = Problem(y, operator, generator, times, heldout=hold_out(operator, 0.1, data=y))
    settings = PRESETS[preset].model_copy(update={"steps": 3})
    both = zip(iterate(alone, settings), iterate(grouped([alone], ["clip"]), settings), strict=True)
    for one, other in both:
        assert one.loss == other.loss
        for name, tensor in one.tensors().items():
            assert torch.equal(tensor, other.tensors()[name]), name


def test_minibatches_are_of_all_clips(group):
    """Each part once an epoch, none with more frames than asked for unless one part has them; clips are mixed."""
    settings = SolverSettings(batch_size=4, steps=1)
    batches = [minibatches(group, settings, step) for step in range(4)]
    lengths = [len(part.frames) for part in group.operator.parts()]
    for found in batches:
        assert sorted(part for batch in found for part in batch) == list(range(len(lengths)))
        assert max(sum(lengths[part] for part in batch) for batch in found) <= 4
    assert any(min(batch) < LENGTHS[0] <= max(batch) for found in batches for batch in found)


def test_frames_are_seen_as_often_as_alone(clips, group):
    """The epochs of a group are the mean over its frames of those of each clip alone; those that are given are kept."""
    settings = SolverSettings(batch_size=4)
    each = [planned_epochs(clip, settings) for clip in clips]
    assert len(set(each)) > 1
    mean = sum(n * epochs for n, epochs in zip(LENGTHS, each, strict=True)) / sum(LENGTHS)
    assert planned_epochs(group, settings) == round(mean)
    assert planned_epochs(group, settings.model_copy(update={"steps": 7})) == 7


@pytest.mark.parametrize("algorithm", ["joint", "alternating"])
@pytest.mark.parametrize("of", ["each", "all"])
def test_a_rank_is_that_of_each_clip_or_of_all(clips, algorithm, of):
    """With "each" the codes of every clip have it, and those of all together more; with "all" these have."""
    group = grouped(clips, NAMES, of)
    shape = {"batch_size": 4} if algorithm == "joint" else {"batch_size": None, "init": "shared"}
    settings = SolverSettings(algorithm=algorithm, steps=3, rank=1, **shape)
    *_, state = iterate(group, settings)
    codes = state.codes(group, settings).matrix()
    ranks = [int(torch.linalg.matrix_rank(part, rtol=1e-4)) for part in codes.split(LENGTHS)]
    assert ranks == [1, 1, 1]
    if algorithm == "joint":  # with one start for all frames, those of Algorithm 1 are alike for some epochs
        close(low_rank(codes, 1), codes, rtol=1e-4, atol=1e-5) if of == "all" else None
        assert (int(torch.linalg.matrix_rank(codes, rtol=1e-4)) == 1) == (of == "all")


def test_a_fit_of_a_group_goes_on_to_the_same_bits(group):
    """From a state that was written and read."""
    settings = SolverSettings(batch_size=4, steps=4, similarity=0.1)
    states = list(iterate(group, settings))
    *_, again = iterate(group, settings, State.of(states[1].tensors(), states[1].header()))
    for name, tensor in states[-1].tensors().items():
        assert torch.equal(tensor, again.tensors()[name]), name


def test_times_go_on_from_clip_to_clip():
    """In steps of each clip's own, rising; those of one clip as they are."""
    seconds, years = torch.tensor([0.0, 0.04, 0.08]), torch.tensor([2000.0, 2001.0, 2003.0])
    close(joined_times([seconds]), seconds)
    close(joined_times([seconds, years]), torch.tensor([0, 1, 2, 3, 3 + 2 / 3, 5]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"operator": MissingPixels((4, 1, 6, 6), 0.5, seed=0)}, r"third: its frames .*\(1, 6, 6\).*first \(1, 6, 5\)"),
        (
            {"noise": PoissonNoise(photons=9, sigma=0.1), "data_term": "weighted"},
            "third: its noise .*'weighted'.*first",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(clips, change, message):
    """Another frame size, and noise that calls for another data term: the clip is named, and the first one."""
    if "operator" in change:
        own = problem_of(change["operator"], generator=Linear((1, 6, 6), K).float())
    else:
        own = replace(clips[2], **change)
    with pytest.raises(InputError, match=message):
        grouped([*clips[:2], own], NAMES)


def test_photon_noise_has_to_be_alike():
    """The weights of residuals are those of one strength; white noise may differ from clip to clip."""
    operators = [MissingPixels((4, *FRAME), 0.5, seed=k) for k in range(2)]
    white = [problem_of(o, noise=WhiteNoise(sigma=s)) for o, s in zip(operators, (0.1, 0.2), strict=True)]
    assert grouped(white, NAMES[:2]).sequences == (4, 4)
    counted = [
        problem_of(o, noise=PoissonNoise(photons=p, sigma=0.1), data_term="weighted")
        for o, p in zip(operators, (9, 10), strict=True)
    ]
    with pytest.raises(InputError, match="photon noise is not that of the others"):
        grouped(counted, NAMES[:2])
