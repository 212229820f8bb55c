"""Rows of a benchmark on disk, one JSON file each, written as they come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lowreel.system.files import write_json

RESULTS = Path(__file__).parent / "results"


class Rows:
    """The rows of benchmarks/results/NAME.json."""

    def __init__(self, name: str) -> None:
        self.path = RESULTS / f"{name}.json"
        self.rows = self._read()

    def _read(self) -> list[dict[str, Any]]:
        return json.loads(self.path.read_text()) if self.path.exists() else []

    def find(self, key: dict[str, Any]) -> dict[str, Any] | None:
        """The row that agrees with `key`, or None."""
        return next((row for row in self.rows if all(row.get(k) == v for k, v in key.items())), None)

    def add(self, row: dict[str, Any]) -> dict[str, Any]:
        """Keep a row, beside those that another process may have kept meanwhile."""
        self.rows = [*self._read(), row]
        RESULTS.mkdir(exist_ok=True)
        write_json(self.path, self.rows)
        return row
