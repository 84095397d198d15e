"""What of a job is there is not counted, in the form as in the queue."""

import io
from dataclasses import replace

import pytest
from PIL import Image

from pages.data import estimates
from store import hdf5, settings
from store.catalogue import Catalogue
from store.errors import InputError
from store.jobs import JobSpec, Picture, Queue, State
from store.jobs.cost import cost_of
from store.prompts.conditions import count_texts
from store.records import RunKey, TokenPair
from store.studies import load
from tests import synthetic

PAIR = JobSpec("embedded", "a female doctor", (("female", "doctor"),), images=4, noises=64)
TEXTS = 8  # of one pair


def counted(wanted, root, picture=None):
    return cost_of(wanted.requests(root, picture), wanted.model, Catalogue(root), None)


def test_images_are_told_apart_by_their_seeds(tmp_path):
    hdf5.publish(tmp_path, synthetic.record(**{**synthetic.SMALL, "seeds": (0, 3, 7)}))
    cost = counted(PAIR, tmp_path)
    assert (cost.images, cost.there, cost.results) == (4, 2, 2)
    assert cost.evaluations == TEXTS * 64 * 2


def test_pairs_of_one_image_are_counted_one_by_one(tmp_path):
    hdf5.publish(tmp_path, synthetic.record(**{**synthetic.SMALL, "seeds": (0, 1)}))
    wanted = replace(PAIR, pairs=(("female", "doctor"), ("a", "doctor")))
    cost = counted(wanted, tmp_path)
    both = [TokenPair.find(PAIR.prompt, *words) for words in wanted.pairs]
    assert (cost.there, cost.results) == (0, 2 + 2 * 2)
    assert cost.evaluations == 64 * (2 * count_texts(both[1:]) + 2 * count_texts(both))


def test_images_with_fewer_noises_are_counted_whole(tmp_path):
    hdf5.publish(tmp_path, synthetic.record(**synthetic.SMALL))
    cost = counted(replace(PAIR, noises=128), tmp_path)
    assert (cost.there, cost.fewer, cost.fewer_noises) == (0, 2, 64)
    assert cost.evaluations == TEXTS * 128 * 4


@pytest.mark.parametrize("about", [{"guidance": 7.5}, {"model": "other"}])
def test_images_of_another_guidance_or_model_are_not_these(tmp_path, about):
    hdf5.publish(tmp_path, synthetic.record(**synthetic.SMALL, **about))
    assert counted(PAIR, tmp_path).there == 0


def test_an_own_image_is_told_by_what_it_is(tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    picture, record = Picture("own.png", buffer.getvalue()), synthetic.record(size=8, grid=4, seeds=(0,))
    key = RunKey("embedded", "1", PAIR.prompt, 0.0, picture.digest)
    hdf5.publish(tmp_path, replace(record, key=key))
    wanted = replace(PAIR, picture="own.png", images=1)
    assert counted(wanted, tmp_path, picture).there == 1
    assert counted(replace(PAIR, images=1), tmp_path).there == 0


def test_a_study_that_is_there_costs_nothing(tmp_path):
    wanted = JobSpec("embedded", study="homonyms", limit=2, noises=64, images=2)
    study = load("homonyms", tmp_path, "embedded")
    synthetic.of_study(tmp_path, study, 1.0, **synthetic.SMALL)
    cost = counted(wanted, tmp_path)
    assert cost.images == cost.there > 0 and cost.evaluations == 0


def test_the_queue_counts_as_the_form_does(tmp_path, monkeypatch):
    hdf5.publish(tmp_path, synthetic.record(**{**synthetic.SMALL, "seeds": (0, 3, 7)}))
    for most, enters in ((TEXTS * 64 * 2, True), (TEXTS * 64 * 2 - 1, False)):
        monkeypatch.setenv(f"{settings.PREFIX}MAX_EVALUATIONS", str(most))
        assert bool(estimates.estimate(PAIR, tmp_path).faults) != enters
        if enters:
            Queue(tmp_path).submit(PAIR, "Ada")
        else:
            with pytest.raises(InputError, match="max_evaluations") as refused:
                Queue(tmp_path).submit(PAIR, "Ada")
            assert str(refused.value) in estimates.estimate(PAIR, tmp_path).faults


def test_a_job_beyond_the_limit_is_not_tried_again_from_the_dashboard(tmp_path, monkeypatch):
    monkeypatch.setenv(f"{settings.PREFIX}MAX_EVALUATIONS", "1")
    number = Queue(tmp_path, limited=False).submit(PAIR, "Ada")
    Queue(tmp_path).cancel(number)
    with pytest.raises(InputError, match="max_evaluations"):
        Queue(tmp_path).retry(number)
    Queue(tmp_path, limited=False).retry(number)
    assert Queue(tmp_path).job(number).state == State.QUEUED
