"""Errors that are told as a lack of memory, and those that are not."""

import subprocess
import sys

import pytest

from lowreel.jobs.errors import exit_codes, is_out_of_memory

MEMORY = (
    MemoryError(),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 26 bytes"),
    RuntimeError("could not create a primitive"),
    ImportError("lib.so: failed to map segment from shared object"),
)
OTHER = (
    RuntimeError("shapes cannot be multiplied"),
    ImportError("No module named 'gradio'"),
    ValueError("cannot allocate"),
)


@pytest.mark.parametrize(("error", "expected"), [*((e, True) for e in MEMORY), *((e, False) for e in OTHER)], ids=repr)
def test_what_is_a_lack_of_memory(error, expected):
    assert is_out_of_memory(error) is expected


@pytest.mark.parametrize("error", MEMORY, ids=repr)
def test_a_lack_of_memory_is_one_line(error, capsys):
    with pytest.raises(SystemExit) as ended, exit_codes():
        raise error
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith("lowreel: error: not enough memory")
    assert said.count("\n") == 1


def test_a_library_that_is_not_there_is_no_lack_of_memory():
    with pytest.raises(ImportError), exit_codes():
        raise ImportError("No module named 'nothing'")


PRINTS = "from lowreel.jobs.errors import exit_codes\nwith exit_codes():\n    print('line\\n' * 3{more})"


@pytest.mark.parametrize("more", ["", " * 100_000"], ids=["at the end", "at once"])
def test_output_that_nobody_reads_is_no_error(more):
    """As after `| head`: without a word, by the exit code that shells have for it."""
    with subprocess.Popen(
        [sys.executable, "-c", PRINTS.format(more=more)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as command:
        command.stdout.close()
        assert command.stderr.read() == b""
        assert command.wait() == 141
