"""Files of the store: round trip, merging, publishing whole under SIGKILL and by many writers at once."""

import itertools
import multiprocessing
import os
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import product

import h5py
import numpy as np
import pytest

from store import hdf5
from store.catalogue import Catalogue
from store.errors import BrokenFileError, InputError, NewerFormatError, StoreError
from store.pid.decomposition import PARTS
from store.records import Label, Probe
from tests import synthetic
from tests.budget import rounds
from tests.conftest import ROOT


def test_a_record_comes_back_within_the_precision_of_its_type(tmp_path):
    written = synthetic.record()
    read = hdf5.read(hdf5.publish(tmp_path, written))
    assert (read.key, read.seeds, read.provenance) == (written.key, written.seeds, written.provenance)
    assert np.array_equal(read.images, written.images)
    one, other = (record.result(("female", "doctor")) for record in (written, read))
    before, after = (result.decomposition("cpid") for result in (one, other))
    for name in ("first", "second", "both"):
        np.testing.assert_allclose(after[name].map, before[name].map, rtol=2e-3, atol=1e-6)  # subnormal halves
    old, new = before["redundancy"], after["redundancy"]
    np.testing.assert_allclose(new.map, old.map, atol=1e-3 * before["both"].map.max())
    np.testing.assert_allclose(new.total, old.total, rtol=1e-3)
    np.testing.assert_allclose(new.total_se, old.total_se, rtol=0.2)
    np.testing.assert_allclose(other.attention, one.attention, rtol=1e-3, atol=1e-7)
    for name in ("curve", "log_snr", "gap", "tail", "band_edges"):
        np.testing.assert_array_equal(getattr(other.information["pid"], name), getattr(one.information["pid"], name))


def test_the_same_content_is_the_same_bytes(tmp_path):
    first = hdf5.publish(tmp_path / "one", synthetic.record(size=16, grid=4)).read_bytes()
    time.sleep(1.1)  # times in a file count seconds
    assert hdf5.publish(tmp_path / "other", synthetic.record(size=16, grid=4)).read_bytes() == first


def test_the_layout_is_that_of_the_specification(tmp_path):
    with h5py.File(hdf5.publish(tmp_path, synthetic.record())) as file:
        assert file.attrs["complete"]
        assert file["images"].dtype == np.uint8
        group = file["pairs/female+doctor"]
        assert group.attrs["unit"] == "nats"
        assert group["pid/redundancy"].shape == (4, 16, 16)
        assert group["cpid/information_both_total_se"].dtype == np.float64
        assert group["pid/curve"].shape == (4, len(group["pid/log_snr"]), 3)
        assert group["attention_first"].shape == (4, 16, 16)
        assert group["pid/replicates"].shape == (4, len(group["pid/replicates"].attrs["names"]), 8, 16, 16)
        shown = group["pid/redundancy"][:].sum((1, 2), dtype=np.float64)
        np.testing.assert_allclose(shown, group["pid/redundancy_total"][:], rtol=1e-3)


def test_a_file_of_the_first_format_stays_readable(tmp_path):
    old = ROOT / "tests" / "archives" / "format_1.h5"
    path = hdf5.path_of(tmp_path, hdf5.read(old).key)
    path.parent.mkdir(parents=True)
    shutil.copy(old, path)
    assert hdf5.problems(path) == []
    with h5py.File(path) as file:
        group = file["pairs/female+doctor/cpid"]
        totals, errors = group["synergy_total"][:], group["synergy_total_se"][:]
    (result,) = hdf5.read(path).pairs
    found = result.decomposition("cpid")["synergy"]
    np.testing.assert_array_equal(found.total, totals)
    np.testing.assert_array_equal(found.total_se, errors)
    assert np.isnan(result.decomposition("cpid", "aligned")["synergy"].total_se).all()
    (pid, cpid) = sorted(Catalogue(tmp_path).entries(), key=lambda entry: entry.mode, reverse=True)
    assert cpid.totals["synergy"][0] == pytest.approx(totals.mean())
    hdf5.publish(tmp_path, synthetic.record(seeds=(0, 5), size=16, grid=4))
    assert hdf5.read(path).pairs[0].seeds == (0, 5)


