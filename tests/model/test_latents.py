"""Codes: projections against theorems, similarity against a hand-written loop, the compact form, times between."""

import itertools
from dataclasses import replace

import pytest
import torch
from cases import levels, noise

from lowreel.errors import InputError
from lowreel.model.latents import Codes, affine_low_rank, check_rank, factorise, in_order, lines, low_rank, similarity

close = torch.testing.assert_close
Z = noise(12, 7)
TIMES = torch.tensor([0.0, 0.1, 0.25, 0.5, 0.6, 0.7, 0.8, 1.0, 1.1, 1.2, 1.3, 2.0], dtype=torch.float64)


def spectrum(codes):
    return torch.linalg.svdvals(codes)


def assert_rank(codes, rank):
    tail = spectrum(codes)[rank:]
    close(tail, torch.zeros_like(tail))


def spread(codes):
    return codes - codes.mean(0)


@pytest.mark.parametrize("rank", [1, 3, 7])
def test_low_rank_error_is_the_tail_of_the_spectrum(rank):
    """|Z - Z_r| is the norm of the singular values left out (Eckart and Young), and Z_r has rank r."""
    close((Z - low_rank(Z, rank)).norm(), spectrum(Z)[rank:].norm())
    assert_rank(low_rank(Z, rank), rank)


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_affine_low_rank_error_is_the_tail_of_the_spread(rank):
    """The mean is kept, and what is lost is the tail of the singular values beyond rank - 1 of Z minus its mean."""
    found = affine_low_rank(Z, rank)
    close(found.mean(0), Z.mean(0))
    close((Z - found).norm(), spectrum(spread(Z))[rank - 1 :].norm())
    assert_rank(spread(found), rank - 1)
    assert_rank(found, rank)


def test_rank_two_lies_on_a_line_and_rank_one_is_constant():
    """Affine rank 2: all codes on one line, not all the same; affine rank 1: their mean."""
    on_line = affine_low_rank(Z, 2)
    steps = on_line[1:] - on_line[0]
    direction = steps[0] / steps[0].norm()
    close(steps, torch.outer(steps @ direction, direction))
    assert float(steps.norm()) > 1
    close(affine_low_rank(Z, 1), Z.mean(0).expand_as(Z))


PROJECTIONS = {
    "low rank": lambda codes: low_rank(codes, 3),
    "affine": lambda codes: affine_low_rank(codes, 3),
    "line": lambda codes: affine_low_rank(codes, 2),
    "constant": lambda codes: affine_low_rank(codes, 1),
}


@pytest.mark.parametrize("project", PROJECTIONS.values(), ids=PROJECTIONS)
def test_projection_is_the_closest_and_stays(project):
    """Projecting twice is projecting once; the input is not changed; no nearby point of the set is closer."""
    before = Z.clone()
    found = project(Z)
    close(project(found), found)
    assert torch.equal(Z, before)
    for seed in range(5):
        other = project(found + 0.1 * noise(*Z.shape, seed=seed + 10))
        assert (Z - found).norm() <= (Z - other).norm()


@pytest.mark.parametrize("rank", [2, 3, 4])
def test_lines_of_several_sequences(rank):
    """Each sequence lies on a line of its own, and all together have the joint rank."""
    sequences = (5, 4, 3)
    found = lines(Z, sequences, rank)
    assert_rank(found, rank)
    for part in found.split(sequences):
        assert_rank(spread(part), 1)
        assert float(spread(part).norm()) > 0.1
    close(
        torch.stack([p.mean(0) for p in found.split(sequences)]),
        torch.stack([p.mean(0) for p in low_rank(Z, rank).split(sequences)]),
    )


def along(codes):
    """Positions of codes on a line, (T,), in the direction in which most of it goes in time."""
    positions = spread(codes) @ torch.linalg.svd(spread(codes))[2][0]
    time = torch.arange(len(codes), dtype=codes.dtype)
    return positions if positions @ (time - time.mean()) >= 0 else -positions


