"""`python -m compute verify` passes, and fails when an estimator is wrong."""

import json

import pytest

from compute.__main__ import main
from compute.checks import verify
from compute.checks.analytic import GATES
from tests.budget import rounds


def test_every_row_passes(monkeypatch, capsys):
    full = verify.NOISES
    for name, short in {"NOISES": 512, "RUNS": 100, "RUN_IMAGES": 8}.items():
        monkeypatch.setattr(verify, name, rounds(short, getattr(verify, name)))
    code = main(["verify", "--json"])
    rows = json.loads(capsys.readouterr().out)["rows"]
    wider = (full / verify.NOISES) ** 0.5  # errors of fewer noises are as much larger
    assert [row for row in rows if abs(row["error"]) > wider * row["tolerance"]] == []
    assert code == any(not row["passed"] for row in rows)
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
