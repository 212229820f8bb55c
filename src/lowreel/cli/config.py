"""`--save-config` and `--config`: what is asked for, in a file and from it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..errors import InputError
from ..jobs.request import RunRequest
from ..settings import TogetherSettings
from ..system.files import check_free, check_free_file

SAVE_CONFIG_HELP = "file to write, .toml or .json, with all that is asked for: recover --config FILE does it again"
CONFIG_HELP = "in place of DATA: a file that --save-config wrote; settings and -o that are given here count more"

ToConfig = Annotated[Path | None, Parameter(name="--save-config", help=SAVE_CONFIG_HELP)]
FromConfig = Annotated[Path | None, Parameter(name="--config", help=CONFIG_HELP)]


def check_no_config(save_config: Path | None) -> None:
    """Raise InputError where the request of several clips is to be saved, which no file can hold yet."""
    if save_config is not None:
        raise InputError(f"--save-config {save_config}: is for one clip; leave it out with --together")


def from_config(config: Path | None, is_alone: bool, sharing: TogetherSettings) -> RunRequest:
    """What a file of --save-config asks for; is_alone: whether nothing else says what is recovered.

    Raises InputError where there is no file, or it is to be recovered with other clips: it is of one.
    """
    if config is None:
        raise InputError("recover: give a data file, or --config FILE that --save-config wrote; see --help")
    if not is_alone:
        raise InputError(f"{config}: says what is recovered; beside --config give settings and -o alone")
    if sharing.is_meant:
        raise InputError(f"--config {config}: is of one clip; leave out --together, or name the data of all clips")
    return RunRequest.load(config)


@contextmanager
def saved_config(request: RunRequest, file: Path | None, *, resume: bool = False) -> Iterator[None]:
    """Within the block, what is asked for is carried out; the file says it, with full paths, unless that is refused.

    file: None to write none. Raises InputError, before it is written, where a file or a run is there already, or the
    folder of the file is not.
    """
    if file is None:
        yield
        return
    check_free_file(file, "--save-config")
    if not file.parent.is_dir():
        raise InputError(f"--save-config {file}: no such folder, {file.parent}; make it first")
    if request.output is not None and not resume:
        check_free(Path(request.output))
    request.with_full_paths().save(file)
    try:
        yield
    except InputError:
        file.unlink(missing_ok=True)  # what cannot be carried out is of no use in a file
        raise
