"""Records -> the bytes of a file, composed in memory.

The bytes are written in one go: on a full disk HDF5 itself would end the process.
"""

import io
import json
from collections.abc import Iterable

import h5py
import numpy as np

from store.hdf5.arrays import new_file, new_group, write_array, write_packed, write_small
from store.hdf5.digest import digest
from store.hdf5.layouts import condensed, full
from store.hdf5.layouts.totals import TotalsLayout
from store.hdf5.names import APART, FORMAT_VERSION, group_name
from store.records import PairResult, RunRecord, TokenPair


def compose(record: RunRecord, untouched: Iterable[h5py.Group] = ()) -> bytes:
    """Return the bytes of a file that holds `record`, and `untouched` pairs of other files as they are."""
    content = io.BytesIO()
    with new_file(content) as file:
        _write(file, record)
        for group in untouched:
            group.file.copy(group, file["pairs"])
        file.attrs["complete"] = True
    return content.getvalue()


def _write(file: h5py.File, record: RunRecord) -> None:
    key, provenance = record.key, record.provenance
    about = {
        "format_version": FORMAT_VERSION,
        "model": key.model,
        "model_revision": key.revision,
        "prompt": key.prompt,
        "guidance": key.guidance,
        "image": key.image,
        "created": provenance.created,
        "software": provenance.software,
        "settings": json.dumps(provenance.settings, sort_keys=True),
    }
    write_small(file, "seeds", np.array(record.seeds, np.int64))
    if record.known_latents:
        file.attrs.update(about)
        write_array(file, "images", record.images)
        write_array(file, "latents", record.latents)
    else:
        write_packed(file, about)
        condensed.write_pictures(file, record)
    groups = new_group(file, "pairs")
    for result in record.pairs:
        _write_pair(new_group(groups, group_name(result.pair.words)), result)
    write_packed(file, {"digest": digest(file, APART, own=True)})


def _write_pair(group: h5py.Group, result: PairResult) -> None:
    form, layout, (first, second) = condensed if result.condensed else full, TotalsLayout.of(result), result.pair.words
    about = {
        "version": FORMAT_VERSION,
        "condensed": result.condensed,
        "first": first,
        "second": second,
        "measure": layout.measure,
        "estimator": layout.estimator,
        "unit": "nats",
        "noises": min(result.noises),
        "retried": result.retried,
        "labels": json.dumps(result.labels),
        "measures": list(layout.measures),
    }
    if isinstance(result.pair, TokenPair):
        about["spans"] = np.array([result.pair.first, result.pair.second], np.int64)
    if layout.surprisals:
        about["surprisals"] = np.array(layout.surprisals, np.float64)
    write_packed(group, about) if result.condensed else group.attrs.update(about)
    columns = {
        "seeds": np.array(result.seeds, np.int64),
        "noises": np.array(result.noises, np.int64),
        "run_keys": np.array(result.keys_by_image, "S64"),
    }
    form.write_columns(group, columns)
    for kind, maps in result.baselines.items():
        form.write_baseline(group, kind, maps)
    for mode in result.information:
        inside = new_group(group, mode)
        inside.attrs["version"] = FORMAT_VERSION
        form.write_mode(inside, result, mode)
    write_packed(group, {"digest": digest(group, own=True)})
