"""Tables of interventions: images whose change is known, pixel by pixel."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage, stats

from store import hdf5, studies, tables
from store.catalogue import Catalogue
from store.errors import InputError
from store.records import Label
from store.tables.intervention import CHANGES, PREDICTORS, similarity, within
from tests import synthetic

STUDY = """
title = "Without"
question = "What changes?"
kind = "intervention"
"""
SENTENCES = [("a cat and a car", "cat", "car", "dog"), ("a cow and a star", "star", "cow", "")]
SEEDS = (0, 1, 2)
STEP = 51  # of 255, 0.2


def records(name, prompt, word, beside, swap):
    """The original with grey images, and the changed ones: in each latent pixel, what the word adds, squared."""
    before = synthetic.record(prompt, (word, beside), seeds=SEEDS, size=32, grid=8)
    before = replace(before, images=np.full((3, 32, 32, 3), 100, np.uint8))
    result = before.pairs[0]
    place = result.pair.words.index(word)
    added = result.information["cpid"].maps.maps[("conditional_first", "conditional_second")[place]].mean(1)
    steps = np.sqrt(added / added.max()).repeat(4, 1).repeat(4, 2)[..., None]
    for kind, text in (("removed", prompt.replace(word, "").replace("  ", " ").strip()), ("swapped", swap)):
        if text:
            text = prompt.replace(word, swap) if kind == "swapped" else text
            after = synthetic.record(text, result.pair.words, probe=True, seeds=SEEDS, size=32, grid=8)
            images = (100 + 3 * STEP * steps if kind == "removed" else 100 + STEP * np.ones_like(steps)).round()
            yield labelled(
                replace(after, images=np.broadcast_to(images, (3, 32, 32, 3)).astype(np.uint8)), name, kind, word
            )
    yield labelled(before, name, "original", word)


def labelled(record, *label):
    return replace(record, pairs=(replace(record.pairs[0], labels=(Label(*label),)),))


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    sentences = [
        f'[[sentence]]\nprompt = "{prompt}"\nword = "{word}"\nbeside = "{beside}"\n' + f'swap = "{swap}"\n' * bool(swap)
        for prompt, word, beside, swap in SENTENCES
    ]
    (folder / "without.toml").write_text(STUDY + "\n".join(sentences))
    return studies.load(folder / "without.toml")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    for sentence in SENTENCES:
        for record in records("without", *sentence):
            hdf5.publish(root, record)
    return root


@pytest.fixture(scope="module")
def images(root, asked):
    return tables.interventions(Catalogue(root), asked, model="embedded")


def test_each_image_has_a_row_for_each_change(images):
    counted = images.groupby(["word", "change"]).size()
    assert counted.to_dict() == {("cat", "removed"): 3, ("cat", "swapped"): 3, ("star", "removed"): 3}
    assert set(images["changed_prompt"]) == {"a and a car", "a dog and a car", "a cow and a"}
    assert images.attrs["missing"] == {"removed": 0, "swapped": 0}
    assert images.attrs["absent"] == 0 and images.attrs["problems"] == []


def test_an_even_change_is_its_size(images):
    swapped = images[images["change"] == "swapped"]
    np.testing.assert_allclose(swapped["pixels"], 0.2)
    assert swapped[within("conditional", "pixels")].isna().all()  # a map that does not vary


def test_predictors_are_those_of_the_file(images, root):
    for prompt, word, beside, _ in SENTENCES:
        key = synthetic.record(prompt, (word, beside)).key
        result = hdf5.read(hdf5.path_of(root, key)).result((word, beside))
        name = ("first", "second")[result.pair.words.index(word)]
        found = images[(images["word"] == word) & (images["change"] == "removed")]
        context = result.decomposition("cpid")
        expected = {
            "conditional": context[f"conditional_{name}"].total,
            "information": result.decomposition("pid")[name].total,
            "unique": context[f"unique_{name}"].total,
            "redundancy": context["redundancy"].total,
            "synergy": context["synergy"].total,
            "attention": result.attention[:, ("first", "second").index(name)].mean((1, 2)),
        }
        for predictor, values in expected.items():
            np.testing.assert_allclose(found[predictor], values, rtol=1e-6)


def test_a_change_where_the_word_acts_is_found_within_the_image(images):
    removed = images[images["change"] == "removed"]
    assert (removed[within("conditional", "pixels")] > 0.999).all()  # rounding to whole grey values
    assert (removed[within("conditional", "structure")] < removed[within("conditional", "pixels")]).all()


def test_effects_are_pearson_over_images_and_means_within_them(images):
    table = tables.effects(images)
    assert list(table.index) == [
        (change, level, by) for change in ("removed", "swapped") for level in ("image", "pixel") for by in CHANGES
    ]
    assert list(table["pearson"]) == list(PREDICTORS)
    removed = images[images["change"] == "removed"]
    for by in CHANGES:
        expected = stats.pearsonr(removed["conditional"], removed[by]).statistic
        assert table["pearson"].loc[("removed", "image", by), "conditional"] == pytest.approx(expected)
        expected = removed[within("attention", by)].mean()
        assert table["pearson"].loc[("removed", "pixel", by), "attention"] == pytest.approx(expected)
    row = table.loc[("removed", "pixel", "pixels")]
    assert row["low", "conditional"] <= row["pearson", "conditional"] <= row["high", "conditional"]
    assert (row["images"] == 6).all() and row["prompts", ""] == 2
    assert np.isnan(table["pearson"].loc[("swapped", "image", "pixels"), "conditional"])  # all changes are alike


def test_effects_resample_prompts_and_leave_out_what_is_no_number():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(40, len(CHANGES) + len(PREDICTORS))), columns=[*CHANGES, *PREDICTORS])
    frame = frame.assign(change="removed", prompt=np.repeat([f"prompt {i}" for i in range(10)], 4))
    frame = frame.assign(word="cat", beside="car", changed_prompt="a car", seed=list(range(4)) * 10)
    level = rng.normal(0.5, 0.1, 10).repeat(4)
    frame = frame.assign(**{within(name, by): level for name in PREDICTORS for by in CHANGES})
    frame.loc[0, ["attention", within("attention", "pixels")]] = np.nan
    table = tables.effects(frame)
    image, pixel = (table.loc[("removed", level, "pixels")] for level in ("image", "pixel"))
    assert list(image["images"]) == list(pixel["images"]) == [40] * 5 + [39]
    expected = tables.correlation(frame["unique"], frame["pixels"], frame["prompt"])
    assert tuple(image[part, "unique"] for part in ("pearson", "low", "high")) == expected
    t = stats.t.interval(0.95, 9, level[::4].mean(), stats.sem(level[::4]))
    np.testing.assert_allclose([pixel["low", "unique"], pixel["high", "unique"]], t, atol=0.02)
    with pytest.raises(InputError, match="'structure' is not there"):
        tables.effects(frame.drop(columns="structure"))


def test_what_is_missing_is_counted(root, asked, tmp_path):
    store = shutil.copytree(root, tmp_path / "store")
    path = hdf5.path_of(store, synthetic.record("a dog and a car", probe=True).key)
    record = hdf5.read(path)
    path.unlink()
    hdf5.publish(
        store,
        replace(
            record,
            seeds=(0,),
            images=record.images[:1],
            latents=record.latents[:1],
            pairs=(record.pairs[0].of_seeds([0]),),
        ),
    )
    synthetic.truncate(hdf5.path_of(store, synthetic.record("a cow and a", probe=True).key))
    found = tables.interventions(Catalogue(store), asked, model="embedded")
    assert found.attrs["missing"] == {"removed": 3, "swapped": 2}
    assert len(found) == 4
    hdf5.path_of(store, synthetic.record("a cow and a star", ("cow", "star")).key).unlink()
    found = tables.interventions(Catalogue(store), asked, model="embedded")
    assert found.attrs["absent"] == 1 and found.attrs["missing"] == {"removed": 0, "swapped": 2}
    with pytest.raises(InputError, match="no original is there.*compute study without"):
        tables.interventions(Catalogue(store), asked, model="embedded", guidance=3.0)
    with pytest.raises(InputError, match="level 'prompt'"):
        tables.interventions(Catalogue(store), asked, model="embedded", level="prompt")
    with pytest.raises(InputError, match="no word is taken out"):
        tables.interventions(Catalogue(store), studies.load("gender"), model="embedded")


def test_structural_similarity_is_that_of_its_definition():
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 256, (2, 24, 24, 3)).astype(np.uint8)
    other[:, :12] = one[:, :12]
    found = similarity(one, other)
    assert found.shape == (24, 24)
    np.testing.assert_allclose(found, definition(one, other), atol=1e-4)
    np.testing.assert_allclose(similarity(one, one), 1)


def definition(one, other):
    """Equation 13 of Wang et al. (2004), each colour on its own, then averaged."""
    x, y = one.astype(float), other.astype(float)

    def blurred(values):
        return ndimage.gaussian_filter(values, 1.5, truncate=3.5, axes=(0, 1))

    mx, my = blurred(x), blurred(y)
    vx, vy, cov = blurred(x * x) - mx**2, blurred(y * y) - my**2, blurred(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return ((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean(-1)


@pytest.mark.parametrize(("sides", "cause"), [((10, 10), "too small for SSIM"), ((32, 16), "needs equal sizes")])
def test_images_that_cannot_be_compared_are_named_and_the_others_are_compared(root, asked, tmp_path, sides, cause):
    folder = shutil.copytree(root, tmp_path / "store")
    prompt, *_ = SENTENCES[1]
    for record in records(asked.name, *SENTENCES[1]):
        side = sides[record.key.prompt != prompt]
        hdf5.path_of(folder, record.key).unlink()
        hdf5.publish(folder, replace(record, images=record.images[:, :side, :side]))
    found = tables.interventions(Catalogue(folder), asked, model="embedded")
    assert set(found["prompt"]) == {SENTENCES[0][0]}
    assert found.attrs["missing"]["removed"] == len(SEEDS)
    (problem,) = found.attrs["problems"]
    assert "pixels" in problem and cause in problem
