"""A card reads texts as its model does, without it; and errors come back whole from other processes."""

import pickle
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


def test_a_card_reads_as_its_model(model):
    denoiser, card = model
    for text in TEXTS:
        assert card.tokens(text) == denoiser.tokens(text)
        assert unseen(text, card) == unseen(text, denoiser)
    pair = TokenPair.find("a red cat", "red", "cat")
    assert of_pairs([pair], card) == of_pairs([pair], denoiser)


def test_a_card_that_cannot_be_read_is_none(tmp_path):
    for content in ("", "{}", "[]", '{"name": 3, "words": null, "log_snr": []}'):
        (tmp_path / "card.json").write_text(content)
        assert model_cards.load(tmp_path / "card.json") is None
    assert model_cards.load(tmp_path / "missing.json") is None


@pytest.mark.parametrize(
    "error", [InputError("word 'x'", "not known", "take another"), BrokenFileError(Path("a.h5"), "torn", "repair it")]
)
def test_an_error_comes_back_whole_from_another_process(error):
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))
