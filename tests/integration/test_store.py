"""`python -m store check, repair, export, import` as a user runs them."""

import csv
import json
import shutil

import h5py
import numpy as np
import pytest

from store import hdf5
from store.__main__ import main
from store.hdf5.names import QUARANTINE
from tests import synthetic
from tests.integration.test_run import command


@pytest.fixture
def store(tmp_path):
    root = tmp_path / "store"
    for prompt in ("a green apple", "a toy bear", "=cmd|'/C calc'!A1 pear"):
        hdf5.publish(root, synthetic.record(prompt, tuple(prompt.split()[-2:]), size=16, grid=4))
    return root


def run(*arguments):
    return main([str(argument) for argument in arguments])


def test_a_sound_store_is_said_to_be_sound(store, capsys):
    assert run("check", "--store", store) == 0
    assert "3 files, 0 with problems" in capsys.readouterr().out
    assert run("check", "--json", "--store", store) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_broken_store_is_checked_repaired_and_whole_again(store):
    torn = hdf5.path_of(store, synthetic.record("a toy bear", ("toy", "bear")).key)
    synthetic.truncate(torn)
    newer = hdf5.publish(store, synthetic.record("a later page", ("later", "page"), size=16, grid=4))
    shutil.copy(newer, store / "newer.h5")
    (torn.parent / ".x.part").write_text("left by a writer that died")
    done = command("check", "--json", "--store", store, module="store")
    (problem,) = json.loads(done.stdout)
    assert (done.returncode, problem["path"]) == (1, str(torn))
    assert "truncated" in problem["cause"] and "repair" in problem["mend"]
    done = command("repair", "--store", store, module="store")
    assert done.returncode == 0, done.stderr
    assert "kept nothing" in done.stdout and str(store / QUARANTINE) in done.stdout
    assert command("check", "--store", store, module="store").returncode == 0
    assert len(list((store / QUARANTINE).rglob("*.h5"))) == 1
    assert not list(store.rglob("*.part"))


def test_what_is_newer_is_left_and_said(store, capsys):
    synthetic.make_newer(next(hdf5.paths(store)))
    assert run("repair", "--store", store) == 1
    assert "left as it is" in capsys.readouterr().out
    assert len(list(hdf5.paths(store))) == 3


def test_a_selection_is_carried_to_another_store(store, tmp_path, capsys):
    target, other = tmp_path / "apple.h5", tmp_path / "other"
    assert run("export", "--text", "apple", "--h5", target, "--store", store) == 0
    assert run("import", target, "--store", other) == 0
    assert "1 prompts read, 0 parts of them left out" in capsys.readouterr().out
    (path,) = hdf5.paths(other)
    assert hdf5.read(path).key.prompt == "a green apple"
    assert run("check", "--store", other) == 0
    assert run("import", store / "nothing.h5", "--store", other) == 2
    with h5py.File(target, "r+") as file:
        (run_group,) = file["runs"].values()
        run_group["pairs/green+apple/pid/synergy_total"][0] += 1
    assert run("import", target, "--store", tmp_path / "third") == 1


def test_totals_are_exported_as_numbers_and_prompts_as_text(store, tmp_path):
    assert run("export", "--csv", tmp_path / "totals.csv", "--store", store) == 0
    with (tmp_path / "totals.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert {row["prompt"] for row in rows} >= {"a green apple", "'=cmd|'/C calc'!A1 pear"}
    path = hdf5.path_of(store, synthetic.record("a toy bear", ("toy", "bear")).key)
    expected = hdf5.read(path).pairs[0].decomposition("cpid")["synergy"].mean()
    (row,) = [row for row in rows if row["prompt"] == "a toy bear" and row["mode"] == "cpid"]
    np.testing.assert_allclose((float(row["synergy"]), float(row["synergy_se"])), expected, rtol=0.2)
    assert (
        run("export", "--json", tmp_path / "images.json", "--by-image", "--prompt", "a toy bear", "--store", store) == 0
    )
    document = json.loads((tmp_path / "images.json").read_text())
    assert len(document["rows"]) == 2 * (
        4 * 3 * 2 + 3
    )  # modes; images, measures, levels; measures of all images together


def test_nothing_to_export_is_an_error(store, tmp_path):
    assert run("export", "--prompt", "none", "--csv", tmp_path / "x.csv", "--store", store) == 2
    assert not (tmp_path / "x.csv").exists()
