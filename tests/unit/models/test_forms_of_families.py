"""The forms of weights and the faults of saved pipelines hold for every family, and not for U-Nets alone."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentencepiece import sentencepiece_model_pb2

from compute.models import parity, registry
from compute.models.replay.adapter import PipelineAdapter
from compute.models.replay.reading import UNBOUNDED
from store.errors import InputError
from store.prompts.conditions import check_length
from tests.budget import soak
from tests.families.newer import NEWER
from tests.families.pipelines import BUILDERS
from tests.families.unlisted import UNLISTED

ALL = BUILDERS | {build.__name__: build for build in (*UNLISTED, *NEWER)}
OPTIONAL = {"text_encoder_3", "tokenizer_3"}  # of Stable Diffusion 3
PROMPT = "a cat and a dog"
LORA_LAYERS = ("to_q", "to_v", "to_k", "to_qkv_mlp_proj")


@pytest.fixture(
    scope="module", params=[name if name == "flux" else pytest.param(name, marks=soak) for name in BUILDERS]
)
def saved(request, tmp_path_factory) -> tuple[Path, int]:
    """The folder of one family, and the side of its images in pixels."""
    torch.manual_seed(0)
    pipeline, folder = BUILDERS[request.param](), tmp_path_factory.mktemp(request.param)
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder, 32 if request.param == "sana" else 8 * getattr(pipeline, "vae_scale_factor", 2)


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    """A copy of it, to be changed."""
    return shutil.copytree(saved[0], tmp_path / "model")


@pytest.fixture
def load(saved):
    """What loads a folder of the family's kind."""
    side = saved[1]

    def loading(folder: Path, *, wide: int = 1, more: str = "", **options) -> PipelineAdapter:
        return registry.load(f"{folder} --size {wide * side}x{side}{more}", device="cpu", **options)

    return loading


def parts(folder: Path) -> list[str]:
    """The names of the parts with weights."""
    return sorted({file.parent.name for file in folder.rglob("*.safetensors")})


def denoiser(folder: Path) -> str:
    return next(name for name in ("transformer", "unet") if (folder / name).is_dir())


def weights(folder: Path, part: str) -> Path:
    (file,) = (folder / part).glob("*.safetensors")
    return file


def change(file: Path, work) -> None:
    found = load_file(file)
    work(found)
    save_file(found, file, metadata={"format": "pt"})


def edit(file: Path, **values) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def predicted(adapter: PipelineAdapter) -> torch.Tensor:
    z = torch.randn(1, *adapter.latent_shape, generator=torch.Generator().manual_seed(0))
    return adapter.predict_noise(z, torch.tensor([500]), adapter.encode([PROMPT]))


