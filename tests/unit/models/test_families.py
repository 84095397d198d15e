"""Tiny pipelines of many families, saved and loaded with their text encoders: what works of one works of all."""

import hashlib
import json
import re
from functools import partial

import diffusers
import numpy as np
import pytest
import torch

from compute.__main__ import main
from compute.checks.verify import measured
from compute.engine import Engine
from compute.estimation.noise_levels import NoiseLevels
from compute.models import attention, families, parity, registry, survey
from compute.models.replay.adapter import PipelineAdapter
from compute.models.replay.reading import listening
from compute.planning.plan import plan
from store.errors import InputError
from store.jobs import Budget, Request
from store.prompts.conditions import check_length
from store.records import TokenPair
from store.warnings import notes_of
from store.words import find_word
from tests.budget import SOAK, soak
from tests.conftest import ROOT
from tests.families import joint_attention, newer, unlisted
from tests.families.newer import NEWER
from tests.families.pipelines import BUILDERS, alias
from tests.families.unlisted import UNLISTED

PROMPT = "a cat and a dog"
PAIR = TokenPair.find(PROMPT, "cat", "dog")
several = pytest.mark.parametrize(  # for what takes long
    "family", ["stable_diffusion_xl", "stable_diffusion_3", "z_image"], indirect=True, scope="module"
)


def baselines(name: str) -> set[str]:
    """What is recorded of a family beside information."""
    joint = hasattr(joint_attention, name)
    return {"attention", "similarity"} if joint else {"attention"}


def rare(case, usual: bool):
    """A case that `make soak` runs alone, unless it is a usual one."""
    return case if usual else pytest.param(case, marks=soak)


USUAL = {"stable_diffusion_xl", "stable_diffusion_3", "flux", "z_image", "lumina_2", "sana"}


@pytest.fixture(scope="module", params=[rare(name, name in USUAL) for name in BUILDERS])
def family(request, tmp_path_factory):
    """Name, folder and adapter of one family."""
    torch.manual_seed(0)
    pipeline, folder = BUILDERS[request.param](), tmp_path_factory.mktemp(request.param)
    pipeline.save_pretrained(folder, safe_serialization=True)
    side = 8 * getattr(pipeline, "vae_scale_factor", 2) if request.param != "sana" else 32
    return request.param, folder, registry.load(f"{folder} --size {side}x{side}", device="cpu")


@pytest.fixture
def adapter(family):
    return family[2]


def test_noise_predictions_equal_what_the_pipeline_computes(adapter):
    assert parity.deviation(adapter) <= 1e-6


