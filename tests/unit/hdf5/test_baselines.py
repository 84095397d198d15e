"""Maps of words that are no information, of any kind, go through files, condensed copies and joined records."""

from dataclasses import replace

import numpy as np
import pytest

from store import hdf5
from store.records import ATTENTION, SIMILARITY
from tests import synthetic

PAIR = ("female", "doctor")


def recorded(*seeds: int, kinds=(ATTENTION, SIMILARITY)):
    record = synthetic.record(seeds=seeds, size=16, grid=4)
    result = record.result(PAIR)
    maps = {kind: result.attention / (1 + place) for place, kind in enumerate(kinds)}
    return replace(record, pairs=(replace(result, baselines=maps),))


@pytest.mark.parametrize("condensed", [False, True])
def test_every_kind_comes_back(tmp_path, condensed):
    record = recorded(0, 1)
    (written,) = record.pairs
    if condensed:
        record = replace(record, pairs=(written.condense(),))
    path = hdf5.publish(tmp_path, record)
    (read,) = hdf5.read(path).pairs
    assert hdf5.problems(path) == []
    assert set(read.baselines) == {ATTENTION, SIMILARITY}
    for kind, maps in written.baselines.items():
        np.testing.assert_allclose(read.baselines[kind], maps, atol=0.01 * maps.max())


def test_images_of_both_have_the_kinds_that_both_have(tmp_path):
    path = hdf5.publish(tmp_path, recorded(0, 1))
    hdf5.publish(tmp_path, recorded(2, kinds=(ATTENTION,)))
    (read,) = hdf5.read(path).pairs
    assert {kind: len(maps) for kind, maps in read.baselines.items()} == {ATTENTION: 3}


def test_more_noises_are_averaged_kind_by_kind():
    (result,) = recorded(0).pairs
    twice = {kind: 3 * maps for kind, maps in result.baselines.items()}
    more = result.refined(replace(result, baselines=twice))
    for kind, maps in result.baselines.items():
        np.testing.assert_allclose(more.baselines[kind], 2 * maps, rtol=1e-6)
