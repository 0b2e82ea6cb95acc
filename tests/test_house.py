"""The arrows and habits of the house, read from the code itself: app → pages → xai → models → features, none back, none in a circle."""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from features import SPACE, Modality
from tests.conftest import ROOT

ROOMS = ("features", "models", "xai", "api", "pages")  # each may import those before it
FORBIDDEN = {
    "features": {"models", "xai", "api", "pages", "app", "streamlit"},
    "models": {"xai", "api", "pages", "app", "streamlit"},
    "xai": {"api", "pages", "app", "streamlit"},
    "api": {"pages", "app", "streamlit"},
    "pages": {"app"},
}
MOST_FILES = 14
CUT = SPACE.size(Modality.AUDIO)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def product() -> dict[str, Path]:
    """By the name of the module, every file that is shipped."""
    files = [ROOT / "app.py", *(path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))]
    return {module_name(path): path for path in files}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(nodes: Iterable[ast.AST], module: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Modules that are imported by some of these nodes, with the names that are taken from them."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            yield node.module or "", tuple(alias.name for alias in node.names)


def anywhere(module: str) -> Iterator[str]:
    """What a module imports at any time, or for type checkers only."""
    yield from (name for name, _ in imports(ast.walk(tree_of(product()[module])), module))


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """All that runs when a module is imported."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and getattr(child.test, "id", "") == "TYPE_CHECKING":
            continue
        yield child
        yield from at_import(child)


def edges(files: dict[str, Path]) -> dict[str, set[str]]:
    """Of each module the others that it imports when it is imported itself."""
    found: dict[str, set[str]] = {}
    for module, path in files.items():
        own = found.setdefault(module, set())
        for name, taken in imports(at_import(tree_of(path)), module):
            own |= {target for target in (name, *(f"{name}.{part}" for part in taken)) if target in files and target != module}
    return found


def places(found: Iterator[tuple[str, ast.AST]]) -> list[str]:
    return [f"{module}, line {node.lineno}" for module, node in found]


def nodes(*kinds: type[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    for module, path in product().items():
        yield from ((module, node) for node in ast.walk(tree_of(path)) if isinstance(node, kinds))


@pytest.mark.parametrize("room", ROOMS)
def test_no_arrow_leads_back(room):
    inside = [module for module in product() if module.split(".")[0] == room]
    back = [f"{module} imports {name}" for module in inside for name in anywhere(module) if name.split(".")[0] in FORBIDDEN[room]]
    assert back == []


def test_nothing_that_is_shipped_needs_the_tests():
    assert [module for module in product() for name in anywhere(module) if name.split(".")[0] == "tests"] == []


@pytest.mark.parametrize("room", ROOMS)
def test_no_arrow_leads_in_a_circle(room):
    """By what happens at import; what a function imports when it is called may lie further up."""
    files = {module: path for module, path in product().items() if module.split(".")[0] == room}
    try:
        order = list(TopologicalSorter(edges(files)).static_order())
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))
    assert set(order) == set(files)


def test_a_folder_is_seen_at_a_glance():
    counts = Counter(path.parent.relative_to(ROOT).as_posix() for path in product().values())
    crowded = {folder: count for folder, count in counts.items() if count > MOST_FILES}
    assert crowded == {}


def test_only_models_ask_which_kind_of_model_it_is():
    """Whether a model reads a vector or a sequence is its own affair: others call what every model can do."""

    def of_a_model(call: ast.Call) -> bool:
        if getattr(call.func, "id", "") not in ("isinstance", "issubclass"):
            return False
        kinds = [getattr(part, "attr", getattr(part, "id", "")) for part in ast.walk(call.args[1])]
        return any(kind.endswith("Model") for kind in kinds)

    assert places((m, node) for m, node in nodes(ast.Call) if m.split(".")[0] != "models" and of_a_model(node)) == []


def test_a_contrast_is_handed_on_as_one():
    """``against`` is an attribute of a contrast, not an argument beside ``target``."""

    def takes_it(node: ast.AST) -> bool:
        a = node.args
        return "against" in [argument.arg for argument in (*a.posonlyargs, *a.args, *a.kwonlyargs)]

    functions = nodes(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    assert places((m, node) for m, node in functions if m != "xai.explanation" and takes_it(node)) == []


def test_nobody_cuts_the_vector_by_hand():
    """Where the voice ends and the face begins is known to the feature space alone; properties of the voice have their own numbers."""

    def at_the_border(node: ast.AST) -> bool:
        cut = isinstance(node, ast.Slice) or getattr(node.func, "id", "") == "slice"
        ends = ast.iter_child_nodes(node) if cut else []
        return any(isinstance(end, ast.Constant) and end.value == CUT for end in ends)

    assert places((m, node) for m, node in nodes(ast.Slice, ast.Call) if m != "features.names" and at_the_border(node)) == []


def test_these_rules_see_what_they_forbid(tmp_path, monkeypatch):
    """On a house in which everything is wrong."""
    for name, code in {
        "features/__init__.py": "",
        "features/bad.py": "def f():\n    from xai.masking import blend\n",
        "xai/__init__.py": "",
        "xai/a.py": "from xai import b\nimport streamlit\nfrom tests.conftest import SAMPLE\n",
        "xai/b.py": "import xai.a\n\n\ndef f(x, target, *, against=None):\n    return x[:, :40], isinstance(x, (int, m.VectorModel))\n",
        **{f"xai/{number}.py": "x = slice(0, 40)\n" for number in range(MOST_FILES)},
        "app.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code, encoding="utf-8")
    monkeypatch.setattr("tests.test_house.ROOT", tmp_path)
    product.cache_clear()
    try:
        for rule in (
            lambda: test_no_arrow_leads_back("features"),
            lambda: test_no_arrow_leads_back("xai"),
            lambda: test_no_arrow_leads_in_a_circle("xai"),
            test_nothing_that_is_shipped_needs_the_tests,
            test_a_folder_is_seen_at_a_glance,
            test_only_models_ask_which_kind_of_model_it_is,
            test_a_contrast_is_handed_on_as_one,
            test_nobody_cuts_the_vector_by_hand,
        ):
            with pytest.raises((AssertionError, pytest.fail.Exception)):
                rule()
    finally:
        product.cache_clear()
