"""LoRAs, learned words, sizes and forms of weights: part of what a model is, and refused where they do not fit."""

import argparse
import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from compute.commands import arguments
from compute.engine import Engine
from compute.models import parity, registry
from store import settings
from store.catalogue import Catalogue, Filter
from store.errors import InputError
from store.jobs import Budget, Request
from store.jobs.choice import Lora, ModelChoice
from store.records import TokenPair
from tests.families.pipelines import BUILDERS

PLACE = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_v"
RANK = 2


def load(choice: object):
    return registry.load(str(choice), device="cpu")


def factors(adapter, rank: int = RANK) -> tuple[torch.Tensor, torch.Tensor]:
    height, width = adapter.network.get_submodule(PLACE).weight.shape
    generator = torch.Generator().manual_seed(0)
    return torch.randn(rank, width, generator=generator), torch.randn(height, rank, generator=generator)


FORMS = {
    "peft": (f"unet.{PLACE}.lora_A.weight", f"unet.{PLACE}.lora_B.weight", None, 1.0),
    "diffusers": (f"unet.{PLACE}.lora.down.weight", f"unet.{PLACE}.lora.up.weight", None, 1.0),
    "processors": (
        f"unet.{PLACE.replace('to_v', 'processor.to_v')}_lora.down.weight",
        f"unet.{PLACE.replace('to_v', 'processor.to_v')}_lora.up.weight",
        None,
        1.0,
    ),
    "kohya": (
        f"lora_unet_{PLACE.replace('.', '_')}.lora_down.weight",
        f"lora_unet_{PLACE.replace('.', '_')}.lora_up.weight",
        f"lora_unet_{PLACE.replace('.', '_')}.alpha",
        0.5,
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_lora_adds_its_product_to_the_weights(epsilon_folder, tmp_path, form):
    base = load(epsilon_folder)
    down, up = factors(base)
    first, second, alpha, scale = FORMS[form]
    file = tmp_path / "toy.safetensors"
    save_file({first: down, second: up} | ({alpha: torch.tensor(scale * RANK)} if alpha else {}), file)
    changed = load(f"{epsilon_folder} --lora {file}:0.8")
    wanted = base.network.get_submodule(PLACE).weight + 0.8 * scale * up @ down
    torch.testing.assert_close(changed.network.get_submodule(PLACE).weight, wanted)
    assert (changed.name, base.name) == (f"{base.name} + toy:0.8", "epsilon")
    assert changed.revision != base.revision
    assert parity.deviation(changed) <= 1e-5
    assert registry.revision_of(f"{epsilon_folder} --lora {file}:0.8") == changed.revision
    assert registry.revision_of(f"{epsilon_folder} --lora {file}:0.7") != changed.revision


def test_a_lora_of_a_flow_model_is_added_too(tmp_path):
    torch.manual_seed(0)
    BUILDERS["flux"]().save_pretrained(tmp_path / "flux", safe_serialization=True)
    place = "transformer_blocks.0.attn.to_q"
    names = [f"transformer.{place}.lora_{side}.weight" for side in "AB"]
    save_file(dict(zip(names, (torch.ones(1, 32), torch.ones(32, 1)), strict=True)), tmp_path / "toy.safetensors")
    flux, lora = f"{tmp_path}/flux --size 16x16", f" --lora {tmp_path}/toy.safetensors:2"
    base, changed = load(flux), load(flux + lora)
    before, after = (each.network.get_submodule(place).weight for each in (base, changed))
    torch.testing.assert_close(after, before + 2)


def test_results_of_a_model_and_of_its_fine_tune_stand_side_by_side(epsilon_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("compute.engine.STEPS", 2)
    pair = TokenPair.find("a cat and a dog", "cat", "dog")
    down, up = factors(load(epsilon_folder))
    save_file(dict(zip(FORMS["peft"][:2], (down, up), strict=True)), tmp_path / "toy.safetensors")
    for choice in (epsilon_folder, f"{epsilon_folder} --lora {tmp_path}/toy.safetensors"):
        engine = Engine(load(choice))
        engine.run(engine.plan(Request(pairs=(pair,), budget=Budget(16)), tmp_path), tmp_path)
    entries = Catalogue(tmp_path).entries(Filter())
    assert {entry.key.model for entry in entries} == {"epsilon", "epsilon + toy:1"}


WRONG = {
    "another architecture": {f"unet.nowhere.{side}.weight": torch.ones(2, 2) for side in ("lora_A", "lora_B")},
    "has the shape": {f"unet.{PLACE}.lora_A.weight": torch.ones(2, 3), f"unet.{PLACE}.lora_B.weight": torch.ones(3, 2)},
    "no low-rank difference": {"conv.weight": torch.ones(1)},
}


@pytest.mark.parametrize("why", WRONG)
def test_a_lora_that_does_not_fit_is_refused_in_one_line(epsilon_folder, tmp_path, why):
    save_file(WRONG[why], tmp_path / "toy.safetensors")
    with pytest.raises(InputError, match=why) as raised:
        load(f"{epsilon_folder} --lora {tmp_path}/toy.safetensors")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("file", ["none.safetensors", "pickled.bin"])
def test_a_lora_that_is_missing_or_pickled_is_refused(epsilon_folder, tmp_path, file):
    (tmp_path / "pickled.bin").touch()
    with pytest.raises(InputError, match=r"cannot be read|no such file|pickled"):
        load(f"{epsilon_folder} --lora {tmp_path / file}")


def test_a_learned_word_is_read_as_its_vectors(epsilon_folder, tmp_path):
    save_file({"<toy>": torch.ones(3, 16)}, tmp_path / "toy.safetensors")
    changed = load(f"{epsilon_folder} --embedding {tmp_path}/toy.safetensors")
    assert changed.name == "epsilon + toy"
    assert len(changed.tokens("a <toy>")) == 4
    assert changed.tokens("a <toy>") == registry.card(changed, "x").tokens("a <toy>")
    assert parity.deviation(changed) <= 1e-5


def test_images_have_the_size_that_is_asked_for(epsilon_folder):
    wide = load(f"{epsilon_folder} --size 32x16")
    assert (wide.name, wide.latent_shape) == ("epsilon 32x16", (4, 8, 16))
    assert wide.decode(torch.zeros(1, 4, 8, 16)).shape == (1, 16, 32, 3)
    assert wide.revision != load(epsilon_folder).revision


@pytest.mark.parametrize("size", ["big", "8x", "0x16", "17x16", "99999x16"])
def test_a_size_that_no_image_has_is_refused(size):
    with pytest.raises(InputError, match="--size"):
        ModelChoice.parse(f"sd-1.5 --size {size}")


def test_a_choice_is_one_text_and_back(tmp_path):
    choice = ModelChoice(
        "a folder/with blanks", (Lora("/x y/a.safetensors", 0.5), Lora("b")), ("/e.safetensors",), (768, 512), "fp16"
    )
    assert ModelChoice.parse(str(choice)) == choice
    assert ModelChoice.parse("/data/my --odd folder").model == "/data/my --odd folder"
    assert ModelChoice.of("sd-1.5 --size 64x64", ["b:2"], size="32x32").size == (32, 32)


def test_a_sharded_pipeline_is_the_same_model(tmp_path):
    torch.manual_seed(0)
    pipeline = BUILDERS["stable_diffusion_3"]()
    pipeline.save_pretrained(tmp_path / "whole", safe_serialization=True)
    pipeline.save_pretrained(tmp_path / "sharded", safe_serialization=True, max_shard_size="20KB")
    assert len(list((tmp_path / "sharded/transformer").glob("*-of-*.safetensors"))) > 1
    whole, sharded = (load(f"{tmp_path / name} --size 16x16") for name in ("whole", "sharded"))
    z, level = torch.randn(1, *whole.latent_shape), torch.tensor([500])
    found = [each.predict_noise(z, level, each.encode(["a cat"])) for each in (whole, sharded)]
    torch.testing.assert_close(*found)


def test_one_of_several_forms_of_weights_is_chosen(epsilon_folder, tmp_path):
    folder = shutil.copytree(epsilon_folder, tmp_path / "both")
    for file in list(folder.rglob("*.safetensors")):
        for form in ("bf16", "fp16"):
            shutil.copy(file, file.with_suffix(f".{form}.safetensors"))
        file.unlink()
    with pytest.raises(InputError, match="bf16, fp16 alone; choose one by --variant"):
        load(folder)
    assert load(f"{folder} --variant fp16").name == "both"
    with pytest.raises(InputError, match="variant int4; omit --variant"):
        load(f"{epsilon_folder} --variant int4")
    assert Path(folder).is_dir()


def test_a_lora_of_the_hub_comes_from_its_cache(epsilon_folder, tmp_path, monkeypatch):
    base = load(epsilon_folder)
    down, up = factors(base)
    repository = tmp_path / "hub/models--acme--toy"
    snapshot = repository / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text("a" * 40)
    save_file({FORMS["peft"][0]: down, FORMS["peft"][1]: up}, snapshot / "toy.safetensors")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    changed = load(f"{epsilon_folder} --lora acme/toy:0.8")
    wanted = base.network.get_submodule(PLACE).weight + 0.8 * up @ down
    torch.testing.assert_close(changed.network.get_submodule(PLACE).weight, wanted)
    assert changed.name.endswith("+ toy:0.8")
    same = load(f"{epsilon_folder} --lora {snapshot / 'toy.safetensors'}:0.8")
    assert same.revision == changed.revision == registry.revision_of(f"{epsilon_folder} --lora acme/toy:0.8")
    shutil.copy(snapshot / "toy.safetensors", snapshot / "other.safetensors")
    with pytest.raises(InputError, match="it has other.safetensors, toy.safetensors; choose one: --lora acme/toy/FILE"):
        load(f"{epsilon_folder} --lora acme/toy")
    assert load(f"{epsilon_folder} --lora acme/toy/toy.safetensors").name.endswith("+ toy:1")
    with pytest.raises(InputError, match="LoRA acme/nothing: cannot be downloaded"):
        load(f"{epsilon_folder} --lora acme/nothing")


@pytest.mark.parametrize("option", ["acme/toy", "acme/toy:0.5", "toy.safetensors", "loras/toy.safetensors"])
def test_an_id_stays_an_id_and_a_file_gets_its_whole_path(option):
    parser = argparse.ArgumentParser()
    arguments.add_model(parser, settings.load())
    given = parser.parse_args(["--model", "m", "--lora", option])
    (lora,) = ModelChoice.parse(arguments.model_of(given)).loras
    assert lora.file == "acme/toy" if lora.hub_id else Path(lora.file).is_absolute()
    assert bool(lora.hub_id) == option.startswith("acme")
