"""What was measured of single images, as one long table."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from store.catalogue.entry import Entry
from store.records import Label

ABOUT = ("model", "revision", "guidance", "prompt", "first", "second", "mode", "study", "attribute", "subject")
INFORMATION = ("information_first", "information_second", "information_both")
COLUMNS = (
    *ABOUT,
    *("seed", "measure", "level"),
    *INFORMATION,
    *("redundancy", "unique_first", "unique_second", "synergy"),
)
Sampled = tuple[Entry, Label, list[str], np.ndarray, np.ndarray]  # names N, seeds int64 (P,), float64 (P, 3 + N)


def unpacked(names: str, seeds: bytes, samples: bytes) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names N, seeds int64 (P,) and samples float64 (P, 3 + N), in nats, of how the catalogue keeps them."""
    columns = names.split(" ")
    return columns, np.frombuffer(seeds, "<i8"), np.frombuffer(samples, "<f8").reshape(-1, 3 + len(columns))


def table(sampled: Iterable[Sampled]) -> pd.DataFrame:
    """One row an image, measure and level of each that is given; information in nats."""
    about, sizes, names, seeds, information, redundancies = [], [], [], [], [], []
    for entry, label, columns, numbers, values in sampled:
        key = entry.key
        about.append((key.model, key.revision, key.guidance, key.prompt, entry.first, entry.second, entry.mode, *label))
        sizes.append(len(numbers) * len(columns))
        names += columns * len(numbers)
        seeds.append(numbers.repeat(len(columns)))
        information.append(values[:, :3].repeat(len(columns), axis=0))
        redundancies.append(values[:, 3:].ravel())
    frame = pd.DataFrame(about, columns=list(ABOUT))
    frame = frame.astype({name: float if name == "guidance" else str for name in ABOUT})
    frame = frame.loc[np.repeat(np.arange(len(frame)), sizes)].reset_index(drop=True)
    frame["seed"] = _joined(seeds, np.int64)
    frame["measure"] = pd.array([name.partition("/")[0] for name in names], dtype="str")
    frame["level"] = pd.array([name.partition("/")[2] for name in names], dtype="str")
    frame[list(INFORMATION)] = _joined(information, np.float64).reshape(-1, 3)
    frame["redundancy"] = redundancy = _joined(redundancies, np.float64)
    first, second, both = (frame[name] for name in INFORMATION)
    frame["unique_first"] = first - redundancy
    frame["unique_second"] = second - redundancy
    frame["synergy"] = both - first - second + redundancy
    return frame[list(COLUMNS)]


def _joined(arrays: list[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.zeros(0, kind)
