"""Run keys and items: the same work is never done twice and never taken for other work."""

from dataclasses import replace

import pytest

from compute.checks.analytic import GATES, AnalyticDenoiser
from compute.estimation.noise_levels import NoiseLevels
from compute.planning.work import identities, owed
from store.identity import Identity, digest_of_levels
from store.jobs import Budget, Request
from store.prompts.conditions import of_pairs
from store.records import RunKey, Span, TokenPair
from tests import synthetic

WORK = Identity(
    run=RunKey("embedded", "1", "a female doctor", 1.0),
    tokens=((), (5,), (6,), (5, 6)),
    spans=(Span(2, 8), Span(9, 15)),
    seed=0,
    steps=30,
    log_snr=digest_of_levels([-3.0, 0.0, 3.0]),
    noises=64,
    scheme="antithetic",
)
OTHERS = {
    "model": replace(WORK, run=replace(WORK.run, model="sd")),
    "revision": replace(WORK, run=replace(WORK.run, revision="2")),
    "guidance": replace(WORK, run=replace(WORK.run, guidance=3.0)),
    "image": replace(WORK, run=replace(WORK.run, image="ab")),
    "tokens": replace(WORK, tokens=((), (5,), (7,), (5, 7))),
    "spans": replace(WORK, spans=(Span(2, 8), Span(10, 15))),
    "seed": replace(WORK, seed=1),
    "steps": replace(WORK, steps=50),
    "levels": replace(WORK, log_snr=digest_of_levels([-3.0, 0.0, 3.1])),
    "noises": replace(WORK, noises=128),
    "scheme": replace(WORK, scheme="independent"),
}


def test_the_key_of_known_work_never_changes():
    assert WORK.key == "de507ac569a8182717f45d8289c8e1d756b8c121b6bfd927e90c4ebf9fce2b26"
    assert replace(WORK).key == WORK.key
    assert WORK.of(0, 64) == WORK


@pytest.mark.parametrize("part", OTHERS)
def test_every_part_makes_other_work(part):
    assert OTHERS[part].key != WORK.key
    assert len({other.key for other in OTHERS.values()}) == len(OTHERS)


@pytest.fixture
def work():
    """The identities of a pair's work, and its conditions."""
    denoiser = AnalyticDenoiser(GATES["COR"])
    pair = TokenPair.find("a0 b0", "a0", "b0")
    key = RunKey(denoiser.name, denoiser.revision, "a0 b0", 1.0)
    conditions = of_pairs([pair], denoiser)
    return identities(key, conditions, NoiseLevels.of(denoiser.log_snr)), conditions


def missing(stored, work, seeds, budget):
    """The work items that `stored` lacks."""
    request = Request(pairs=tuple(work[0]), seeds=seeds, budget=budget)
    return list(owed(stored, request, *work))


def known(work, noises, key=None):
    """A store's record of seeds 0 and 1, under the run keys of this work or under another."""
    ((pair, identity),) = work[0].items()
    record = synthetic.record("a0 b0", ("a0", "b0"), seeds=(0, 1), model=identity.run.model)
    keys = tuple(identity.of(seed, noises).key if key is None else key for seed in (0, 1))
    return replace(record, pairs=(replace(record.pairs[0], pair=pair, noises=(noises,) * 2, run_keys=keys),))


def test_what_is_there_is_not_owed(work):
    assert not missing(known(work, 64), work, (0, 1), Budget(64))
    assert not missing(known(work, 128), work, (0, 1), Budget(64))
    assert not missing(known(work, 64, ""), work, (0, 1), Budget(64))  # of a file without run keys


def test_more_noises_and_more_seeds_are_owed_alone(work):
    items = missing(known(work, 64), work, (0, 1, 2), Budget(256))
    assert [(item.seed, item.done, len(item.known)) for item in items] == [(0, 64, 1), (1, 64, 1), (2, 0, 0)]
    assert [item.evaluations for item in items] == [4 * 192, 4 * 192, 4 * 256]
    assert [item.latent is None for item in items] == [False, False, True]


def test_other_work_is_owed_from_the_start(work):
    items = missing(known(work, 256, "0" * 64), work, (0, 1), Budget(256))
    assert [(item.seed, item.done) for item in items] == [(0, 0), (1, 0)]


def test_a_precision_that_is_reached_owes_nothing(work):
    assert not missing(known(work, 64), work, (0, 1), Budget(1024, 0.5))
    assert len(missing(known(work, 64), work, (0, 1), Budget(1024, 1e-6))) == 2
