"""Results of the former way to draw noises stay, and get more noises."""

from compute.checks.analytic import GATES, AnalyticDenoiser
from compute.engine import Engine
from compute.estimation.noise_levels import FORMER
from compute.planning import work
from store.jobs import Budget, Request
from store.records import TokenPair


def asked(noises):
    return Request(pairs=(TokenPair.find("a0 b1", "a0", "b1"),), seeds=(0, 1), budget=Budget(noises))


def test_noises_of_a_former_scheme_count_and_are_added_to(tmp_path, monkeypatch):
    engine = Engine(AnalyticDenoiser(GATES["UNQ"]))
    with monkeypatch.context() as patch:
        patch.setattr(work, "SCHEME", FORMER[0])
        before = engine.run(engine.plan(asked(16), tmp_path), tmp_path)
    assert engine.plan(asked(16), tmp_path).cost.images == 0
    more = engine.plan(asked(32), tmp_path)
    assert [(item.done, bool(item.known)) for item in more.items] == [(16, True)] * 2
    after = engine.run(more, tmp_path)
    assert after.pairs[0].noises == (32, 32)
    old, new = (each.pairs[0].information["pid"].maps.maps["both"].mean(1) for each in (before, after))
    assert new.shape == old.shape and (new != old).any()
