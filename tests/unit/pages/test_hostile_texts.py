"""Texts of files, links, studies, notes and jobs are shown as they are, on every page."""

import json
from collections.abc import Iterator

import pandas as pd
import pytest
from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest

from pages.figures.escape import plain, plain_markup
from pages.registry import PAGES
from store import hdf5, studies
from store.jobs import JobSpec, Queue
from store.notes import Notes, Pin, key_of_view
from tests import synthetic

IMAGE, BOLD, ICON = "![i](http:evil.example)", "<b>bold</b>", ":material-home:[x]"
FIELD, FORMULA = "$x^2$%{x}", "=cmd|'C'!A0"
HOSTILE = (IMAGE, BOLD, ICON, FIELD, FORMULA)
READ_AS_IT_IS = {  # by element: what reads no Markdown; `None` for all of it
    "text": {"body"},
    "code": {"code_text"},
    "html": None,
    "image": {"alt", "url"},
    "plotly_chart": {"spec", "config", "alt"},
    "selectbox": {"options", "raw_value", "placeholder"},
    "text_input": {"default", "value", "placeholder"},
    "text_area": {"default", "value", "placeholder"},
    "page_link": {"page", "query_string", "page_script_hash"},
    "bidi_component": {"json", "mixed", "html_content", "js_content", "css_content"},
    "download_button": {"url"},
    "arrow_data_frame": {"columns", "alt", "row_selectable"},
}
SHOWN_BY_PLOTLY = {"text", "name", "hovertemplate", "ticktext", "title", "texttemplate"}
BIAS = """
title = "{field} {image}"
question = "{bold} {icon}"
kind = "bias"
seeds = 2
template = "a {{attribute}} {{subject}}"
attributes = ["{bold}", "{icon}"]
subjects = ["{formula}", "{image}"]
[neutral]
template = "a {{subject}}"
"""
SENTENCES = """
title = "{field} {image}"
question = "{bold} {icon}"
kind = "pairs"
seeds = 2
[[sentence]]
prompt = "a {bold} {image} and {icon}"
pair = ["{bold}", "{image}"]
sense = "{field}"
control = "{icon}"
[[sentence]]
prompt = "a {bold} {formula} here"
pair = ["{bold}", "{formula}"]
sense = "{icon}"
"""
SYNONYMS = SENTENCES.partition("[[sentence]]")[0] + "[[sentence]]" + SENTENCES.split("[[sentence]]")[1]
REMOVED = """
title = "{field} {image}"
question = "{bold} {icon}"
kind = "intervention"
seeds = 2
[[sentence]]
prompt = "a {bold} and {image}"
word = "{bold}"
beside = "{image}"
swap = "{formula}"
"""
FILES = {"gender": BIAS, "tone": BIAS, "homonyms": SENTENCES, "synonyms": SYNONYMS, "intervention": REMOVED}
MODEL = "odd"
SMALL = {"seeds": (0, 1), "size": 16, "grid": 8}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A store whose every text is hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    root, own = folder / "store", folder / "studies"
    own.mkdir()
    texts = dict(zip(("image", "bold", "icon", "field", "formula"), HOSTILE, strict=True))
    for name, content in FILES.items():
        (own / f"{MODEL}-{name}.toml").write_text(content.format(**texts), encoding="utf-8")
        synthetic.of_study(root, studies.load(f"{MODEL}-{name}", root), model=MODEL, **SMALL)
    prompt = f"{FORMULA} {IMAGE} {BOLD} {ICON} {FIELD}"
    for words in ((FORMULA, IMAGE), (BOLD, ICON), (IMAGE, FIELD)):
        hdf5.publish(root, synthetic.record(prompt, words, model=MODEL, **SMALL))
    broken = hdf5.publish(root, synthetic.record(f"a {BOLD} broken", ("a", "broken"), model=MODEL, **SMALL))
    synthetic.truncate(broken)
    queue = Queue(root)
    queue.submit(JobSpec(MODEL, prompt, ((BOLD, ICON),)), f"{BOLD} {IMAGE}")
    queue.cancel(queue.submit(JobSpec(f"{BOLD}{ICON}", f"a {IMAGE} {BOLD}", ((IMAGE, BOLD),)), ICON))
    return root


