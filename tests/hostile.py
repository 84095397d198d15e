"""Result files in which one attribute or array is replaced by something that no file should hold."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from store import hdf5
from store.hdf5.digest import digest
from store.hdf5.names import APART
from store.records import Label
from tests import synthetic
from tests.conftest import ROOT

Change = Callable[[h5py.File], None]
TEXT = h5py.string_dtype()
ATTRIBUTES: dict[str, object] = {
    "bytes that are no UTF-8": np.bytes_(b"a \xff doctor"),
    "NUL": np.bytes_(b"a\0b"),
    "escape": np.bytes_(b"\x1b[31m"),
    "empty text": "",
    "long text": "x" * 60_000,
    "half of a character in JSON": '[["\\ud800", "a", "b"]]',
    "NUL in JSON": '{"a": "\\u0000"}',
    "other labels": "[[1, 2, 3]]",
    "deep JSON": "[" * 30_000,
    "no JSON": "{",
    "null": "null",
    "absurd date": "0001-01-01T00:00:00+14:00",
    "other words": "+",
    "nan": np.float64(np.nan),
    "infinity": np.float64(np.inf),
    "minus one": np.int64(-1),
    "nought": np.int64(0),
    "most": np.uint64(2**64 - 1),
    "huge": np.float64(1e308),
    "true": np.True_,
    "nothing": h5py.Empty("f"),
    "no numbers": np.zeros(0),
    "nan numbers": np.full((2, 2), np.nan),
    "infinite numbers": np.full(8, np.inf),
    "negative numbers": np.full((2, 2), -5, np.int64),
    "far numbers": np.array([[500, 505], [600, 700]], np.int64),
    "the same numbers": np.array([3, 3], np.int64),
    "many texts": np.array(["a"] * 100, TEXT),
    "wrong texts": np.array(["mmi", "mmi"], TEXT),
    "complex numbers": np.complex64(1),
    "record": np.zeros((), [("a", "i4"), ("b", "f4")]),
    "opaque": np.void(b"abc"),
}
ARRAYS: dict[str, Callable[[h5py.Dataset], np.ndarray]] = {
    "infinity": lambda old: np.full(old.shape, np.inf),
    "nan": lambda old: np.full(old.shape, np.nan),
    "huge": lambda old: np.full(old.shape, 1e308),
    "minus one": lambda old: np.full(old.shape, -1, np.int64),
    "nought": lambda old: np.zeros(old.shape, old.dtype),
    "most": lambda old: np.full(old.shape, 2**64 - 1, np.uint64),
    "ones": lambda old: np.ones(old.shape, old.dtype),
    "half precision": lambda old: np.full(old.shape, 60_000, np.float16),
    "texts": lambda old: np.full(old.shape, b"\xff", "S2"),
    "texts of any length": lambda old: np.full(old.shape, "a", TEXT),
    "truths": lambda old: np.ones(old.shape, bool),
    "records": lambda old: np.zeros(old.shape, [("a", "i4"), ("b", "f4")]),
    "one number": lambda old: np.zeros((), old.dtype),
    "no numbers": lambda old: np.zeros((0, *old.shape[1:]), old.dtype),
    "one more": lambda old: np.zeros((old.shape[0] + 1, *old.shape[1:]), old.dtype),
    "one less": lambda old: old[:-1],
    "turned": lambda old: old[...].T,
    "one more side": lambda old: old[...][..., None],
}


def layouts(folder: Path) -> dict[str, Path]:
    """A small file of each layout and version, each in a store of its own below `folder`."""
    record = synthetic.record(**synthetic.SMALL)
    (result,) = record.pairs
    labelled = replace(result, labels=(Label("gender", "female", "doctor"),), surprisals=(1.0, 2.0))
    full = hdf5.publish(folder / "full", replace(record, pairs=(labelled,)))
    probe = synthetic.record(words=("male", "nurse"), probe=True, **synthetic.SMALL)
    hdf5.publish(folder / "full", probe)
    list(hdf5.condense(folder / "condensed", {full: {result.pair.name}}, banded={"gender"}))
    found = {"full": full, "condensed": next(hdf5.paths(folder / "condensed"))}
    for version in (1, 2, 3):
        old = ROOT / f"tests/archives/format_{version}.h5"
        path = hdf5.path_of(folder / f"version {version}", hdf5.read(old).key)
        path.parent.mkdir(parents=True)
        found[f"version {version}"] = Path(shutil.copy(old, path))
    return found


def changes(path: Path) -> Iterator[tuple[str, Change]]:
    """Yield every change of one attribute or array of the file, with what it does."""
    with h5py.File(path) as file:
        places: list[str] = ["/"]
        file.visit(places.append)
        for place in places:
            yield from _of_attributes(place, list(file[place].attrs))
            if isinstance(file[place], h5py.Dataset):
                yield from _of_array(place)


def apply(path: Path, change: Change) -> None:
    """Change a file, and give what was changed valid digests."""
    with h5py.File(path, "r+", libver="v110") as file:
        change(file)
        pairs = file["pairs"].values() if isinstance(file.get("pairs"), h5py.Group) else ()
        for group in pairs:
            if isinstance(group, h5py.Group):
                _renew(group, frozenset())
        _renew(file, APART)


def _renew(group: h5py.Group, apart: frozenset[str]) -> None:
    if "digest" in group.attrs:
        try:
            group.attrs["digest"] = digest(group, apart, own=True)
        except (OSError, ValueError, TypeError, RuntimeError):
            return  # what cannot be digested has no valid digest


def _of_attributes(place: str, names: list[str]) -> Iterator[tuple[str, Change]]:
    for name in names:
        if name == "complete":
            continue
        for about, value in ATTRIBUTES.items():

            def change(file: h5py.File, name: str = name, value: object = value) -> None:
                del file[place].attrs[name]
                file[place].attrs[name] = value

            yield f"{place} {name}: {about}", change

        def remove(file: h5py.File, name: str = name) -> None:
            del file[place].attrs[name]

        yield f"{place} {name}: gone", remove


def _of_array(place: str) -> Iterator[tuple[str, Change]]:
    for about, make in ARRAYS.items():

        def change(file: h5py.File, make: Callable[[h5py.Dataset], np.ndarray] = make) -> None:
            old = file[place]
            array, attributes = make(old), dict(old.attrs)
            del file[place]
            kind = TEXT if array.dtype.kind == "O" else None
            for name, value in attributes.items():
                file.require_dataset(place, array.shape, kind or array.dtype, data=array).attrs[name] = value
            if not attributes:
                file.create_dataset(place, data=array, dtype=kind)

        yield f"{place}: {about}", change

    def remove(file: h5py.File) -> None:
        del file[place]

    def put_group(file: h5py.File) -> None:
        del file[place]
        file.create_group(place)

    yield f"{place}: gone", remove
    yield f"{place}: a group", put_group
