"""What the form says of a job before it is launched."""

from dataclasses import replace

import pytest
import torch

from compute.estimation.noise_levels import NoiseLevels
from compute.models import registry
from compute.planning.plan import plan
from pages.data import estimates
from store import settings
from store.jobs import JobSpec, Queue
from store.prompts import model_cards

PAIR = JobSpec("embedded", "a female doctor", (("female", "doctor"),), images=4, noises=64)
LONG = replace(PAIR, prompt="a female doctor " + "and a cat " * 6)


@pytest.fixture
def root(tmp_path):
    model_cards.publish(tmp_path, registry.card(registry.load("embedded", device="cpu"), "embedded"))
    return tmp_path


def test_the_cost_is_that_of_the_plan(root):
    card = estimates.card_of(root, "embedded")
    levels = NoiseLevels.of(torch.tensor(card.log_snr, dtype=torch.float64))
    for wanted in (PAIR, JobSpec("embedded", study="gender", limit=2)):
        costs = [plan(card, levels, request, root).cost for request in wanted.requests(root)]
        found = estimates.estimate(wanted, root)
        assert found.evaluations == sum(cost.evaluations for cost in costs)
        assert (found.texts, found.images) == (sum(c.texts for c in costs), sum(c.images for c in costs))
        assert not found.faults


def test_words_are_held_against_the_model(root, tmp_path_factory):
    assert "would cut off" in estimates.estimate(LONG, root).faults[0]
    strange = replace(PAIR, prompt="a female zebra", pairs=(("female", "zebra"),))
    assert "never trained with zebra" in estimates.estimate(strange, root).warnings[0]
    assert (
        "'nurse': not in the prompt" in estimates.estimate(replace(PAIR, pairs=(("nurse", "doctor"),)), root).faults[0]
    )
    empty = tmp_path_factory.mktemp("empty")
    found = estimates.estimate(LONG, empty)
    assert not found.faults and "checks the words" in found.warnings[0] and found.texts == 8


def test_settings_limit_what_can_be_asked(root, monkeypatch):
    assert estimates.estimate(PAIR, root).evaluations == 2048
    monkeypatch.setenv(f"{settings.PREFIX}MAX_EVALUATIONS", "2047")
    assert "setting max_evaluations" in estimates.estimate(PAIR, root).faults[0]
    monkeypatch.setenv(f"{settings.PREFIX}MAX_EVALUATIONS", "2048")
    assert not estimates.estimate(PAIR, root).faults
    Queue(root).submit(PAIR, "Ada")
    monkeypatch.setenv(f"{settings.PREFIX}MAX_JOBS", "1")
    assert "setting max_jobs" in estimates.estimate(PAIR, root).faults[0]


def test_studies_of_the_model_come_first_and_those_of_others_not_at_all(root):
    names = estimates.studies_for(root, "embedded")
    assert names[0].startswith("embedded-") and "homonyms" in names
    assert not [name for name in estimates.studies_for(root, "sd-1.5") if name.startswith("embedded-")]


def test_a_study_with_results_is_offered_the_numbers_with_the_narrowest_intervals(tmp_path):
    wanted = JobSpec("embedded", study="embedded-gender")
    found = estimates.narrowest(wanted, settings.DEMO_STORE)
    assert found.narrower < 1
    assert found.of(wanted).images == found.images
    assert estimates.narrowest(wanted, tmp_path) is None
