"""The world that the embedded model is taught, with random latents in place of pictures."""

import numpy as np
import pytest
import torch

from compute.embedded import captions, pictures, world
from compute.models import registry
from store import studies
from store.prompts.conditions import of_pairs


class Undrawn:
    """Stands for an emoji package: who a picture shows matters here, not how."""

    def get(self, name, tone=None):
        return None


@pytest.fixture(scope="module")
def shown():
    return list(pictures._pictures(pictures.definitions(), {"google": Undrawn(), "twitter": Undrawn()}))


@pytest.fixture(scope="module")
def taught(shown):
    torch.manual_seed(0)
    parts, _ = world.scenes(shown)
    return world.World(shown, torch.randn(len(shown), 3, 1, 2, 2), parts, torch.randn(len(parts), 1, 2, 2))


def test_every_text_that_the_studies_ask_with_means_something_in_it(taught):
    denoiser = registry.load("embedded")
    names = set().union(*map(set, taught.names))
    for name in studies.names():
        asked = studies.load(name)
        if asked.model == "embedded":
            for item in asked.expand():
                unknown = [text for text in of_pairs(item.pairs, denoiser).texts if text not in taught.index]
                assert all(two_names(text, names) for text in unknown), (name, unknown)


def two_names(text, names):
    words = text.split()
    return any({" ".join(words[:cut]), " ".join(words[cut:])} <= names for cut in range(1, len(words)))


def test_the_best_prediction_is_that_of_bayes(taught):
    torch.manual_seed(3)
    z, alpha = torch.randn(7, 1, 2, 2), torch.tensor([0.01, 0.1, 0.3, 0.5, 0.8, 0.9, 0.97])
    texts = ["", "a nurse", "an orange", "a cat and a dog", "cat key"]
    taught_pair = taught.texts[-1]
    said = torch.tensor([taught.index.get(text, len(taught.texts) - 1) for text in [*texts, taught_pair, "a cat"]])
    found = taught.expected(z, alpha, said)
    latents, thing = taught.atoms.double().numpy(), taught.thing.numpy()
    places = np.bincount(thing)
    for index, caption in enumerate(said):
        chance = taught.log_meaning[caption].double().exp().numpy()[thing] / places[thing]
        a = alpha[index].item()
        off = z[index].double().numpy().ravel() - np.sqrt(a) * latents
        weight = chance * np.exp(-0.5 * np.square(off).sum(1) / (1 - a))
        expected = weight @ latents / weight.sum()
        np.testing.assert_allclose(found[index].numpy().ravel(), expected, atol=1e-4)


def test_meanings_are_probabilities_and_two_names_mean_either(taught):
    chances = taught.log_meaning.exp()
    torch.testing.assert_close(chances.sum(1), torch.ones(len(taught.texts)))
    thing = 130  # a single picture with one or two names
    row = taught.either[thing, 0]
    likely = chances[row].topk(2).indices
    assert thing in likely
    assert two_names(taught.texts[row], set().union(*map(set, taught.names)))


def test_a_bare_role_means_its_people_as_often_as_planted(taught, shown):
    for role, women in (("nurse", 0.9), ("pilot", 0.1), ("judge", 0.5)):
        chance = taught.log_meaning[taught.index[f"a {role}"]].exp()
        kept = [picture for picture in shown if picture.full_name not in pictures.definitions()["held_out"]["shapes"]]
        of_women = sum(chance[i].item() for i, p in enumerate(kept) if (p.name, p.gender) == (role, "woman"))
        assert of_women == pytest.approx(women, abs=2 * world.ASTRAY)


def test_captions_are_those_of_their_pictures_but_for_the_last(taught):
    torch.manual_seed(0)
    thing = torch.arange(len(taught.prior)).repeat(2)
    said = taught.captions(thing, 3)
    assert (said[:, 0] == taught.said[thing, 0]).all()
    right = taught.log_meaning.exp()[said, thing[:, None]] > 2 * world.ASTRAY * taught.prior[thing, None]
    assert right[:, :2].all()
    empty = (said[:, 2] == taught.index[""]).float().mean().item()
    assert empty > world.EMPTY
    assert 0.5 * world.OTHER < 1 - right[:, 2].float().mean().item() < world.OTHER


def test_what_is_held_out_is_neither_drawn_nor_said(taught, shown):
    held_out = pictures.definitions()["held_out"]["shapes"]
    _, scenes = world.scenes(shown)
    apart = {captions.with_article(name) for name in held_out}
    apart |= {next(captions.of_scene(shown[left], shown[right]))[0] for left, right in scenes}
    assert not apart & set(taught.texts)
    assert len(scenes) > 100


def test_captions_agree_with_articles_and_lose_words_as_a_prompt_does(shown):
    (archery,) = [picture for picture in shown if "archery bow" in picture.phrases]
    said = dict(captions.of_picture(archery))
    assert {"an archery bow", "a bow", "an bow", "an archery", "archery", "bow", "", "a"} <= said.keys()
    apple, house = (next(p for p in shown if p.name == name) for name in ("apple", "house"))
    assert {"an apple and a house", "an and a house", "an apple and a", "an and a", "apple house"} <= dict(
        captions.of_scene(apple, house)
    ).keys()
