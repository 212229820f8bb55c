"""`lowreel batch`: many recoveries from one manifest, side by side on this machine or on a Ray cluster."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from ..jobs.batch import performed
from ..jobs.manifest import read_manifest
from ..jobs.request import with_full_paths
from ..jobs.results import Results, check_folder
from ..jobs.telling import Telling
from ..jobs.worker import is_done
from ..settings import BatchSettings, ClipSettings, NoiseSettings, RecoverSettings, Settings
from ..system.memory import parse_bytes

Output = Annotated[Path, Parameter(name=["--output", "-o"])]
Flat = Parameter(name="*")


def add_batch(app: App) -> None:
    """Give the command line its `batch`."""
    app.command(batch, name="batch")


def batch(
    manifest: str,
    *,
    output: Output,
    batching: Annotated[BatchSettings, Flat] = BatchSettings(),
    reading: Annotated[ClipSettings, Flat] = ClipSettings(),
    noise: Annotated[NoiseSettings, Flat] = NoiseSettings(),
    recovering: Annotated[RecoverSettings, Flat] = RecoverSettings(),
    telling: Telling = Telling(),
) -> None:
    """Recover many clips, one run for each row of a manifest; finished rows are passed over when it is started again.

    Rows that fail are kept with their error and do not stop the others. results.csv and report.html, beside the runs,
    are written now and then and in the end. Exit code 1 where rows failed, 130 after Ctrl-C.

    Parameters
    ----------
    manifest
        .csv or .jsonl with columns clip and operator ("missing --ratio 0.8"), or data, and any flag of a recovery as a
        column (name, size, frames, quality, seed, ...); or a pattern such as "clips/*.mp4". Flags given here are
        those of rows that do not say otherwise
    output
        folder of the runs
    """
    common = {"operator": batching.operator} if batching.operator else {}
    recovering = with_full_paths(recovering)
    common |= _given(reading) | _given(noise) | _given(recovering)
    check_folder(output)
    rows = read_manifest(manifest, common, output)
    parse_bytes(recovering.memory)
    (output / "rows").mkdir(parents=True, exist_ok=True)
    folder = output.resolve()
    results, stopped = Results(folder, rows), False
    todo = [row for row in rows if is_done(row, folder) is None]
    telling.say(f"{len(rows)} rows, {len(rows) - len(todo)} of them finished before")
    try:
        for record in performed(todo, folder, batching, telling.say, verbose=telling.verbose) if todo else ():
            results.add(record)
            telling.say(results.line(record))
            results.write_now_and_then()
    except KeyboardInterrupt:
        stopped = True
    finally:
        results.write()
    if telling.as_json:
        print(json.dumps({"folder": str(folder), "rows": results.as_json()}, indent=2))
    else:
        telling.say(results.closing())
    if stopped or results.failed:
        raise SystemExit(130 if stopped else 1)


def with_address(words: list[str]) -> list[str]:
    """The words with `--ray` given an address where none follows: that of a cluster of this machine alone."""
    found = []
    for k, word in enumerate(words):
        following = words[k + 1] if k + 1 < len(words) else ""
        alone = word == "--ray" and not re.fullmatch(r"auto|local|ray://.+|[\w.\[\]:-]+:\d+", following)
        found.append("--ray=local" if alone else word)
    return found


def _given(settings: Settings) -> dict[str, Any]:
    """The settings that are not as by default, as columns."""
    return settings.model_dump(exclude_defaults=True)
