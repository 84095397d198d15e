"""The words of a prompt as chips, pressed faster than the page answers."""

from streamlit.testing.v1 import AppTest

from pages.widgets.words import CHIPS, choosable
from store import hdf5
from tests import synthetic
from tests.conftest import ROOT


def test_a_word_that_a_quick_click_still_counts_is_passed_over(tmp_path, monkeypatch):
    hdf5.publish(tmp_path, synthetic.record("a female doctor in the kitchen"))
    monkeypatch.setenv("DIFFUSIONPID_STORE", str(tmp_path))
    app = AppTest.from_file(str(ROOT / "pages" / "shell.py"), default_timeout=120).run()
    app.switch_page("explorer.py").run()
    for pressed, pair in (
        (["female", "doctor", "a"], "a+doctor"),
        (["female", "doctor", "a"], "a+doctor"),  # the browser says so again
        (["female", "doctor", "a", "kitchen"], "a+kitchen"),  # the browser has not dropped "female" yet
        (["a", "kitchen", "female"], "female+kitchen"),
        (["female", "kitchen", "a"], "a+female"),  # it is chosen again
    ):
        app.pills(key=CHIPS).set_value(pressed).run()
        assert app.query_params["pair"] == pair
        assert app.pills(key=CHIPS).value == pair.split("+")
        assert not app.exception


def test_a_phrase_takes_the_place_of_its_words():
    prompt = "a cat and a purple circle"
    assert choosable(prompt, ["cat", "purple circle"]) == ["a", "cat", "and", "purple circle"]
    assert choosable(prompt, ["purple", "purple circle"]) == ["a", "cat", "and", "purple", "purple circle"]
