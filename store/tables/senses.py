"""Which meaning of a homonym the images of a sentence have, as far as stored results can tell.

No stored value knows what a picture shows. The table tells whether the images follow the sentence: whether they
differ from those of the word's other meanings, and whether the rest of the sentence makes them likelier.
"""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from store import hdf5
from store.catalogue import Catalogue, Filter
from store.errors import BrokenFileError, InputError
from store.pid.measures import DEFAULT
from store.studies import CONTROL, Pairs, Study
from store.tables.pairs import pairs
from store.tables.samples import Image, samples_of

TAKEN, PARTLY, NOT_TAKEN, UNTOLD = "taken", "in part", "not taken", "cannot be told"
INTERVAL = ("mean", "low", "high")
Images = Mapping[tuple[str, int], np.ndarray]  # (prompt, seed) -> latents (c, h, w)


def senses(
    catalogue: Catalogue,
    study: Study,
    *,
    model: str,
    revision: str = "",
    mode: str = "cpid",
    measure: str = DEFAULT,
    level: str = "pixel",
    guidance: float | None = None,
    without: Collection[Image] = (),
) -> pd.DataFrame:
    """Return one row for each sentence of a study of homonyms that is there, in the order of the study.

    | column | |
    |---|---|
    | `prompt`, `word`, `sense`, `context` | the sentence, its homonym, the meaning meant, the word that decides it |
    | `synergy`, `synergy_low`, `synergy_high` | of `word` and `context`: mean over seeds and interval, in nats |
    | `gain`, `gain_low`, `gain_high` | how much likelier both words make an image than `word` does: log ratio, nats |
    | `seeds` | images that these rest on |
    | `own`, `compared` | how many images are nearest to those of their own sense, of those that can be compared |
    | `chance` | the share of them that would be by chance |
    | `taken` | TAKEN: all of them are, and `gain` is above zero; NOT_TAKEN: no more than by chance are, or `gain` is |
    | | below zero; else PARTLY; UNTOLD where no other sense is there |

    Below and above zero are meant of the whole interval. `attrs["images"]` is the `resemblance` of each image. Images
    `without`, each a prompt and a seed, are left out.

    Raises
    ------
    InputError: another kind of study; nothing of it is there, or not under what is asked for, or of several revisions.
    """
    if not isinstance(study.content, Pairs):
        raise InputError(f"study {study.name}", "it asks about no pairs of words", "take one of kind pairs")
    samples = samples_of(
        catalogue,
        study,
        model=model,
        revision=revision,
        guidance=guidance,
        without=without,
        mode=mode,
        measure=measure,
        level=level,
    )
    samples = samples[samples["attribute"] != CONTROL]
    alone = samples["standard_first"].where(_leads(samples), samples["standard_second"])
    synergy, gain = pairs(samples, "synergy"), pairs(samples.assign(gain=samples["standard_both"] - alone), "gain")
    names = ["prompt", "subject", "attribute", "first", "second", "seeds"]
    table = synergy[[*names, *INTERVAL]].merge(gain[[*names[:-1], *INTERVAL]], on=names[:-1])
    table.columns = ["prompt", "word", "sense", "first", "second", "seeds", *_named("synergy"), *_named("gain")]
    leads = _leads(table.rename(columns={"word": "subject"}))
    table.insert(3, "context", table["second"].where(leads, table["first"]))
    table = table.drop(columns=["first", "second"])
    order = {sentence.pair.prompt: place for place, sentence in enumerate(study.content.sentences)}
    table = table.sort_values("prompt", key=lambda prompts: prompts.map(order), ignore_index=True)
    latents = _latents(catalogue, study, samples.iloc[0])
    images = resemblance(table, {key: image for key, image in latents.items() if key not in without})
    counted = images.assign(own=images["nearest"] == images["sense"]).groupby("prompt")
    table["own"] = table["prompt"].map(counted["own"].sum()).fillna(0).astype(int)
    table["compared"] = table["prompt"].map(counted.size()).fillna(0).astype(int)
    table["chance"] = 1 / table.groupby("word")["sense"].transform("nunique")
    table["taken"] = [_verdict(row) for row in table.itertuples()]
    units = dict.fromkeys((*_named("synergy"), *_named("gain")), "nats")
    table.attrs = {**synergy.attrs, "units": units, "images": images}
    return table


def resemblance(sentences: pd.DataFrame, latents: Images) -> pd.DataFrame:
    """Return which sense's images each image is nearest to: a row for each image that can be compared.

    `sentences` has the columns `prompt`, `word`, `sense`. An image is held against the mean of the images of its own
    sense and of each other sense of the word, always without those that grew from its own seed. The columns are
    `prompt`, `sense`, `seed`, `nearest` (a sense), and `nearer`: by how much closer it is to the mean of its own
    sense than to the nearest of the others, from -1 to 1 as a share of both distances.
    """
    rows = []
    for _, meant in sentences.groupby("word", sort=False):
        sense_of = dict(zip(meant["prompt"], meant["sense"], strict=True))
        images = {key: image.astype(np.float64) for key, image in latents.items() if key[0] in sense_of}
        for (prompt, seed), image in images.items():
            distance = {}
            for sense in dict.fromkeys(sense_of.values()):
                others = [each for (of, own), each in images.items() if sense_of[of] == sense and own != seed]
                if others:
                    distance[sense] = float(np.sqrt(np.square(image - np.mean(others, axis=0)).mean()))
            own = distance.pop(sense_of[prompt], None)
            if own is None or not distance:
                continue
            other = min(distance, key=distance.__getitem__)
            nearest = sense_of[prompt] if own < distance[other] else other
            both = own + distance[other]
            nearer = (distance[other] - own) / both if both else 0.0
            rows.append((prompt, sense_of[prompt], seed, nearest, nearer))
    return pd.DataFrame(rows, columns=["prompt", "sense", "seed", "nearest", "nearer"])


def _leads(rows: pd.DataFrame) -> pd.Series:
    """Return whether the first word of the pair is the homonym."""
    return rows["first"].str.casefold() == rows["subject"].str.casefold()


def _named(quantity: str) -> tuple[str, str, str]:
    return quantity, f"{quantity}_low", f"{quantity}_high"


def _verdict(row) -> str:
    if not row.compared:
        return UNTOLD
    if row.own <= row.chance * row.compared or row.gain_high < 0:
        return NOT_TAKEN
    return TAKEN if row.own == row.compared and row.gain_low > 0 else PARTLY


def _latents(catalogue: Catalogue, study: Study, one: pd.Series) -> dict[tuple[str, int], np.ndarray]:
    """Return the latents of the images of the study that are of the model, revision and guidance of `one` of them.

    Files that break while they are read are left out.
    """
    guidance = one["guidance"]
    entries = catalogue.entries(Filter(study=study.name, model=one["model"], revision=one["revision"]))
    found: dict[tuple[str, int], np.ndarray] = {}
    for prompt, path in {entry.key.prompt: entry.path for entry in entries if entry.key.guidance == guidance}.items():
        try:
            seeds, latents = hdf5.latents(path)
        except BrokenFileError:
            continue
        found |= {(prompt, seed): image for seed, image in zip(seeds, latents, strict=True)}
    return found
