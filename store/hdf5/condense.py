"""Condensed copies of a store: small enough to be shipped with software or sent by mail."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from pathlib import Path

import numpy as np

from store.hdf5.access import opened
from store.hdf5.layouts.compression import few_shades
from store.hdf5.read import read_record
from store.hdf5.write import publish
from store.records import PairResult, RunRecord


def condense(
    out: Path, selection: Mapping[Path, Set[str]], banded: Set[str] = frozenset(), compared: Set[str] = frozenset()
) -> Iterator[Path]:
    """Publish the pairs named in `selection`, by file, condensed into the store `out`; yields each file as it is done.

    Pairs of the studies `banded` keep their maps by band of log SNR. Images of the studies `compared` keep their
    latents, which are needed to tell senses of homonyms. A pair that `out` has in full stays in full.

    Raises
    ------
    BrokenFileError, NewerFormatError: a file that is selected cannot be read. StoreError: `out` cannot be written.
    """
    for path, pairs in selection.items():
        with opened(path) as file:
            record = read_record(file, pairs)
        publish(out, condensed(record, banded, compared))
        yield path


def condensed(record: RunRecord, banded: Set[str] = frozenset(), compared: Set[str] = frozenset()) -> RunRecord:
    """Return `record` with condensed pairs and the images that they need, in 5 bits a channel.

    Arguments are those of `condense`.
    """
    needed = [index for index, seed in enumerate(record.seeds) if any(seed in pair.seeds for pair in record.pairs)]
    latents = record.latents[needed]
    if not any(compared & studies_of(pair) for pair in record.pairs):
        latents = np.full_like(latents, np.nan)
    return replace(
        record,
        seeds=tuple(record.seeds[index] for index in needed),
        images=few_shades(record.images[needed]),
        latents=latents,
        pairs=tuple(pair.condense(bands=bool(banded & studies_of(pair))) for pair in record.pairs),
    )


def studies_of(pair: PairResult) -> set[str]:
    """Return the studies that `pair` belongs to; the part *neutral* of a study belongs to that study."""
    return {name for label in pair.labels for name in (label.study, label.study.partition(":")[0])}
