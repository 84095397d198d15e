"""Stores with made-up but consistent results: for tests, and to work on pages without a model."""

import functools
import itertools
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np

from store import hdf5, studies
from store.hdf5.names import MAPS
from store.pid.information import BANDED, InformationMaps, Replicates
from store.pid.measures import DEFAULT
from store.records import MODES, Label, PairResult, Probe, Provenance, RunKey, RunRecord, TokenPair
from store.studies import Study

SHARPNESS = 6.0
ATTRIBUTES = ("female", "male", "young", "old")
SUBJECTS = ("doctor", "nurse", "pilot", "teacher", "judge", "farmer")
PLACES = ("garden", "kitchen", "street", "library", "forest", "harbour", "station", "workshop")
TONES = ("red", "green", "blue", "bright", "dark", "misty")
SMALL = {"seeds": (0, 1), "size": 8, "grid": 4}
ENTRIES = 4  # of a file of `many`: two pairs in two modes
BANDS, MAP_BANDS, REPLICATES = 18, 6, 8
EDGES = np.linspace(-9, 9, BANDS + 1, dtype=np.float32)
LEVELS = (EDGES[1:] + EDGES[:-1]) / 2
_folder = tempfile.TemporaryDirectory(prefix="synthetic")
_made: dict[str, Path] = {}  # what was made before -> its folder


def record(
    prompt: str = "a female doctor",
    words: tuple[str, str] = ("female", "doctor"),
    *,
    model: str = "embedded",
    revision: str = "1",
    seeds: tuple[int, ...] = (0, 1, 2, 3),
    size: int = 64,
    grid: int = 16,
    modes: tuple[str, ...] = ("pid", "cpid"),
    together: float = 1.2,
    noise: float = 0.02,
    infinite: bool = False,
    guidance: float = 1.0,
    measure: str = DEFAULT,
    probe: bool = False,
    surprisals: tuple[float, float] | None = None,
    created: str = "2026-01-02T03:04:05+00:00",
    strength: float = 1.0,
    labels: tuple[Label, ...] = (),
    notes: tuple[str, ...] = (),
) -> RunRecord:
    """A record of two words that say what `_bumps` shows of each.

    Both words together bring `together` times what the better one does: below 1, synergy is negative. All that they
    say is multiplied with `strength`.
    `noise` is the standard error of each total, as a share of I12. With `infinite`, one value is not finite. A
    `probe` asks for words that need not be in the prompt. `notes` are of the model.
    """
    rng = np.random.default_rng(len(prompt) + sum(map(ord, words[0])))
    pair = Probe(prompt, words) if probe else TokenPair.find(prompt, *words)
    modes, information = modes[:1] if probe else modes, {}
    for index, mode in enumerate(modes):
        scale = strength * (1.0 - 0.35 * index)
        centres = rng.uniform(0.3, 0.7, (2, len(seeds), 2))
        first, second = (scale * share * _bumps(grid, place) for share, place in zip((1.0, 1.6), centres, strict=True))
        both = np.maximum(first, second) * together
        if infinite:
            both[0, 0, 0] = np.inf
        information[mode] = _information(first, second, both, noise, rng)
    baselines = {} if probe else {"attention": np.stack([first, second], axis=1) / 100}
    noises = (64,) * len(seeds)
    result = PairResult(
        pair=pair,
        seeds=seeds,
        noises=noises,
        information=information,
        measure=measure,
        surprisals=surprisals,
        baselines=baselines,
        labels=labels,
    )
    return RunRecord(
        key=RunKey(model, revision, prompt, guidance),
        seeds=seeds,
        images=np.stack([_picture(size, rng) for _ in seeds]),
        latents=np.zeros((len(seeds), 4, grid, grid), np.float16),
        pairs=(result,),
        provenance=Provenance(created, "synthetic", {"notes": list(notes)} if notes else {}),
    )


