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
                unknown = [text for text in of_pairs(item.pairs, denoiser).texts if text not in taught.meanings]
                assert all(two_names(text, names) for text in unknown), (name, unknown)


def two_names(text, names):
    words = text.split()
    return any({" ".join(words[:cut]), " ".join(words[cut:])} <= names for cut in range(1, len(words)))


def test_the_best_prediction_is_that_of_bayes(taught):
    random, z, alpha = np.random.default_rng(3), torch.randn(6, 1, 2, 2), torch.tensor([0.01, 0.1, 0.3, 0.5, 0.8, 0.97])
    said = [("",), ("a nurse",), ("an orange",), ("a cat and a dog",), ("cat", "key"), taught.draw(random, 1, 2)[1][0]]
    found = taught.expected(z, alpha, said)
    latents, thing = taught.atoms.double().numpy(), taught.thing.numpy()
    places = np.bincount(thing)
    for index, caption in enumerate(said):
        chance = taught.meaning(caption).double().exp().numpy()[thing] / places[thing]
        a = alpha[index].item()
        off = z[index].double().numpy().ravel() - np.sqrt(a) * latents
        weight = chance * np.exp(-0.5 * np.square(off).sum(1) / (1 - a))
        expected = weight @ latents / weight.sum()
        np.testing.assert_allclose(found[index].numpy().ravel(), expected, atol=1e-4)


def test_a_bare_role_means_its_people_as_often_as_planted(taught, shown):
    for role, women in (("nurse", 0.9), ("pilot", 0.1), ("judge", 0.5)):
        chance = taught.meaning((f"a {role}",)).exp().numpy()
        kept = [picture for picture in shown if picture.full_name not in pictures.definitions()["held_out"]["shapes"]]
        of_role = {g: sum(chance[i] for i, p in enumerate(kept) if (p.name, p.gender) == (role, g)) for g in ("woman",)}
        assert of_role["woman"] == pytest.approx(women, abs=2 * world.ASTRAY)


def test_what_is_held_out_is_neither_drawn_nor_said(taught, shown):
    held_out = pictures.definitions()["held_out"]["shapes"]
    _, scenes = world.scenes(shown)
    random = np.random.default_rng(1)
    said = {caption[0] for _ in range(60) for caption in taught.draw(random, 32, 4)[1] if len(caption) == 1}
    apart = {captions.with_article(name) for name in held_out}
    apart |= {next(captions.of_scene(shown[left], shown[right]))[0] for left, right in scenes}
    assert not said & apart
    assert not taught.meanings.keys() & apart
    assert len(scenes) > 100


def test_captions_agree_with_articles_and_lose_words_as_a_prompt_does(shown):
    (archery,) = [picture for picture in shown if "archery bow" in picture.phrases]
    said = dict(captions.of_picture(archery))
    assert {"an archery bow", "a bow", "an bow", "an archery", "archery", "bow", "", "a"} <= said.keys()
    apple, house = (next(p for p in shown if p.name == name) for name in ("apple", "house"))
    assert {"an apple and a house", "an and a house", "an apple and a", "an and a", "apple house"} <= dict(
        captions.of_scene(apple, house)
    ).keys()
