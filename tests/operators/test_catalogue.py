"""The list of operators that a user chooses from: each has its class, and both say the same."""

import inspect
import shlex

import pytest

from lowreel.catalogue import OPERATORS, parse_operator
from lowreel.errors import InputError
from lowreel.operators import LinearOperator, class_of, from_settings, from_spec, part_frames, part_frames_of
from lowreel.operators.spec import class_at


def shape_for(settings):
    """Of a clip in colour, or of one channel where the operator takes complex clips."""
    return (9, 1 if class_at(settings.home).takes_complex_clips else 3, 16, 16)


@pytest.fixture(params=OPERATORS, ids=lambda kind: kind.name)
def settings(request):
    """Those that a form begins with, in which all that has to be told is told."""
    values = {name: value.splitlines() if name == "of" else value for name, value in request.param.example.items()}
    return request.param(**values)


def test_each_is_told_in_sentences(settings):
    """Its name is a word of a command line, what it does a sentence."""
    assert shlex.split(settings.name) == [settings.name]
    assert [kind.name for kind in OPERATORS].count(settings.name) == 1
    assert settings.measures[-1] == settings.simulates[-1] == "."


def test_each_makes_its_operator(settings):
    """Seeded, of its class, and the same again from its spec and from its flags."""
    settings.check()
    operator = from_settings(settings, shape_for(settings), seed=3, memory=10**6)
    assert isinstance(operator, LinearOperator)
    again = from_spec(operator.spec(), operator.spec_tensors())
    assert operator.fingerprint() == again.fingerprint()
    if not settings.members():
        assert type(operator) is class_of(operator.spec())
        flags = [f"--{name}={value}" for name, value in settings if value is not None]
        assert parse_operator(shlex.join([settings.name, *flags])) == settings


def test_parts_are_told_alike(settings):
    """From the settings, from the spec, and by the operator itself where a clip can be cut."""
    operator = from_settings(settings, shape_for(settings), memory=10**6)
    told = part_frames_of(settings)
    assert told == part_frames(operator.spec())
    assert told in (None, operator.part_frames)


def test_seeds_are_taken(settings):
    """Another seed makes another operator, where its class takes one or its tensors are drawn."""
    one, other = (from_settings(settings, shape_for(settings), seed=seed, memory=10**6) for seed in (0, 1))
    draws = "seed" in inspect.signature(type(one)).parameters or bool(one.spec_tensors())
    assert (one.fingerprint() != other.fingerprint()) == (draws or bool(settings.members()))


@pytest.mark.parametrize("kind", [kind for kind in OPERATORS if kind.example], ids=lambda kind: kind.name)
def test_what_has_to_be_told_is_asked_for(kind):
    """Without it there is no operator, and the sentence names the flags."""
    with pytest.raises(InputError, match="--"):
        kind().check()
