"""What the documents name is there: paths, modules, links, commands with their options, settings, terms, decisions."""

import argparse
import ast
import json
import re
import shlex
import tomllib
from collections import Counter
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import compute.__main__ as compute_main
import store.__main__ as store_main
from pages.figures.quantities import INDEX, MAPS, MODE_NAMES, UNITS, UNRELIABLE
from store import settings
from store.jobs.states import State
from store.pid.information import LEVELS
from store.pid.measures import MEASURES
from tests.conftest import ROOT
from tests.unit.test_structure import LAYERS

GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINKED = [*GUIDES, ROOT / "CHANGELOG.md", ROOT / "store" / "FORMAT.md"]
CODE = ("compute", "store", "pages", "tests")
ENDINGS = ("py", "md", "toml", "txt", "lock", "json", "yaml", "sh", "sqlite", "h5")
OF_USERS = re.compile(  # what a store, a cache or a user has, and no folder of the repository
    r"results|quarantine/|models/|maps/|jobs\.sqlite|identities\.json|parity\.json"
    r"|studies/\w+\.toml|build/.*|diffusionpid\.toml|rooms\.txt|.*\b[A-Z]{3,}\b.*"
)
OTHERS_OPTIONS = {"--memory-limit", "--nthreads", "--port", "--server.address", "--server.headless"}
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
STEPS = re.findall(r"`([\w/]+\.py)`(?: \| |\s\()`([\w.]+)`[ )]", ARCHITECTURE)  # a file, and what to look for in it


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(text: str) -> str:
    """The text without its blocks of code."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def quoted(text: str) -> list[str]:
    return [" ".join(found.split()) for found in re.findall(r"`([^`]+)`", prose(text))]


@cache
def places() -> tuple[str, ...]:
    """Files and folders of the repository, each with a slash before it; folders also end in one."""
    parts = [ROOT / part for part in (*CODE, "docs")]
    found = [path for part in parts for path in (part, *part.rglob("*")) if "__pycache__" not in path.parts]
    found += [path for path in ROOT.iterdir() if path.is_file()]
    return tuple(f"/{name(path)}{'/' * path.is_dir()}" for path in found)


@pytest.mark.parametrize("path", GUIDES, ids=name)
def test_every_path_exists(path):
    shape = re.compile(rf"[\w.\-]+(/[\w.\-]+)*(/|\.({'|'.join(ENDINGS)}))")
    named = [text for text in quoted(path.read_text(encoding="utf-8")) if shape.fullmatch(text)]
    missing = [text for text in named if not any(place.endswith(f"/{text}") for place in places())]
    assert [text for text in missing if not OF_USERS.fullmatch(text)] == []


@pytest.mark.parametrize("part", CODE)
def test_every_path_that_code_names_exists(part):
    shape = re.compile(rf"\b(?:{'|'.join(CODE)}|docs)/[\w./-]+\.(?:py|md|toml|sh|h5|txt)\b")
    for path in (ROOT / part).rglob("*.py"):
        named = shape.findall(path.read_text(encoding="utf-8"))
        assert [each for each in named if not (ROOT / each).exists()] == [], path


def test_every_folder_of_the_diagram_exists():
    (diagram,) = blocks(ARCHITECTURE, "mermaid")
    named = re.findall(rf"(?:{'|'.join(CODE)})/[\w/.]+", diagram)
    assert named and [each for each in named if not (ROOT / each).exists()] == []


@pytest.mark.parametrize("path", GUIDES, ids=name)
def test_every_module_exists(path):
    text = path.read_text(encoding="utf-8")
    named = [each for each in quoted(text) if re.fullmatch(rf"({'|'.join(CODE)})(\.\w+)+(\(.*\))?", each)]
    named += re.findall(r"python -m ((?:compute|store|tests)(?:\.\w+)+)", text)
    named = [each for each in named if not each.endswith(ENDINGS)]
    assert [each for each in named if not defined(each.partition("(")[0])] == []


def defined(dotted: str) -> bool:
    """Whether a dotted name is a module, or a name that a module defines or imports."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        folder = ROOT.joinpath(*parts[:end])
        module = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
        if module.exists():
            return end == len(parts) or parts[end] in names_in(module)
    return False


def names_in(module: Path) -> set[str]:
    """What a module defines, and what it imports."""
    found = set()
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize("path", LINKED, ids=name)
def test_every_link_leads_somewhere(path):
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@cache
def anchors(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings} | ids(text)


def ids(text: str) -> set[str]:
    return set(re.findall(r'<a id="([^"]+)"', text))


def commands(text: str) -> list[str]:
    """Command lines of `compute` and `store` in blocks of code and in the text, without comments."""
    lines = [line.partition("  #")[0].strip() for block in blocks(text, "") for line in block.splitlines()]
    return [line.removeprefix("python -m ") for line in (*lines, *quoted(text)) if COMMAND.match(line)]


COMMAND = re.compile(r"(python -m )?(compute|store) [a-z-]+( |$)")