def test_a_file_of_the_second_format_stays_readable(tmp_path):
    old = ROOT / "tests" / "archives" / "format_2.h5"
    path = hdf5.path_of(tmp_path, hdf5.read(old).key)
    path.parent.mkdir(parents=True)
    shutil.copy(old, path)
    assert hdf5.problems(path) == []
    record = hdf5.read(path)
    assert {result.pair.name for result in record.pairs} == {"female+doctor", "male+doctor"}
    with h5py.File(path) as file:
        group = file["pairs/female+doctor/cpid"]
        totals, errors = group["synergy_total"][:], group["synergy_total_se"][:]
    found = record.result(("female", "doctor"))
    np.testing.assert_allclose(found.decomposition("cpid")["synergy"].total, totals, rtol=1e-3)
    np.testing.assert_allclose(found.decomposition("cpid")["synergy"].total_se, errors, rtol=0.2)
    rows = {(row["first"], row["mode"]): row for row in hdf5.read_totals(path).rows}
    assert rows["female", "cpid"]["synergy"] == pytest.approx(totals.mean())
    hdf5.publish(tmp_path, synthetic.record(seeds=(7,), size=16, grid=4))
    merged = hdf5.read(path)
    assert merged.result(("female", "doctor")).seeds == (0, 5, 7)
    assert hdf5.problems(path) == []
    with h5py.File(path) as file:  # the pair that was not touched is the one of the old file
        assert "version" not in file["pairs/male+doctor"].attrs
        assert file["pairs/female+doctor"].attrs["version"] == hdf5.FORMAT_VERSION


def test_a_file_of_the_third_format_stays_readable(tmp_path):
    old = ROOT / "tests" / "archives" / "format_3.h5"
    path = hdf5.path_of(tmp_path, hdf5.read(old).key)
    path.parent.mkdir(parents=True)
    shutil.copy(old, path)
    assert hdf5.problems(path) == []
    with h5py.File(path) as file:
        assert file.attrs["format_version"] == 3
        group = file["pairs/female+doctor/cpid"]
        parts, samples, summary = group["parts"][:], group.attrs["samples"], group.attrs["summary"]
    result = hdf5.read(path).result(("female", "doctor"))
    assert (result.labels, len(set(result.run_keys))) == ((Label("gender", "female", "doctor"),), 2)
    for measure, level in product(("mmi", "ccs", "aligned"), ("pixel", "image")):
        place = ("mmi", "aligned", "ccs").index(measure), ("pixel", "image").index(level)
        found = result.decomposition("cpid", measure, level)
        for part, name in enumerate(PARTS):
            np.testing.assert_array_equal(found[name].with_error, parts[:, *place, part])
    hdf5.publish(tmp_path, synthetic.record(seeds=(7,), size=16, grid=4))
    record = hdf5.read(path)
    assert isinstance(record.result(("male", "doctor")).pair, Probe)
    assert record.result(("female", "doctor")).seeds == (0, 1, 7)
    assert hdf5.problems(path) == []
    with h5py.File(path) as file:
        group = file["pairs/female+doctor/cpid"]
        np.testing.assert_array_equal(group.attrs["samples"][:2], samples)
        assert group.attrs["summary"].shape == summary.shape


