"""The shape of the code: folders use only those below them, no circle of imports, one name for one class."""

import ast
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from pages.registry import PAGES
from tests.conftest import ROOT

SCRIPTS = tuple(Path(page.script).stem for page in PAGES.values())
LAYERS = {  # of each house, from the top; those in one line do not use each other
    "compute": [
        ("__main__",),
        ("commands",),
        ("cluster", "study", "recognition"),
        ("engine",),
        ("publishing",),
        ("checks",),
        ("planning",),
        ("embedded", "estimation"),
        ("models",),
    ],
    "store": [
        ("__main__",),
        ("commands",),
        ("tables", "jobs", "export"),
        ("catalogue", "studies", "warnings"),
        ("prompts", "recognition"),
        ("hdf5", "notes", "identity"),
        ("records",),
        ("pid", "words"),
        ("files", "settings"),
        ("errors",),
    ],
    "pages": [
        ("shell", *SCRIPTS),
        ("sections",),
        ("widgets",),
        ("registry",),
        ("data",),
        ("address",),
        ("figures",),
    ],
}
MODULES = 12  # of a folder
LINES = 420  # of a module
POSITIONAL = 4  # fields of a constructor that are told apart by their order


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources(house: str) -> dict[str, Path]:
    return {name_of(path): path for path in sorted((ROOT / house).rglob("*.py"))}


ALL = {name: path for house in LAYERS for name, path in sources(house).items()}


def imports(path: Path) -> set[str]:
    """The modules of the project that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inside & ALL.keys() or {node.module}
    return found & ALL.keys()


@pytest.mark.parametrize("house", LAYERS)
def test_every_folder_uses_only_those_below_it(house):
    place = {part: number for number, layer in enumerate(LAYERS[house]) for part in layer}
    parts = {name.split(".")[1] for name in sources(house) if "." in name}
    assert parts == set(place), "LAYERS names every folder and module of the house, and no other"
    wrong = [
        f"{name} uses {other}"
        for name, path in sources(house).items()
        for other in imports(path)
        if other.startswith(house + ".") and (one := name.split(".")[1:2]) and one[0] != (two := other.split(".")[1])
        if place[two] <= place[one[0]]
    ]
    assert wrong == []


def test_no_imports_go_round_in_a_circle():
    graph = {name: imports(path) - {name} for name, path in ALL.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_no_two_classes_have_one_name():
    classes = [
        node.name
        for path in ALL.values()
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert [name for name, count in Counter(classes).items() if count > 1] == []


def test_folders_and_modules_can_be_overlooked():
    folders = Counter(path.parent for path in ALL.values() if path.name != "__init__.py")
    assert {str(folder.relative_to(ROOT)): count for folder, count in folders.items() if count > MODULES} == {}
    long = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in ALL.items()}
    assert {name: lines for name, lines in long.items() if lines > LINES} == {}


@pytest.mark.parametrize("page", PAGES.values(), ids=lambda page: page.script)
def test_every_page_of_the_registry_has_its_script(page):
    assert (ROOT / "pages" / page.script).is_file(), f"{page.script} is named in pages/registry.py and is not there"


def test_every_script_is_in_the_registry():
    scripts = {path.name for path in (ROOT / "pages").glob("*.py")} - {"__init__.py", "shell.py", "registry.py"}
    assert scripts == {page.script for page in PAGES.values()}


def test_every_kind_of_study_has_a_page():
    from store.studies import KINDS

    shown = {page for kind in KINDS.values() for page in kind.pages}
    assert shown <= set(PAGES), "store.studies.KINDS names a page that pages/registry.py lacks"
    assert all(kind.pages for kind in KINDS.values()), "a kind of study that no page shows"


def test_constructors_of_many_fields_are_called_by_keyword():
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in ALL.items()}
    classes = {node.name for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    wrong = [
        f"{name}:{node.lineno} {called}"
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and len(node.args) > POSITIONAL
        if (called := getattr(node.func, "id", getattr(node.func, "attr", ""))) in classes | {"cls"}
    ]
    assert wrong == []
