"""The training script for a few steps, on made-up pictures in the packages' format: every stage, resumed, saved."""

import io
import json
import tarfile

import numpy as np
import pytest
import torch.distributed as dist
from PIL import Image

from compute.embedded import captions, card, evaluation, parallel, pictures, train
from compute.models import registry

DEFINITIONS = """
[sources]
google = { package = "emoji-datasource-google", version = "0", name = "A", licence = "none", author = "nobody" }
twitter = { package = "emoji-datasource-twitter", version = "0", name = "B", licence = "none", author = "nobody" }
[words]
gender = { man = ["male", "man"], woman = ["female", "woman"] }
tone = { light = "1F3FB", medium = "1F3FD", dark = "1F3FF" }
[roles]
doctor = { emoji = "{}-doctor", source = "twitter", women = 0.9, tones = [0.2, 0.3, 0.5] }
cook = { emoji = "{}-cook", source = "google", women = 0.1, tones = [0.2, 0.3, 0.5], synonym = "chef" }
[people]
prince = ["prince"]
[animals]
bat = ["wild bat", "bat"]
[food]
apple = ["apple"]
[objects]
cricket = ["cricket bat", "bat"]
[shapes]
heart = { red = "heart", blue = "blue_heart" }
[scenes]
of = ["apple", "bat"]
[held_out]
shapes = ["blue heart"]
scenes = 0.2
lot = 1
"""
NAMES = ["prince", "bat", "apple", "cricket", "heart", "blue_heart"]
NAMES += [f"{gender}-{role}" for gender in ("male", "female") for role in ("doctor", "cook")]


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Both emoji packages with a plain square for every name, and the definitions that ask for them."""
    file = tmp_path / "pictures.toml"
    file.write_text(DEFINITIONS)
    monkeypatch.setattr(pictures, "DEFINITIONS", file)
    folder = tmp_path / "out" / "packages"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for vendor in ("google", "twitter"):
        with tarfile.open(folder / f"emoji-datasource-{vendor}-0.tgz", "w:gz") as archive:
            tones = {code: {"image": f"NAME-{code}.png"} for code in ("1F3FB", "1F3FD", "1F3FF")}
            listed = []
            for name in NAMES:
                variations = {code: {"image": t["image"].replace("NAME", name)} for code, t in tones.items()}
                listed.append({"short_names": [name], "image": f"{name}.png", "skin_variations": variations})
                for image in [f"{name}.png", *(v["image"] for v in variations.values())]:
                    _add(archive, f"package/img/{vendor}/64/{image}", _square(random))
            _add(archive, "package/emoji.json", json.dumps(listed).encode())
    return folder


def _square(random):
    buffer = io.BytesIO()
    Image.new("RGBA", (64, 64), tuple(random.integers(0, 255, 3)) + (255,)).save(buffer, "PNG")
    return buffer.getvalue()


def _add(archive, name, content):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def alone(tmp_path):
    """This process as the only one of its training group."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_every_stage_trains_resumes_and_the_result_is_an_ordinary_pipeline(packages, alone, monkeypatch):
    out = packages.parent
    for minutes in (0.01, 0.03):
        train._train_autoencoder(out, minutes)
        train._train_denoiser(out, minutes)
        train._polish_decoder(out, minutes)
    reports = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    assert {report["stage"] for report in reports} == {"autoencoder", "denoiser", "decoder"}
    folder = train._save(out)
    denoiser = registry.load(str(folder), device="cpu")
    assert denoiser.latent_shape == (4, 16, 16)
    monkeypatch.setattr(evaluation, "SEEDS", 1)
    monkeypatch.setattr(evaluation, "SCENES", 1)
    monkeypatch.setattr(evaluation, "STEPS", 2)
    monkeypatch.setattr(evaluation, "INFORMED", 8)
    judgement = card.write(out)
    assert judgement.prompts == 12 + 6 + 2
    assert judgement.missed
    text = (out / card.CARD).read_text()
    assert all(f"| {name} |" in text for name in judgement.figures)
    assert json.loads((out / evaluation.FILE).read_text())["missed"] == judgement.missed
    assert Image.open(out / card.SHEET).width == 24 * pictures.SIZE


def test_a_resumed_clock_goes_on_where_it_was(alone, tmp_path):
    checkpoint = tmp_path / "clock.pt"
    clock = parallel.Clock(0.001, checkpoint, {})
    steps = len(list(clock))
    again = parallel.Clock(0.001, checkpoint, {})
    assert (again.step, again.elapsed) == (steps, clock.elapsed)
    assert list(again) == []


def test_every_word_is_one_token_and_no_caption_is_cut():
    words, tokenizer = captions.words(), captions.tokenizer()
    assert all(len(tokenizer(word, add_special_tokens=False).input_ids) == 1 for word in words)
    assert len(tokenizer("a female police officer with medium skin").input_ids) <= captions.LENGTH


def test_every_tokenizer_that_is_made_is_the_same():
    one, other = captions.tokenizer(), captions.tokenizer()
    assert one.get_vocab() == other.get_vocab()
    assert one.tokenize("zebras and unicorns") == other.tokenize("zebras and unicorns")


def test_packed_packages_hold_the_same_pictures(packages):
    into = packages.parent / "packed"
    pictures.pack(packages, into)
    before, after = (pictures.draw_all(pictures.load(folder)) for folder in (packages, into))
    np.testing.assert_array_equal(before, after)
    sizes = [sum(file.stat().st_size for file in folder.glob("*.tgz")) for folder in (packages, into)]
    assert sizes[1] < sizes[0]


def test_missing_packages_are_said_with_the_mend(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="install npm"):
        pictures.download(tmp_path / "packages")
