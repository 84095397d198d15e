"""What `python -m compute bench` measures with, on a tiny pipeline."""

from compute.checks import bench


def test_memory_does_not_grow_with_the_number_of_noises(epsilon_folder):
    few, many = bench._peak_memory(str(epsilon_folder))
    assert many < 1.1 * few


def test_rates_and_needed_evaluations_are_figures(epsilon_folder, monkeypatch):
    monkeypatch.setattr(bench, "ROUNDS", 2)
    monkeypatch.setattr(bench, "REPEATS", 2)
    monkeypatch.setattr(bench, "NOISES", 16)
    subject = bench.Subject.of(str(epsilon_folder))
    figures = dict([*bench._rates(subject, 8), *bench._efficiency(subject, 8)])
    assert figures["engine / bare"] > 0
    assert all(figures[f"independent / engine, I12, {kind}"] > 0 for kind in bench.LOGISTIC)
