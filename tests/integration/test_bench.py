"""What `python -m compute bench` measures with, on a tiny pipeline."""

from compute.checks import bench, efficiency
from compute.models import registry
from tests.budget import soak


@soak
def test_memory_does_not_grow_with_the_number_of_noises(epsilon_folder):
    few, many = bench._peak_memory(str(epsilon_folder))
    assert many < 1.1 * few


def test_rates_and_needed_evaluations_are_figures(epsilon_folder, monkeypatch):
    monkeypatch.setattr(bench, "ROUNDS", 2)
    for name, value in {"REPEATS": 2, "NOISES": 16, "LEARNED_WITH": 16}.items():
        monkeypatch.setattr(efficiency, name, value)
    denoiser, probes = registry.load(str(epsilon_folder)), efficiency.PROBES[:2]
    figures = dict(bench._rates(efficiency.Subject.of(denoiser, probes[0]), 8))
    assert figures["engine / bare"] > 0
    figures = dict(efficiency.measure(denoiser, probes, 8))
    assert all(figures[f"ITD, {kind} / engine, I12"] > 0 for kind in ("logistic", "uniform"))
