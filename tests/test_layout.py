"""The package's layout: imports point to lower rows only, and nothing loads torch before it is needed."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from package_layout import FRONT, PACKAGE, PICTURE, drawn, folder_of, for_types_only, rows, sources, statements, targets

import lowreel

ROWS = rows()


def test_every_module_has_a_row():
    """A new one has to be given its place in the table of CONTRIBUTING.md, and no row is of a module that is gone."""
    assert {folder_of(path) for path in sources()} - set(FRONT) == set(ROWS)


def test_the_picture_of_imports_is_that_of_the_code():
    """docs/layout.svg is what `python tests/support/package_layout.py` draws."""
    assert PICTURE.read_text(encoding="utf-8") == drawn()


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_to_lower_rows(path):
    """Never up, never sideways, inside functions neither; inside one folder is fine."""
    own = folder_of(path)
    if own in FRONT:
        return
    wrong = [
        f"line {statement.lineno}: {own} (row {ROWS[own]}) imports {target} (row {ROWS[target]})"
        for statement in statements(ast.parse(path.read_text(encoding="utf-8")))
        for target in targets(statement, path)
        if target not in {*FRONT, own} and ROWS[target] >= ROWS[own]
    ]
    assert not wrong, "\n".join(wrong)


MOST_LINES_OF_A_FILE, MOST_LINES_OF_A_FUNCTION = 400, 60


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_are_short(path):
    """What is longer is split by subject; a function counts with its docstring and with the functions inside it."""
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= MOST_LINES_OF_A_FILE
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    lines = {f"{node.name} in line {node.lineno}": node.end_lineno - node.lineno + 1 for node in functions}
    assert {name: count for name, count in lines.items() if count > MOST_LINES_OF_A_FUNCTION} == {}


LINES_TWICE = 8
TWICE = {"__init__.py"}
"""The names that `import lowreel` gives stand in it in the order of a recovery, and for type checkers once more."""


def written(path):
    """The lines of code of a module with their numbers: without docstrings, imports, comments and indentation."""
    source = path.read_text(encoding="utf-8")
    left_out = set()
    for node in ast.walk(ast.parse(source)):
        is_text = (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        )
        if is_text or isinstance(node, ast.Import | ast.ImportFrom):
            left_out |= set(range(node.lineno, node.end_lineno + 1))
    lines = ((number, line.strip()) for number, line in enumerate(source.splitlines(), 1))
    return [(k, line) for k, line in lines if line and not line.startswith("#") and k not in left_out]


def repeated(modules, count):
    """Where `count` lines of code that stand in a row stand in a row once more. modules: their lines by name."""
    places = {}
    for name, lines in modules.items():
        for k in range(len(lines) - count + 1):
            places.setdefault(tuple(line for _, line in lines[k : k + count]), []).append(f"{name}:{lines[k][0]}")
    return [found for found in places.values() if len(found) > 1]


def test_no_eight_lines_stand_twice():
    """What two places need is a function of one."""
    modules = {str(path.relative_to(PACKAGE)): written(path) for path in sources()}
    assert len(modules) > 200
    assert repeated({name: lines for name, lines in modules.items() if name not in TWICE}, LINES_TWICE) == []


def test_repeated_lines_are_seen():
    """In two modules, in one, and not where one line differs."""
    lines = [(k, f"x{k}") for k in range(1, 9)]
    other = [(k, "y" if k == 4 else line) for k, line in lines]
    assert repeated({"a": lines, "b": lines}, 8) == [["a:1", "b:1"]]
    assert repeated({"a": [*lines, *lines]}, 8) == [["a:1", "a:1"]]
    assert repeated({"a": lines, "b": other}, 8) == []


OF_EACH = {"KIND", "REMEDY", "LOG"}
"""What every module that reads a kind of file says of it by the same name, and the logger of a module."""


def constants(path):
    """The upper-case names that a module assigns; `_`, for what is passed over, is none."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                names = [one.id for one in ast.walk(target) if isinstance(one, ast.Name)]
                yield from (name for name in names if name.isupper())


def test_a_constant_has_one_home():
    """No upper-case name is defined in two modules: a reader who has met it once knows it."""
    found = {}
    for path in sources():
        for name in constants(path):
            found.setdefault(name, []).append(str(path.relative_to(PACKAGE)))
    assert len(found) > 200
    several = {name: homes for name, homes in found.items() if len(homes) > 1}
    assert {name: homes for name, homes in several.items() if name not in OF_EACH} == {}