@pytest.mark.parametrize("seed", range(4))
def test_in_order_is_the_nearest_path_that_never_turns_back(seed):
    """On the same line. What is moved back up to a frame sums to 0 where a step follows, and to no less elsewhere (the
    conditions of Karush, Kuhn and Tucker). Twice is once."""
    codes = affine_low_rank(noise(12, 7, seed=seed), 2)
    found = in_order(codes)
    close(affine_low_rank(found, 2), found)
    close(found.mean(0), codes.mean(0))
    rising, moved = along(found), (along(codes) - along(found)).cumsum(0)
    assert float(along(codes).diff().min()) < 0
    assert float(rising.diff().min()) >= -1e-12
    assert float(moved.min()) >= -1e-12
    close(moved[:-1] * rising.diff(), torch.zeros(11, dtype=moved.dtype))
    close(in_order(found), found)


def test_what_is_in_order_stays_to_the_bit():
    """Whichever way the line is drawn, and of a single frame."""
    path = TIMES[:, None] * noise(1, 7) + noise(1, 7, seed=1)
    for codes in (path, -path, path[:1]):
        assert torch.equal(in_order(codes), codes)


def test_each_sequence_has_an_order_of_its_own():
    """All together is each alone."""
    sequences = (5, 4, 3)
    codes = lines(Z, sequences)
    close(in_order(codes, sequences), torch.cat([in_order(part) for part in codes.split(sequences)]))


def by_hand(codes, sequences, beta):
    """Eq. (6), entry by entry."""
    starts = set(itertools.accumulate(sequences)) if sequences else set()
    total = 0.0
    for t in range(len(codes) - 1):
        if t + 1 in starts:
            continue
        for k in range(codes.shape[1]):
            total += float(beta[t]) * float(codes[t + 1, k] - codes[t, k]) ** 2
    return torch.tensor(total / ((len(codes) - 1) * codes.shape[1]), dtype=codes.dtype)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sequences", [(), (12,), (5, 4, 3), (1, 11), (11, 1)])
def test_similarity_equals_the_loop(sequences, weighted):
    """Mean over (T - 1) K entries of beta_t times the squared step, without the steps across a cut."""
    beta = levels(11) if weighted else None
    wanted = by_hand(Z, sequences, torch.ones(11) if beta is None else beta)
    close(similarity(Z, sequences, beta), wanted)


def test_similarity_never_crosses_from_one_sequence_to_the_next():
    """Moving one whole sequence changes nothing."""
    moved = torch.cat([Z[:5], Z[5:] + 100])
    close(similarity(moved, (5, 7)), similarity(Z, (5, 7)))
    assert float(similarity(moved, (12,))) > 100 * float(similarity(Z, (12,)))


def test_similarity_of_one_frame_is_zero():
    """There is no pair to compare."""
    assert float(similarity(Z[:1])) == 0


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("rank", [1, 2, 5])
def test_factorise_is_the_projection_in_fewer_numbers(rank, affine):
    """Its matrix is the projection; the basis is orthonormal; T r + r K numbers are stored, and K for a mean."""
    codes = factorise(Z, TIMES, rank, affine=affine)
    vectors = rank - 1 if affine else rank
    close(codes.matrix(), (affine_low_rank if affine else low_rank)(Z, rank))
    close(codes.basis @ codes.basis.T, torch.eye(vectors, dtype=torch.float64))
    assert codes.parameters == 12 * vectors + vectors * 7 + (7 if affine else 0)
    assert codes.rank == rank
    assert len(codes) == 12


def test_free_codes_are_stored_as_they_are():
    """T K numbers, rank min(T, K)."""
    codes = Codes(Z, TIMES)
    assert torch.equal(codes.matrix(), Z)
    assert (codes.parameters, codes.rank, len(codes)) == (84, 7, 12)


