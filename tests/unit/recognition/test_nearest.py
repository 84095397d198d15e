"""Pictures named by the nearest reference, in halves too, with *neither* beyond a distance."""

import numpy as np
import pytest

from store import hdf5, settings
from store.recognition import References, known_for
from store.recognition.nearest import GRID, shrunk

RED, BLUE, GREY = (200, 30, 30), (30, 30, 200), (90, 90, 90)


def plain(colour, side=64) -> np.ndarray:
    return np.broadcast_to(np.uint8(colour), (side, side, 3))


def beside(left, right) -> np.ndarray:
    return np.concatenate([plain(left)[:, :32], plain(right)[:, :32]], axis=1)


@pytest.fixture(scope="module")
def references() -> References:
    whole = np.stack([shrunk(plain(colour))[None] for colour in (RED, BLUE)])
    half = whole[:, 0, :, : GRID // 2]
    return References(whole, half, (frozenset({"red", "square"}), frozenset({"blue", "sky"})), ("red square", "sky"))


def test_a_picture_has_the_words_of_the_nearest_reference(references):
    found = references.name(plain(RED) + np.uint8(5))
    assert found.label == "red square" and found.distance < 10
    assert references.shows(found, "a red square") and references.shows(found, "blue") is False
    assert references.shows(found, "a red whale") is None  # no reference is called so


def test_two_halves_are_two_things(references):
    found = references.name(beside(RED, BLUE))
    assert found.label == "red square and sky"
    assert references.shows(found, "a red square and a blue sky")
    assert not references.shows(references.name(plain(RED)), "a red square and a blue sky")


def test_what_is_near_to_nothing_is_neither(references):
    found = references.name(plain(GREY))
    assert (found.label, found.words) == ("neither", ())
    assert references.shows(found, "red") is False


def test_averages_over_blocks_are_exact_at_any_size():
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    expected = image.reshape(GRID, 4, GRID, 6, 3).mean((1, 3))
    np.testing.assert_allclose(shrunk(image), expected, rtol=1e-6)
    assert shrunk(image[:50, :70]).shape == (GRID, GRID, 3)
    np.testing.assert_array_equal(shrunk(image[:8, :8]), image[:8, :8].repeat(2, 0).repeat(2, 1))
    np.testing.assert_allclose(shrunk(np.stack([image, image]))[1], expected, rtol=1e-6)


def test_references_are_kept_in_one_file(references, tmp_path):
    references.write(tmp_path / "x.npz")
    again = References.read(tmp_path / "x.npz")
    assert (again.words, again.labels) == (references.words, references.labels)
    np.testing.assert_array_equal(again.whole, references.whole)


def test_pictures_of_the_demo_are_named_as_people_see_them():
    known = known_for("embedded")
    paths = {path.name.rpartition("-")[0]: path for path in settings.DEMO_STORE.rglob("*.h5")}
    palm = hdf5.pictures(paths["a-palm-tree"])
    assert [known.name(palm[seed]).label for seed in (0, 7)] == ["palm tree", "green heart"]
    scene = hdf5.pictures(paths["an-apple-and-a-tree"])
    assert [known.name(scene[seed]).label for seed in (0, 2)] == ["apple and house", "apple and tree"]
    device = hdf5.pictures(paths["a-computer-mouse"])
    assert all(known.name(image).has("a computer mouse") for image in device.values())
    assert known.name(255 - palm[0]).label == "neither"


def test_other_models_have_no_references():
    assert known_for("sd-2.1-base") is None and known_for("../embedded") is None
