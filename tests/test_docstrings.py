"""What a docstring has to say: the errors that a function raises, and the shapes of the tensors that it takes."""

import ast
import re
from pathlib import Path

import lowreel

ROOT = Path(lowreel.__file__).parent
FOLDERS = ("solver", "model", "training", "recovery", "baselines", "analysis", "system")
RAISES = re.compile(r"\b[Rr]aises?\b|InputError")
SHAPE = re.compile(r"\([A-Z0-9.]+(, ?[\w ]+|,)+\)|any shape|same shape|scalar")


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


def takes_tensors(node):
    annotations = [ast.unparse(a.annotation) for a in (*node.args.args, *node.args.kwonlyargs) if a.annotation]
    return any(re.search(r"\bTensor\b", text) and "dict" not in text for text in annotations)


def lacking():
    """Names of the public functions whose docstring leaves out errors or shapes, and how many were looked at."""
    found, count = [], 0
    for path in sorted(p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py")):
        for node in public_functions(ast.parse(path.read_text(encoding="utf-8")).body):
            doc, place = ast.get_docstring(node) or "", f"{path.relative_to(ROOT)}: {node.name}"
            count += 1
            if raises(node) and not RAISES.search(doc):
                found.append(f"{place}: errors")
            if takes_tensors(node) and not SHAPE.search(doc):
                found.append(f"{place}: shapes")
    return found, count


def test_docstrings_name_errors_and_shapes():
    """Of every public function in the folders that compute."""
    found, count = lacking()
    assert count > 100
    assert found == []
