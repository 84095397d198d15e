"""Pages without a browser: Streamlit's own AppTest runs them, and what they drew is looked at."""

import base64
import functools
import json
import re
import sys

import numpy as np
import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from pages.figures.quantities import QUANTITIES
from tests.conftest import ROOT


class OpenPage:
    """One page of the dashboard, as it was drawn last."""

    def __init__(self, app: AppTest):
        self.app = app

    def run(self) -> "OpenPage":
        """Draw it anew; it must not fail."""
        self.app.run()
        assert not self.app.exception, [each.message for each in self.app.exception]
        return self

    @property
    def address(self) -> dict[str, str]:
        """The parameters in its address bar."""
        parameters = self.app.query_params.items()
        return {name: value if isinstance(value, str) else value[0] for name, value in parameters}

    def go(self, script: str, **address: str) -> "OpenPage":
        """Open another page in the same session, as by a link with this address."""
        self.app.switch_page(script)
        self.app.query_params.clear()
        self.app.query_params.update(address)
        return self.run()

    def choose(self, label: str, option: str) -> "OpenPage":
        """Choose in the row of buttons, or in the box, with this label: an option as the script names it."""
        for kind in (self.app.button_group, self.app.selectbox):
            for each in kind:
                if each.label == label:
                    each.set_value(option)
                    return self.run()
        raise AssertionError(f"nothing is labelled {label}")

    def press(self, label: str) -> "OpenPage":
        """Press the first button with this label."""
        next(each for each in self.app.button if each.label == label).click()
        return self.run()

    def type(self, label: str, text: str) -> "OpenPage":
        """Fill in a field."""
        next(each for each in self.app.text_input if each.label == label).set_value(text)
        return self.run()

    @property
    def said(self) -> str:
        """All text on the page, without the marks that keep it from being Markdown."""
        kinds = ("title", "header", "subheader", "text", "markdown", "caption", "warning", "info", "error", "code")
        texts = [each.value for kind in kinds for each in getattr(self.app, kind)]
        return "\n".join([*texts, *(each.label for each in self.app.expander)]).replace("\\", "")

    def figure(self, key: str) -> dict:
        """The Plotly figure under a key."""
        (found,) = (each for each in self.app.get("plotly_chart") if each.proto.id.endswith(f"-{key}"))
        return json.loads(found.proto.spec)

    def figures(self) -> int:
        """How many figures there are, without the one that nobody sees."""
        return sum(each.key != "ahead" for each in self.app.get("plotly_chart"))

    def links(self) -> set[str]:
        """The terms of the glossary that texts and help texts lead to, in blocks of blocks."""
        found, parts = set(), [*self.app._tree.children.values()]
        while parts:
            each = parts.pop()
            parts += each.children.values() if isinstance(each, Block) else ()
            found |= {*re.findall(r"\(method\?model=[^#)]+#([\w-]+)", str(each.proto))}
        return found

    def pictures(self) -> list[dict[str, str]]:
        """What the menus of exports know of each figure: its title, the name of its file and its caption."""
        return [json.loads(each.proto.json) for each in self.app.get("bidi_component")]

    def overlay(self) -> np.ndarray:
        """The values of the map over the image."""
        return values_of(self.figure("overlay")["data"][-1]["z"])

    def total(self, name: str, column: str) -> str:
        """A cell of the Explorer's table of totals."""
        return self.row(QUANTITIES[name].symbol)[column].replace("\\", "")

    def row(self, symbol: str):
        """A row of the Explorer's table of totals."""
        return self.totals.loc[next(row for row in self.totals.index if row.split()[0] == symbol)]

    @property
    def totals(self):
        """The Explorer's table of totals, a frame whose index is named after unit and level."""
        return next(each.value for each in self.app.table if str(each.value.index.name).startswith("Total in"))


def values_of(array: object) -> np.ndarray:
    """An array of a figure, which Plotly may have packed."""
    if isinstance(array, dict):
        values = np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"])
        return values.reshape([int(side) for side in array["shape"].split(",")])
    return np.array(array)


@pytest.fixture(scope="session", autouse=True)
def scanned_once():
    """Streamlit looks for components in all installed packages whenever a page is opened: here once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            manifest_scanner, "scan_component_manifests", functools.cache(manifest_scanner.scan_component_manifests)
        )
        yield


@pytest.fixture(autouse=True)
def own_main(monkeypatch):
    """Streamlit puts the script of a page in the place of `__main__`, which a spawned process would then run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="session")
def nothing(tmp_path_factory):
    """An empty store, on which the Overview, which a session begins with, is drawn quickly."""
    return tmp_path_factory.mktemp("nothing")


@pytest.fixture
def opened(tmp_path, nothing, monkeypatch):
    """Opens a page on the store `tmp_path`, or on another."""

    def at(script: str, store=tmp_path, /, **address: str) -> OpenPage:
        monkeypatch.setenv("DIFFUSIONPID_STORE", str(nothing))
        app = AppTest.from_file(str(ROOT / "pages" / "shell.py"), default_timeout=120).run()
        monkeypatch.setenv("DIFFUSIONPID_STORE", str(store))
        return OpenPage(app).go(script, **address)

    return at
