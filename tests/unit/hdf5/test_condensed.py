"""Condensed copies: every total of the original, maps within the rounding, merged and computed on without loss."""

import multiprocessing
import shutil
import time
from dataclasses import replace
from itertools import product

import h5py
import numpy as np
import pandas as pd
import pytest

from compute.estimation.noise_levels import REPLICATES, SCHEME
from compute.planning import work
from store import hdf5
from store.catalogue import Catalogue
from store.errors import InputError
from store.hdf5.bounds import Refused
from store.hdf5.condense import condensed
from store.hdf5.layouts import compression
from store.identity import Identity
from store.jobs import Budget, Request
from store.pid import measures
from store.pid.decomposition import ALIGNMENT, PARTS
from store.pid.information import INFORMATION, LEVELS, ORTHOGONAL_MAPS
from store.prompts.conditions import Conditions, Row
from store.records import Label
from tests import synthetic

LABELS = (Label("homonyms:neutral", "animal", "bat"),)
SURPRISALS = (1.0, 3.0)


def original(root, **how):
    """A record as a store gives it back, with labels and keys."""
    record = synthetic.record(**{"size": 16, "grid": 8, **how})
    keys = tuple(f"{seed + 1:064x}" for seed in record.seeds)
    return hdf5.publish(root, replace(record, pairs=(replace(record.pairs[0], labels=LABELS, run_keys=keys),)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A store with a pair, a pair with surprisals in the same file, a probe and a standard estimate."""
    root = tmp_path_factory.mktemp("whole")
    original(root)
    original(root, words=("a", "doctor"), surprisals=SURPRISALS, measure="pm")
    original(root, prompt="a bat", words=("bird", "bat"), probe=True)
    standard = synthetic.record("a red fox", ("red", "fox"), size=16, grid=8, measure="ccs")
    hdf5.publish(root, replace(standard, pairs=(replace(standard.pairs[0], estimator="standard"),)))
    return root


@pytest.fixture
def store(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "store")


@pytest.fixture(scope="module")
def small(whole):
    """Its condensed copy, with noise levels of the pairs that have labels."""
    return copied(whole, {"homonyms"})


@pytest.fixture
def out(small, tmp_path):
    return shutil.copytree(small, tmp_path / "condensed")


def copied(root, banded=frozenset()):
    """The condensed copy of the store `root`, beside it."""
    out = root.parent / "condensed"
    selection = {path: {pair.pair.name for pair in hdf5.read(path).pairs} for path in hdf5.paths(root)}
    assert set(hdf5.condense(out, selection, banded)) == set(selection)
    return out


def both(root, out):
    """The pairs of both stores, side by side."""
    for path in hdf5.paths(root):
        ours = {result.pair: result for result in hdf5.read(out / path.relative_to(root)).pairs}
        for result in hdf5.read(path).pairs:
            yield result, ours.pop(result.pair)
        assert not ours


def test_every_total_of_the_original_is_there_with_its_error(store, out):
    compared = 0
    for old, new in both(store, out):
        assert new.condensed and not old.condensed
        for name in ("pair", "seeds", "noises", "run_keys", "labels", "measure", "estimator", "surprisals", "retried"):
            assert getattr(new, name) == getattr(old, name), name
        offered = measures.offered(old.surprisals, old.estimator)
        for mode, measure, level in product(old.information, offered, LEVELS):
            one, other = (result.decomposition(mode, measure, level) for result in (old, new))
            for name in (*INFORMATION, *PARTS, ALIGNMENT):
                about = f"{mode} {measure} {level} {name}"
                np.testing.assert_allclose(other[name].total, one[name].total, rtol=1e-6, err_msg=about)
                np.testing.assert_allclose(other[name].total_se, one[name].total_se, rtol=1e-6, err_msg=about)
                assert np.isfinite(one[name].total_se).all()
                compared += 1
        for mode, maps in old.information.items():
            for name, precision in {"curve": 4e-3, "gap": 4e-3, "tail": 0, "log_snr": 0}.items():
                np.testing.assert_allclose(getattr(new.information[mode], name), getattr(maps, name), rtol=precision)
    assert compared > 500


def test_lists_and_tables_say_the_same(store, out):
    for path in hdf5.paths(store):
        rows, others = (hdf5.read_totals(there).rows for there in (path, out / path.relative_to(store)))
        for row, other in zip(rows, others, strict=True):
            assert row.keys() == other.keys()
            for name, value in row.items():
                if np.asarray(value).dtype.kind == "f":
                    np.testing.assert_allclose(other[name], value, rtol=1e-6, err_msg=name)
                else:
                    np.testing.assert_array_equal(other[name], value, name)
    # uniqueness in there is a difference of two totals, each right to a millionth
    one, other = (Catalogue(root).samples().sort_values(["prompt", "first", "mode"]) for root in (store, out))
    assert len(one)
    pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True), rtol=1e-6, atol=2e-4)


def test_maps_bands_and_attention_are_within_the_rounding(store, out):
    banded = 0
    for old, new in both(store, out):
        for mode, maps in old.information.items():
            kept = new.information[mode]
            assert set(kept.maps.maps) == set(ORTHOGONAL_MAPS if old.estimator == "orthogonal" else INFORMATION)
            means = {name: maps.maps.maps[name].mean(1) for name in kept.maps.maps}
            largest = np.max([np.abs(values).max(axis=(1, 2)) for values in means.values()], axis=0)
            for name, values in means.items():
                found = kept.maps.maps[name][:, 0]
                assert (np.abs(found - values).max(axis=(1, 2)) <= hdf5.COARSEST * largest + 1e-7).all(), name
                dark = np.abs(values) < 0.01 * largest[:, None, None]
                assert (np.abs(found - values)[dark] <= 0.0017 * largest.max()).all()
            if old.labels:
                np.testing.assert_array_equal(kept.band_edges, maps.band_edges)
                for name, values in maps.bands.items():
                    limit = hdf5.COARSEST * max(bands.max() for bands in maps.bands.values())
                    np.testing.assert_allclose(kept.bands[name], values, rtol=0, atol=limit)
                    banded += 1
            else:
                assert not kept.bands and not len(kept.band_edges)
        if old.attention is not None:
            np.testing.assert_allclose(new.attention, old.attention, rtol=0, atol=hdf5.COARSEST * old.attention.max())
    assert banded


def test_regions_come_from_the_maps_and_their_errors_are_unknown(store, out):
    for old, new in both(store, out):
        region = slice(2, 6), slice(1, 7)
        one, other = (result.decomposition("pid", region=region)["first"] for result in (old, new))
        np.testing.assert_allclose(other.total, one.total, rtol=0.02)
        assert np.isnan(other.total_se).all() and np.isfinite(one.total_se).all()


def test_pictures_have_five_bits_a_channel_and_latents_are_gone(store, out):
    for path in hdf5.paths(store):
        one, other = hdf5.read(path), hdf5.read(out / path.relative_to(store))
        assert np.abs(other.images.astype(int) - one.images).max() <= 5
        assert len(np.unique(other.images)) <= 32
        np.testing.assert_array_equal(hdf5.images(out / path.relative_to(store)), other.images)
        assert other.latents.shape == one.latents.shape and not other.known_latents
        assert other.region(0, 0, 8, 16) == one.region(0, 0, 8, 16)
        assert (other.key, other.seeds, other.provenance) == (one.key, one.seeds, one.provenance)


def test_a_condensed_store_is_sound_small_and_stays_as_it_is(store, out):
    assert all(hdf5.problems(path) == [] for path in hdf5.paths(out))
    assert not list(hdf5.repair(out))
    before = {path: path.read_bytes() for path in hdf5.paths(out)}
    assert sum(map(len, before.values())) < sum(path.stat().st_size for path in hdf5.paths(store)) / 3
    read = {path: hdf5.read(path) for path in before}
    for path, record in read.items():
        hdf5.publish(out, record)
        for old, new in zip(record.pairs, hdf5.read(path).pairs, strict=True):
            same(old, new)
        np.testing.assert_array_equal(hdf5.images(path), record.images)


def same(old, new):
    """Both pairs have the same maps and state the same totals."""
    for mode, maps in old.information.items():
        other = new.information[mode]
        assert other.stored.images.keys() == maps.stored.images.keys()
        for one, two in ((maps.maps.maps, other.maps.maps), (maps.bands, other.bands)):
            assert one.keys() == two.keys()
            for name, values in one.items():
                np.testing.assert_array_equal(two[name], values)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pid/totals", "not those that were written"),
        ("pid/maps", "is not the total of its map"),
        ("pid/totals", "does not hold"),
    ],
)
def test_what_was_changed_is_found(out, name, said):
    path = hdf5.path_of(out, synthetic.record().key)
    with h5py.File(path, "r+") as file:
        data = file[f"pairs/female+doctor/{name}"]
        data[0] = data[0] + 3
    found = [problem for problem in hdf5.problems(path) if problem.pair == "female+doctor"]
    assert any(said in problem.cause for problem in found)
    (done,) = hdf5.repair(path.parents[3])
    assert done.kept == ("a+doctor",)
    assert hdf5.problems(path) == []


def test_no_flipped_bit_of_the_pictures_goes_unnoticed(out):
    path = hdf5.path_of(out, synthetic.record().key)
    with h5py.File(path) as file:
        chunk = file["pictures"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset + chunk.size // 2] ^= 1
    path.write_bytes(content)
    assert hdf5.problems(path)
    with pytest.raises(Refused):
        compression.unpack_pictures(np.frombuffer(b"no picture", np.uint8), np.array([10]), 1)


def test_images_come_and_go_without_touching_the_others(out):
    path = hdf5.path_of(out, synthetic.record().key)
    fresh = synthetic.record(seeds=(3, 9), size=16, grid=8, together=2.0)
    before = hdf5.read(path).result(("female", "doctor"))
    hdf5.publish(out, fresh)
    record = hdf5.read(path)
    after = record.result(("female", "doctor"))
    assert after.condensed and after.seeds == (0, 1, 2, 3, 9) and set(record.known_latents) == {3, 9}
    for level in ("pixel", "image"):
        one, other = (found.decomposition("cpid", "ccs", level) for found in (before, after))
        np.testing.assert_allclose(other["synergy"].total[:3], one["synergy"].total[:3], rtol=1e-6)
        np.testing.assert_allclose(other["synergy"].total_se[:3], one["synergy"].total_se[:3], rtol=1e-6)
    expected = fresh.pairs[0].decomposition("cpid")["synergy"]
    np.testing.assert_allclose(after.decomposition("cpid")["synergy"].total[3:], expected.total, rtol=1e-6)
    np.testing.assert_allclose(after.decomposition("cpid")["synergy"].total_se[3:], expected.total_se, rtol=1e-6)
    together = after.decomposition("cpid", level="prompt")
    assert np.isfinite(together["redundancy"].total).all() and np.isnan(together["redundancy"].total_se).all()
    assert np.isfinite(together["standard_both"].total).all()
    np.testing.assert_array_equal(record.images[:3], hdf5.read(path).images[:3])
    assert hdf5.problems(path) == []


def test_what_is_there_in_full_is_never_made_coarse(store, out):
    for path in hdf5.paths(out):
        hdf5.publish(store, hdf5.read(path))
    assert not any(pair.condensed for path in hdf5.paths(store) for pair in hdf5.read(path).pairs)
    for path in hdf5.paths(store):
        hdf5.publish(out, hdf5.read(path))
    assert not any(pair.condensed for path in hdf5.paths(out) for pair in hdf5.read(path).pairs)
    assert all(hdf5.read(path).known_latents for path in hdf5.paths(out))


def test_a_bundle_carries_condensed_pairs(out, tmp_path):
    other, bundle = tmp_path / "other", tmp_path / "all.h5"
    selection = {path: {pair.pair.name for pair in hdf5.read(path).pairs} for path in hdf5.paths(out)}
    list(hdf5.write_bundle(bundle, selection))
    assert [wrong for _, wrong in hdf5.read_bundle(other, bundle) if wrong] == []
    for one, two in both(out, other):
        same(one, two)
    assert all(hdf5.problems(path) == [] for path in hdf5.paths(other))


def test_values_that_are_not_finite_stay_so(tmp_path):
    original(tmp_path / "store", infinite=True)
    out = copied(tmp_path / "store")
    ((old, new),) = both(tmp_path / "store", out)
    assert not new.complete
    np.testing.assert_array_equal(
        np.isfinite(new.decomposition("pid")["both"].map), np.isfinite(old.decomposition("pid")["both"].map)
    )
    assert any("not finite" in problem.cause for path in hdf5.paths(out) for problem in hdf5.problems(path))


def test_standard_parts_cannot_be_formed_of_maps_that_were_left_out(out):
    result = hdf5.read(hdf5.path_of(out, synthetic.record().key)).result(("female", "doctor"))
    with pytest.raises(InputError, match="compute the pair in full"):
        replace(result, estimator="standard").decomposition("pid", "ccs")


def test_the_engine_takes_condensed_images_as_done_but_adds_nothing_to_them(tmp_path):
    record = synthetic.record(seeds=(0, 1), size=16, grid=8)
    (result,) = record.pairs
    identity = Identity(record.key, (), (), 0, 30, "levels", 0, SCHEME)
    keys = tuple(identity.of(seed, noises).key for seed, noises in zip(result.seeds, result.noises, strict=True))
    full = replace(record, pairs=(replace(result, run_keys=keys),))
    assert result.information["pid"].maps.count == REPLICATES

    conditions = Conditions((), (), {(result.pair, "pid"): Row(0, 1, 2, 3)}, -1)

    def owed(stored, noises, seeds=(0, 1)):
        request = Request(pairs=(result.pair,), seeds=seeds, budget=Budget(noises))
        items = work.owed(stored, request, {result.pair: identity}, conditions)
        return [(item.seed, item.done, bool(item.known)) for item in items]

    small = condensed(full)
    assert owed(full, 64) == owed(small, 64) == owed(small, 32) == []
    assert owed(full, 128) == [(0, 64, True), (1, 64, True)]
    assert owed(small, 128) == [(0, 0, False), (1, 0, False)]
    assert owed(small, 64, (1, 2)) == [(2, 0, False)]
    other = replace(small, pairs=(replace(small.pairs[0], run_keys=keys[::-1]),))
    assert owed(other, 64) == [(0, 0, False), (1, 0, False)]


def test_a_copy_that_is_killed_leaves_whole_files(store):
    for number in range(5):
        original(store, prompt=f"a bat number {number}", words=("bat", "number"))
    out, total = store.parent / "condensed", len(list(hdf5.paths(store)))
    for wanted in (1, 4):
        copying = multiprocessing.get_context("fork").Process(target=copied, args=[store])
        copying.start()
        while len(list(hdf5.paths(out))) < wanted and copying.is_alive():
            time.sleep(0.002)
        copying.kill()
        copying.join()
        assert all(hdf5.problems(path) == [] for path in hdf5.paths(out))
    assert len(list(hdf5.paths(out))) >= 4
    assert len([*both(store, copied(store))]) == total + 1
    assert not list(out.rglob("*.part"))


def test_codes_are_as_exact_as_they_say():
    random = np.random.default_rng(0)
    maps = random.exponential(size=(5, 3, 7, 7)) * random.choice([-1, 1], size=(5, 3, 7, 7))
    maps[2], maps[3] = 0, maps[3] * 1e-9
    codes, steps = compression.encode(maps)
    decoded = compression.decode(codes, steps)
    assert (np.abs(decoded - maps) <= compression.rounding(maps, steps) * (1 + 1e-5)).all()
    assert (np.abs(decoded - maps) <= hdf5.COARSEST * np.abs(maps).max(axis=(1, 2, 3), keepdims=True)).all()
    assert (np.sign(decoded) * np.sign(maps) >= 0).all()
    again, same = compression.encode(decoded)
    np.testing.assert_array_equal(again, codes)
    np.testing.assert_allclose(same, steps, rtol=1e-6)


def test_pictures_taller_than_one_webp_come_back():
    images = np.zeros((9, 2048, 2, 3), np.uint8) + np.arange(9, dtype=np.uint8)[:, None, None, None]
    packed, lengths = compression.pack_pictures(images)
    assert len(lengths) == 2
    np.testing.assert_array_equal(compression.unpack_pictures(packed, lengths, 9), images)


def test_texts_are_declared_as_what_they_are(tmp_path):
    """Other readers take the declared encoding at its word."""
    hdf5.publish(tmp_path / "store", synthetic.record("a caf\u00e9", ("a", "caf\u00e9"), **synthetic.SMALL))
    (path,) = hdf5.paths(copied(tmp_path / "store"))
    with h5py.File(path) as file:
        group = file["pairs"][next(iter(file["pairs"]))]
        for holder, name in ((file, "prompt"), (group, "second"), (group, "measures"), (group["pid/maps"], "names")):
            told = h5py.check_string_dtype(holder.attrs.get_id(name).dtype)
            assert told.encoding == "utf-8" and told.length, name
    assert hdf5.read(path).pairs[0].pair.words == ("a", "caf\u00e9")
    assert hdf5.problems(path) == []
