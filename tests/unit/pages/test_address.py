"""The view of each page: from an address and back, and how it goes together with late answers of the browser."""

from dataclasses import fields, replace

import pytest
from streamlit.testing.v1 import AppTest

from pages import address
from pages.address import (
    BiasTableView,
    CompareView,
    ExplorerView,
    HomonymsView,
    InterventionView,
    OverviewView,
    SynonymsView,
    View,
)
from pages.registry import PAGES

FULL = {
    ExplorerView: ExplorerView(
        store="demo",
        model="embedded",
        prompt="a female doctor & more",
        run="0123456789ab",
        pair="female+doctor",
        mode="cpid",
        seed="3",
        measure="mmi",
        quantity="synergy",
        level="image",
        band="3",
        unit="bits",
        opacity=35,
        threshold=20,
        region="8,0,64,40",
        maps="both",
    ),
    OverviewView: OverviewView(model="embedded", filter="doctor", sort="unique_first", page="3"),
    BiasTableView: BiasTableView(
        model="embedded",
        filter="doc",
        sort="-light skin",
        subject="police officer",
        seed="2",
        table="neutral",
        guidance="3",
        scale="information",
    ),
    HomonymsView: HomonymsView(model="m", study="embedded-x", mode="cpid", seed="2", band="1", word="mouse"),
    SynonymsView: SynonymsView(model="m", prompt="a car", pair="car+automobile", by="alignment", opacity=20),
    InterventionView: InterventionView(
        model="m", prompt="a cat and a car", word="cat", change="swapped", predictor="unique", threshold=40
    ),
    CompareView: CompareView(
        model="m",
        study="embedded-gender",
        one="m, 1",
        other="m, 3",
        other_measure="ccs",
        mode="pid",
        other_mode="cpid",
        subject="nurse",
        attribute="female",
        seed="2",
        quantity="synergy",
    ),
    View: View(model="m", measure="ccs"),
}


@pytest.mark.parametrize("kind", FULL, ids=lambda kind: kind.__name__)
def test_an_address_holds_the_whole_view(kind):
    assert kind.parse(FULL[kind].parameters) == FULL[kind]


@pytest.mark.parametrize("page", PAGES.values(), ids=lambda page: page.script)
def test_every_page_has_a_view_with_a_test(page):
    assert page.view in FULL


@pytest.mark.parametrize("kind", FULL, ids=lambda kind: kind.__name__)
def test_an_address_says_only_what_differs(kind):
    assert kind().parameters == {}
    assert set(kind.parse({"model": "m", "nothing": "x"}).parameters) == {"model"}


@pytest.mark.parametrize(
    ("kind", "odd"),
    [
        (ExplorerView, {"opacity": "x"}),
        (ExplorerView, {"opacity": "-4"}),
        (ExplorerView, {"opacity": "\u0663"}),
        (ExplorerView, {"opacity": "9" * 5000}),
        (View, {"unit": "bytes"}),
        (ExplorerView, {"threshold": "half"}),
        (ExplorerView, {"maps": "three"}),
        (ExplorerView, {"region": "1,2,3"}),
        (ExplorerView, {"region": "1,2,3,-4"}),
        (ExplorerView, {"region": "1,2,3,4e9"}),
        (ExplorerView, {"quantity": "?"}),
        (View, {"measure": "?"}),
        (ExplorerView, {"level": "?"}),
        (ExplorerView, {"band": "?"}),
        (ExplorerView, {"band": "-1"}),
        (View, {"store": "/etc"}),
        (OverviewView, {"page": "-2"}),
        (OverviewView, {"page": "9" * 5000}),
        (BiasTableView, {"table": "other"}),
        (BiasTableView, {"scale": "?"}),
    ],
)
def test_odd_values_fall_back(kind, odd):
    assert kind.parse(odd) == kind()


@pytest.mark.parametrize("odd", ["", "-", "--created", "attention_first"])
def test_an_order_that_a_page_does_not_know_falls_back(odd):
    assert OverviewView(sort=odd).order(("created", "prompt"), "-created") == "-created"
    assert OverviewView(sort="-prompt").order(("created", "prompt"), "-created") == "-prompt"


def test_opacity_is_at_most_whole():
    assert ExplorerView.parse({"opacity": "9000"}).opacity == 100


def script():
    """A page with a box of options, a slider and a button, as pages are written."""
    import streamlit as st

    from pages import address

    view = address.current(address.ExplorerView)
    address.show(view)
    offered = st.session_state.get("offered", ["", "a cat", "a dog"])
    st.selectbox("Prompt", offered, **address.bind_field("prompt", view.prompt, ["seed"], start="index", among=offered))
    st.slider("Opacity", 0, 100, **address.bind_field("opacity", view.opacity, start="value"))
    st.button("Whole", on_click=address.change, kwargs={"opacity": 100, "filter": "of another page"})
    st.text(f"{view.prompt}|{view.seed}|{view.opacity}")


@pytest.fixture
def page():
    app = AppTest.from_function(script)
    app.query_params.update(model="m", prompt="a cat", seed="3")
    return app.run()


def shown(app):
    assert not app.exception
    return app.text[0].value


def in_address(app):
    return {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}


def test_a_choice_goes_into_the_address_and_empties_what_depends_on_it(page):
    page.selectbox[0].select("a dog").run()
    assert shown(page) == "a dog||60"
    assert in_address(page) == {"model": "m", "prompt": "a dog"}


def test_the_address_of_before_is_not_read_in_the_run_after_a_choice(page):
    before = in_address(page)
    page.selectbox[0].select("a dog")
    page.query_params.clear()
    page.query_params.update(before)  # what a late browser names
    assert shown(page.run()) == "a dog||60"


def test_a_link_that_is_opened_afterwards_is_read(page):
    page.selectbox[0].select("a dog").run()
    page.query_params.update(model="m", prompt="a cat", seed="1", opacity="20")
    assert shown(page.run()) == "a cat|1|20"


def test_a_widget_whose_value_changed_elsewhere_gives_way_to_a_new_one(page):
    first = page.slider[0]
    page.button[0].click().run()
    assert shown(page) == "a cat|3|100"
    assert page.slider[0].key != first.key and page.slider[0].value == 100


def test_a_box_of_other_options_is_another_box(page):
    first = page.selectbox[0].key
    page.session_state["offered"] = ["", "a cat", "a new one"]
    page.run()
    assert page.selectbox[0].key != first
    assert shown(page) == "a cat|3|60"


def test_another_page_is_completed_by_what_was_shown_before(page):
    page.button[0].click().run()
    page.query_params.clear()
    assert shown(page.run()) == "a cat|3|100"
    assert page.session_state[address.binding.REMEMBERED]["filter"] == "of another page"


def test_what_was_shown_of_another_model_is_forgotten(page):
    page.button[0].click().run()
    page.query_params.clear()
    page.query_params.update(model="other")
    assert shown(page.run()) == "||60"
    assert "filter" not in page.session_state[address.binding.REMEMBERED]


def test_selections_narrow_down_in_the_explorer():
    names = [field.name for field in fields(ExplorerView)]
    assert set(address.SELECTION) <= set(names)
    assert replace(ExplorerView(), **dict.fromkeys(address.SELECTION, "")) == ExplorerView()
