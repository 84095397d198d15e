"""A card reads texts as its model does, without it; and errors come back whole from other processes."""

import json
import os
import pickle
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from compute.models import registry
from store.errors import BrokenFileError, InputError
from store.prompts import model_cards
from store.prompts.conditions import of_pairs, unseen
from store.records import TokenPair

TEXTS = ("a female doctor", "A male-nurse's 3 cats, é ü!", "", "zebra " * 90)


@pytest.fixture(scope="module", params=["embedded", "epsilon_folder"])
def model(request):
    source = request.param if request.param == "embedded" else str(request.getfixturevalue(request.param))
    denoiser = registry.load(source, device="cpu")
    return denoiser, registry.card(denoiser, source)


def test_a_card_comes_back_from_its_file_and_from_other_processes(model, tmp_path):
    denoiser, card = model
    model_cards.publish(tmp_path, card)
    (path,) = model_cards.paths(tmp_path)
    card.tokens("a cat")  # what was worked out by then does not travel
    assert model_cards.load(path) == pickle.loads(pickle.dumps(card)) == card
    assert (card.name, card.revision) == (denoiser.name, denoiser.revision)
    assert card.log_snr == tuple(denoiser.log_snr.tolist())


def test_models_of_one_name_have_a_card_each(model, tmp_path):
    _, card = model
    (tmp_path / "models").mkdir()
    former = tmp_path / "models" / f"{card.name}.json"
    former.write_text(json.dumps(asdict(card)))  # as earlier versions wrote it
    other = replace(card, source="/elsewhere/model")
    for one in (card, other, card):
        model_cards.publish(tmp_path, one)
    assert not former.exists()
    assert {model_cards.load(path).source for path in model_cards.paths(tmp_path)} == {card.source, other.source}


def test_a_card_reads_as_its_model(model):
    denoiser, card = model
    for text in TEXTS:
        assert card.tokens(text) == denoiser.tokens(text)
        assert unseen(text, card) == unseen(text, denoiser)
    pair = TokenPair.find("a red cat", "red", "cat")
    assert of_pairs([pair], card) == of_pairs([pair], denoiser)


def test_a_card_that_cannot_be_read_is_none(tmp_path):
    for content in ("", "{}", "[]", '{"name": 3, "words": null, "log_snr": []}', "[" * 10_000, '"x"', "null"):
        (tmp_path / "card.json").write_text(content)
        assert model_cards.load(tmp_path / "card.json") is None
    os.mkfifo(tmp_path / "pipe.json")
    for name in ("missing.json", "pipe.json", "."):
        assert model_cards.load(tmp_path / name) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [(name, value) for name in ("name", "source", "revision", "tokenizer") for value in (3, None, ["x"])]
    + [("token_limit", value) for value in ("75", None, 7.5)]
    + [("unknown_token", "x"), ("words", 3), ("words", [3]), ("log_snr", ["x"]), ("log_snr", 3), ("tokenizer", "{}")]
    + [("further_tokenizers", value) for value in (3, None, [3], ["{}"])],
)
def test_a_card_with_a_value_that_is_none_is_none(model, tmp_path, field, value):
    _, card = model
    model_cards.publish(tmp_path, card)
    (path,) = model_cards.paths(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    assert model_cards.load(path) is None


@pytest.mark.parametrize(
    "error", [InputError("word 'x'", "not known", "take another"), BrokenFileError(Path("a.h5"), "torn", "repair it")]
)
def test_an_error_comes_back_whole_from_another_process(error):
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))