def fill(root: Path) -> None:
    """A store with several prompts, pairs and models; negative synergy, weak values and a probe among them."""
    for day, (prompt, words) in enumerate(
        {
            "a female doctor": ("female", "doctor"),
            "a male doctor": ("male", "doctor"),
            "a photo of a firefighter beside a bright red fire engine": ("firefighter", "engine"),
            "a green apple": ("green", "apple"),
        }.items()
    ):
        hdf5.publish(root, record(prompt, words, created=f"2026-01-0{day + 1}T10:00:00+00:00"))
    hdf5.publish(root, record("a female doctor", ("a", "doctor")))
    hdf5.publish(root, record("a toy bear", ("toy", "bear"), together=0.7, created="2026-01-06T10:00:00+00:00"))
    hdf5.publish(root, record("a weak signal", ("weak", "signal"), noise=0.9, created="2026-01-07T10:00:00+00:00"))
    hdf5.publish(root, record("a lone doctor", ("lone", "doctor"), modes=("pid",)))
    hdf5.publish(root, record("a female doctor", ("male", "doctor"), probe=True))
    hdf5.publish(root, record("a female doctor", model="stable-diffusion-1.5", size=512, grid=64, seeds=(0, 7)))


def of_study(root: Path, study: Study, guidance: float = 1.0, limit: int | None = None, **about) -> None:
    """What a study, or `limit` of it, would leave in a store: each pair about the images of its prompt, with labels."""

    def made(folder: Path) -> None:
        for item in study.expand(limit):
            for pair in item.pairs:
                given = {"probe": isinstance(pair, Probe), "guidance": guidance, "labels": item.labels[pair], **about}
                hdf5.publish(folder, record(item.prompt, pair.words, **given))

    _once(root, made, (study, guidance, limit, about))