def test_totals_hold_every_measure_and_every_image(tmp_path):
    record = synthetic.record()
    (label,) = labels = (Label("gender", "female", "doctor"),)
    path = hdf5.publish(tmp_path, replace(record, pairs=(replace(record.pairs[0], labels=labels),)))
    totals = hdf5.read_totals(path)
    row = next(row for row in totals.rows if row["mode"] == "cpid")
    (result,) = hdf5.read(path).pairs
    assert result.labels == row["labels"] == (label,)
    assert row["image_seeds"] == result.seeds
    samples = dict(zip(row["sample_names"], row["samples"].T[6:], strict=True))
    for name in ("aligned/pixel", "mmi/image", "ccs/pixel"):
        measure, level = name.split("/")
        expected = result.decomposition("cpid", measure, level)["redundancy"].total
        np.testing.assert_allclose(samples[name], expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(row["samples"][:, 5], result.decomposition("cpid")["standard_both"].total, rtol=1e-3)
    offered = dict.fromkeys(name.partition("/")[0] for name in row["sample_names"])
    for measure, value in zip(offered, row["together"], strict=True):
        expected = result.decomposition("cpid", measure, "prompt")["redundancy"].total
        assert value == pytest.approx(expected.item(), rel=1e-3, abs=1e-3)
    mean, error = result.decomposition("cpid")["synergy"].mean()
    assert row["synergy"] == pytest.approx(mean, rel=1e-3)
    assert row["synergy_se"] == pytest.approx(error, rel=0.2)
    with h5py.File(path, "r+") as file:
        for mode in file["pairs/female+doctor"].values():
            if isinstance(mode, h5py.Group):
                del mode.attrs["standard"], mode.attrs["together"]  # as the first files of this version
    for before, after in zip(totals.rows, hdf5.read_totals(path).rows, strict=True):
        np.testing.assert_array_equal(before["samples"], after["samples"])
        np.testing.assert_array_equal(before["together"], after["together"])
    with h5py.File(path) as file:
        group = file["pairs/female+doctor/cpid"]
        expected = result.decomposition("cpid", "ccs", "prompt")["synergy"]
        place = list(file["pairs/female+doctor"].attrs["measures"]).index("ccs"), 3
        assert group["parts_together"][place][0] == pytest.approx(expected.total[0], rel=1e-2)


def test_of_an_image_measured_twice_the_one_with_more_noises_stays(tmp_path):
    fine, coarse = (synthetic.record(seeds=(0, 1), together=together) for together in (2.0, 1.2))
    fine = replace(fine, pairs=(replace(fine.pairs[0], noises=(64, 256)),))
    coarse = replace(coarse, pairs=(replace(coarse.pairs[0], noises=(128, 128)),))
    hdf5.publish(tmp_path, fine)
    path = hdf5.publish(tmp_path, coarse)
    (result,) = hdf5.read(path).pairs
    assert result.noises == (128, 256)
    assert hdf5.problems(path) == []


def test_a_probe_stays_one(tmp_path):
    path = hdf5.publish(tmp_path, synthetic.record(words=("male", "doctor"), probe=True))
    (result,) = hdf5.read(path).pairs
    assert result.pair == Probe("a female doctor", ("male", "doctor"))
    assert list(result.information) == ["pid"]
    assert result.complete


def test_one_pair_can_be_read_alone(tmp_path):
    hdf5.publish(tmp_path, synthetic.record())
    path = hdf5.publish(tmp_path, synthetic.record(words=("a", "doctor")))
    assert [result.pair.name for result in hdf5.read(path, "a+doctor").pairs] == ["a+doctor"]


@pytest.mark.parametrize(("estimator", "measure"), [("standard", "ccs"), ("standard", "pm"), ("orthogonal", "aligned")])
def test_files_are_sound_under_every_measure(tmp_path, estimator, measure):
    record = synthetic.record(measure=measure, surprisals=(1.0, 2.0))
    record = replace(record, pairs=(replace(record.pairs[0], estimator=estimator),))
    path = hdf5.publish(tmp_path, record)
    assert hdf5.problems(path) == []
    assert hdf5.read(path).pairs[0].surprisals == (1.0, 2.0)


def test_pairs_and_seeds_of_one_prompt_come_together(tmp_path):
    path = hdf5.publish(tmp_path, synthetic.record(seeds=(0, 1)))
    assert hdf5.publish(tmp_path, synthetic.record(words=("a", "doctor"), seeds=(1, 2))) == path
    read = hdf5.read(path)
    assert read.seeds == (0, 1, 2)
    assert read.images_of(read.result(("a", "doctor"))).shape[0] == 2
    assert {result.pair.name for result in read.pairs} == {"female+doctor", "a+doctor"}
    assert hdf5.problems(path) == []


def test_values_too_large_for_half_precision_are_kept(tmp_path):
    written = synthetic.record()
    written.pairs[0].information["pid"].maps.maps["first"][0, :, 0, 0] = 1e6
    read = hdf5.read(hdf5.publish(tmp_path, written))
    assert (read.pairs[0].information["pid"].maps.maps["first"][0, :, 0, 0] == 1e6).all()


def test_values_too_small_for_half_precision_are_kept(tmp_path):
    written = synthetic.record()
    for name, values in written.pairs[0].information["pid"].maps.maps.items():
        written.pairs[0].information["pid"].maps.maps[name] = values * np.float32(1e-6)
    path = hdf5.publish(tmp_path, written)
    assert hdf5.problems(path) == []
    one, other = (r.pairs[0].decomposition("pid")["synergy"].total for r in (written, hdf5.read(path)))
    np.testing.assert_allclose(other, one, rtol=1e-3)


def test_words_that_are_no_file_names_are_kept(tmp_path):
    prompt = "../a cat/dog: <b>50%</b> \u2603"
    path = hdf5.publish(tmp_path, synthetic.record(prompt, ("cat/dog", "50%")))
    assert path.is_relative_to(tmp_path / "maps" / "embedded")
    assert hdf5.read(path).pairs[0].pair.words == ("cat/dog", "50%")


@pytest.mark.parametrize("breakage", ["truncated", "empty", "text", "unmarked"])
def test_a_broken_file_is_named_with_its_mend(tmp_path, breakage):
    path = hdf5.publish(tmp_path, synthetic.record())
    if breakage == "truncated":
        synthetic.truncate(path)
    elif breakage == "unmarked":
        with h5py.File(path, "r+") as file:
            del file.attrs["complete"]
    else:
        path.write_text("" if breakage == "empty" else "not HDF5")
    with pytest.raises(BrokenFileError, match="store repair"):
        hdf5.read(path)
    assert [where for where, _ in Catalogue(tmp_path).broken()] == [path]


def test_a_damaged_value_is_found(tmp_path):
    path = hdf5.publish(tmp_path, synthetic.record())
    with h5py.File(path, "r+") as file:
        file["pairs/female+doctor/pid/redundancy"][0, 3, 3] += 5
    assert hdf5.problems(path) != []


def test_replicates_that_say_something_else_are_found(tmp_path):
    path = hdf5.publish(tmp_path, synthetic.record())
    with h5py.File(path, "r+") as file:
        file["pairs/female+doctor/pid/replicates"][0, 0] *= 2
    found = [problem.cause for problem in hdf5.problems(path)]
    assert "pid: information_first is not the mean of its replicates" in found


def test_a_newer_file_is_not_misread(tmp_path):
    path = hdf5.publish(tmp_path, synthetic.record())
    synthetic.make_newer(path)
    with pytest.raises(NewerFormatError, match="update the software"):
        hdf5.read(path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StoreError, match="choose another --store"):
        hdf5.check_writable(file / "store")
    with pytest.raises(StoreError, match="choose another --store"):
        hdf5.publish(file / "store", synthetic.record())


def test_a_missing_pair_is_named_with_what_is_there():
    with pytest.raises(InputError, match="female\\+doctor"):
        synthetic.record().result(("a", "doctor"))


def _publish_for_ever(root, published):
    while True:
        hdf5.publish(root, synthetic.record(size=128, grid=64))
        published.set()


@pytest.mark.parametrize("delay", rounds([0.0, 0.03], [0.0, 0.01, 0.03, 0.06, 0.1] * 10))
def test_a_killed_writer_leaves_the_old_or_the_new_file(tmp_path, delay):
    context = multiprocessing.get_context("fork")
    published = context.Event()
    writer = context.Process(target=_publish_for_ever, args=(tmp_path, published))
    writer.start()
    assert published.wait(60)
    time.sleep(delay)
    writer.kill()
    writer.join()
    (path,) = hdf5.paths(tmp_path)
    assert hdf5.problems(path) == []
    assert Catalogue(tmp_path).count() == 2
    hdf5.publish(tmp_path, synthetic.record(words=("a", "doctor"), size=128, grid=64))
    assert len(hdf5.read(path).pairs) == 2
    assert not list(path.parent.glob(".*.part"))  # what the dead writer left


def _publish_pair(root, words):
    hdf5.publish(root, synthetic.record("one two three four five six", words, **synthetic.SMALL))


def test_writers_of_one_prompt_at_once_lose_nothing(tmp_path):
    words = ["one", "two", "three", "four", "five"]
    pairs = [(word, "six") for word in words]
    with ProcessPoolExecutor(3, multiprocessing.get_context("fork")) as pool:
        list(pool.map(_publish_pair, itertools.repeat(tmp_path), pairs * rounds(1, 20)))
    (path,) = hdf5.paths(tmp_path)
    assert {result.pair.words for result in hdf5.read(path).pairs} == set(pairs)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": "a fe\0male doctor"}, "no character"),
        ({"prompt": "a \udcff doctor"}, "no character"),
        ({"model": "\x1b[31m"}, "no character"),
        ({"prompt": "x" * 20_000}, "characters, more than"),
        ({"guidance": float("nan")}, "no number from 0 up"),
        ({"guidance": -5.0}, "no number from 0 up"),
    ],
)
def test_what_no_file_may_hold_is_refused_before_it_is_written(tmp_path, change, said):
    record = synthetic.record(**synthetic.SMALL)
    with pytest.raises(InputError, match=said):
        hdf5.publish(tmp_path, replace(record, key=replace(record.key, **change)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("version", [1, 2, 3])
def test_what_an_older_version_wrote_is_taken_and_written_on(tmp_path, version):
    archive = ROOT / f"tests/archives/format_{version}.h5"
    assert list(hdf5.read_bundle(tmp_path, archive)) == [("a female doctor", [])]
    (path,) = hdf5.paths(tmp_path)
    assert hdf5.problems(path) == []
    before = {result.pair.words for result in hdf5.read(path).pairs}
    hdf5.publish(tmp_path, synthetic.record(words=("a", "doctor"), size=16, grid=4))
    assert {result.pair.words for result in hdf5.read(path).pairs} == before | {("a", "doctor")}
    assert hdf5.problems(path) == []


def test_a_file_whose_name_is_not_utf8_is_named_and_stops_nothing(tmp_path):
    path = hdf5.publish(tmp_path, synthetic.record(**synthetic.SMALL))
    os.link(path, os.fsencode(path.parent) + b"/\xff.h5")
    catalogue = Catalogue(tmp_path)
    assert catalogue.count() == 2
    ((named, problem),) = catalogue.broken()
    assert named.name == "\\udcff.h5" and "rename it" in problem
    assert sum(bool(hdf5.problems(each)) for each in hdf5.paths(tmp_path)) == 1