def test_a_text_is_read_alike_alone_and_among_others(adapter):
    texts = ["", "a dog", "a very long-legged bird on a branch"]
    together, alone = adapter.encode(texts), adapter.encode(texts[1:2])
    z, level = torch.randn(1, *adapter.latent_shape), torch.tensor([400])
    found = adapter.predict_noise(z.repeat(3, 1, 1, 1), level.repeat(3), together.select(torch.tensor([1, 2, 0])))
    torch.testing.assert_close(found[:1], adapter.predict_noise(z, level, alone), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(found[0], found[1])


def test_rows_are_answered_as_alone_each_at_its_own_level(adapter):
    z, encoded = torch.randn(2, *adapter.latent_shape).repeat_interleave(2, 0), adapter.encode(["a cat", "a dog"])
    levels, texts = torch.tensor([150, 150, 850, 850]), torch.tensor([0, 1, 0, 1])
    together = adapter.predict_noise(z, levels, encoded.select(texts))
    for row in range(4):
        alone = adapter.predict_noise(z[[row]], levels[[row]], encoded.select(texts[[row]]))
        torch.testing.assert_close(together[[row]], alone, rtol=1e-4, atol=1e-5)
    assert adapter._shared is None or adapter._shared.modules


def test_a_pair_is_measured_with_finite_maps(family, tmp_path, monkeypatch):
    name, _, adapter = family
    monkeypatch.setattr("compute.engine.STEPS", 2)
    engine = Engine(adapter)
    request = Request(pairs=(PAIR,), seeds=(0,), guidance=adapter.usual_guidance, budget=Budget(16))
    planned = engine.plan(request, tmp_path)
    record = engine.run(planned, tmp_path)
    (result,) = record.pairs
    for mode in result.information:
        parts = result.decomposition(mode)
        atoms = [parts[part].map for part in ("redundancy", "unique_first", "unique_second", "synergy")]
        assert all(np.isfinite(atom).all() for atom in atoms)
        np.testing.assert_allclose(sum(atoms), parts["both"].map, rtol=1e-2, atol=1e-3)
    assert set(result.baselines) == baselines(name)
    assert notes_of(record.provenance) == list(adapter.notes)
    assert not engine.plan(request, tmp_path).items


def test_an_own_image_becomes_a_latent_and_comes_back(adapter):
    image = adapter.decode(torch.randn(1, *adapter.latent_shape, generator=torch.Generator().manual_seed(0)))
    latent = adapter.encode_image(image[0])
    assert latent.shape[1:] == adapter.latent_shape
    inside = adapter._autoencoder
    offset, scale = inside._way
    looped = adapter._grid.pack(latent).to(adapter.weights)
    found = adapter._manner.recorder.decoded(looped, adapter.levels.times[1])
    torch.testing.assert_close(found, latent.reshape(offset.shape) * scale + offset, rtol=1e-4, atol=1e-4)


def test_recording_attention_leaves_the_output_as_it_is(family):
    name, _, adapter = family
    recorder = adapter.attention(PROMPT, [find_word(PROMPT, word) for word in ("cat", "dog")])
    z, level, encoded = torch.randn(2, *adapter.latent_shape), torch.tensor([300, 700]), adapter.encode([PROMPT, "a"])
    plain = adapter.predict_noise(z, level, encoded)
    with recorder:
        recorder.rows = torch.tensor([True, False])
        torch.testing.assert_close(adapter.predict_noise(z, level, encoded), plain, rtol=0, atol=1e-6)
        recorder.add(recorder.taken())
    found = recorder.maps(adapter.latent_shape[1:])
    assert set(found) == set(recorder.kinds) == baselines(name)
    for maps in found.values():
        assert all((values > 0).all() and (values < 1).all() for values in maps.values())
        assert (sum(maps.values()) < 1).all()  # the rest goes to other words


def test_a_word_is_looked_at_where_the_network_has_its_states(adapter):
    recorder = adapter.attention(PROMPT, [find_word(PROMPT, "cat")])
    places, layout, call = recorder._tokens[0], recorder._layout, adapter._record(PROMPT)
    values, changed, start = call.values(), {}, 0
    for path in adapter._texts(call):
        changed[path] = values[path].clone()
        length = changed[path].shape[-2]
        inside = [place - start for place in places if start <= place < start + length]
        changed[path][..., inside, :] = torch.randn_like(changed[path][..., inside, :])
        start += length if layout.states > length else 0
    one, other = (
        [key for _, key in attention._heard(partial(ask, adapter, each))] for each in (call, call.with_values(changed))
    )
    layer, looking = next(iter(layout.layers.items()))
    moved = (one[layer] - other[layer]).abs().sum(1)
    own = torch.zeros(len(moved), dtype=torch.bool)
    own[[looking.text + place for place in places]] = True
    assert moved[own].min() > 0
    assert moved[own].mean() > 2 * moved[~own].mean()  # before it, text may have looked at text


@torch.inference_mode()
def ask(adapter, call):
    adapter.network(*call.args, **call.kwargs)


def test_words_are_found_among_the_tokens_that_the_pipeline_makes(adapter):
    with listening() as readings:
        adapter.encode([PROMPT])
    assert readings
    for word in ("cat", "dog"):
        for reading in readings:
            places = reading.places(PROMPT, find_word(PROMPT, word))
            found = "".join(reading.encoding.tokens[place] for place in places)
            assert re.sub(r"</w>|##|[▁Ġ]", "", found) == word


def test_a_card_reads_as_the_model(family):
    _, folder, adapter = family
    card = registry.card(adapter, str(folder))
    for text in ("", "a cat", "Two  Cats, 3 dogs!"):
        assert (card.ids(text), card.tokens(text)) == (adapter.ids(text), adapter.tokens(text))


@several
def test_a_coarser_precision_computes(adapter):
    z, level, encoded = torch.randn(1, *adapter.latent_shape), torch.tensor([500]), adapter.encode(["a cat"])
    exact = adapter.predict_noise(z, level, encoded)
    with adapter.computing_in(torch.bfloat16):
        coarse = adapter.predict_noise(z, level, encoded)
    assert 0 < (coarse - exact).abs().max() <= 0.1 * exact.abs().max()


@several
def test_half_weights_agree_with_their_pipeline(family):
    _, folder, adapter = family
    height, width = adapter.decode(torch.zeros(1, *adapter.latent_shape)).shape[1:3]
    half = registry.load(f"{folder} --size {width}x{height}", dtype="bfloat16", device="cpu")
    with half.computing_in(torch.float32):
        z, level = torch.randn(1, *half.latent_shape), torch.tensor([500])
        assert half.predict_noise(z, level, half.encode(["a cat"])).isfinite().all()


# What one row of the table does


@pytest.fixture
def unknown(tmp_path, monkeypatch) -> str:
    """A saved pipeline of a class that has no row."""

    class NewPipeline(diffusers.StableDiffusionPipeline):
        pass

    monkeypatch.setattr(diffusers, "NewPipeline", NewPipeline, raising=False)
    pipeline = BUILDERS["stable_diffusion"]()
    NewPipeline(**pipeline.components, requires_safety_checker=False).save_pretrained(tmp_path)
    return str(tmp_path)


def test_a_class_without_a_row_works_and_what_is_assumed_is_said(unknown):
    (note,) = registry.load(unknown, device="cpu").notes
    assert "NewPipeline is not among the families known here" in note


def test_a_row_is_all_that_a_new_class_needs(unknown, monkeypatch):
    row = families.Family(pipeline="NewPipeline", nothing="nothing", distilled="for few steps")
    monkeypatch.setitem(families.FAMILIES, "NewPipeline", row)
    adapter = registry.load(unknown, device="cpu")
    (note,) = adapter.notes
    assert "distilled for few steps" in note
    assert adapter.ids("") == adapter.ids("nothing") == registry.card(adapter, unknown).ids("")
    z, level, encoded = torch.randn(1, *adapter.latent_shape), torch.tensor([500]), adapter.encode(["", "nothing"])
    empty, named = (adapter.predict_noise(z, level, encoded.select(torch.tensor([row]))) for row in (0, 1))
    assert torch.equal(empty, named)


def test_no_text_is_zeros_where_training_showed_zeros(xl_folder):
    adapter = registry.load(str(xl_folder), device="cpu")
    (group,) = adapter.encode([""]).groups
    kept = {path[-1]: values for path, values in group.kept.items()}
    assert not kept["encoder_hidden_states"].any()
    assert not kept["text_embeds"].any()
    assert kept["time_ids"].any()
    assert adapter.ids("") == registry.card(adapter, str(xl_folder)).ids("") == (-1,)


@pytest.mark.parametrize("row", families.FAMILIES.values(), ids=lambda row: row.pipeline)
def test_every_row_is_of_a_class_that_can_be_measured(row):
    assert families.refusal(row.pipeline) == ""
    assert row.source and row.licence and row.example.count("/") == 1
    assert families.usual_guidance(getattr(diffusers, row.pipeline)) >= 1


REFUSED = {
    "StableDiffusionInpaintPipeline": "a picture besides the text",
    "StableDiffusionXLImg2ImgPipeline": "a picture besides the text",  # the refiner's
    "StableDiffusionControlNetPipeline": "a picture besides the text",
    "StableDiffusionXLAdapterPipeline": "a picture besides the text",
    "FluxControlPipeline": "a picture besides the text",
    "StableCascadeCombinedPipeline": "several one after the other",
    "KandinskyV22CombinedPipeline": "several one after the other",
    "IFPipeline": "it works on pixels",
    "WanPipeline": "it makes videos",
    "AudioLDM2Pipeline": "it makes sounds",
    "DiTPipeline": "it takes no prompt",
    "NoSuchPipeline": "unknown to diffusers here",
    "OmniGenPipeline": "no tokenizer and text encoder of its own",
    "SanaSprintPipeline": "of a distillation into a few steps",
    "JoyImageEditPlusPipeline": "pictures besides the text",
    "Cosmos2TextToImagePipeline": "at levels up to 80",
    "AltDiffusionPipeline": "does not load its text encoder",
    "KolorsPipeline": "no fast form",  # whether or not the packages that it needs are here
    "OnnxStableDiffusionPipeline": "by ONNX",
}


@pytest.mark.parametrize(
    "name", families.ALIASES if SOAK else ["StableDiffusionSAGPipeline", "StableDiffusion3PAGPipeline"]
)
def test_a_pipeline_that_draws_with_the_models_of_another_is_measured_without_its_guidance(name, tmp_path):
    torch.manual_seed(0)
    alias(name).save_pretrained(tmp_path, safe_serialization=True)
    size = "32x32" if name.startswith("Sana") else "16x16"
    adapter = registry.load(f"{tmp_path} --size {size}", device="cpu")
    assert type(adapter.pipeline).__name__ == name
    assert parity.deviation(adapter) <= 1e-6
    latent = adapter.generate(PROMPT, [0], adapter.usual_guidance, 2)[0]
    maps = measured(adapter, NoiseLevels.of(adapter.log_snr), "red apple", latent, 16, 0).maps.maps
    assert all(np.isfinite(values).all() for values in maps.values())


@pytest.mark.parametrize("build", [rare(build, build.__name__ == "bria") for build in (*UNLISTED, *NEWER)])
def test_a_pipeline_without_a_row_works(build):
    torch.manual_seed(0)
    adapter = PipelineAdapter(build(), build.__name__, "1", size=(64, 64))
    assert parity.deviation(adapter) <= 1e-6
    latent = adapter.generate(PROMPT, [0], adapter.usual_guidance, 2)[0]
    maps = measured(adapter, NoiseLevels.of(adapter.log_snr), "red apple", latent, 16, 0, 8).maps.maps
    assert all(np.isfinite(values).all() for values in maps.values())
    assert adapter.encode_image(adapter.decode(latent[None])[0]).shape[1:] == adapter.latent_shape
    recorder = adapter.attention(PROMPT, [find_word(PROMPT, "cat")])
    assert (recorder is None) == (type(adapter.pipeline).__name__ in families.WITHOUT_ATTENTION)
    assert "not among the families known here" in adapter.notes[0]


GUIDER = ["diffusers", "AdaptiveProjectedMixGuidance"]
BESIDE = {  # what published models have, and need not be here
    newer.ernie: {"pe": ["transformers", "Ministral3ForCausalLM"], "pe_tokenizer": ["transformers", "LlamaTokenizer"]},
    newer.longcat: {"text_processor": ["transformers", "Qwen2VLProcessor"]},
    newer.hunyuan_image: {"guider": GUIDER, "ocr_guider": GUIDER},
}


@soak
@pytest.mark.parametrize("build", [*BESIDE, unlisted.bria, unlisted.bria_fibo, unlisted.krea_2])
def test_a_saved_pipeline_without_a_row_loads(build, tmp_path):
    torch.manual_seed(0)
    build().save_pretrained(tmp_path, safe_serialization=True)
    index = tmp_path / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | BESIDE.get(build, {})))
    assert parity.deviation(registry.load(f"{tmp_path} --size 64x64", device="cpu")) <= 1e-6