def many(root: Path, files: int, models: Sequence[str] = ("embedded",)) -> Iterator[Path]:
    """A large store, quickly: copies of a few files whose texts and totals are changed; yields each file."""
    templates = _templates()
    for number, (content, attribute, subject) in zip(range(files), itertools.cycle(templates), strict=False):
        scale = random.Random(number)
        place, tone = PLACES[number % len(PLACES)], TONES[number // len(templates) % len(TONES)]
        prompt, model = f"a {attribute} {subject} in a {tone} {place}, number {number}", models[number % len(models)]
        path = hdf5.path_of(root, RunKey(model, "1", prompt, 1.0))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        with h5py.File(path, "r+") as file:
            created = f"2026-01-{number % 28 + 1:02}T{number % 24:02}:{number % 60:02}:00+00:00"
            file.attrs.update(model=model, prompt=prompt, created=created)
            for pair in file["pairs"].values():
                first, second = pair.attrs["first"], pair.attrs["second"]
                shown = ["gender"] * (first in ATTRIBUTES) + ["pilot study"] * (number < 10)
                pair.attrs["labels"] = json.dumps([(study, first, second) for study in shown])
                for mode in MODES:
                    pair[mode].attrs["summary"] = pair[mode].attrs["summary"] * scale.random()
        yield path


def bias(root: Path, subjects: int = 3, *, name: str = "gender", model: str = "embedded", **about) -> Study:
    """The first `subjects` of a bias study, neutral images included; `about` goes to each `record`.

    The n-th subject's first attribute brings (n + 1) times what its others do.
    """
    asked = studies.load(name, model=model)

    def made(folder: Path) -> None:
        for item in asked.expand(subjects):
            for pair in item.pairs:
                label = item.labels[pair][0]
                place = asked.content.subjects.index(label.subject)
                strength = place + 1.0 if label.attribute == asked.content.attributes[0] else 1.0
                probe = isinstance(pair, Probe)
                given = {"model": model, "strength": strength, "labels": item.labels[pair], "probe": probe, **about}
                hdf5.publish(folder, record(item.prompt, pair.words, **given))

    _once(root, made, (asked, subjects, model, about))
    return asked


def _once(root: Path, made: Callable[[Path], None], about: object) -> None:
    """Have `made` fill the store `root`, by copying where it is empty: what is made `about` the same is made once."""
    if (root / MAPS).exists():
        made(root)
        return
    if repr(about) not in _made:
        made(_made.setdefault(repr(about), Path(_folder.name) / str(len(_made))))
    shutil.copytree(_made[repr(about)], root, dirs_exist_ok=True)


def truncate(path: Path) -> None:
    """Cut a result file in half, as a full disk or a broken copy would."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def make_newer(path: Path) -> None:
    """Mark a result file as written by a later version of the format."""
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = hdf5.FORMAT_VERSION + 1


@functools.cache
def _templates() -> tuple[tuple[bytes, str, str], ...]:
    """Files of two pairs, as bytes, with the words of the first."""
    made = []
    with tempfile.TemporaryDirectory() as folder:
        for attribute, subject in itertools.product(ATTRIBUTES, SUBJECTS):
            for words in ((attribute, subject), ("a", subject)):
                path = hdf5.publish(Path(folder), record(" ".join(["a", attribute, subject]), words, **SMALL))
            made.append((path.read_bytes(), attribute, subject))
    return tuple(made)


def _bumps(grid: int, centres: np.ndarray) -> np.ndarray:
    across = (np.arange(grid) + 0.5) / grid
    rows, columns = across[None, :, None], across[None, None, :]
    distance = (rows - centres[:, 0, None, None]) ** 2 + (columns - centres[:, 1, None, None]) ** 2
    return (np.exp(-SHARPNESS * 4 * distance) * 40 / grid).astype(np.float32)  # (S, h, w)


def _replicates(values: np.ndarray, error: float, rng: np.random.Generator) -> np.ndarray:
    """Values (S, h, w) REPLICATES times, their mean unchanged, with about `error` as standard error of the total."""
    spread = rng.normal(size=(len(values), REPLICATES, 1, 1))
    spread -= spread.mean(1, keepdims=True)
    total = np.nan_to_num(values, posinf=0).sum(axis=(1, 2))[:, None, None, None]
    share = error * REPLICATES**0.5 * spread / np.maximum(total, 1e-6)
    return (values[:, None] * (1 + share)).astype(np.float32)


def _information(
    first: np.ndarray, second: np.ndarray, both: np.ndarray, noise: float, rng: np.random.Generator
) -> InformationMaps:
    error = noise * float(np.mean(np.where(np.isfinite(both), both, 0).sum(axis=(1, 2))))
    decay = np.exp(-((LEVELS - 1) ** 2) / 8) / np.exp(-((LEVELS - 1) ** 2) / 8).sum()  # (T,)
    totals = np.stack([values.sum(axis=(1, 2)) for values in (first, second, both)], axis=-1)  # (S, 3)
    curve = (totals[:, None, :] * decay[None, :, None]).astype(np.float32)
    curve[:, -2] = np.nan
    maps = {
        "first": first,
        "second": second,
        "both": both,
        "between": np.abs(first - second),
        "conditional_first": np.abs(both - second),
        "conditional_second": np.abs(both - first),
        "standard_first": first * 0.9,
        "standard_second": second * 0.9,
        "standard_both": both * 0.9,
    }
    shares = decay.reshape(MAP_BANDS, -1).sum(1)[:, None, None]  # (B, 1, 1)
    return InformationMaps(
        maps=Replicates({name: _replicates(values, error, rng) for name, values in maps.items()}),
        bands={name: (maps[name][:, None] * shares).astype(np.float32) for name in BANDED},
        band_edges=EDGES[:: BANDS // MAP_BANDS],
        curve=curve,
        log_snr=LEVELS,
        gap=np.stack([totals[:, 2:] * -0.1 * decay, totals[:, 2:] * 0.1 * decay], axis=-1).astype(np.float32),
        tail=(totals * 0.01).astype(np.float32),
    )


def _picture(size: int, rng: np.random.Generator) -> np.ndarray:
    """A disc and a bar on a soft background, uint8 (size, size, 3)."""
    rows, columns = np.mgrid[:size, :size] / size
    picture = np.empty((size, size, 3))
    picture[:] = (rows[..., None] * 0.3 + 0.6) * rng.uniform(0.7, 1, 3)
    centre, radius = rng.uniform(0.35, 0.65, 2), rng.uniform(0.15, 0.28)
    picture[(rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2] = rng.uniform(0.1, 0.9, 3)
    picture[(abs(columns - centre[1]) < 0.06) & (rows > centre[0])] = rng.uniform(0, 0.6, 3)
    return (picture * 255 + rng.normal(0, 3, picture.shape)).clip(0, 255).astype(np.uint8)
