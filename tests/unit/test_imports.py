"""The one-way flow: pages and compute know store, store knows neither, and pages never load torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from pages.registry import PAGES

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "diffusers", "transformers"}
FORBIDDEN = {
    "store": {"compute", "pages", "streamlit", "plotly", *HEAVY},
    "compute": {"pages", "streamlit", "plotly"},
    "pages": {"compute", *HEAVY},
    "dashboard.py": {"compute", *HEAVY},
}
OPEN_EVERY_PAGE = """
import os, sys
from streamlit.testing.v1 import AppTest
for os.environ["DIFFUSIONPID_STORE"] in sys.argv[1:]:
    app = AppTest.from_file("pages/shell.py", default_timeout=120).run()
    for page in {pages}:
        app.switch_page(page).run()
        assert not app.exception, (page, app.exception)
        assert app.main.children, page
print(sorted({heavy} & set(sys.modules)))
"""


def modules(place: str) -> list[Path]:
    path = ROOT / place
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The top-level packages that a module imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("place", FORBIDDEN)
def test_imports_go_one_way(place):
    assert modules(place)
    wrong = {str(path.relative_to(ROOT)): imported(path) & FORBIDDEN[place] for path in modules(place)}
    assert {path: names for path, names in wrong.items() if names} == {}


def test_what_hands_out_work_items_loads_no_library_of_models():
    asked = "import sys, compute.cluster.worker; print(sorted({'diffusers', 'transformers'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "[]", done.stderr


def test_no_page_loads_torch(tmp_path):
    from tests import synthetic

    full, empty = tmp_path / "full", tmp_path / "empty"
    synthetic.fill(full)
    pages = [page.script for page in PAGES.values()]
    done = subprocess.run(
        [sys.executable, "-c", OPEN_EVERY_PAGE.format(pages=pages, heavy=HEAVY), empty, full],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().splitlines()[-1] == "[]"