@pytest.mark.parametrize("pipeline", REFUSED)
def test_a_class_that_needs_more_than_text_is_refused_with_its_reason(pipeline):
    assert REFUSED[pipeline] in families.refusal(pipeline)


def test_the_rows_that_count_as_tested_are_those_of_the_tiny_pipelines():
    tested = {name for name, row in families.FAMILIES.items() if row.tested}
    assert len(tested) == len(BUILDERS) + len(families.ALIASES)
    assert len(families.WITHOUT_ROW) == len(UNLISTED) + len(NEWER)
    if SOAK:
        assert tested == {type(build()).__name__ for build in BUILDERS.values()} | families.ALIASES.keys()
        assert {type(build()).__name__ for build in (*UNLISTED, *NEWER)} == families.WITHOUT_ROW


def test_the_document_of_models_is_that_of_the_installed_diffusers():
    kept = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    if f"diffusers {diffusers.__version__} " not in kept:
        pytest.skip("the document is about another release of diffusers")
    assert survey.document() == kept


def test_what_works_with_a_model_is_found_out(capsys):
    assert main(["models", "--check", "embedded", "--device", "cpu"]) == 0
    said = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert said["pipeline"] == "StableDiffusionPipeline"
    assert said["maps"].split()[-1] == "attention"


