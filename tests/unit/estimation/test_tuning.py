"""What is measured of a machine, and when it is heeded."""

import json
import os

import pytest
import torch

from compute.estimation import tuning
from compute.estimation.noise_levels import NoiseLevels
from compute.models import registry
from store.prompts.conditions import of_pairs
from store.records import TokenPair


@pytest.fixture(scope="module")
def denoiser(epsilon_folder):
    return registry.load(str(epsilon_folder), device="cpu")


@pytest.fixture(autouse=True)
def briefly(monkeypatch):
    monkeypatch.setattr(tuning, "SECONDS", 0.02)


def work(denoiser, noises):
    conditions = of_pairs([TokenPair.find("a cat", "a", "cat")], denoiser)
    latent = torch.randn(denoiser.latent_shape, generator=torch.Generator().manual_seed(0))
    levels = NoiseLevels.of(denoiser.log_snr)
    return tuning.Workload(levels, latent, conditions, denoiser.encode(conditions.texts), noises)


def remembered(denoiser, folder, speeds, batch=16):
    folder.mkdir(exist_ok=True)
    (folder / tuning.NAME).write_text(json.dumps({tuning._key(denoiser): {"batch": batch, "speeds": speeds}}))


def test_a_short_run_measures_nothing(denoiser, tmp_path):
    assert tuning.tune(denoiser, work(denoiser, 64), 1, tmp_path) == tuning.Tuning(torch.float32)
    assert not list(tmp_path.iterdir())


def test_what_is_measured_is_remembered(denoiser, tmp_path):
    chosen = tuning.tune(denoiser, work(denoiser, 64), 8, tmp_path / "cache")
    (known,) = json.loads((tmp_path / "cache" / tuning.NAME).read_text()).values()
    assert known["batch"] in tuning.BATCHES
    assert set(known["speeds"]) == {"float32", "bfloat16"}
    assert chosen.batch == known["batch"]


def test_a_fast_precision_is_taken_only_where_it_agrees(denoiser, tmp_path):
    remembered(denoiser, tmp_path, {"float32": 1.0, "bfloat16": 2.0})
    given = work(denoiser, 64)
    off = tuning.deviation(denoiser, given, 16, torch.bfloat16)
    expected = torch.bfloat16 if off <= tuning.TOLERATED else torch.float32
    assert tuning.tune(denoiser, given, 8, tmp_path) == tuning.Tuning(expected, 16)
    assert tuning.tune(denoiser, work(denoiser, 64 * 10**8), 8, tmp_path).dtype == torch.float32


def test_the_most_precise_one_agrees_with_itself(denoiser):
    assert tuning.deviation(denoiser, work(denoiser, 64), 8, torch.float32) == 0


@pytest.mark.parametrize("content", ["", "no JSON", "{}", "[]", "[" * 100_000, "\ud800"])
def test_a_memory_that_cannot_be_read_is_made_anew(denoiser, tmp_path, content):
    (tmp_path / tuning.NAME).write_text(content, errors="surrogatepass")
    tuning.tune(denoiser, work(denoiser, 64), 8, tmp_path)
    assert tuning._key(denoiser) in json.loads((tmp_path / tuning.NAME).read_text())


@pytest.mark.parametrize(
    "known",
    [
        3,
        {"batch": 0, "speeds": {"float32": 1.0, "bfloat16": 2.0}},
        {"batch": 16.0, "speeds": {"float32": 1.0, "bfloat16": 2.0}},
        {"batch": 10**30, "speeds": {"float32": 1.0, "bfloat16": 2.0}},
        {"batch": 16, "speeds": {"float32": 1.0, "bfloat16": "fast"}},
        {"batch": 16, "speeds": {"float32": 1.0, "int4": 9.0}},
        {"batch": 16, "speeds": []},
    ],
    ids=str,
)
def test_what_was_never_measured_is_not_heeded(denoiser, tmp_path, known):
    (tmp_path / tuning.NAME).write_text(json.dumps({tuning._key(denoiser): known}))
    assert tuning.tune(denoiser, work(denoiser, 64), 1, tmp_path) == tuning.Tuning(torch.float32)


def test_a_memory_that_is_no_file_is_not_waited_for(denoiser, tmp_path):
    os.mkfifo(tmp_path / tuning.NAME)
    assert tuning.tune(denoiser, work(denoiser, 64), 1, tmp_path) == tuning.Tuning(torch.float32)
