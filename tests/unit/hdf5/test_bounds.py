"""What a file may cost: refused before it is decoded, in little time and memory."""

import io
import resource
import time
from dataclasses import replace
from importlib import import_module

import h5py
import numpy as np
import pytest
from PIL import Image

from store import hdf5
from store.errors import BrokenFileError
from store.hdf5 import bounds
from store.hdf5.condense import condensed
from tests import synthetic

SECONDS, MEGABYTES = 20, 300  # more than any of these may take, on a busy machine


@pytest.fixture
def store(tmp_path):
    """A store of one file in full."""
    hdf5.publish(tmp_path / "store", synthetic.record(**synthetic.SMALL))
    return tmp_path / "store"


@pytest.fixture
def small(tmp_path):
    """A store of one condensed file."""
    hdf5.publish(tmp_path / "small", condensed(synthetic.record(**synthetic.SMALL)))
    return tmp_path / "small"


def edited(root, change):
    (path,) = hdf5.paths(root)
    with h5py.File(path, "r+", libver="v110") as file:
        change(file)
    return path


def refused(root, path, said):
    """The file is refused in little time and memory, by whoever reads it."""
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    assert any(said in str(problem) for problem in hdf5.problems(path))
    try:
        hdf5.read(path)
    except BrokenFileError as error:
        assert said in str(error)
    else:
        raise AssertionError("it was read")
    taken = [str(problem) for _, wrong in hdf5.read_bundle(root / "other", path) for problem in wrong]
    assert any(said in problem for problem in taken)
    assert time.process_time() - start < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEGABYTES << 10


def picture(width, height, kind="WEBP", **how):
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, kind, **how)
    return buffer.getvalue()


def put_pictures(*pictures):
    def change(file):
        del file["pictures"]
        array = file.create_dataset("pictures", data=np.frombuffer(b"".join(pictures), np.uint8))
        array.attrs["lengths"] = [len(each) for each in pictures]

    return change


PICTURES = {
    "absurdly large": ([picture(16382, 6000, lossless=True)], "a decompression bomb"),
    "with losses": ([picture(8, 16)], "no WebP picture without loss"),
    "of another format": ([picture(8, 16, "PNG")], "no WebP picture without loss"),
    "of different widths": ([picture(8, 8, lossless=True), picture(9, 8, lossless=True)], "not those of 2 images"),
    "of an odd height": ([picture(8, 15, lossless=True)], "not those of 2 images"),
    "cut off": ([picture(8, 16, lossless=True)[:26]], "a picture"),
    "more than images": ([picture(8, 8, lossless=True)] * 3, "3 pictures"),
}


@pytest.mark.parametrize("about", PICTURES)
def test_pictures_are_looked_at_before_they_are_decoded(small, about):
    pictures, said = PICTURES[about]
    refused(small, edited(small, put_pictures(*pictures)), said)


@pytest.mark.parametrize("shape", [(1, 12000, 12000), (0, 4, 4), (2**40, 1, 1), (-1, 4, 4)])
def test_latents_that_are_not_there_take_no_memory(small, shape):
    path = edited(small, lambda file: file.attrs.__setitem__("latent_shape", np.array(shape)))
    refused(small, path, "latents of")


def test_arrays_must_not_be_far_larger_than_the_file_together(store):
    """Each is within the limits of one array; all of them are not."""

    def change(file):
        for mode in ("pid", "cpid"):
            for name in ("information_first", "information_second", "redundancy", "synergy"):
                group = file[f"pairs/female+doctor/{mode}"]
                del group[name]
                array = group.create_dataset(
                    name, (2, 2048, 2048), np.float16, chunks=(1, 2048, 2048), compression="gzip", shuffle=True
                )
                array[...] = 0

    refused(store, edited(store, change), "far larger than the file")


def test_arrays_must_not_share_parts_of_the_file(store):
    """Chunks of many arrays that lie at the same place would cost their size each time."""
    (path,) = hdf5.paths(store)
    with h5py.File(path) as file:
        allowance = bounds.Allowance(file)
        with pytest.raises(bounds.Refused, match="share parts of the file"):
            for number in range(3):
                allowance.spend(f"array {number}", path.stat().st_size // 2, 1)


def test_a_lattice_of_links_is_not_walked(store):
    def change(file):
        below = file.create_group("pairs/female+doctor/pid/0")
        for level in range(1, 40):
            group = file.create_group(f"levels/{level}")
            group["a"] = group["b"] = below
            below = group
        file["pairs/female+doctor/lattice"] = below
        del file["levels"]

    refused(store, edited(store, change), "deeper than any group")


def test_what_is_linked_twice_is_refused(store):
    def change(file):
        file["pairs/female+doctor/pid/again"] = file["pairs/female+doctor/pid/curve"]

    refused(store, edited(store, change), "linked more than once")


def test_groups_must_not_lie_deeper_than_in_the_format(store):
    path = edited(store, lambda file: file.create_group("pairs/female+doctor/pid" + "/a" * 50))
    refused(store, path, "deeper than any group")


def test_more_pairs_than_a_catalogue_can_number_are_refused(store, monkeypatch):
    for module in ("store.hdf5.read", "store.hdf5.soundness.check"):
        monkeypatch.setattr(import_module(module), "PAIRS", 0)
    (path,) = hdf5.paths(store)
    refused(store, path, "has 1 members, more than 0")


def test_chunks_are_counted_before_they_are_looked_at(store):
    def change(file):
        del file["latents"]
        array = file.create_dataset("latents", (2, 4, 512, 512), np.float16, chunks=(1, 1, 1, 2), fletcher32=True)
        array[0, 0, 0, :2] = 0

    refused(store, edited(store, change), "chunks")


def test_what_a_large_store_holds_is_within_the_bounds(tmp_path):
    """Many images, and pictures of one colour, are legitimate."""
    record = synthetic.record(seeds=tuple(range(12)), size=64, grid=16)
    black = replace(record, images=np.zeros_like(record.images))
    for name, each in {"full": record, "black": black, "small": condensed(record), "both": condensed(black)}.items():
        path = hdf5.publish(tmp_path / name, each)
        assert hdf5.problems(path) == []