def elements(app: AppTest) -> Iterator:
    """Every element of the page, the sidebar and what floats above them."""
    waiting = list(app._tree.children.values())
    while waiting:
        node = waiting.pop()
        waiting += getattr(node, "children", {}).values()
        yield node


def texts_of(message: Message) -> Iterator[tuple[str, str]]:
    """Every text in a message, with the name of the field that it stands in."""
    for field, value in message.ListFields():
        for each in value if field.is_repeated else [value]:
            if isinstance(each, Message):
                yield from texts_of(each)
            elif isinstance(each, str):
                yield field.name, each


def plotted(value: object, shown: bool = False) -> Iterator[str]:
    """The texts of a figure that Plotly reads as markup."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from plotted(part, shown and name not in ("customdata", "ids") or name in SHOWN_BY_PLOTLY)
    elif isinstance(value, list):
        for part in value:
            yield from plotted(part, shown)
    elif isinstance(value, str) and shown:
        yield value


def interpreted(app: AppTest) -> Iterator[tuple[str, str, str]]:
    """Hostile texts on the page that would be read as Markdown, markup or a formula."""
    for element in elements(app):
        proto, kind = getattr(element, "proto", None), element.type
        if isinstance(getattr(element, "value", None), pd.DataFrame):
            frame = element.value
            cells = [*map(str, frame.columns), *map(str, frame.index), *map(str, frame.to_numpy(object).ravel())]
            if kind in ("table", "arrow_table"):
                yield from ((kind, "cell", cell) for cell in cells if any(each in cell for each in HOSTILE))
            else:
                yield from ((kind, "formula", cell) for cell in cells if cell.startswith(("=", "@", "+")))
        if not isinstance(proto, Message):
            continue
        allowed = READ_AS_IT_IS.get(kind, set())
        for place, text in texts_of(proto):
            if kind == "plotly_chart" and place == "spec":
                found = plotted(json.loads(text))
                yield from ((kind, place, each) for each in found if BOLD in each or "%{x}" in each.split("<extra>")[0])
            elif allowed is not None and place not in allowed and place not in ("id", "key", "url"):
                yield from ((kind, place, text) for each in HOSTILE if each in text)


OPENED = {
    "gender.py": [{}, {"subject": FORMULA}, {"subject": IMAGE, "table": "neutral"}, {"filter": BOLD}],
    "homonyms.py": [{"word": BOLD}],
    "synonyms.py": [{"prompt": IMAGE}],
    "explorer.py": [{"maps": "both"}, {"prompt": BOLD, "pair": f"{IMAGE}+{ICON}"}, {"seed": IMAGE}],
}


@pytest.mark.parametrize("script", [page.script for page in PAGES.values()])
def test_no_text_of_others_is_interpreted(opened, root, script):
    page = opened(script, root, model=MODEL)
    for address in OPENED.get(script, [{}]):
        page.app.session_state["job form"] = True
        page.go(script, model=MODEL, **address)
        assert list(interpreted(page.app)) == []


def test_notes_and_their_authors_stay_plain(opened, root):
    content = {"study": f"{MODEL}-gender", "model": MODEL, "guidance": "1", "table": "attributes", "subject": ""}
    notes = Notes(root)
    number = notes.add(key_of_view("gender", **content), BOLD, IMAGE, Pin("/gender", FIELD, "{")).number
    notes.revise(number, ICON, BOLD)
    app = opened("gender.py", root, model=MODEL).app
    assert any(each.value == BOLD for each in app.text)
    assert list(interpreted(app)) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a *b*", r"a \*b\*"),
        (":material/home:", r"\:material\/home\:"),
        ("http://x", "http\\:\u2060\\/\\/x"),
        ("www.x", "www\u2060\\.x"),
        ("a@b", "a\u2060\\@b"),
        ("a -> b", "a \\-\u2060\\> b"),
        (":streamlit:", "\\:\u2060streamlit\\:"),
        ("a -- b", "a \\-\u2060\\- b"),
        ("run --model a", r"run \-\-model a"),  # a command can be copied
        ("tcp://HOST:1", r"tcp\:\/\/HOST\:1"),
        ("a\n\n    b", "a b"),
    ],
)
def test_markdown_is_escaped(text, shown):
    assert plain(text) == shown


def test_markup_and_fields_of_plotly_are_escaped():
    assert plain_markup("<b>%{x}</b> & 'y'") == "&lt;b&gt;%&#123;x}&lt;/b&gt; &amp; 'y'"
