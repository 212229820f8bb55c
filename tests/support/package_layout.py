"""Draw docs/layout.svg from the code: how many import statements each folder of the package has of each other one.

    python tests/support/package_layout.py

Folders stand in the order of the table in CONTRIBUTING.md, lowest row first, so that a count above the diagonal would
be an import that points up. Imports inside functions count too, those for type checkers alone do not.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import lowreel

ROOT = Path(__file__).parents[2]
PACKAGE = Path(lowreel.__file__).parent
PICTURE = ROOT / "docs" / "layout.svg"
CELL, LEFT, TOP = 34, 120, 100
"""Pixels of a cell's side, of the names at the left and of those on top."""

FRONT = ("__init__", "__main__")
"""The package's front door and `python -m lowreel`: they stand above the rows."""


def rows() -> dict[str, tuple[int, int]]:
    """Each folder or module of the table in CONTRIBUTING.md, lowest first, with its row and, in row 0, its place there.

    In row 0 what comes later may import what comes before; in other rows nothing imports sideways.
    """
    found: dict[str, tuple[int, int]] = {}
    for line in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines():
        if match := re.match(r"\| (\d+) \| ([^|]+) \|", line):
            row = int(match[1])
            for place, name in enumerate(re.findall(r"`(\w+)/?`", match[2])):
                found[name] = (row, place if row == 0 else 0)
    return found


def folder_of(path: Path) -> str:
    """The folder, or the module, at the top of the package that a source file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def for_types_only(node: ast.AST) -> bool:
    """Whether a statement is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import statement under a node, inside functions too, those for type checkers left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and for_types_only(child):
            for other in child.orelse:
                yield from statements(ast.Module([other], []))
        else:
            yield from statements(child)


def targets(statement: ast.Import | ast.ImportFrom, path: Path) -> list[str]:
    """Folders of this package that a statement of a file imports from; "__init__" where it is the package itself."""
    if isinstance(statement, ast.Import):
        names = [alias.name.split(".") for alias in statement.names]
        return [name[1] if len(name) > 1 else "__init__" for name in names if name[0] == "lowreel"]
    if statement.level == 0:
        first, *parts = (statement.module or "").split(".")
        if first != "lowreel":
            return []
    else:
        folder = path.relative_to(PACKAGE).parts[:-1]
        named = (statement.module or "").split(".") if statement.module else []
        parts = [*folder[: len(folder) - statement.level + 1], *named]
    if parts:
        return [parts[0]]
    modules = {folder_of(source) for source in sources()}
    return [alias.name if alias.name in modules else "__init__" for alias in statement.names]


def sources() -> list[Path]:
    """Every source file of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def counts() -> Counter[tuple[str, str]]:
    """How many imports each folder has of each other one."""
    found: Counter[tuple[str, str]] = Counter()
    for path in sources():
        own = folder_of(path)
        for statement in statements(ast.parse(path.read_text(encoding="utf-8"))):
            found.update((own, other) for other in targets(statement, path) if other != own)
    return found


def drawn() -> str:
    """The picture as SVG text: a row for each folder that imports, a column for each that is imported."""
    order, found = list(rows()), counts()
    end = TOP + CELL * len(order)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + CELL * len(order) + 20}" height="{end + 20}" '
        'font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for k, name in enumerate(order):
        middle = CELL * k + CELL // 2
        parts += [
            f'<text x="{LEFT - 8}" y="{TOP + middle + 5}" text-anchor="end">{name}</text>',
            f'<text transform="translate({LEFT + middle + 5} {TOP - 8}) rotate(-60)">{name}</text>',
            f'<rect x="{LEFT + CELL * k}" y="{TOP + CELL * k}" width="{CELL}" height="{CELL}" fill="#ddd"/>',
        ]
    for (own, other), count in sorted(found.items()):
        if own in order and other in order:
            x, y = LEFT + CELL * order.index(other), TOP + CELL * order.index(own)
            shade = min(0.15 + count / 30, 0.8)
            parts += [
                f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" fill="#2a6fbb" fill-opacity="{shade:.2f}"/>',
                f'<text x="{x + CELL // 2}" y="{y + CELL // 2 + 5}" text-anchor="middle">{count}</text>',
            ]
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    PICTURE.write_text(drawn(), encoding="utf-8")
