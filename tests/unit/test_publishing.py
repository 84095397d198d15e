"""Results are written beside the next evaluations, and what cannot be written ends them."""

import pytest

from compute.checks.analytic import GATES, AnalyticDenoiser
from compute.engine import Engine
from compute.publishing import Publisher
from store import hdf5
from store.errors import InputError, StoreError
from store.jobs import Budget, Request
from store.prompts import densities
from store.records import TokenPair
from tests import synthetic

SEEDS = (0, 1, 2, 3)


def test_all_that_was_handed_over_is_there_whatever_ends_the_block(tmp_path):
    records = [synthetic.record(f"a photo {number}", ("a", "photo"), size=8, grid=4) for number in range(2)]
    with pytest.raises(KeyboardInterrupt), Publisher(tmp_path) as publisher:
        for record in records:
            publisher.publish(record)
        publisher.learn(record)
        raise KeyboardInterrupt
    assert all(hdf5.read(hdf5.path_of(tmp_path, record.key)).pairs for record in records)
    assert list((tmp_path / densities.FOLDER).glob("*.json"))


def test_what_cannot_be_written_comes_before_a_later_error(tmp_path):
    root = tmp_path / "file"
    root.touch()
    with pytest.raises(StoreError), Publisher(root) as publisher:
        publisher.publish(synthetic.record("a photo", ("a", "photo"), size=8, grid=4))
        publisher.learn(synthetic.record("a photo", ("a", "photo"), size=8, grid=4))
        raise InputError("model", "it fails", "mend it")


def test_a_store_that_takes_nothing_ends_a_run_at_the_next_image(tmp_path):
    engine, steps = Engine(AnalyticDenoiser(GATES["UNQ"])), []
    request = Request(pairs=(TokenPair.find("a0 b1", "a0", "b1"),), seeds=SEEDS, budget=Budget(16))
    planned, root = engine.plan(request, tmp_path), tmp_path / "file"
    root.touch()
    with pytest.raises(StoreError):
        engine.run(planned, root, steps.append)
    assert steps[-1].done <= 2 * planned.items[0].evaluations
    assert [step.done for step in steps] == sorted(step.done for step in steps)