def dotted(path):
    """lowreel.io.video of io/video/__init__.py, lowreel.io.video.clip of io/video/clip.py."""
    parts = ("lowreel", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(statement, path, modules):
    """The modules of this package that a statement names; of a package's names that are no modules, the package."""
    if isinstance(statement, ast.Import):
        return {alias.name for alias in statement.names} & modules
    base = (statement.module or "").split(".")
    if statement.level:
        folder = ["lowreel", *path.relative_to(PACKAGE).parts[:-1]]
        base = [*folder[: len(folder) - statement.level + 1], *filter(None, base)]
    named = {".".join([*base, alias.name]) for alias in statement.names}
    return {name if name in modules else ".".join(base) for name in named} & modules


def circles(imports_of):
    """Sets of modules each of which comes to every other one by imports."""
    reached = {module: set(found) for module, found in imports_of.items()}
    for middle in reached:
        for known in reached.values():
            if middle in known:
                known |= reached[middle]
    found = {frozenset(other for other in reached[one] if one in reached[other]) for one in reached}
    return [sorted(circle) for circle in found if circle]


def test_no_module_imports_itself_in_a_circle():
    """By no way, imports in functions counted, those for type checkers left out."""
    modules = {dotted(path) for path in sources()}
    found = {dotted(path): set() for path in sources()}
    for path in sources():
        for statement in statements(ast.parse(path.read_text(encoding="utf-8"))):
            found[dotted(path)] |= imported(statement, path, modules)
    assert sum(map(len, found.values())) > 300
    assert circles(found) == []


def test_circles_are_seen():
    """Of two modules, of three, of one, and none where imports only meet."""
    assert circles({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}) == []
    ring = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a", "e"}, "e": {"d"}, "f": {"f"}}
    assert sorted(circles(ring)) == [["a", "b", "c"], ["d", "e"], ["f"]]
    modules, path = {"lowreel.io.video.clip", "lowreel.io.video"}, PACKAGE / "io" / "video" / "clip.py"
    for source in ("from . import clip", "from .clip import Clip", "import lowreel.io.video.clip"):
        assert imported(ast.parse(source).body[0], path, modules) == {"lowreel.io.video.clip"}
    assert imported(ast.parse("from ..video import Clip").body[0], path, modules) == {"lowreel.io.video"}


def test_the_walk_sees_what_it_should():
    """Imports at the top, in functions and under `else` of TYPE_CHECKING are seen, those for types are not."""
    source = """
from .base import a
def f():
    from ..io import b
    import lowreel.runs
if TYPE_CHECKING:
    from ..cli import c
else:
    from lowreel.recovery import d
from . import pixels, spec
import torch
"""
    path = PACKAGE / "operators" / "base.py"
    found = [target for statement in statements(ast.parse(source)) for target in targets(statement, path)]
    assert found == ["operators", "io", "runs", "recovery", "operators"]
    top = [
        target
        for statement in statements(ast.parse("from . import errors, __version__"))
        for target in targets(statement, PACKAGE / "cli.py")
    ]
    assert top == ["errors", "__init__"]


def python(code):
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)


HEAVY = "heavy = {'torch', 'scipy', 'skimage', 'av', 'matplotlib'} & set(sys.modules); assert not heavy, heavy"
RUN = """
import runpy
sys.argv = ['lowreel', *{arguments}]
try:
    runpy.run_module('lowreel', run_name='__main__')
except SystemExit as end:
    assert (end.code or 0) == {code}, end.code
"""
QUICK = {
    "import lowreel": "import lowreel; lowreel.__version__; dir(lowreel)",
    "import lowreel.settings": "import lowreel.settings",
    "import lowreel.cli": "import lowreel.cli",
    "--help": RUN.format(arguments=["--help"], code=0),
    "--version": RUN.format(arguments=["--version"], code=0),
    "recover --help": RUN.format(arguments=["recover", "--help"], code=0),
    "unknown flag": RUN.format(arguments=["recover", "y.safetensors", "--wizard"], code=2),
    "bad clip shape": RUN.format(arguments=["check", "camera:A", "--clip-shape", "16x64x64"], code=2),
    "bad value": RUN.format(arguments=["recover", "y.safetensors", "-o", "run", "--rank", "many"], code=2),
}


@pytest.mark.parametrize("code", QUICK.values(), ids=QUICK)
def test_answers_at_once(code):
    """No torch, nor another heavy library, is loaded for help and for errors in the arguments."""
    done = python(f"import sys\n{code}\n{HEAVY}")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Traceback" not in done.stderr


def test_every_exported_name_resolves():
    """Each name of `__all__` is there, `dir` lists it, and no name is listed twice."""
    assert len(set(lowreel.__all__)) == len(lowreel.__all__)
    for name in lowreel.__all__:
        assert getattr(lowreel, name) is not None
        assert name in dir(lowreel)


def test_unknown_name_is_an_attribute_error():
    """As for any module."""
    with pytest.raises(AttributeError, match="no attribute 'wizard'"):
        _ = lowreel.wizard


def test_exports_for_type_checkers_are_the_exports():
    """The names under TYPE_CHECKING in `__init__` are those of `__all__`, from the same modules."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if for_types_only(node)]
    listed = {alias.name: statement.module for statement in block.body for alias in statement.names}
    assert set(listed) == set(lowreel.__all__)
    assert listed == {name: lowreel._HOME[name] for name in listed}


@pytest.mark.skipif(
    shutil.which("git") is None or not (PACKAGE.parents[1] / ".git").exists(),
    reason="no git, or no checkout of it",
)
def test_no_source_is_ignored():
    """A folder of the package or the tests with an ignored name would be missing from commits, wheels and lint."""
    paths = [*sources(), *Path(__file__).parent.rglob("*.py")]
    names = "\n".join(map(str, paths))
    command = ["git", "check-ignore", "--no-index", "--stdin"]
    done = subprocess.run(command, input=names, capture_output=True, text=True, cwd=PACKAGE, check=False)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
