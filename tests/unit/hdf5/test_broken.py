"""Broken and hostile files, each made from a real one: found, named with the mend, survived and repaired."""

import os
import shutil

import h5py
import numpy as np
import pytest

from store import hdf5
from store.catalogue import Catalogue
from store.errors import BrokenFileError, NewerFormatError, StoreError
from store.hdf5.names import QUARANTINE
from tests import synthetic
from tests.budget import chance, rounds

PAIR = "pairs/female+doctor"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A store of one small file with two pairs."""
    root = tmp_path_factory.mktemp("whole")
    hdf5.publish(root, synthetic.record(seeds=(0, 1), size=32, grid=8))
    hdf5.publish(root, synthetic.record(words=("a", "doctor"), modes=("pid",), seeds=(0, 1), size=32, grid=8))
    return root


@pytest.fixture
def store(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "store")


def only(store):
    (path,) = hdf5.paths(store)
    return path


def edited(change):
    """A breakage that is made with h5py."""

    def breaking(path):
        with h5py.File(path, "r+", libver="v110") as file:
            change(file)

    return breaking


def replaced(name, **how):
    """A breakage that puts another dataset in the place of one."""

    def change(file):
        del file[name]
        file.create_dataset(name, **how)

    return edited(change)


def external_link(file):
    del file[PAIR]
    file[PAIR] = h5py.ExternalLink("/etc/passwd", "/")


def soft_link(file):
    file["pairs/link"] = h5py.SoftLink("/pairs/link")


def loop(file):
    file["pairs/loop"] = file["pairs"]


def virtual(file):
    del file["seeds"]
    layout = h5py.VirtualLayout(shape=(2,), dtype=np.int64)
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(2,))
    file.create_virtual_dataset("seeds", layout)


def lie_in_another_file(file):
    del file["seeds"]
    file.create_dataset("seeds", shape=(2,), dtype=np.int64, external=[("/etc/passwd", 0, 16)])


def inflating(file):
    """A chunk that inflates to 400 times the size of the array."""
    import zlib

    old = file["images"]
    shape, chunks = old.shape, old.chunks
    del file["images"]
    array = file.create_dataset("images", shape=shape, dtype=np.uint8, chunks=chunks, compression="gzip")
    array.id.write_direct_chunk((0, 0, 0, 0), zlib.compress(bytes(300 << 20), 1))


def damaged_chunk(name):
    """A breakage that overwrites the middle of a stored chunk."""

    def breaking(path):
        with h5py.File(path) as file:
            chunk = file[name].id.get_chunk_info(0)
        content = bytearray(path.read_bytes())
        middle = chunk.byte_offset + chunk.size // 2
        content[middle : middle + 8] = bytes(255 - byte for byte in content[middle : middle + 8])
        path.write_bytes(content)

    return breaking


def half_written(path):
    edited(lambda file: file.attrs.pop("complete"))(path)


def foreign(path):
    path.unlink()
    with h5py.File(path, "w") as file:
        file["data"] = [1, 2, 3]


def pipe(path):
    path.unlink()
    os.mkfifo(path)


WHOLE_FILE = {  # breakage -> what is said of it; nothing of the file can be kept
    "truncated": (synthetic.truncate, "truncated, damaged or no HDF5"),
    "empty": (lambda path: path.write_bytes(b""), "truncated, damaged or no HDF5"),
    "a text": (lambda path: path.write_text("not HDF5"), "truncated, damaged or no HDF5"),
    "a pipe": (pipe, "not a regular file"),
    "half-written": (half_written, "not marked complete"),
    "foreign": (foreign, "no file of this software"),
    "seeds in a virtual dataset": (edited(virtual), "/seeds lies in another file"),
    "seeds in another file": (edited(lie_in_another_file), "/seeds lies in another file"),
    "absurd shape": (
        replaced("images", shape=(2, 1 << 20, 1 << 20, 3), dtype=np.uint8, chunks=(1, 64, 64, 3)),
        "absurd",
    ),
    "array that is not there": (replaced("images", shape=(2, 8, 8, 3), dtype=np.uint8, chunks=(1, 8, 8, 3)), "bomb"),
    "array of zeros": (
        replaced("latents", data=np.zeros((2, 4, 2048, 2304), np.float16), chunks=(1, 1, 256, 256), compression="gzip"),
        "decompression bomb",
    ),
    "inflating chunk": (edited(inflating), "inflates beyond its size"),
    "images of another number": (replaced("images", data=np.zeros((3, 8, 8, 3), np.uint8)), "does not fit"),
    "images in 16 bits": (replaced("images", data=np.zeros((2, 8, 8, 3), np.uint16)), "uint16, not uint8"),
    "images of four channels": (replaced("images", data=np.zeros((2, 8, 8, 4), np.uint8)), "does not fit"),
    "texts for numbers": (replaced("seeds", data=np.array(["0", "1"], object), dtype=h5py.string_dtype()), "no plain"),
}
ONE_PAIR = {  # breakage -> what is said of it; the other pair can be kept
    "external link": (edited(external_link), "is a link to another place or file"),
    "damaged chunk": (damaged_chunk(f"{PAIR}/cpid/replicates"), "damaged"),
    "other values": (edited(lambda file: file[f"{PAIR}/pid/synergy_total"].write_direct(np.ones(2))), "not those that"),
    "other map": (edited(lambda file: file[f"{PAIR}/pid/redundancy"].__setitem__((0, 3, 3), 9)), "R + U1 = I1"),
    "other word": (edited(lambda file: file[PAIR].attrs.__setitem__("first", "male")), "its words do not stand"),
    "other number": (edited(lambda file: file[PAIR].attrs.__setitem__("retried", 7)), "not those that were written"),
    "missing map": (edited(lambda file: file.__delitem__(f"{PAIR}/cpid/curve")), "damaged"),
    "absurd map": (
        replaced(f"{PAIR}/pid/redundancy", shape=(2, 1 << 18, 1 << 18), dtype=np.float16, chunks=(1, 64, 64)),
        "absurd",
    ),
}


@pytest.mark.parametrize("breakage", WHOLE_FILE)
def test_a_file_that_cannot_be_used_is_named_with_its_mend(store, breakage):
    breaking, said = WHOLE_FILE[breakage]
    path = only(store)
    breaking(path)
    problems = " ".join(map(str, hdf5.problems(path)))
    assert said in problems and "`python -m store repair`" in problems
    with pytest.raises(BrokenFileError, match="store repair"):
        hdf5.read(path)
    assert [found.aside.is_relative_to(store / QUARANTINE) for found in hdf5.repair(store)] == [True]
    assert not list(hdf5.paths(store))
    assert len(list((store / QUARANTINE).rglob("*.h5"))) == 1


@pytest.mark.parametrize("breakage", ONE_PAIR)
def test_of_a_file_with_one_broken_pair_the_other_is_kept(store, breakage):
    breaking, said = ONE_PAIR[breakage]
    path = only(store)
    before = hdf5.read(path, "a+doctor")
    breaking(path)
    damaged = path.read_bytes()
    assert any(said in str(found) and found.pair == "female+doctor" for found in hdf5.problems(path))
    assert hdf5.read(path, "a+doctor").pairs[0].noises == before.pairs[0].noises  # before any repair
    (done,) = hdf5.repair(store)
    assert done.kept == ("a+doctor",)
    assert done.aside.read_bytes() == damaged
    assert hdf5.problems(path) == []
    after = hdf5.read(path)
    assert [result.pair.name for result in after.pairs] == ["a+doctor"]
    np.testing.assert_array_equal(
        after.pairs[0].decomposition("pid")["synergy"].map, before.pairs[0].decomposition("pid")["synergy"].map
    )
    assert not list(hdf5.repair(store))


@pytest.mark.parametrize("link", [soft_link, loop])
def test_links_that_lead_back_are_not_followed(store, link):
    path = only(store)
    edited(link)(path)
    (found,) = hdf5.problems(path)
    assert found.pair in ("link", "loop") and "link" in found.cause or "leads back" in found.cause
    assert len(hdf5.read_totals(path).rows) == 3
    (done,) = hdf5.repair(store)
    assert set(done.kept) == {"a+doctor", "female+doctor"}
    assert hdf5.problems(path) == []


def test_a_damaged_image_costs_that_image_alone(store):
    path = only(store)
    damaged_chunk("images")(path)
    (done,) = hdf5.repair(store)
    after = hdf5.read(path)
    assert after.seeds == (1,)
    assert {result.seeds for result in after.pairs} == {(1,)}
    assert set(done.kept) == {"a+doctor", "female+doctor"}


def test_a_misplaced_file_is_moved_to_where_it_belongs(store):
    path = only(store)
    shutil.copy(path, path.with_name("copy.h5"))
    (done,) = hdf5.repair(store)
    assert done.path.name == "copy.h5" and "does not belong to its key" in str(done.problems[0])
    assert only(store) == path
    assert hdf5.problems(path) == []


def test_a_prompt_that_was_changed_is_not_taken_for_another(store):
    path = only(store)
    edited(lambda file: file.attrs.__setitem__("prompt", "a female dogtor"))(path)
    (done,) = hdf5.repair(store)
    assert not done.kept and done.aside.exists()
    assert not list(hdf5.paths(store))


def test_a_newer_pair_is_skipped_reported_and_kept(store):
    path = only(store)
    edited(lambda file: file[PAIR].attrs.__setitem__("version", hdf5.FORMAT_VERSION + 1))(path)
    assert [result.pair.name for result in hdf5.read(path).pairs] == ["a+doctor"]
    (found,) = hdf5.problems(path)
    assert "update the software" in str(found) and found.newer
    assert [(done.aside, done.path) for done in hdf5.repair(store)] == [(None, path)]
    with pytest.raises(NewerFormatError):
        hdf5.publish(store, synthetic.record(seeds=(0, 1), size=32, grid=8))
    hdf5.publish(store, synthetic.record(words=("a", "doctor"), seeds=(2,), size=32, grid=8))
    with h5py.File(path) as file:
        assert file[PAIR].attrs["version"] == hdf5.FORMAT_VERSION + 1
    damaged_chunk("pairs/a+doctor/pid/replicates")(path)
    (done,) = hdf5.repair(store)
    assert done.kept == ("female+doctor",)
    with h5py.File(path) as file:
        assert set(file["pairs"]) == {"female+doctor"}


def test_a_newer_file_is_left_where_it_is(store):
    path = only(store)
    synthetic.make_newer(path)
    assert [done.aside for done in hdf5.repair(store)] == [None]
    with pytest.raises(NewerFormatError, match="update the software"):
        hdf5.publish(store, synthetic.record(size=32, grid=8))
    assert path.exists()


def test_a_result_is_not_lost_where_the_file_that_is_there_is_broken(store):
    path = only(store)
    synthetic.truncate(path)
    hdf5.publish(store, synthetic.record(seeds=(0,), size=32, grid=8))
    assert hdf5.problems(path) == []
    assert len(list((store / QUARANTINE).rglob("*.h5"))) == 1


def test_no_flipped_bit_goes_unnoticed(store):
    """Each bit of a file either does not matter to what is read, or is found by the check."""
    path = only(store)
    content = path.read_bytes()
    expected = hdf5.read(path)
    random = chance("flipped bits")
    unnoticed = 0
    for _ in range(rounds(10, 2000)):
        place, bit = random.randrange(len(content)), random.randrange(8)
        changed = bytearray(content)
        changed[place] ^= 1 << bit
        path.write_bytes(changed)
        if hdf5.problems(path) == []:
            unnoticed += 1
            assert same(hdf5.read(path), expected), f"bit {bit} of byte {place}"
    assert unnoticed < rounds(10, 2000) / 2


def same(one, other):
    return (
        (one.key, one.seeds, one.provenance) == (other.key, other.seeds, other.provenance)
        and np.array_equal(one.images, other.images)
        and np.array_equal(one.latents, other.latents)
        and all(
            (a.pair, a.noises, a.run_keys, a.labels) == (b.pair, b.noises, b.run_keys, b.labels)
            and all(
                np.array_equal(a.information[mode].maps.maps[name], b.information[mode].maps.maps[name])
                for mode in a.information
                for name in a.information[mode].maps.maps
            )
            for a, b in zip(one.pairs, other.pairs, strict=True)
        )
    )


def test_the_catalogue_lists_what_is_left_of_a_broken_store(store):
    other = hdf5.publish(store, synthetic.record("a green apple", ("green", "apple"), size=32, grid=8))
    edited(external_link)(only_of(store, other))
    torn = hdf5.publish(store, synthetic.record("a torn page", ("torn", "page"), size=32, grid=8))
    synthetic.truncate(torn)
    catalogue = Catalogue(store)
    assert {entry.pair for entry in catalogue.entries()} == {"a+doctor", "green+apple"}
    reasons = dict(catalogue.broken())
    assert "female+doctor" in reasons[only_of(store, other, torn)]
    assert "truncated" in reasons[torn]


def only_of(store, *others):
    (path,) = set(hdf5.paths(store)) - set(others)
    return path


def test_a_folder_in_the_place_of_a_file_is_no_way_out(store):
    path = only(store)
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError):
        hdf5.read(path)
    assert "not a regular file" in str(hdf5.problems(path)[0])