@cache
def options(program: str, command: str) -> frozenset[str]:
    """The options of a command; raises KeyError if there is no such command."""
    defaults = settings.Settings()
    parser = compute_main._parser(defaults) if program == "compute" else store_main.parser([command], defaults)
    (subparsers,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return options_of(subparsers.choices[command])


def options_of(parser: argparse.ArgumentParser) -> frozenset[str]:
    """The options of a parser and of the commands within it."""
    nested = (action.choices.values() for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    own = {option for action in parser._actions for option in action.option_strings}
    return frozenset(own.union(*(options_of(each) for choices in nested for each in choices)))


@pytest.mark.parametrize("path", GUIDES, ids=name)
def test_every_command_has_its_options(path):
    for line in commands(path.read_text(encoding="utf-8")):
        program, command, *rest = shlex.split(line)
        given = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert given <= options(program, command), line


@pytest.mark.parametrize("path", GUIDES, ids=name)
def test_every_option_in_the_text_belongs_to_a_command(path):
    defaults = settings.Settings()
    known = options_of(compute_main._parser(defaults)) | OTHERS_OPTIONS
    known |= {option for command in store_main.COMMANDS for option in options("store", command)}
    named = [text.split()[0] for text in quoted(path.read_text(encoding="utf-8")) if text.startswith("--")]
    assert set(named) <= known


@pytest.mark.parametrize("path", GUIDES, ids=name)
def test_every_make_target_exists(path):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    text = path.read_text(encoding="utf-8")
    named = [
        line.split()[1] for line in (*quoted(text), *"".join(blocks(text, "")).splitlines()) if line[:5] == "make "
    ]
    assert set(named) <= set(targets)


def test_every_dependency_is_in_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for file in (ROOT / "requirements.txt", ROOT / "tests" / "requirements.txt"):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                assert re.search(rf"^\|.*\b{Requirement(line).name}\b.*\|", text, re.MULTILINE), line


def test_the_dashboard_listens_on_this_machine_alone():
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["address"] == "127.0.0.1"
    for text in ((ROOT / "README.md").read_text(encoding="utf-8"), (ROOT / "Makefile").read_text(encoding="utf-8")):
        assert "--server.address" not in text


def test_every_setting_is_in_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for setting in fields(settings.Settings):
        assert f"`{settings.PREFIX}{setting.name.upper()}`" in text and f"`{setting.name}`" in text


def test_the_example_of_the_readme_runs(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    (example,) = blocks((ROOT / "README.md").read_text(encoding="utf-8"), "python")
    exec(compile(example, "README.md", "exec"), {})
    assert "(8, 16, 16)" in capsys.readouterr().out


def test_the_python_of_the_studies_guide_runs(tmp_path, monkeypatch, capsys):
    text = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "kitchens.toml").write_text(blocks(text, "toml")[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (example,) = blocks(text, "python")
    exec(compile(example, "docs/studies.md", "exec"), {})
    assert "female+doctor" in capsys.readouterr().out


def test_every_symbol_of_the_pages_is_in_the_glossary():
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    said = {
        part
        for line in re.findall(r"\*\*(.+?)\*\*(?: \((.+?)\):)?", text)
        for each in line
        for part in each.split(", ")
    }
    symbols = {quantity.symbol for quantity in MAPS.values()} | {INDEX, UNRELIABLE, "±"}
    modes = {part for mode in MODE_NAMES.values() for part in mode.split(", ")}
    assert {*symbols, *modes, *UNITS, *LEVELS, *MEASURES, *map(str, State)} - said == set()
    checked = json.loads((ROOT / "store" / "validation.json").read_text(encoding="utf-8"))["rows"]
    assert {row["check"] for row in checked} - {"grid"} - said == set()


def test_an_anchor_of_the_glossary_is_there_once():
    found = Counter(re.findall(r'<a id="([^"]+)"', (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")))
    assert [anchor for anchor, count in found.items() if count > 1] == []


def test_decisions_are_numbered_and_complete():
    folder, titles = ROOT / "docs" / "decisions", {}
    index = (folder / "README.md").read_text(encoding="utf-8")
    for path in sorted(folder.glob("*.md")):
        for number, title, text in re.findall(
            r"^## (\d+)\. (.+)\n((?:.+\n?)+)", path.read_text(encoding="utf-8"), re.M
        ):
            assert int(number) not in titles
            titles[int(number)] = title
            assert [line.split(":")[0] for line in text.splitlines()] == [
                f"- **{part}" for part in ("Decided", "Against", "Evidence")
            ], number
            assert f"| {number} | [{title}]({path.name}#" in index
    assert sorted(titles) == list(range(1, len(titles) + 1))
    for path in [*GUIDES, *(path for part in CODE for path in (ROOT / part).rglob("*.py"))]:
        named = re.findall(r"\bdecision (\d+)", path.read_text(encoding="utf-8"))
        assert set(map(int, named)) <= set(titles), path


def test_the_lock_holds_one_version_of_every_requirement_with_hashes():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.findall(r"^([\w.-]+)==([^\s;\\]+)(.*?)(?=^[\w.-]+==|\Z)", text, re.DOTALL | re.MULTILINE)
    assert all("--hash=sha256:" in rest for _, _, rest in entries)
    assert "://" not in text and "file:" not in text
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            wanted = Requirement(line)
            versions = [version for package, version, _ in entries if package == wanted.name]
            assert versions and all(version in wanted.specifier for version in versions), line


@pytest.mark.parametrize(("place", "sought"), STEPS, ids=str)
def test_every_step_of_the_way_is_where_the_architecture_says(place, sought):
    assert sought in members(ROOT / place)


def members(module: Path) -> set[str]:
    """What a module defines, and what its classes do, as `Class.method`."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    imported = {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    found = names_in(module) - imported
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
    return found


@pytest.mark.parametrize("house", LAYERS)
def test_the_architecture_has_the_order_of_folders(house):
    line = f"- `{house}`: {order_of(house)}\n"
    assert line in ARCHITECTURE, f"docs/architecture.md should say: {line}"


def order_of(house: str) -> str:
    layers = [[f"`{part}`" for part in layer] for layer in LAYERS[house]]
    if house == "pages":
        layers[0] = ["`shell`", "the scripts"]
    return "; ".join(", ".join(layer) for layer in layers)
