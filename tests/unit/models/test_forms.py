"""The forms in which saved pipelines come: each loads as it is, or is refused in one line that names the cause."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import EDMEulerScheduler, UNet2DConditionModel
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer

from compute.estimation import images
from compute.models import parity, registry
from store.catalogue import Catalogue, Filter
from store.errors import InputError
from store.prompts.conditions import check_length
from store.records import Span
from store.settings import DEMO_STORE
from tests import pipelines

UNET = "unet/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"


@pytest.fixture
def folder(epsilon_folder, tmp_path) -> Path:
    return shutil.copytree(epsilon_folder, tmp_path / "model")


@pytest.fixture
def xl(xl_folder, tmp_path) -> Path:
    return shutil.copytree(xl_folder, tmp_path / "xl")


def load(folder: Path, **options):
    return registry.load(str(folder), device="cpu", **options)


def edit(path: Path, drop: str = "", **values) -> None:
    content = json.loads(path.read_text()) | values
    content.pop(drop, None)
    path.write_text(json.dumps(content))


def change(path: Path, work: Callable[[dict[str, torch.Tensor]], object]) -> None:
    weights = load_file(path)
    work(weights)
    save_file(weights, path, metadata={"format": "pt"})


def drop(part: str) -> Callable[[dict[str, torch.Tensor]], object]:
    return lambda weights: [weights.pop(key) for key in list(weights) if part in key]


def reconfigured(folder: Path, **values) -> None:
    """Another U-Net of the same shape but for `values`."""
    torch.manual_seed(1)
    config = UNet2DConditionModel.load_config(folder / "unet")
    UNet2DConditionModel.from_config(config, **values).save_pretrained(folder / "unet", safe_serialization=True)


def states(denoiser, text: str) -> torch.Tensor:
    """What the denoiser is given of `text`, (1, 1, tokens, width)."""
    (group,) = denoiser.encode([text]).groups
    return next(values for path, values in group.kept.items() if path[-1] == "encoder_hidden_states")


# What is refused


@pytest.mark.parametrize(
    ("file", "key"),
    [(TEXT, "mlp"), (UNET, "attn2"), ("vae/diffusion_pytorch_model.safetensors", "decoder.conv_out.weight")],
)
def test_missing_weights_of_any_part_are_named(folder, file, key):
    change(folder / file, drop(key))
    with pytest.raises(InputError, match=rf"{file.partition('/')[0]} .*missing .*{key}"):
        load(folder)


def test_a_missing_projection_of_the_second_encoder_is_named(xl):
    change(xl / "text_encoder_2/model.safetensors", drop("text_projection"))
    with pytest.raises(InputError, match=r"text_encoder_2 .*missing text_projection\.weight"):
        load(xl)


def test_weights_that_nothing_asks_for_are_named(folder):
    change(folder / TEXT, lambda weights: weights.update({"text_model.extra.weight": torch.zeros(1)}))
    with pytest.raises(InputError, match=r"text_encoder .*unexpected .*extra\.weight"):
        load(folder)


def test_what_old_files_hold_besides_weights_is_no_harm(folder):
    name = "text_model.embeddings.position_ids"
    change(folder / TEXT, lambda weights: weights.update({name: torch.arange(77)[None]}))
    assert load(folder).token_limit == 75


def pointer(folder: Path) -> None:
    (folder / TEXT).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 492265168\n")


def cut(folder: Path) -> None:
    os.truncate(folder / UNET, (folder / UNET).stat().st_size - 8)


def garbage(folder: Path) -> None:
    (folder / UNET).write_bytes(b"garbage" * 10)


def pickled(folder: Path) -> None:
    (folder / TEXT).rename(folder / "text_encoder/pytorch_model.bin")


def half_sharded(folder: Path) -> None:
    (folder / TEXT).rename(folder / "text_encoder/model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "text_encoder/model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))


def nine_channels(folder: Path) -> None:
    reconfigured(folder, in_channels=9)


def edm(folder: Path) -> None:
    shutil.rmtree(folder / "scheduler")
    EDMEulerScheduler().save_pretrained(folder / "scheduler")
    edit(folder / "model_index.json", scheduler=["diffusers", "EDMEulerScheduler"])


FAULTS = {
    pointer: "text_encoder/model.safetensors is a Git LFS pointer",
    cut: "unet/diffusion_pytorch_model.safetensors is cut off",
    garbage: "unet/diffusion_pytorch_model.safetensors is cut off or damaged",
    pickled: "pickled",
    half_sharded: "text_encoder/model-00002-of-00002.safetensors is missing",
    nine_channels: "9 channels",
    edm: "EDMEulerScheduler has no schedule",
    lambda folder: shutil.rmtree(folder / "tokenizer"): "its tokenizer is missing",
    lambda folder: shutil.rmtree(folder / "vae"): "its vae is missing",
    lambda folder: (folder / TEXT).unlink(): "weights of its text_encoder are missing",
    lambda folder: [file.unlink() for file in (folder / "tokenizer").glob("tokenizer.json")]: "vocabulary",
    lambda folder: (folder / "model_index.json").write_text("{"): "model_index.json cannot be read",
    lambda folder: (folder / "model_index.json").write_text("[]"): "model_index.json is not a table",
    lambda folder: (folder / "model_index.json").unlink(): "has no model_index.json",
    lambda folder: edit(folder / "model_index.json", _class_name=["pipeline", "My"]): "code of its own",
    lambda folder: edit(folder / "model_index.json", _class_name="DiTPipeline"): "DiTPipeline is not supported",
    lambda folder: edit(folder / "model_index.json", unet=["diffusers", "NoSuchUNet"]): "NoSuchUNet",
    lambda folder: edit(folder / "scheduler/scheduler_config.json", prediction_type="flow"): "it predicts 'flow'",
}


@pytest.mark.parametrize("fault", FAULTS, ids=list(FAULTS.values()))
def test_a_model_that_cannot_be_used_is_refused_in_one_line(folder, fault):
    fault(folder)
    with pytest.raises(InputError, match=FAULTS[fault]) as raised:
        load(folder)
    assert "\n" not in str(raised.value)


def test_an_xl_model_without_a_tokenizer_is_refused(xl):
    edit(xl / "model_index.json", tokenizer=[None, None], text_encoder=[None, None])
    with pytest.raises(InputError, match="no tokenizer"):
        load(xl)


@pytest.mark.parametrize("model", ["x" * 5000, "a\0b", "a/b\0", "~/nowhere/at/all", "/" + "y" * 300])
def test_what_is_no_model_s_name_is_refused(model):
    with pytest.raises(InputError) as raised:
        registry.locate(model)
    assert len(str(raised.value)) < 500


# What loads


def test_half_weights_alone_are_found(folder):
    for file in folder.rglob("*.safetensors"):
        weights = {key: value.half() for key, value in load_file(file).items()}
        save_file(weights, file.with_suffix(".fp16.safetensors"), metadata={"format": "pt"})
        file.unlink()
    assert load(folder).network.dtype == torch.float32
    half = load(folder, dtype="float16")
    assert (half.network.dtype, half.revision) == (torch.float16, load(folder).revision)


def test_a_tokenizer_without_a_limit_has_its_encoder_s(folder):
    edit(folder / "tokenizer/tokenizer_config.json", drop="model_max_length")
    denoiser = load(folder)
    assert denoiser.token_limit == 75
    assert states(denoiser, "a cat").shape[2] == 77


def test_parts_that_draw_nothing_are_not_asked_for(folder):
    absent = {"feature_extractor": ["transformers", "CLIPImageProcessor"], "safety_checker": ["stable_diffusion", "X"]}
    edit(folder / "model_index.json", **absent)
    assert load(folder).pipeline.safety_checker is None


@pytest.mark.parametrize("name", ["folder", "xl"])
def test_images_need_not_be_square(request, name):
    saved = request.getfixturevalue(name)
    edit(saved / "unet/config.json", sample_size=[8, 16])
    denoiser = load(saved)
    assert denoiser.latent_shape == (4, 8, 16)
    latent = images.generate(denoiser, "a cat", 0, 1.0, 4)
    shown = denoiser.decode(images.as_tensor(latent)[None])
    assert (latent.shape, shown.shape) == ((4, 8, 16), (1, 16, 32, 3))


def test_a_u_net_that_is_told_the_guidance_is_told_of_none(folder):
    reconfigured(folder, time_cond_proj_dim=8)
    assert parity.deviation(load(folder)) <= 1e-5


def test_a_learned_token_counts_as_all_its_vectors(folder):
    learned = ["<cat-toy>", "<cat-toy>_1", "<cat-toy>_2"]
    pipeline = load(folder).pipeline
    pipeline.tokenizer.add_tokens(learned)
    pipeline.text_encoder.resize_token_embeddings(len(pipeline.tokenizer))
    pipeline.save_pretrained(folder, safe_serialization=True)
    denoiser = load(folder)
    card, tokenizer = registry.card(denoiser, str(folder)), denoiser.pipeline.tokenizer
    for text in ("a <cat-toy> x", "<cat-toy> in a <cat-toy>, A <cat-toy>s", "a cat"):
        converted = denoiser.pipeline.maybe_convert_prompt(text, tokenizer)
        wanted = tokenizer(converted, add_special_tokens=False).input_ids
        assert [token.id for token in denoiser.tokens(text)] == wanted
        assert card.tokens(text) == denoiser.tokens(text)
    spans = [text[token.start : token.stop] for text in ["a <cat-toy> x"] for token in denoiser.tokens(text)]
    assert spans == ["a", *["<cat-toy>"] * 3, "x"]
    recorder = denoiser.attention("a <cat-toy> x", [Span(2, 11), Span(12, 13)])
    assert recorder._tokens == [[2, 3, 4], [5]]


def test_a_text_is_counted_by_the_tokenizer_that_makes_the_most_of_it(xl):
    merged = pipelines.tokenizer().get_vocab()
    merged["ca"], merged["cat</w>"] = merged.pop("{"), merged.pop("}")
    CLIPTokenizer(vocab=merged, merges=[("c", "a"), ("ca", "t</w>")], model_max_length=77).save_pretrained(
        xl / "tokenizer"
    )
    denoiser = load(xl)
    card = registry.card(denoiser, str(xl))
    for reader in (denoiser, card):
        assert [prompt[slice(*token[1:])] for prompt in ["a cat"] for token in reader.tokens(prompt)] == list("acat")
        assert len(reader.tokens("cat " * 30)) == 90  # 30 of the first tokenizer, which would be read whole
        with pytest.raises(InputError, match="reads 75 and would cut off"):
            check_length("cat " * 30, reader)
        check_length("cat " * 25, reader)
    assert denoiser.attention("a cat", [Span(2, 5)])._tokens == [[2, 3, 4]]
    assert parity.deviation(denoiser) <= 1e-5


# What overflows


def larger(key: str, factor: float) -> Callable[[dict[str, torch.Tensor]], object]:
    return lambda weights: [weights.update({name: weights[name] * factor}) for name in weights if key in name]


def test_an_autoencoder_that_overflows_in_half_precision_decodes_in_float32(folder):
    edit(folder / "vae/config.json", force_upcast=False)
    change(folder / "vae/diffusion_pytorch_model.safetensors", larger("decoder.conv_in", 3e5))
    exact, half = load(folder), load(folder, dtype="float16")
    latents = torch.randn(2, *exact.latent_shape, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(half.decode(latents).astype(int), exact.decode(latents), atol=3)
    assert half.pipeline.vae.dtype == torch.float16


def test_an_autoencoder_that_overflows_in_any_precision_is_refused(folder):
    change(folder / "vae/diffusion_pytorch_model.safetensors", larger("decoder.conv_out", float("inf")))
    with pytest.raises(InputError, match="autoencoder returns is not finite in float32; check its weights"):
        load(folder).decode(torch.zeros(1, 4, 8, 8))


def test_a_u_net_that_overflows_in_half_precision_names_the_precision(folder):
    change(folder / UNET, larger("conv_in", 1e6))
    with pytest.raises(InputError, match="not finite in float16; use --dtype float32"):
        load(folder, dtype="float16")


def test_images_that_overflow_in_half_precision_name_the_precision(folder):
    half = load(folder, dtype="float16")
    half.network.conv_out.bias.data.fill_(6e4)
    with pytest.raises(InputError, match="not finite in float16; use --dtype float32 or bfloat16"):
        half.generate("a cat", [0], 8.0, 4)


# Which weights they are


def test_the_identity_is_that_of_what_is_loaded(folder):
    first = registry.locate(str(folder)).identity()
    (folder / ".DS_Store").write_text("x")
    (folder / "README.md").write_text("x")
    (folder / "unet/old.safetensors").write_bytes(b"unused")
    edit(folder / "unet/config.json", _diffusers_version="0.99.0")
    edit(folder / "text_encoder/config.json", transformers_version="9.9", torch_dtype="float16")
    assert registry.locate(str(folder)).identity() == first
    edit(folder / "scheduler/scheduler_config.json", beta_end=0.5)
    assert registry.locate(str(folder)).identity() != first


def test_one_changed_tensor_is_another_identity_whatever_is_remembered(folder, tmp_path):
    first = registry.locate(str(folder)).identity(tmp_path)
    assert registry.locate(str(folder)).identity(tmp_path) == first
    change(folder / UNET, larger("attn2.to_v", 1.5))
    second = registry.locate(str(folder)).identity(tmp_path)
    assert second != first
    assert registry.locate(str(folder)).identity() == second


def test_what_is_remembered_saves_reading(folder, tmp_path):
    first = registry.locate(str(folder)).identity(tmp_path)
    path, state = folder / UNET, (folder / UNET).stat()
    with path.open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\xff" * 4)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert registry.locate(str(folder)).identity(tmp_path) == first != registry.locate(str(folder)).identity()


def test_two_folders_of_one_name_are_two_revisions(folder, v_folder, tmp_path):
    other = shutil.copytree(v_folder, tmp_path / "other/model")
    one, two = load(folder), load(other)
    assert one.name == two.name == "model"
    assert one.revision != two.revision


def in_cache(source: Path, cache: Path, commit: str, without: str = "") -> Path:
    """A copy of a saved pipeline as the hub's cache holds it."""
    base = cache / "models--acme--tiny"
    snapshot = base / "snapshots" / commit
    for file in (file for file in source.rglob("*") if file.is_file() and file.name != without):
        blob = base / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
        blob.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, blob)
        link = snapshot / file.relative_to(source)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    (base / "refs").mkdir(exist_ok=True)
    (base / "refs/main").write_text(commit)
    return snapshot


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """The hub's cache, without a network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def test_the_revision_of_a_hub_model_is_its_commit(hub, epsilon_folder):
    for commit in ("a" * 40, "b" * 40):
        in_cache(epsilon_folder, hub, commit)
        for revision in (None, "main", commit):
            denoiser = registry.load("acme/tiny", revision, device="cpu")
            assert (denoiser.name, denoiser.revision) == ("acme/tiny", commit)


def test_a_pipeline_that_is_not_supported_is_refused_before_its_weights_are_downloaded(hub, epsilon_folder):
    snapshot = in_cache(epsilon_folder, hub, "a" * 40, without="diffusion_pytorch_model.safetensors")
    edit(snapshot / "model_index.json", _class_name="WanPipeline")
    with pytest.raises(InputError, match="WanPipeline is not supported: it makes videos"):
        registry.locate("acme/tiny")


def test_a_pipeline_is_known_by_its_former_name(folder):
    edit(folder / "model_index.json", _class_name="LuminaText2ImgPipeline")
    assert registry.locate(str(folder)).family == "LuminaPipeline"


def test_a_snapshot_folder_is_named_as_its_model(hub, epsilon_folder):
    snapshot = in_cache(epsilon_folder, hub, "a" * 40)
    saved = registry.locate(str(snapshot))
    assert (saved.model, saved.identity()) == ("acme/tiny", "a" * 40)


def test_half_a_download_is_not_present(hub, epsilon_folder, v_folder):
    known = registry.KnownModel("tiny", "acme/tiny", "")
    assert not known.present
    in_cache(epsilon_folder, hub, "a" * 40, without="model.safetensors")
    assert not known.present
    in_cache(epsilon_folder, hub, "b" * 40)
    assert known.present


# Parity


def test_parity_is_found_out_once_and_kept(folder, tmp_path, monkeypatch):
    denoiser = load(folder, cache=tmp_path)
    found = parity.remembered(denoiser.revision, tmp_path)
    assert 0 <= found <= 1e-5
    monkeypatch.setattr(parity, "deviation", lambda _: pytest.fail("it was found out before"))
    assert load(folder, cache=tmp_path).revision == denoiser.revision


def test_predictions_that_are_not_the_pipeline_s_are_refused(folder):
    denoiser = load(folder)
    assert parity.check(denoiser) <= 1e-5
    encode = denoiser.encode
    denoiser.encode = lambda texts: encode(["another text"] * len(texts))
    with pytest.raises(InputError, match="differ from those of its pipeline"):
        parity.check(denoiser)


def test_the_model_that_ships_is_known_by_the_revision_of_the_store_that_ships():
    denoiser = registry.load("embedded", device="cpu")
    stored = {entry.key.revision for entry in Catalogue(DEMO_STORE).entries(Filter(model="embedded"))}
    assert stored == {denoiser.revision}
