"""What is to be known of a model, as that it is distilled, stands beside every table and in every export."""

import json

import pytest

from store import export, studies, tables
from store.__main__ import main
from store.catalogue import Catalogue
from tests import synthetic
from tests.unit.tables.test_table_command import BIAS, MICE, WITHOUT

NOTE = "models of it are distilled, ask in context"
STUDIES = {"jobs": BIAS, "mice": MICE, "without": WITHOUT}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notes")
    (folder / "studies").mkdir()
    for name, content in STUDIES.items():
        (folder / "studies" / f"{name}.toml").write_text(content)
        study = studies.load(name, folder / "store")
        synthetic.of_study(folder / "store", study, model="lcm", notes=(NOTE,), size=16, grid=4)
    synthetic.of_study(folder / "store", studies.load("jobs", folder / "store"), model="plain", size=16, grid=4)
    return folder / "store"


@pytest.mark.parametrize("study, options", [("jobs", []), ("jobs", ["--stability"]), ("mice", []), ("without", [])])
def test_a_table_says_what_is_to_be_known_of_the_model(root, tmp_path, capsys, study, options):
    asked = ["table", study, *options, "--store", str(root), "--model", "lcm"]
    assert main(asked) == 0
    assert f"note: {NOTE}" in capsys.readouterr().out.splitlines()
    written = {kind: tmp_path / f"table.{kind}" for kind in export.FORMATS}
    for path in written.values():
        assert main([*asked, "--out", str(path)]) == 0
        assert NOTE in path.read_text()
    assert json.loads(written["json"].read_text())["about"]["notes"] == [NOTE]


def test_a_table_of_a_plain_model_says_nothing_of_it(root, capsys):
    assert main(["table", "jobs", "--store", str(root), "--model", "plain"]) == 0
    assert "note:" not in capsys.readouterr().out
    frame = tables.bias(
        tables.samples_of(
            Catalogue(root), studies.load("jobs", root), model="plain", mode="pid", measure="mmi", level="pixel"
        )
    )
    assert "notes" not in frame.attrs


@pytest.mark.parametrize("options", [[], ["--by-image"]])
def test_each_row_of_an_export_has_the_notes_of_its_model(root, tmp_path, options):
    target = tmp_path / "all.json"
    assert main(["export", "--store", str(root), "--json", str(target), *options]) == 0
    found = {row["model"]: row["notes"] for row in json.loads(target.read_text())["rows"]}
    assert found == {"lcm": NOTE, "plain": ""}


def test_a_name_of_a_file_is_without_notes(root):
    samples = tables.samples_of(
        Catalogue(root), studies.load("mice", root), model="lcm", mode="cpid", measure="mmi", level="pixel"
    )
    assert "distilled" not in export.file_stem(tables.pairs(samples, "redundancy"), "Mice")
