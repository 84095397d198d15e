"""Zero-shot classification with a tiny CLIP, what it leaves in the store, and what tables and pages make of it."""

import json
import shutil

import numpy as np
import pytest

from compute.__main__ import main
from store import hdf5, studies
from store.catalogue import Catalogue
from store.errors import InputError, StoreError
from store.recognition import SeenImage, Sightings, stored, words_of
from store.tables import bias, samples_of
from store.tables.findings import drawn
from tests import pipelines, synthetic

SMALL = {"size": 16, "grid": 8, "seeds": (0, 1, 2)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return pipelines.clip(tmp_path_factory.mktemp("clip") / "tiny-clip")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    found = tmp_path_factory.mktemp("recognised") / "store"
    synthetic.bias(found, 2, model="other", **SMALL)
    return found


@pytest.fixture(scope="module")
def asked():
    return studies.load("gender")


def test_texts_that_images_could_show_instead_are_those_of_the_same_subject(asked):
    from compute.recognition import texts_of

    texts = texts_of(asked)
    subject = asked.content.subjects[0]
    bare = next(
        prompt for prompt in texts if not words_of(prompt) & set(asked.content.attributes) and subject in prompt
    )
    assert len(texts[bare]) == len(asked.content.attributes) and all(subject in text for text in texts[bare])
    assert bare not in texts[bare]


def test_a_command_keeps_what_a_classifier_sees_and_who_it_was(root, folder, asked, capsys):
    assert main(["recognise", "gender", "--model", "other", "--store", str(root), "--recogniser", str(folder)]) == 0
    said, seen = capsys.readouterr().out, stored.read(root, "other")
    assert f"by {folder} {seen.revision}" in said and len(seen.revision) == 12
    assert len(seen.files) == len({entry.path for entry in Catalogue(root).entries()})
    images = [each for of_file in seen.files.values() for each in of_file.values()]
    assert len(images) == 3 * len(seen.files) and all(0 < each.score <= 1 for each in images)
    recognition = drawn.Recognition.of(root, "other")
    table = bias(samples_of(Catalogue(root), asked, model="other", mode="pid", measure="aligned", level="pixel"))
    counted = drawn.with_counts(
        table, drawn.images_of(Catalogue(root), asked, recognition.read, model="other", guidance=1.0)
    )
    assert counted.loc["average", ("checked", "")] == 3 * 2 * len(asked.content.attributes)
    assert recognition.identity == f"{folder} {seen.revision}"


def test_the_text_with_the_largest_score_is_what_an_image_shows(folder):
    from compute.recognition import Recogniser

    def answers(pictures, candidate_labels, batch_size):
        assert candidate_labels[:2] == ["a male nurse", "a female nurse"] and batch_size
        best = ("a female nurse", "something else")
        return [
            [{"label": each, "score": 0.6 if each == label else 0.1} for each in candidate_labels]
            for label, _ in zip(best, pictures, strict=True)
        ]

    recogniser = Recogniser("x", "1", answers)
    images, texts = np.zeros((2, 8, 8, 3), np.uint8), ("a male nurse", "a female nurse")
    assert recogniser.see(images, texts, "a female nurse") == [
        SeenImage("a female nurse", 0.6, True),
        SeenImage("neither", 0.6, False),
    ]
    assert [each.asked for each in recogniser.see(images, texts, "a male nurse")] == [False, False]
    assert [each.asked for each in recogniser.see(images, texts, "a photo of a nurse")] == [True, False]


def test_another_classifier_replaces_what_the_one_before_saw(tmp_path):
    path = hdf5.path_of(tmp_path, synthetic.record(model="m").key)
    first = Sightings("x", "1", "s", stored.named({path: {0: SeenImage("a cat", 0.5, True)}}))
    stored.add(tmp_path, "m", first)
    more = Sightings("x", "1", "s", {"maps/m/aa/b.h5": {1: SeenImage("neither", 0.9, False)}})
    stored.add(tmp_path, "m", more)
    both = stored.read(tmp_path, "m")
    assert both.of(path)[0].thing.has("cat") and len(both.files) == 2
    stored.add(tmp_path, "m", Sightings("y", "2", "s", more.files))
    assert stored.read(tmp_path, "m").identity == "y 2" and len(stored.read(tmp_path, "m").files) == 1
    assert stored.read(tmp_path, "nobody") is None


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"version": 9}), '{"version": 1, "images": {"a": [1]}}'])
def test_a_file_that_is_no_such_file_is_named_with_the_mend(tmp_path, text):
    path = stored.place(tmp_path, "m")
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(StoreError, match=r"m\.json.*compute recognise again"):
        drawn.Recognition.of(tmp_path, "m")


def test_a_name_that_leads_to_no_classifier_says_so(tmp_path):
    from compute.recognition import load

    with pytest.raises(InputError, match="give --recogniser"):
        load("")
    with pytest.raises(InputError, match="CLIP, SigLIP"):
        load(str(tmp_path))


def test_weights_that_would_be_unpickled_are_not_loaded(tmp_path, folder):
    import torch
    from safetensors.torch import load_file

    from compute.recognition import load

    shutil.copytree(folder, tmp_path / "pickled")
    weights = tmp_path / "pickled" / "model.safetensors"
    torch.save(load_file(weights), weights.with_name("pytorch_model.bin"))
    weights.unlink()
    with pytest.raises(InputError, match="safetensors"):
        load(str(tmp_path / "pickled"), "cpu")
