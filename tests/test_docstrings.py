"""What a docstring has to say: the errors that a function raises, and the shapes of the tensors that it takes.

That of a method which does what another one says may name that in its place: See `LinearOperator`.
"""

import ast
import re
from pathlib import Path

import lowreel

ROOT = Path(lowreel.__file__).parent
HELP = {"cli"}
"""Folders whose docstrings are what `--help` prints: their errors are those of every command."""
RAISES = re.compile(r"\b[Rr]aises?\b|InputError|SystemExit")
SHAPE = re.compile(r"\((?:[A-Z0-9.]+|coils|n|samples|rows)(, ?[\w .]+|,)+\)|any shape|same shapes?|scalar|clip_shape")
ELSEWHERE = re.compile(r"\b([Ss]ee|[Aa]s) `[\w.]+`")


def public_functions(body):
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body)
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def raises(node):
    """Whether the function raises an error of its own, those of the functions inside it apart."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.Lambda):
            continue
        if (isinstance(child, ast.Raise) and child.exc is not None) or raises(child):
            return True
    return False


def is_overload(node):
    return any("overload" in ast.unparse(decorator) for decorator in node.decorator_list)


def takes_tensors(node):
    annotations = [ast.unparse(a.annotation) for a in (*node.args.args, *node.args.kwonlyargs) if a.annotation]
    return any(re.search(r"\bTensor\b", text) and "dict" not in text for text in annotations)


def lacking():
    """Names of the public functions whose docstring leaves out errors or shapes, and how many were looked at."""
    found, count = [], 0
    for path in sorted(ROOT.rglob("*.py")):
        for node in public_functions(ast.parse(path.read_text(encoding="utf-8")).body):
            doc, place = ast.get_docstring(node) or "", f"{path.relative_to(ROOT)}: {node.name}"
            count += 1
            if path.relative_to(ROOT).parts[0] in HELP or is_overload(node) or ELSEWHERE.search(doc):
                continue
            if raises(node) and not RAISES.search(doc):
                found.append(f"{place}: errors")
            if takes_tensors(node) and not SHAPE.search(doc):
                found.append(f"{place}: shapes")
    return found, count


def test_docstrings_name_errors_and_shapes():
    """Of every public function, commands apart."""
    found, count = lacking()
    assert count > 1000
    assert found == []
