"""What is learned of a model's images: where along log SNR their information lies."""

import json
from dataclasses import replace

import numpy as np
import pytest

from store.prompts import densities
from tests import synthetic


def learned(root, images):
    record = synthetic.record(seeds=tuple(range(images)))
    densities.learn(root, record)
    return record


def test_a_density_is_used_once_enough_images_are_known(tmp_path):
    record = learned(tmp_path, densities.ENOUGH - 1)
    assert densities.load(tmp_path, record.key) is None
    densities.learn(tmp_path, record)
    known = densities.load(tmp_path, record.key)
    assert known.images == 2 * (densities.ENOUGH - 1)
    assert sum(known.shares) == pytest.approx(1)
    curve = np.nan_to_num(record.pairs[0].information["pid"].curve)
    assert int(np.argmax(known.shares)) == int(np.argmax(curve.sum((0, 2))))


def test_it_learns_from_so_many_images_and_then_stays(tmp_path):
    record = learned(tmp_path, densities.LEARNED)
    (path,) = (tmp_path / densities.FOLDER).iterdir()
    before = path.read_bytes()
    densities.learn(tmp_path, record)
    assert path.read_bytes() == before


def test_revisions_of_a_model_learn_apart(tmp_path):
    record = learned(tmp_path, densities.ENOUGH)
    assert densities.load(tmp_path, replace(record.key, revision="another")) is None
    assert densities.load(tmp_path, record.key)


@pytest.mark.parametrize(
    "changes",
    [{"shares": [-1.0] * 18}, {"shares": ["x"] * 18}, {"log_snr": []}, {"images": 10**400}, {"images": None}, None],
    ids=str,
)
def test_a_file_that_holds_anything_else_is_left_out(tmp_path, changes):
    record = learned(tmp_path, densities.ENOUGH)
    (path,) = (tmp_path / densities.FOLDER).iterdir()
    path.write_text("{" if changes is None else json.dumps(json.loads(path.read_text()) | changes))
    assert densities.load(tmp_path, record.key) is None
    densities.learn(tmp_path, record)
    assert densities.load(tmp_path, record.key)
