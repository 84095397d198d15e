"""Tables of intervention studies: the information of a word, and how the image changes without it.

S images, an h x w latent grid. The same seed starts an image of the prompt as it stands and one of the changed prompt.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from skimage.metrics import structural_similarity
from skimage.transform import resize_local_mean

from store import hdf5
from store.catalogue import Catalogue, Entry, Filter
from store.errors import BrokenFileError, InputError
from store.pid.measures import DEFAULT
from store.records import MODES, PairResult, RunRecord
from store.studies import REMOVED, SWAPPED, Change, Interventions, Study
from store.tables.entries import model_notes
from store.tables.samples import Image, choose_revision, guidance_of
from store.tables.statistics import pearson

CHANGES = ("pixels", "structure")
PREDICTORS = ("conditional", "information", "unique", "redundancy", "synergy", "attention")
PARTS = {"unique": "unique_{}", "redundancy": "redundancy", "synergy": "synergy"}
WINDOW = 1.5  # pixels, the standard deviation of the Gaussian window of SSIM (Wang et al. 2004)
SMALLEST = 11  # pixels of an image's side: the window is cut off at 3.5 standard deviations


def within(predictor: str, change: str) -> str:
    """Return the column of `interventions` with the correlation of both maps within an image."""
    return f"{predictor}_map_{change}"


COLUMNS = (
    *("prompt", "word", "beside", "change", "changed_prompt", "seed", *CHANGES, *PREDICTORS),
    *(within(predictor, change) for change in CHANGES for predictor in PREDICTORS),
)


class _Quantities(NamedTuple):
    """Quantities by name, of whole images and of their latent pixels."""

    totals: Mapping[str, np.ndarray]  # (S,)
    maps: Mapping[str, np.ndarray]  # (S, h, w)


def interventions(
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
    """Return one row for each image of an intervention study and each change of its prompt (*removed*, *swapped*).

    How much the image of the changed prompt with the same seed differs:

    | column | change |
    |---|---|
    | `pixels` | root of the mean squared difference of RGB values in 0..1 |
    | `structure` | 1 - SSIM (Wang et al. 2004), of contours and contrasts as the eye sees them; 0 for equal images |

    The information of the word in the original image, summed over latent pixels, in nats:

    | column | predictor |
    |---|---|
    | `conditional` | I(word; image given the rest of the prompt), which Kong et al. (2024) hold against changes |
    | `information` | I(word; image), of the word alone |
    | `unique`, `redundancy`, `synergy` | with the word beside it: in `mode`, under `measure`, at `level` |
    | `attention` | mean cross-attention to the word, a probability; NaN where none was recorded |

    `within(predictor, change)` names the Pearson correlation, over the latent pixels of one image, of the predictor's
    map with that of the change: squared difference, or 1 - SSIM, averaged over each latent pixel. `attrs` say what is
    lacking: `missing` counts images without a partner, by change; `absent` counts sentences without their original;
    `problems` are files that cannot be read and images that cannot be compared. Images `without`, each a prompt and a
    seed, are left out, and what they would be compared with.

    Raises
    ------
    InputError: another kind of study; none of its images is there, or of several revisions of the model; a level that
    single images do not have.
    """
    if not isinstance(study.content, Interventions):
        raise InputError(f"study {study.name}", "no word is taken out in it", "take one of kind intervention")
    if level not in hdf5.PER_IMAGE:
        raise InputError(f"level {level!r}", "single images have none", f"use one of {', '.join(hdf5.PER_IMAGE)}")
    guidance = guidance_of(catalogue, study, model) if guidance is None else guidance
    entries = _entries(catalogue, study, model, revision, guidance)
    files = _Files({(entry.key.prompt, entry.pair): entry.path for entry in entries})
    rows, absent, missing = [], 0, {REMOVED: 0, SWAPPED: 0}
    for change in study.content.changes:
        original = files.read(change.pair.prompt, change.pair.name)
        if original is None or not set(MODES) <= set(original.pairs[0].information):
            absent += 1
            continue
        predictors = _predictors(original.pairs[0], change.word, mode, measure, level)
        for kind, prompt in ((REMOVED, change.removed), (SWAPPED, change.swapped)):
            if prompt:
                changed, seeds = files.read(prompt, change.pair.name), original.pairs[0].seeds
                both = [seed for seed in seeds if changed and seed in changed.seeds]
                missing[kind] += len(seeds) - len(both)
                both = [each for each in both if not {(change.pair.prompt, each), (prompt, each)} & set(without)]
                if not changed or not both:
                    continue
                try:
                    found = _rows(original, changed, both, predictors)
                except InputError as error:
                    files.problems[f"prompt {prompt!r}: {error}"] = None
                    missing[kind] += len(both)
                    continue
                rows.append(found.assign(**_about(change), change=kind, changed_prompt=prompt))
    if absent == len(study.content.changes):
        mend = f"compute it: python -m compute study {study.name} --model {model}"
        raise InputError(f"study {study.name} of model {model}, guidance {guidance:g}", "no original is there", mend)
    frame = pd.concat(rows, ignore_index=True)[list(COLUMNS)] if rows else pd.DataFrame(columns=list(COLUMNS))
    frame.attrs = {
        **{"model": model, "revision": entries[0].key.revision, "guidance": guidance},
        **{"study": study.name, "mode": mode, "measure": measure, "level": level},
        **{"missing": missing, "absent": absent, "problems": list(files.problems)},
        "units": dict.fromkeys(PREDICTORS[:-1], "nats"),
        **({"notes": notes} if (notes := model_notes(catalogue, model, entries[0].key.revision)) else {}),
    }
    return frame


@dataclass
class _Files:
    """The files of a study by prompt and pair. Files that cannot be read are collected in `problems`."""

    paths: Mapping[tuple[str, str], Path]
    problems: dict[str, None] = field(default_factory=dict)

    def read(self, prompt: str, pair: str) -> RunRecord | None:
        """Return the record of `prompt` with that pair alone; None if there is none that can be read."""
        try:
            path = self.paths.get((prompt, pair))
            record = hdf5.read(path, pair) if path else None
        except BrokenFileError as error:
            self.problems[str(error)] = None
            return None
        return record if record and record.pairs else None


def _entries(catalogue: Catalogue, study: Study, model: str, revision: str, guidance: float) -> list[Entry]:
    """Return the entries of the study under that guidance, all of one revision of the model."""
    entries = [
        entry for entry in catalogue.entries(Filter(study=study.name, model=model)) if entry.key.guidance == guidance
    ]
    revision = choose_revision(model, [entry.key.revision for entry in entries], revision) if entries else ""
    return [entry for entry in entries if entry.key.revision == revision]


def _about(change: Change) -> dict[str, str]:
    (beside,) = (word for word in change.pair.words if word.casefold() != change.word.casefold())
    return {"prompt": change.pair.prompt, "word": change.word, "beside": beside}


def _predictors(result: PairResult, word: str, mode: str, measure: str, level: str) -> _Quantities:
    place = [each.casefold() for each in result.pair.words].index(word.casefold())
    name = ("first", "second")[place]
    context = result.decomposition("cpid", measure)[f"conditional_{name}"]
    alone = result.decomposition("pid", measure)[name]
    parts = {each: part.format(name) for each, part in PARTS.items()}
    shown, asked = result.decomposition(mode, measure), result.decomposition(mode, measure, level)
    attention = np.full_like(alone.map, np.nan) if result.attention is None else result.attention[:, place]
    maps = {"conditional": context.map, "information": alone.map, "attention": attention}
    maps |= {each: shown[part].map for each, part in parts.items()}
    totals = {"conditional": context.total, "information": alone.total, "attention": attention.mean((1, 2))}
    totals |= {each: asked[part].total for each, part in parts.items()}
    return _Quantities(totals, maps)


def _rows(original: RunRecord, changed: RunRecord, seeds: list[int], predictors: _Quantities) -> pd.DataFrame:
    """Return a row for each of `seeds`, of which both records have an image."""
    before, after = (record.images[[record.seeds.index(seed) for seed in seeds]] for record in (original, changed))
    places = [original.pairs[0].seeds.index(seed) for seed in seeds]
    made = _changes(before, after, original.latents.shape[2:])
    columns: dict[str, object] = {"seed": seeds, **made.totals}
    columns |= {name: values[places] for name, values in predictors.totals.items()}
    for change, maps in made.maps.items():
        for name, values in predictors.maps.items():
            columns[within(name, change)] = pearson(*(_pixels(each) for each in (values[places], maps)))
    return pd.DataFrame(columns)


def change_maps(before: np.ndarray, after: np.ndarray, grid: tuple[int, ...]) -> Mapping[str, np.ndarray]:
    """Return where images uint8 (S, H, W, 3) differ, by CHANGES, (S, h, w) each on the latent grid.

    *pixels* is the mean squared difference of RGB values in 0..1 there, *structure* the mean of 1 - SSIM.

    Raises
    ------
    InputError: see `similarity`.
    """
    return _changes(before, after, grid).maps


def _changes(before: np.ndarray, after: np.ndarray, grid: tuple[int, ...]) -> _Quantities:
    """Return how much images uint8 (S, H, W, 3) differ, with maps averaged over each latent pixel."""
    pairs = list(zip(before, after, strict=True))
    unlike = [1 - similarity(one, other) for one, other in pairs]
    squared = [np.square((one.astype(np.float64) - other) / 255).mean(-1) for one, other in pairs]
    totals = {"pixels": np.sqrt([each.mean() for each in squared]), "structure": np.array([m.mean() for m in unlike])}
    maps = {
        name: np.stack([resize_local_mean(each, grid) for each in found])
        for name, found in (("pixels", squared), ("structure", unlike))
    }
    return _Quantities(totals, maps)


def similarity(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the SSIM of two images uint8 (H, W, 3) at each pixel, (H, W), with the constants of Wang et al. (2004).

    The mean over colours; its mean over pixels is the index, 1 for equal images.

    Raises
    ------
    InputError: the images differ in size, or are smaller than the window.
    """
    sizes = [f"{width} x {height}" for height, width, _ in (one.shape, other.shape)]
    if one.shape != other.shape:
        raise InputError(f"images of {' and '.join(sizes)} pixels", "SSIM needs equal sizes", "compute both anew")
    if min(one.shape[:2]) < SMALLEST:
        cause = f"too small for SSIM, which needs {SMALLEST} a side"
        raise InputError(f"images of {sizes[0]} pixels", cause, "take a model of larger images")
    given = {"channel_axis": -1, "data_range": 255, "gaussian_weights": True, "sigma": WINDOW}
    return structural_similarity(one, other, full=True, use_sample_covariance=False, **given)[1].mean(-1)


def _pixels(maps: np.ndarray) -> np.ndarray:
    """Return maps (S, h, w) as columns (h w, S)."""
    return maps.reshape(len(maps), maps[0].size).T.astype(np.float64)
