"""What models need of memory is said before they are loaded, and quantizing and offloading make it less."""

import importlib.util

import numpy as np
import pytest
import torch

from compute.models import parity, registry
from compute.models.replay.adapter import PipelineAdapter
from compute.models.weights import memory
from compute.models.weights.loading import load_pipeline
from store.errors import InputError
from store.jobs.choice import LAYERS, OFFLOADS, PARTS, ModelChoice
from tests.budget import SOAK

CPU, GPU = torch.device("cpu"), torch.device("cuda")
GIB = 2**30


@pytest.fixture(scope="module")
def saved(xl_folder):
    return registry.locate(str(xl_folder))


def total(saved, *options) -> float:
    return sum(memory.needed(part, *options) for part in saved.parts.values())


def test_weights_that_do_not_fit_are_refused_before_they_are_loaded(saved, tmp_path, monkeypatch):
    (tmp_path / "meminfo").write_text("MemTotal: 30 kB\nMemFree: 1 kB\n")
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    said = r"its weights take .* in float32, and cpu has .*; use --dtype bfloat16, --quantize int8 or a device with"
    with pytest.raises(InputError, match=said):
        memory.check(saved, torch.float32, CPU, ModelChoice("xl"))


def test_what_weights_take_follows_from_their_files(saved, xl_folder):
    held = sum(file.stat().st_size for file in xl_folder.rglob("*.safetensors"))
    assert 0.8 * held < total(saved, torch.float32) <= held
    assert total(saved, torch.float32) == 2 * total(saved, torch.bfloat16)
    sizes = [total(saved, torch.bfloat16, quantize) for quantize in ("nf4", "int8", "")]
    assert sizes == sorted(set(sizes))
    vae = saved.parts["vae"]
    assert memory.needed(vae, torch.bfloat16, "int8") == memory.needed(vae, torch.bfloat16)


@pytest.mark.parametrize(
    ("options", "mends"),
    [
        ("", "--quantize int8, --offload or a device"),
        (" --quantize int8", "--quantize nf4, --offload or a device"),
        (" --offload", "--quantize int8, --offload-layers or a device"),
        (" --quantize nf4 --offload-layers", "use a device with more memory"),
    ],
)
def test_on_a_gpu_what_makes_it_fit_is_named(saved, monkeypatch, options, mends):
    monkeypatch.setattr(memory, "there", lambda device: 0)
    monkeypatch.setattr(memory, "find_spec", lambda name: name)
    with pytest.raises(InputError, match=mends):
        memory.check(saved, torch.bfloat16, GPU, ModelChoice.parse(f"xl{options}"))


def test_offloaded_parts_need_as_much_of_the_gpu_as_the_largest(saved, monkeypatch):
    largest = max(memory.needed(part, torch.bfloat16) for part in saved.parts.values())
    monkeypatch.setattr(memory, "there", lambda device: GIB if device.type == "cpu" else largest)
    assert memory.check(saved, torch.bfloat16, GPU, ModelChoice("xl", offload=PARTS)).endswith("1.0 GiB on cpu")
    with pytest.raises(InputError, match="--offload"):
        memory.check(saved, torch.bfloat16, GPU, ModelChoice("xl"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--offload", "--offload: it moves weights to a device as they are needed, and the CPU has them"),
        ("--offload-layers", "--offload-layers: it moves"),
        ("--quantize nf4", "nf4: (it needs bitsandbytes|bitsandbytes needs an NVIDIA GPU)"),
        ("--quantize int4", "--quantize int4: no known form; use one of int8, nf4"),
    ],
)
def test_what_does_not_work_here_is_refused(epsilon_folder, options, said):
    with pytest.raises(InputError, match=said):
        registry.load(f"{epsilon_folder} {options}", device="cpu")


def test_a_quantization_without_its_package_is_refused(saved, monkeypatch):
    monkeypatch.setattr(memory, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="int8: it needs torchao, which is not installed; .*pip install torchao"):
        memory.check(saved, torch.bfloat16, CPU, ModelChoice("xl", quantize="int8"))


def test_a_lora_is_not_merged_into_quantized_weights(saved, monkeypatch):
    monkeypatch.setattr(memory, "find_spec", lambda name: name)
    with pytest.raises(InputError, match="quantized ones cannot be changed"):
        memory.check(saved, torch.bfloat16, CPU, ModelChoice.of("xl", ["a.safetensors"], quantize="int8"))


def test_quantized_weights_are_another_model_and_offloaded_ones_are_not():
    names = ("int8", "nf4", "")
    choices = [ModelChoice("xl", quantize=name) for name in names]
    assert len({choice.identity("base") for choice in choices}) == 3
    assert [choice.label for choice in choices] == [" int8", " nf4", ""]
    for name in OFFLOADS:
        offloaded = ModelChoice("xl", offload=name)
        assert (offloaded.identity("base"), offloaded.label) == ("base", "")
        assert ModelChoice.parse(str(offloaded)) == offloaded


@pytest.mark.parametrize("offload", OFFLOADS)
def test_an_offloaded_pipeline_predicts_the_same(epsilon_folder, offload):
    saved = registry.locate(str(epsilon_folder))
    plain, moved = (
        PipelineAdapter(memory.place(load_pipeline(saved, torch.float32), CPU, how), "tiny", "1", fixed=how == LAYERS)
        for how in ("", offload)
    )
    assert moved.device.type == "cpu"
    assert parity.deviation(moved) <= 1e-6
    z, level = torch.randn(1, *plain.latent_shape), torch.tensor([400])
    found = [each.predict_noise(z, level, each.encode(["a cat"])) for each in (plain, moved)]
    torch.testing.assert_close(*found)
    image = moved.decode(moved.generate("a cat", [0], 7.5, 2))
    np.testing.assert_array_equal(image, plain.decode(plain.generate("a cat", [0], 7.5, 2)))
    assert moved.encode_image(image[0]).isfinite().all()


def test_an_autoencoder_short_of_memory_decodes_in_tiles(epsilon_folder):
    adapter = registry.load(str(epsilon_folder), device="cpu")
    vae = adapter.pipeline.vae
    latents = torch.randn(2, *adapter.latent_shape)
    whole, own = adapter.decode(latents), vae.decode

    def short(*args, **kwargs):
        if not vae.use_tiling:
            raise torch.OutOfMemoryError("no memory")
        return own(*args, **kwargs)

    vae.decode = short
    np.testing.assert_array_equal(adapter.decode(latents), whole)  # a tile is larger than these
    assert vae.use_slicing and vae.use_tiling


if SOAK and importlib.util.find_spec("torchao"):

    def test_int8_weights_predict_nearly_the_same(epsilon_folder):
        plain = registry.load(str(epsilon_folder), device="cpu")
        quantized = registry.load(f"{epsilon_folder} --quantize int8", device="cpu")
        z, level = torch.randn(1, *plain.latent_shape), torch.tensor([400])
        one, other = (each.predict_noise(z, level, each.encode(["a cat"])) for each in (plain, quantized))
        assert 0 < (one - other).abs().max() < 0.05 * one.abs().max()
