"""What `python -m compute bench` measures with, on a tiny pipeline."""

import pytest
import torch
from diffusers import UNet2DConditionModel

from compute.__main__ import main
from compute.checks import bench, efficiency, random_weights
from compute.models import registry
from store.prompts.conditions import of_pairs
from tests.budget import soak


@soak
def test_memory_does_not_grow_with_the_number_of_noises(epsilon_folder):
    few, many = bench._peak_memory(str(epsilon_folder))
    assert many < 1.1 * few


def test_rates_and_needed_evaluations_are_figures(epsilon_folder, monkeypatch):
    monkeypatch.setattr(bench, "SECONDS", 0)
    for name, value in {"RUNS": 3, "NOISES": 16, "POOL": 24, "SINGLE": 12, "STEPS": 2}.items():
        monkeypatch.setattr(efficiency, name, value)
    denoiser, told = registry.load(str(epsilon_folder)), []
    conditions, latent = of_pairs(bench.ASKED[4], denoiser), torch.zeros(denoiser.latent_shape)
    found = dict(bench.rates(denoiser, conditions, latent, 8))
    assert found["engine / bare, 4 texts"] > 0
    assert 1.02 < found["operations allow, 4 texts"] < 2
    monkeypatch.setattr(bench, "BRIEF", 10**9)
    assert dict(bench.rates(denoiser, conditions, latent, 8))["a batch of the engine / bare, 4 texts"] > 0
    monkeypatch.setattr(bench, "LONGEST", bench.LONGEST / 1e5)
    found = dict(bench.rates(denoiser, conditions, latent, 8, ", beside others"))
    assert found["left out, 4 texts, beside others: seconds of a batch"] > 0
    figures = dict(efficiency.measure(denoiser, efficiency.PROBES[:2], 8, long=True, report=told.append))
    assert figures["ITD, logistic / engine, I12 of an image"] > 0
    assert figures["ITD, uniform / engine, S of a prompt"] > 0
    assert len(told) == bench.steps(bench.BenchOptions()) - 5 - len(bench.ASKED)


@soak
def test_a_denoiser_is_compiled_and_then_as_it_was(epsilon_folder):
    denoiser = registry.load(str(epsilon_folder))
    assert (
        dict(bench.compiled(denoiser, torch.zeros(denoiser.latent_shape), 4))["compiled denoiser / bare denoiser"] > 0
    )
    assert denoiser.network._compiled_call_impl is None


@pytest.mark.parametrize(("shape", "count"), [(random_weights.SD_2, 865_910_724), (random_weights.SDXL, 2_567_463_684)])
def test_denoisers_with_random_weights_have_the_size_of_the_real_ones(shape, count):
    with torch.device("meta"):
        assert sum(each.numel() for each in UNet2DConditionModel(**shape).parameters()) == count


def test_a_pipeline_with_random_weights_answers(monkeypatch):
    tiny = random_weights.SD_2 | {
        "sample_size": 8,
        "block_out_channels": (32, 32),
        "attention_head_dim": 4,
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    }
    monkeypatch.setattr(random_weights, "SD_2", tiny)
    denoiser = random_weights.build("sd-2.1", torch.float32, torch.device("cpu"))
    z, level = torch.randn(2, *denoiser.latent_shape), torch.tensor([100, 900])
    assert denoiser.predict_noise(z, level, denoiser.encode(["a", "b"])).isfinite().all()


def test_random_weights_of_another_model_are_refused(capsys):
    assert main(["bench", "--model", "sd-9", "--random-weights", "--size", "64x64"]) == 2
    assert "'sd-9': not known; use one of sd-2.1" in capsys.readouterr().err


def test_random_weights_are_of_a_model_that_is_named(capsys):
    assert main(["models", "--random-weights"]) == 2
    assert "--random-weights: it goes with --check" in capsys.readouterr().err
