"""`python -m compute verify` passes, and fails when an estimator is wrong."""

import json

import pytest

from compute.checks import verify
from compute.checks.analytic import GATES
from tests.integration.test_run import command


def test_every_row_passes():
    done = command("verify", "--json")
    rows = json.loads(done.stdout)["rows"]
    assert [row for row in rows if not row["passed"]] == []
    assert done.returncode == 0
    assert {row["check"] for row in rows} >= {*GATES, "grid", "parity", "calibration"}


def test_a_wrong_integral_is_noticed(monkeypatch):
    whole = verify.NoiseLevels.of
    monkeypatch.setattr(verify.NoiseLevels, "of", lambda log_snr: whole(log_snr, highest=-3.0))
    monkeypatch.setattr(verify, "NOISES", 2048)
    assert not all(row.passed for row in verify._gate(GATES["XOR"]))


@pytest.mark.parametrize("gate", GATES)
def test_tolerances_are_small_against_the_truth(gate, monkeypatch):
    monkeypatch.setattr(verify, "NOISES", 16)
    rows = [row for row in verify._gate(GATES[gate]) if row.unit == "bits"]
    assert rows
    assert all(abs(row.truth) < 1e-9 or row.tolerance <= row.truth / 3 for row in rows)
