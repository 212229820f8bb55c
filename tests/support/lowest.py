"""The lowest versions that pyproject.toml allows, as constraints for pip.

    python tests/support/lowest.py > constraints-lowest.txt

prints a line for each library that has a lower bound, those of the extras too.
"""

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def lowest():
    """Lines NAME==VERSION, by name."""
    known = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    stated = [*known["dependencies"], *(line for extra in known["optional-dependencies"].values() for line in extra)]
    bounds = {}
    for line in stated:
        if match := re.fullmatch(r"([\w.-]+)>=([\w.]+)", line):
            assert bounds.setdefault(match[1], match[2]) == match[2], f"{match[1]}: two lower bounds"
    return [f"{name}=={version}" for name, version in sorted(bounds.items())]


if __name__ == "__main__":
    print(*lowest(), sep="\n")