def test_weights_are_read_whole_where_that_is_asked_for(xl_folder, capsys):
    assert main(["models", "--verify", str(xl_folder)]) == 0
    digests = dict(line.split("  ")[::-1] for line in capsys.readouterr().out.splitlines())
    files = list(xl_folder.rglob("*.safetensors"))
    assert digests == {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_images_have_the_usual_guidance_of_the_pipeline_where_none_is_named(epsilon_folder, tmp_path):
    adapter = registry.load(str(epsilon_folder), device="cpu")
    card, levels = registry.card(adapter, str(epsilon_folder)), NoiseLevels.of(adapter.log_snr)
    for guidance, used in ((None, 7.5), (1.0, 1.0), (3.0, 3.0)):
        request = Request(pairs=(PAIR,), guidance=guidance)
        assert {plan(reader, levels, request, tmp_path).key.guidance for reader in (adapter, card)} == {used}
    assert registry.load("embedded", device="cpu").usual_guidance == 1.0


def test_only_what_the_longest_reader_cuts_off_is_refused():
    torch.manual_seed(0)
    adapter = PipelineAdapter(BUILDERS["stable_diffusion_3"](), "sd3", "1", size=(16, 16))
    prompt = "x" * 70 + " and a cat and a dog"
    (said,) = adapter.cut_off(prompt)
    assert "CLIPTokenizer takes 75 tokens and does not read" in said
    check_length(prompt, adapter)
    with pytest.raises(InputError, match="reads 255 and would cut off"):
        check_length("x" * 300, adapter)


def test_a_pipeline_that_was_saved_without_one_of_its_encoders_loads(tmp_path):
    torch.manual_seed(0)
    joint_attention.stable_diffusion_3(t5=False).save_pretrained(tmp_path, safe_serialization=True)
    adapter = registry.load(f"{tmp_path} --size 16x16", device="cpu")
    assert [reader.limit for reader in adapter.readers] == [75, 75]
    recorder = adapter.attention(PROMPT, [find_word(PROMPT, "cat")])
    assert recorder is not None and recorder._tokens == [[2, 3, 4]]  # zeros stand for the rest


def test_texts_that_any_reader_tells_apart_are_different():
    torch.manual_seed(0)
    adapter = PipelineAdapter(BUILDERS["stable_diffusion_3"](), "sd3", "1", size=(16, 16))
    upper, lower = adapter.ids("Cat"), adapter.ids("cat")  # CLIP reads small letters alone, T5 both
    assert upper != lower