def test_missing_weights_of_any_part_are_named(saved, load, tmp_path):
    for part in parts(saved[0]):
        folder = shutil.copytree(saved[0], tmp_path / part)
        keys = sorted(load_file(weights(folder, part)))
        gone = keys[len(keys) // 2]
        change(weights(folder, part), lambda found, gone=gone: found.pop(gone))
        with pytest.raises(InputError, match=rf"weights of its {part} do not fit .*missing") as raised:
            load(folder)
        assert gone.rsplit(".", 2)[-2] in str(raised.value)


@soak
def test_weights_that_nothing_asks_for_are_named(folder, load):
    change(weights(folder, denoiser(folder)), lambda found: found.update({"extra.weight": torch.zeros(1)}))
    with pytest.raises(InputError, match=r"unexpected extra\.weight"):
        load(folder)


@soak
def test_half_weights_in_shards_alone_are_found(folder, load):
    whole = load(folder, dtype="float16")
    shutil.rmtree(folder)
    whole.pipeline.save_pretrained(folder, variant="fp16", max_shard_size="20KB", safe_serialization=True)
    shards = sorted((folder / denoiser(folder)).glob("*.fp16-*-of-*.safetensors"))
    (
        folder / denoiser(folder) / "diffusion_pytorch_model.fp16.safetensors"
    ).touch()  # shards count where there are both
    torch.testing.assert_close(predicted(load(folder, dtype="float16")), predicted(whole))
    if shards:  # a small one is whole
        shards[-1].unlink()
        with pytest.raises(InputError, match=f"{denoiser(folder)}/{shards[-1].name} is missing"):
            load(folder)


def test_pickled_weights_of_any_part_are_refused(saved, load, tmp_path):
    for part in parts(saved[0]):
        folder = shutil.copytree(saved[0], tmp_path / part)
        weights(folder, part).rename(folder / part / "pytorch_model.bin")
        with pytest.raises(InputError, match=f"weights of its {part} are pickled"):
            load(folder)


@soak
def test_a_part_that_is_not_there_is_named(saved, load, tmp_path):
    for part in (path.name for path in saved[0].iterdir() if path.is_dir()):
        folder = shutil.copytree(saved[0], tmp_path / part)
        shutil.rmtree(folder / part)
        with pytest.raises(InputError, match=f"its {part} is missing"):
            load(folder)


@soak
def test_a_pipeline_that_was_saved_without_a_part_that_it_needs_is_refused(saved, load, tmp_path):
    there = {path.name for path in saved[0].iterdir() if path.is_dir()}
    for part in there - OPTIONAL:
        folder = shutil.copytree(saved[0], tmp_path / part)
        edit(folder / "model_index.json", **{part: [None, None]})
        with pytest.raises(InputError, match=rf"without .*{part}|no tokenizer and text encoder|no single denoiser"):
            load(folder)


@soak
def test_a_denoiser_that_overflows_in_half_precision_names_the_precision(folder, load):
    def enlarge(found) -> None:
        found.update({key: 1e7 * each for key, each in found.items() if each.dim() > 1})

    change(weights(folder, denoiser(folder)), enlarge)
    with pytest.raises(InputError, match="not finite in float16; use --dtype float32"):
        load(folder, dtype="float16")


@soak
def test_an_autoencoder_that_overflows_in_half_precision_decodes_in_float32(folder, load):
    edit(folder / "vae/config.json", force_upcast=False)

    def enlarge(found) -> None:
        first = [key for key in found if key.startswith("decoder.conv_in")]
        found.update({key: 3e5 * found[key] for key in first})
        assert first

    change(weights(folder, "vae"), enlarge)
    exact, half = load(folder), load(folder, dtype="float16")
    latents = torch.randn(2, *exact.latent_shape, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(half.decode(latents).astype(int), exact.decode(latents), atol=3)


@pytest.mark.parametrize("name", [name if name == "qwen_image" else pytest.param(name, marks=soak) for name in ALL])
def test_what_the_longest_reader_takes_is_read_to_its_last_token(name):
    torch.manual_seed(0)
    pipeline = ALL[name]()
    side = 64 if name not in BUILDERS else 32 if name == "sana" else 8 * getattr(pipeline, "vae_scale_factor", 2)
    adapter = PipelineAdapter(pipeline, name, "1", size=(side, side))
    most = next(length for length in range(adapter.token_limit, 0, -1) if fits(adapter, "x" * length))
    texts = ["x" * (most - 1) + last for last in "yz"]
    with torch.inference_mode():
        one, other = (adapter._record(text).values() for text in texts)
    assert any(torch.is_tensor(each) and not torch.equal(each, other[path]) for path, each in one.items())
    check_length(texts[0], adapter)
    with pytest.raises(InputError, match=f"reads {adapter.token_limit} and would cut off"):
        check_length("x" * (most + 1), adapter)


def fits(adapter: PipelineAdapter, text: str) -> bool:
    return len(adapter.tokens(text)) <= adapter.token_limit


@soak
def test_tokenizers_without_a_limit_have_that_of_their_encoders(folder, load):
    before = [reader.limit for reader in load(folder).readers]
    for file in folder.glob("tokenizer*/tokenizer_config.json"):
        settings = json.loads(file.read_text())
        settings.pop("model_max_length", None)
        file.write_text(json.dumps(settings))
    assert [reader.limit for reader in load(folder).readers] == before
    assert max(before) < UNBOUNDED


def old_vocabulary(folder: Path) -> None:
    """Have the vocabulary of a tokenizer in the form of its first implementation alone."""
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "tokenizer.json").unlink()
    if isinstance(vocabulary, dict):
        ordered = sorted(vocabulary, key=vocabulary.__getitem__)
        (folder / "vocab.txt").write_text("\n".join(ordered), encoding="utf-8")
        return
    model = sentencepiece_model_pb2.ModelProto()
    for piece, score in vocabulary:
        special = {"<unk>": 2, "<pad>": 3, "</s>": 3}.get(piece, 1)
        model.pieces.add(piece=piece, score=score, type=special)
    model.trainer_spec.unk_id, model.trainer_spec.pad_id, model.trainer_spec.eos_id = 2, 0, 1
    (folder / "spiece.model").write_bytes(model.SerializeToString())


@soak
def test_tokenizers_with_old_files_alone_read_alike(tmp_path):
    torch.manual_seed(0)
    BUILDERS["hunyuan_dit"]().save_pretrained(tmp_path, safe_serialization=True)
    new = registry.load(f"{tmp_path} --size 64x64", device="cpu")
    for name in ("tokenizer", "tokenizer_2"):
        old_vocabulary(tmp_path / name)
    assert (tmp_path / "tokenizer/vocab.txt").is_file() and (tmp_path / "tokenizer_2/spiece.model").is_file()
    old = registry.load(f"{tmp_path} --size 64x64", device="cpu")
    assert old.ids("a Cat, 2 dogs") == new.ids("a Cat, 2 dogs")
    assert [reader.limit for reader in old.readers] == [reader.limit for reader in new.readers]
    torch.testing.assert_close(predicted(old), predicted(new))


@soak
def test_a_pipeline_with_a_former_name_loads(tmp_path):
    torch.manual_seed(0)
    BUILDERS["lumina"]().save_pretrained(tmp_path, safe_serialization=True)
    edit(tmp_path / "model_index.json", _class_name="LuminaText2ImgPipeline")
    assert type(registry.load(f"{tmp_path} --size 64x64", device="cpu").pipeline).__name__ == "LuminaPipeline"


@soak
def test_images_need_not_be_square(saved, load):
    adapter, side = load(saved[0], wide=2), saved[1]
    assert adapter.latent_shape[2] == 2 * adapter.latent_shape[1]
    assert adapter.decode(torch.zeros(1, *adapter.latent_shape)).shape == (1, side, 2 * side, 3)
    assert parity.deviation(adapter) <= 1e-6


@soak
def test_another_size_than_the_pipeline_draws_is_refused(saved):
    folder, side = saved
    try:
        adapter = registry.load(f"{folder} --size {side + 8}x{side}", device="cpu")
    except InputError as error:
        assert f"draws {side} x {side} pixels" in str(error) or f"at {side + 8} x {side} pixels" in str(error)
    else:
        assert adapter.decode(torch.zeros(1, *adapter.latent_shape)).shape == (1, side, side + 8, 3)


@soak
def test_a_lora_is_added_or_refused_in_one_line(saved, load, tmp_path):
    base, part = load(saved[0]), denoiser(saved[0])
    name, layer = next(each for each in base.network.named_modules() if each[0].endswith(LORA_LAYERS))
    shapes = {"A": (1, layer.weight.shape[1]), "B": (layer.weight.shape[0], 1)}
    for place, file in ((name, tmp_path / "own.safetensors"), ("nowhere.to_q", tmp_path / "other.safetensors")):
        save_file({f"{part}.{place}.lora_{side}.weight": torch.ones(shape) for side, shape in shapes.items()}, file)
    takes = hasattr(base.pipeline, "lora_state_dict")
    with pytest.raises(InputError, match="for another architecture" if takes else "takes no LoRA"):
        load(saved[0], more=f" --lora {tmp_path}/other.safetensors")
    if takes:
        changed = load(saved[0], more=f" --lora {tmp_path}/own.safetensors:2")
        torch.testing.assert_close(changed.network.get_submodule(name).weight, layer.weight + 2)


@soak
def test_a_learned_word_is_read_or_refused_in_one_line(saved, load, tmp_path):
    save_file({"<toy>": torch.ones(3, 16)}, tmp_path / "toy.safetensors")
    try:
        adapter = load(saved[0], more=f" --embedding {tmp_path}/toy.safetensors")
    except InputError as error:
        assert "takes no learned words" in str(error) or "cannot be used" in str(error)
    else:
        text, span = "a <toy>", (2, 7)
        assert 3 in [sum(token[1:] == span for token in reader.tokens(text)) for reader in adapter.readers]
