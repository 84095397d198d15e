"""A table is about one revision of a model: where the store holds several, the reader chooses."""

import json

import pytest

from store import studies, tables
from store.__main__ import main
from store.catalogue import Catalogue, Filter
from store.errors import InputError
from tests import synthetic
from tests.unit.tables.test_table_command import BIAS, MICE, WITHOUT

OLD, NEW = "c0ffee0", "c0de000"
STUDIES = {"jobs": BIAS, "mice": MICE, "without": WITHOUT}
TABLES = {
    "jobs": [[], ["--probe", "neutral"], ["--stability"], ["--sensitivity"], ["--by-setting"]],
    "mice": [[], ["--senses"], ["--controls"]],
    "without": [[], ["--by-image"]],
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("revisions")
    (folder / "studies").mkdir()
    for name, content in STUDIES.items():
        (folder / "studies" / f"{name}.toml").write_text(content)
        for revision, strength in ((OLD, 1.0), (NEW, 2.0)):
            study = studies.load(name, folder / "store")
            synthetic.of_study(folder / "store", study, revision=revision, strength=strength, size=16, grid=4)
    study = studies.load("jobs", folder / "store")
    synthetic.of_study(folder / "store", study, 3.0, revision=NEW, size=16, grid=4)
    return folder / "store"


@pytest.mark.parametrize("study, options", [(study, options) for study in TABLES for options in TABLES[study]])
def test_several_revisions_are_named_and_one_is_chosen(root, capsys, tmp_path, study, options):
    asked = ["table", study, *options, "--store", str(root)]
    assert main(asked) == 2
    error = capsys.readouterr().err
    assert f"choose one with --revision: '{NEW}', '{OLD}'" in error and error.count("\n") == 1
    for revision in (OLD, NEW):
        assert main([*asked, "--revision", revision[:4]]) == 0
        assert f"model embedded, revision {revision}, guidance 1" in capsys.readouterr().out.splitlines()[0]
        assert main([*asked, "--revision", revision, "--out", str(tmp_path / "table.json")]) == 0
        assert json.loads((tmp_path / "table.json").read_text())["about"]["revision"] == revision
        capsys.readouterr()


def test_one_revision_at_the_guidance_asked_for_needs_no_choice(root, capsys):
    assert main(["table", "jobs", "--guidance", "3", "--store", str(root)]) == 0
    assert main(["table", "jobs", "--guidance", "3", "1", "--revision", NEW, "--store", str(root)]) == 0
    capsys.readouterr()
    assert main(["table", "jobs", "--guidance", "3", "--revision", OLD, "--store", str(root)]) == 2
    assert f"no revision {OLD} of it is in the store; choose one with --revision: '{NEW}'" in capsys.readouterr().err


def test_guidances_of_two_revisions_are_not_held_against_each_other(root, tmp_path, capsys):
    study = studies.load("jobs", root)
    for guidance, revision in ((1.0, OLD), (3.0, NEW)):
        synthetic.of_study(tmp_path / "store", study, guidance, revision=revision, size=16, grid=4)
    (tmp_path / "jobs.toml").write_text(BIAS)
    asked = ["table", str(tmp_path / "jobs.toml"), "--guidance", "1", "3", "--store", str(tmp_path / "store")]
    assert main(asked) == 2
    assert "results of several revisions" in capsys.readouterr().err


def test_notebooks_choose_as_the_command_does(root):
    catalogue, study = Catalogue(root), studies.load("mice", root)
    with pytest.raises(InputError, match="several revisions"):
        tables.samples_of(catalogue, study, model="embedded")
    found = tables.samples_of(catalogue, study, model="embedded", revision="c0ff")
    other = tables.samples_of(catalogue, study, model="embedded", revision=NEW)
    assert set(found["revision"]) == {OLD} and set(other["revision"]) == {NEW}
    assert other["synergy"].to_numpy() == pytest.approx(2 * found["synergy"].to_numpy(), rel=1e-2)
    assert set(catalogue.values("revision", Filter(model="embedded"))) == {OLD, NEW}
    assert {entry.key.revision for entry in catalogue.entries(Filter(revision=OLD))} == {OLD}
    assert not list(catalogue.entries(Filter(revision="c0")))