FORMS = {
    "free": lambda: Codes(Z, TIMES),
    "basis": lambda: factorise(Z, TIMES, 3),
    "line": lambda: factorise(Z, TIMES, 2, affine=True),
    "constant": lambda: factorise(Z, TIMES, 1, affine=True),
}


@pytest.fixture(params=FORMS.values(), ids=FORMS)
def codes(request):
    return request.param()


@pytest.mark.parametrize("curve", ["linear", "cubic"])
def test_codes_at_their_own_times_are_the_codes(codes, curve):
    """at(times) is the matrix, whatever the order and number of the times asked for."""
    close(codes.at(TIMES, curve), codes.matrix())
    close(codes.at(TIMES[[7, 0, 7, 3]], curve), codes.matrix()[[7, 0, 7, 3]])


def test_cubic_codes_stay_between_their_neighbours(codes):
    """No coefficient goes beyond the two it lies between, and the curve of even codes on a line is the line."""
    halves = replace(codes, coefficients=codes._cubic((TIMES[1:] + TIMES[:-1]) / 2), times=TIMES[1:]).coefficients
    low = torch.minimum(codes.coefficients[1:], codes.coefficients[:-1])
    high = torch.maximum(codes.coefficients[1:], codes.coefficients[:-1])
    assert bool(((halves >= low - 1e-12) & (halves <= high + 1e-12)).all())
    even = Codes(TIMES[:, None] * Z[:1], TIMES)
    at = torch.linspace(0, 2, 30, dtype=torch.float64)
    close(even.at(at, "cubic"), even.at(at))


def test_codes_of_some_frames(codes):
    """The codes of those frames, with their times."""
    some = codes.of([1, 4, 11])
    close(some.matrix(), codes.matrix()[[1, 4, 11]])
    assert torch.equal(some.times, TIMES[[1, 4, 11]])


def test_codes_between_are_on_the_straight_way(codes):
    """Halfway is the mean of the neighbours, a quarter of the way a quarter between them."""
    matrix = codes.matrix()
    close(codes.at((TIMES[1:] + TIMES[:-1]) / 2), (matrix[1:] + matrix[:-1]) / 2)
    close(codes.at(0.75 * TIMES[:-1] + 0.25 * TIMES[1:]), 0.75 * matrix[:-1] + 0.25 * matrix[1:])


@pytest.mark.parametrize("curve", ["linear", "cubic"])
def test_codes_are_held_beyond_both_ends(codes, curve):
    """Before the first frame the first code, after the last frame the last."""
    asked = torch.tensor([-5.0, -1e-9, 2.0 + 1e-9, 99.0], dtype=torch.float64)
    close(codes.at(asked, curve), codes.matrix()[[0, 0, -1, -1]])


def test_codes_of_a_single_frame():
    """One frame: its code at every time."""
    one = Codes(Z[:1], TIMES[:1])
    close(one.at(torch.tensor([-1.0, 0.0, 3.0])), Z[:1].expand(3, -1))


def test_clone_shares_no_memory(codes):
    """Changing a copy leaves the codes as they are, and `tensors` rebuilds them."""
    before = codes.matrix().clone()
    for tensor in codes.clone().tensors().values():
        tensor.add_(1)
    close(codes.matrix(), before, rtol=0, atol=0)
    close(Codes(**codes.tensors()).matrix(), before, rtol=0, atol=0)


@pytest.mark.parametrize("rank", [-1, 0, 8, 100])
def test_check_rank_refuses(rank):
    """A rank outside 1 .. min(T, K) is refused, with the bound and what came."""
    with pytest.raises(InputError, match=rf"expected 1 to 7 = min\(T, K\) for 12 frames .* got {rank}"):
        check_rank(rank, 12, 7)


@pytest.mark.parametrize("rank", [1, 7])
def test_check_rank_accepts(rank):
    """Both ends of 1 .. min(T, K) are allowed, whichever of T and K is smaller."""
    check_rank(rank, 12, 7)
    check_rank(rank, 7, 12)
