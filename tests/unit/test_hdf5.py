"""Files of the store: round trip, merging, publishing whole under SIGKILL and by many writers at once."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from store import hdf5
from store.catalogue import Catalogue
from store.errors import BrokenFileError, InputError, NewerFormatError, StoreError
from tests import synthetic
from tests.conftest import ROOT

WRITER = """
import sys
from pathlib import Path
from store import hdf5
from tests import synthetic
while True:
    hdf5.publish(Path(sys.argv[1]), synthetic.record(size=128, grid=64))
    print("published", flush=True)
"""


def test_a_record_comes_back_within_the_precision_of_its_type(tmp_path):
    written = synthetic.record()
    read = hdf5.read(hdf5.publish(tmp_path, written))
    assert (read.key, read.seeds, read.provenance) == (written.key, written.seeds, written.provenance)
    assert np.array_equal(read.images, written.images)
    old, new = (record.result(("female", "doctor")).decompositions["cpid"] for record in (written, read))
    np.testing.assert_allclose(new.redundancy.map, old.redundancy.map, rtol=1e-3, atol=1e-7)
    np.testing.assert_array_equal(new.redundancy.total, old.redundancy.total)
    np.testing.assert_array_equal(new.information.curve, old.information.curve)


def test_the_layout_is_that_of_the_specification(tmp_path):
    with h5py.File(hdf5.publish(tmp_path, synthetic.record())) as file:
        assert file.attrs["complete"]
        assert file["images"].dtype == np.uint8
        group = file["pairs/female+doctor"]
        assert group.attrs["unit"] == "nats"
        assert group["pid/redundancy"].shape == (4, 16, 16)
        assert group["cpid/information_both_total_se"].dtype == np.float64
        assert group["pid/curve"].shape == (4, len(group["pid/log_snr"]), 3)


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
    large = written.result(("female", "doctor")).decompositions["pid"].information.first
    large.map[0, 0, 0] = 1e6
    read = hdf5.read(hdf5.publish(tmp_path, written))
    assert read.pairs[0].decompositions["pid"].information.first.map[0, 0, 0] == 1e6


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
    with pytest.raises(BrokenFileError, match="remove it and compute it again"):
        hdf5.read(path)
    assert [where for where, _ in Catalogue(tmp_path).broken()] == [path]


def test_a_damaged_value_is_found(tmp_path):
    path = hdf5.publish(tmp_path, synthetic.record())
    with h5py.File(path, "r+") as file:
        file["pairs/female+doctor/pid/redundancy"][0, 3, 3] += 5
    assert hdf5.problems(path) != []


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


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.03, 0.06, 0.1])
def test_a_killed_writer_leaves_the_old_or_the_new_file(tmp_path, delay):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, env=environment, text=True
    )
    writer.stdout.readline()
    time.sleep(delay)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    (path,) = hdf5.paths(tmp_path)
    assert hdf5.problems(path) == []
    assert len(Catalogue(tmp_path).entries()) == 2
    hdf5.publish(tmp_path, synthetic.record(words=("a", "doctor"), size=128, grid=64))
    assert len(hdf5.read(path).pairs) == 2


def _publish_pair(root, words):
    hdf5.publish(root, synthetic.record("one two three four five six", words))


def test_writers_of_one_prompt_at_once_lose_nothing(tmp_path):
    words = ["one", "two", "three", "four", "five"]
    pairs = [(word, "six") for word in words]
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        pool.starmap(_publish_pair, [(tmp_path, pair) for pair in pairs])
    (path,) = hdf5.paths(tmp_path)
    assert {result.pair.words for result in hdf5.read(path).pairs} == set(pairs)
