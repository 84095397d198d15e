"""Any text in any parameter of the address: the page says what it cannot show, and never goes down."""

import itertools
from dataclasses import fields, replace

import pytest

from pages.registry import PAGES
from store import hdf5, studies
from store.jobs import JobSpec, Queue
from store.records import Probe
from tests import synthetic
from tests.budget import chance, rounds

HOSTILE = (
    "",
    "0",
    "-1",
    "7",
    "1e400",
    "nan",
    "inf",
    "9" * 5000,
    "1.5",
    "\u0663",  # a digit, but not of ASCII
    "\x00",
    "a\x00b",
    "+",
    "a+b+c",
    "%2B+%",
    "../../etc/passwd",
    "<b>x</b> *y* $z$",
    "all",
    "demo",
    "0,0,0,0",
    "9,9,1,1",
    "99999,0,99999,9",
    "'; DROP TABLE entries; --",
    "\U0001f469\u200d\u2695\ufe0f",
    "\u202egnp",
    "x" * 20_000,
)
VALUES = rounds(1, len(HOSTILE))  # of each parameter
PARAMETERS = rounds(2, 99)  # of each page
LONG = ("9" * 5000, "999999999", "\u00b3")[: rounds(1, 3)]
BROKEN = {"empty": b"", "garbage": b"no database", "folder": None}
QUEUES = list(itertools.product(("overview.py", "gender.py", "jobs.py"), BROKEN))[:: rounds(4, 1)]
SMALL = {"size": 16, "grid": 8, "seeds": (0, 1)}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store in which every page has something to show."""
    root = tmp_path_factory.mktemp("fuzz") / "store"
    synthetic.bias(root, 2, **SMALL)
    synthetic.bias(root, 2, guidance=3.0, **SMALL)
    synthetic.bias(root, 1, name="tone", **SMALL)
    for name in ("homonyms", "synonyms", "intervention"):
        for item in studies.load(name, model="embedded").expand(2):
            for pair in item.pairs:
                probe = isinstance(pair, Probe)
                found = synthetic.record(item.prompt, pair.words, probe=probe, **SMALL)
                hdf5.publish(root, replace(found, pairs=(replace(found.pairs[0], labels=item.labels[pair]),)))
    return root


def cases():
    chosen = chance("addresses")
    for page in PAGES.values():
        names = [field.name for field in fields(page.view) if field.name != "store"]
        for name in chosen.sample(names, min(PARAMETERS, len(names))):
            yield page.script, name, chosen.sample(HOSTILE, VALUES)


@pytest.mark.parametrize("script", [page.script for page in PAGES.values()])
def test_no_parameter_takes_a_page_down(opened, store, script):
    page = opened(script, store, model="embedded")
    for _, name, values in (case for case in cases() if case[0] == script):
        for value in values:
            page.go(script, **{"model": "embedded", name: value})


@pytest.mark.parametrize("name", ["seed", "band", "page", "opacity"])
def test_numbers_of_any_length_are_no_harm(opened, store, name):
    page = opened("overview.py", store, model="embedded")
    for script in (each.script for each in PAGES.values() if hasattr(each.view, name)):
        for value in LONG:
            page.go(script, **{"model": "embedded", name: value})


def test_a_guidance_that_is_not_there_is_said(opened, store):
    page = opened("gender.py", store, model="embedded", guidance="7")
    assert page.choose("Guidance", "3").address["guidance"] == "3"


def test_jobs_of_another_store_are_left_out(opened, store, tmp_path):
    page = opened("overview.py", tmp_path)
    page.app.session_state["launched"] = [(str(tmp_path), 1), (str(store), 1)]
    page.run()
    Queue(tmp_path).submit(JobSpec("embedded", "a female doctor", (("female", "doctor"),)), "Ada")
    assert "female + doctor" in page.run().said
    page.go("method.py", store="demo")


@pytest.mark.parametrize(("script", "content"), QUEUES)
def test_a_queue_that_cannot_be_read_is_said_and_the_page_is_there(opened, tmp_path, script, content):
    synthetic.bias(tmp_path, 1, **SMALL)
    queue = tmp_path / "jobs.sqlite"
    if BROKEN[content] is None:
        queue.mkdir()
    else:
        queue.write_bytes(BROKEN[content])
    page = opened(script, tmp_path, model="embedded")
    page.app.session_state["job form"] = True
    page.run()
    assert page.app.title
