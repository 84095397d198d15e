"""Tables and pages of studies of which only a part is there, as in every run of a study."""

import warnings

import pytest
from streamlit.testing.v1 import AppTest

from store import hdf5, studies
from store.__main__ import main
from store.records import Label, Probe
from tests import synthetic
from tests.conftest import ROOT
from tests.unit.tables.test_table_command import BIAS, MICE, SMALL, WITHOUT

OF_BIAS = [
    [],
    ["--published"],
    ["--probe", "neutral"],
    ["--stability"],
    ["--sensitivity"],
    ["--by-setting"],
    ["--guidance", "1", "3"],
    ["--level", "prompt"],
]
THERE = {  # which prompts of the study
    "one attribute": lambda prompt: "young" in prompt,
    "one cell": lambda prompt: prompt == "a young nurse",
    "no row with both": lambda prompt: prompt in ("a young nurse", "an old doctor"),
    "one row with both": lambda prompt: "nurse" in prompt or prompt == "a young doctor",
    "neutral alone": lambda prompt: prompt == "a nurse",
}


def store_of(folder, content, there, seeds=(0, 1), guidances=(1.0, 3.0)):
    (folder / "studies").mkdir()
    (folder / "studies" / "mine.toml").write_text(content)
    store = folder / "store"
    for guidance in guidances:
        for prompt in studies.load("mine", store).expand():
            for pair in filter(lambda pair: there(pair.prompt), prompt.pairs):
                about = {"probe": isinstance(pair, Probe), "guidance": guidance, "labels": prompt.labels[pair]}
                hdf5.publish(store, synthetic.record(prompt.prompt, pair.words, seeds=seeds, **about, **SMALL))
    return store


@pytest.mark.parametrize(
    ("part", "seeds"), [*((part, (0, 1)) for part in THERE), ("one row with both", (0,)), ("one cell", (0,))], ids=str
)
def test_every_table_of_a_part_of_a_bias_study_is_a_table_or_one_line(tmp_path, capsys, part, seeds):
    store = store_of(tmp_path, BIAS, THERE[part], seeds)
    with warnings.catch_warnings(action="error"):
        for options in OF_BIAS:
            code = main(["table", "mine", "--store", str(store), *options])
            said = capsys.readouterr()
            assert (code, bool(said.out), said.err.count("\n")) in ((0, True, 0), (2, False, 1)), (options, said)


@pytest.mark.parametrize("content", [MICE, WITHOUT], ids=["pairs", "intervention"])
@pytest.mark.parametrize("seeds", [(0,), (0, 1)], ids=["one seed", "two seeds"])
def test_every_table_of_a_single_prompt_is_a_table_or_one_line(tmp_path, capsys, content, seeds):
    prompts = ["a wild mouse", "a cat and a car", "a car"]
    store = store_of(tmp_path, content, lambda prompt: prompt in prompts, seeds, guidances=(1.0,))
    with warnings.catch_warnings(action="error"):
        for options in ([], ["--senses"], ["--controls"], ["--by-image"], ["--controls", "--quantity", "alignment"]):
            code = main(["table", "mine", "--store", str(store), *options])
            said = capsys.readouterr()
            assert (code, bool(said.out), said.err.count("\n")) in ((0, True, 0), (2, False, 1)), (options, said)


@pytest.mark.parametrize("attributes", [("female",), ("male",)])
def test_the_page_of_a_study_with_one_attribute_shows_it_beside_what_was_published(tmp_path, monkeypatch, attributes):
    study = studies.load("gender")
    for prompt in study.expand(2):
        for pair in filter(lambda pair: prompt.labels[pair][0].attribute in attributes, prompt.pairs):
            if not isinstance(pair, Probe):
                about = {"labels": prompt.labels[pair], "model": "another"}
                hdf5.publish(tmp_path, synthetic.record(prompt.prompt, pair.words, **about, **synthetic.SMALL))
    monkeypatch.setenv("DIFFUSIONPID_STORE", str(tmp_path))
    app = AppTest.from_file(str(ROOT / "pages" / "shell.py"), default_timeout=120)
    app.query_params["model"] = "another"
    app.run().switch_page("gender.py").run()
    assert not app.exception


def test_results_that_only_carry_the_label_of_a_study_are_no_part_of_it(tmp_path, capsys):
    store = store_of(tmp_path, BIAS, lambda prompt: True, guidances=(1.0,))
    assert main(["table", "mine", "--store", str(store)]) == 0
    expected = capsys.readouterr().out
    for prompt, label in {
        "a young average": Label("mine", "young", "average"),
        "the young nurse": Label("mine", "young", "nurse"),
        "a young cook": Label("mine", "purple", "nurse"),
    }.items():
        words = tuple(prompt.split()[1:])
        hdf5.publish(store, synthetic.record(prompt, words, labels=(label,), seeds=(0, 1), **SMALL))
    assert main(["table", "mine", "--store", str(store)]) == 0
    assert capsys.readouterr().out == expected
