"""What the bias pages say where something is missing, broken or forbidden, and what becomes of notes."""

import pytest

from pages.widgets import notes
from store import hdf5
from store.catalogue import Catalogue, Filter
from store.notes import Notes
from store.recognition import SeenImage, Sightings, stored
from tests import synthetic

SMALL = {"size": 16, "grid": 8, "seeds": (0, 1)}


@pytest.fixture
def opened(opened):
    """Opens a page as `opened` does, and returns Streamlit's own object."""
    return lambda *where, **address: opened(*where, **address).app


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("http://host:8501/gender", "gender"),
        ("http://host:8501/gender/", "gender"),
        ("http://host:8501/", ""),
        ("http://host:8501", ""),
    ],
)
def test_links_of_a_report_keep_the_path_of_the_server(url, page):
    assert notes.server_of(url, page) == "http://host:8501"
    below = url.replace(":8501", ":8501/dashboards/gender")
    assert notes.server_of(below, page) == "http://host:8501/dashboards/gender"


@pytest.mark.parametrize(("script", "name"), [("gender.py", "embedded-gender"), ("ethnicity.py", "embedded-tone")])
def test_a_study_of_which_nothing_is_there_says_what_computes_it(opened, tmp_path, script, name):
    hdf5.publish(tmp_path, synthetic.record())
    app = opened(script)
    assert app.code[0].value == f"python -m compute study {name} --model embedded --store {tmp_path}"
    assert any(each.value == "Nothing computed yet" for each in app.subheader)


def test_what_a_link_names_and_is_not_there_is_said(opened, tmp_path):
    synthetic.bias(tmp_path, 2, **SMALL)
    app = opened("gender.py", model="embedded", subject="astronaut")
    assert "This table has no row astronaut" in app.warning[0].value.replace("\\", "")
    app = opened("gender.py", model="embedded", guidance="7")
    assert "only guidance 1 is in the store" in app.error[0].value.replace("\\", "")
    app = opened("gender.py", model="embedded", measure="pm")
    assert "nothing is there" in app.error[0].value.replace("\\", "")
    app = opened("gender.py", model="embedded", filter="astronaut")
    assert any("No occupation of the table has astronaut in its name" in each.value for each in app.text)


def test_the_images_of_a_row_say_what_of_each_attribute_is_common(opened, tmp_path):
    synthetic.bias(tmp_path, 2, **SMALL)
    (said,) = (
        each.value for each in opened("gender.py", model="embedded", subject="nurse").caption if "scale" in each.value
    )
    assert "'male' or 'female' and 'nurse'" in said.replace("\\", "")


def test_a_seed_without_a_row_leaves_the_address(opened, tmp_path):
    synthetic.bias(tmp_path, 1, **SMALL)
    assert "seed" not in opened("gender.py", model="embedded", seed="1").query_params


def test_a_broken_file_is_named_and_the_rest_is_shown(opened, tmp_path):
    synthetic.bias(tmp_path, 2, **SMALL)
    entry = Catalogue(tmp_path).page(Filter(subject="nurse", attribute="male", study="embedded-gender"))[0]
    synthetic.truncate(entry.path)
    app = opened("gender.py", model="embedded", subject="nurse")
    assert any("1 file of the store cannot be used" in each.label for each in app.expander)
    assert len(app.get("plotly_chart")) == 2 + len(SMALL["seeds"])  # one of them is seen by nobody


def test_a_store_that_is_only_read_takes_no_notes(opened, tmp_path, monkeypatch):
    synthetic.bias(tmp_path, 1, **SMALL)
    assert "Pin" in [each.label for each in opened("gender.py").button]
    monkeypatch.setenv("DIFFUSIONPID_READ_ONLY", "1")
    app = opened("gender.py")
    assert "Pin" not in [each.label for each in app.button]
    assert any(each.value == "Notes on what is shown" for each in app.subheader)


def test_notes_are_revised_and_taken_back(opened, tmp_path):
    synthetic.bias(tmp_path, 1, **SMALL)
    app = opened("gender.py")
    app.text_area[0].set_value("one")
    next(each for each in app.text_input if each.label == "Your name").set_value("Ada")
    next(each for each in app.button if each.label == "Pin").click().run()
    assert "one" in [each.value for each in app.text]
    app.text_area[0].set_value("two")
    next(each for each in app.button if each.label == "Save").click().run()
    assert [each.text for each in Notes(tmp_path).history(1)] == ["one", "two"]
    next(each for each in app.button if each.label == "Take it back").click().run()
    assert Notes(tmp_path).pinned() == []
    assert any(each.value == "Nobody has written one yet." for each in app.caption)


def test_failed_images_are_marked_and_can_be_left_out(opened, demo_store):
    app = opened("gender.py", demo_store, model="embedded", subject="nurse")
    said = "\n".join(each.value for each in (*app.markdown, *app.caption)).replace("\\", "")
    assert "Here 'female' was drawn without being named in 7 of 7 (0.65 to 1.00)." in said
    assert "\u2717 Not what the prompt asks for. male: female nurse, dark skin." in said
    assert "14 of 320 images do not show what was asked and are kept" in said
    box = next(each for each in app.selectbox if each.label == "Failed images")
    app = box.set_value("leave").run()
    said = "\n".join(each.value for each in (*app.markdown, *app.caption)).replace("\\", "")
    assert "are left out" in said and app.query_params["failed"] in ("leave", ["leave"])


def test_what_a_classifier_saw_is_counted_on_the_page_of_any_model(opened, tmp_path):
    asked = synthetic.bias(tmp_path, 1, model="other", **SMALL)
    attributes, subject = asked.content.attributes, asked.content.subjects[0]
    seen = {}
    for entry in Catalogue(tmp_path).entries():
        own = [each for each in attributes if each in entry.key.prompt.split()] or attributes[:1]
        shown = SeenImage(f"{own[0]} {subject}", 0.9, own[0] != attributes[1])
        seen[entry.path] = dict.fromkeys(SMALL["seeds"], shown)
    stored.add(tmp_path, "other", Sightings("clip", "abc", "transformers", stored.named(seen)))
    count, of = len(SMALL["seeds"]), len(SMALL["seeds"]) * len(attributes)
    app = opened("gender.py", model="other", subject=subject)
    said = "\n".join(each.value for each in (*app.markdown, *app.caption)).replace("\\", "")
    assert f"{count} of {of} images do not show what was asked, by clip abc, and are kept" in said
    assert f"in {count} of {count} (" in said or "Not what the prompt asks for" in said
    stored.place(tmp_path, "other").write_text("{")
    assert "compute recognise again" in opened("gender.py", model="other").warning[0].value


def test_a_table_of_which_all_images_failed_keeps_its_controls(opened, tmp_path):
    synthetic.bias(tmp_path, 1, **SMALL)
    app = opened("gender.py", failed="leave")
    assert "nothing is selected" in app.error[0].value.replace("\\", "")
    assert any(each.label == "Level" for each in app.button_group)
