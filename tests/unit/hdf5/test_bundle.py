"""Bundles: a selection carried elsewhere, and what of it a store takes."""

import h5py
import numpy as np
import pytest

from store import hdf5
from store.errors import BrokenFileError, InputError, StoreError
from tests import synthetic


@pytest.fixture
def source(tmp_path):
    root = tmp_path / "source"
    for prompt in ("a green apple", "a toy bear", "a weak signal"):
        hdf5.publish(root, synthetic.record(prompt, tuple(prompt.split()[1:]), size=32, grid=8))
    hdf5.publish(root, synthetic.record("a green apple", ("a", "apple"), size=32, grid=8))
    hdf5.publish(root, synthetic.record("a toy bear", ("red", "bear"), size=32, grid=8, probe=True))
    return root


def bundle(root, target, keep=lambda name: True):
    selection = {path: {r.pair.name for r in hdf5.read(path).pairs if keep(r.pair.name)} for path in hdf5.paths(root)}
    selection = {path: pairs for path, pairs in selection.items() if pairs}
    assert set(hdf5.write_bundle(target, selection)) == set(selection)
    return target


def take(root, source):
    return {prompt: [str(problem) for problem in wrong] for prompt, wrong in hdf5.read_bundle(root, source)}


def contents(root):
    return {
        (path.relative_to(root), result.pair.name, mode): result.decomposition(mode)["synergy"].map.tobytes()
        for path in hdf5.paths(root)
        for result in hdf5.read(path).pairs
        for mode in result.information
    }


def test_a_bundle_carries_a_whole_store(source, tmp_path):
    taken = take(tmp_path / "other", bundle(source, tmp_path / "all.h5"))
    assert not any(taken.values())
    assert contents(tmp_path / "other") == contents(source)
    assert all(hdf5.problems(path) == [] for path in hdf5.paths(tmp_path / "other"))


def test_a_bundle_holds_the_selected_pairs_alone(source, tmp_path):
    take(tmp_path / "other", bundle(source, tmp_path / "some.h5", lambda name: name.endswith("apple")))
    assert {pair for _, pair, _ in contents(tmp_path / "other")} == {"green+apple", "a+apple"}


def test_a_run_in_a_bundle_reads_like_a_file(source, tmp_path):
    with h5py.File(bundle(source, tmp_path / "all.h5")) as file:
        assert file.attrs["complete"]
        runs = {run.attrs["prompt"]: run for run in file["runs"].values()}
        assert runs["a green apple"]["pairs/green+apple/pid/redundancy"].shape == (4, 8, 8)


def test_what_the_store_has_stays(source, tmp_path):
    target, other = bundle(source, tmp_path / "all.h5"), tmp_path / "other"
    mine = synthetic.record("a green apple", ("green", "apple"), together=2.0, seeds=(0, 9), size=32, grid=8)
    path = hdf5.publish(other, mine)
    before = hdf5.read(path).result(("green", "apple")).of_seeds((0, 9))
    take(other, target)
    after = hdf5.read(path).result(("green", "apple"))
    assert after.seeds == (0, 1, 2, 3, 9)
    np.testing.assert_array_equal(
        after.of_seeds((0, 9)).decomposition("pid")["both"].map, before.decomposition("pid")["both"].map
    )


def test_a_damaged_run_is_named_and_the_others_are_taken(source, tmp_path):
    target = bundle(source, tmp_path / "all.h5")
    with h5py.File(target, "r+") as file:
        (run,) = [run for run in file["runs"].values() if run.attrs["prompt"] == "a toy bear"]
        run["pairs/toy+bear/pid/synergy_total"][0] += 1
        (other,) = [name for name, run in file["runs"].items() if run.attrs["prompt"] == "a weak signal"]
        del file["runs"][other]["seeds"]
        file["runs"][other]["seeds"] = h5py.ExternalLink("/etc/passwd", "/")
    taken = take(tmp_path / "other", target)
    assert "not those that were written" in taken["a toy bear"][0]
    assert "is a link to another place or file" in " ".join(taken[f"/runs/{other}"])
    names = {pair for _, pair, _ in contents(tmp_path / "other")}
    assert names == {"green+apple", "a+apple", "red+bear"}


def test_a_single_result_file_can_be_taken_too(source, tmp_path):
    path = hdf5.path_of(source, synthetic.record("a green apple", ("green", "apple")).key)
    assert take(tmp_path / "other", path) == {"a green apple": []}
    assert {pair for _, pair, _ in contents(tmp_path / "other")} == {"green+apple", "a+apple"}


def test_a_broken_source_is_named(tmp_path):
    (tmp_path / "x.h5").write_text("no bundle")
    with pytest.raises(BrokenFileError):
        take(tmp_path / "other", tmp_path / "x.h5")
    with pytest.raises(BrokenFileError):
        take(tmp_path / "other", tmp_path / "missing.h5")


def test_a_file_that_breaks_while_it_is_bundled_leaves_nothing_behind(source, tmp_path):
    path = hdf5.path_of(source, synthetic.record("a green apple", ("green", "apple")).key)
    synthetic.truncate(path)
    with pytest.raises(BrokenFileError):
        list(hdf5.write_bundle(tmp_path / "out.h5", {path: {"green+apple"}}))
    assert not list(tmp_path.glob("*out*"))


def test_what_is_no_run_is_named_and_the_others_are_taken(source, tmp_path):
    target = bundle(source, tmp_path / "all.h5")
    with h5py.File(target, "r+") as file:
        file["runs/0 link"] = h5py.ExternalLink("/etc/passwd", "/")
        file["runs/0 numbers"] = [1, 2, 3]
        file.create_group("runs/0 nothing")
        again = next(name for name in file["runs"] if not name.startswith("0"))
        file["runs/zz"] = file[f"runs/{again}"]
    taken = take(tmp_path / "other", target)
    assert {name for name, wrong in taken.items() if wrong} >= {"/runs/0 link", "/runs/0 numbers", "/runs/0 nothing"}
    assert contents(tmp_path / "other") == contents(source)


def test_a_bundle_is_not_written_among_the_files_of_the_store(source, tmp_path):
    (path, *_) = hdf5.paths(source)
    before = path.read_bytes()
    with pytest.raises(InputError, match="choose another place"):
        list(hdf5.write_bundle(path, {path: hdf5.read(path).pairs and {hdf5.read(path).pairs[0].pair.name}}))
    assert path.read_bytes() == before


def test_a_bundle_replaces_a_file_alone(source, tmp_path):
    target = tmp_path / "link.h5"
    target.symlink_to("/dev/null")
    with pytest.raises(StoreError, match="no regular file"):
        bundle(source, target)
    assert target.is_symlink()
