import math
import os

import pytest

from store import hdf5
from store.catalogue import NAME, Catalogue
from tests import synthetic


@pytest.fixture
def filled(tmp_path):
    synthetic.fill(tmp_path)
    return tmp_path


def test_entries_carry_totals_and_can_be_searched(filled):
    catalogue = Catalogue(filled)
    found = catalogue.entries(text="FEMALE")
    expected = {("embedded", pair) for pair in ("female+doctor", "a+doctor", "male+doctor")}
    assert {(entry.key.model, entry.pair) for entry in found} == expected | {("stable-diffusion-1.5", "female+doctor")}
    for entry in found:
        totals = {name: value for name, (value, _) in entry.totals.items()}
        assert totals["redundancy"] + totals["unique_first"] == pytest.approx(totals["information_first"])
    assert len(catalogue.entries(model="stable-diffusion-1.5")) == 2
    assert catalogue.entries(text="%") == []


def test_it_follows_the_files_and_may_be_deleted(filled):
    catalogue = Catalogue(filled)
    before = catalogue.entries()
    before[0].path.unlink()
    assert len(catalogue.entries()) == len(before) - 2
    (filled / NAME).unlink()
    assert len(catalogue.entries()) == len(before) - 2
    hdf5.publish(filled, synthetic.record("a new prompt", ("new", "prompt")))
    assert catalogue.entries(text="new prompt")


def test_a_damaged_or_foreign_catalogue_is_built_anew(filled):
    expected = Catalogue(filled).entries()
    (filled / NAME).write_bytes(b"no database at all" * 100)
    assert Catalogue(filled).entries() == expected


def test_an_empty_or_missing_store_lists_nothing(tmp_path):
    assert Catalogue(tmp_path).entries() == []
    assert Catalogue(tmp_path / "missing").entries() == []
    assert not (tmp_path / "missing").exists()


def test_only_folders_that_changed_are_looked_into(filled, monkeypatch):
    catalogue = Catalogue(filled)
    catalogue.entries()
    for folder in hdf5.folders(filled):
        os.utime(folder, (1, 1))
    assert catalogue.entries()
    looked, scan = [], Catalogue._scan
    monkeypatch.setattr(
        Catalogue, "_scan", lambda self, database, folder: looked.append(folder) or scan(self, database, folder)
    )
    before = catalogue.stamp()
    catalogue.entries()
    assert looked == []
    path = hdf5.publish(filled, synthetic.record("a new prompt", ("new", "prompt")))
    assert catalogue.stamp() != before
    assert any(entry.path == path for entry in catalogue.entries())
    assert looked == [str(path.parent.relative_to(filled))]


def test_values_that_are_not_finite_are_listed_as_such(tmp_path):
    hdf5.publish(tmp_path, synthetic.record(infinite=True, modes=("pid",)))
    (entry,) = Catalogue(tmp_path).entries()
    assert not math.isfinite(entry.totals["synergy"][1])
