"""The names of the format: where files lie in a store, and what stands in them."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

from store.pid.decomposition import PARTS
from store.pid.information import BANDED, INFORMATION
from store.records import RunKey, pair_name

FORMAT_VERSION = 4
SOFTWARE = "diffusionpid-dashboard 0.1"
MAPS, FILES = "maps", "*.h5"
LOCK = ".lock"
QUARANTINE = "quarantine"
DATASETS = {  # name of an estimate -> dataset
    name: f"information_{name}" if name in BANDED else name for name in (*INFORMATION, *PARTS)
}
PICTURED = frozenset({"images", "latents", "pictures"})  # a file has the first two or the last
APART = PICTURED | {"pairs"}  # not in the root's digest: they have checksums of their own
SAMPLES = ("first", "second", "both")  # what lists have of each image, before its redundancies


def slug(text: str, length: int = 60) -> str:
    """Return `text` as part of a file name: letters, digits, dots and dashes."""
    return re.sub(r"[^a-z0-9.]+", "-", text.casefold()).strip("-.")[:length] or "x"


def group_name(words: tuple[str, str]) -> str:
    """Return the name of the group of a pair: its words, each percent-encoded, joined by a plus sign."""
    return "+".join(quote(word, safe=" '") for word in words)


def old_group_name(words: tuple[str, str]) -> str:
    """Return the name that the group had as long as a plus sign inside a word was not encoded."""
    return quote("+".join(words), safe=" +'")


def pair_of_group(name: str) -> str:
    """Return the name of the pair that a group called `name` belongs to; of an old name that may be another one."""
    parts = [unquote(part) for part in name.split("+")]
    return pair_name(*parts) if len(parts) == 2 else "+".join(parts)


def path_of(root: Path, key: RunKey) -> Path:
    """Return the place of the file of `key` in the store `root`."""
    digest = digest_of(key)
    return root / MAPS / slug(key.model) / digest[:2] / f"{slug(key.prompt)}-{digest[:12]}.h5"


def digest_of(key: RunKey) -> str:
    """Return the SHA-256, in hexadecimal, of the JSON list of the fields of `key`: no other file has it."""
    return hashlib.sha256(json.dumps(dataclasses.astuple(key)).encode()).hexdigest()


def paths(root: Path) -> Iterator[Path]:
    """Yield all published files of the store, in no particular order."""
    for folder in folders(root):
        yield from folder.glob(FILES)


def folders(root: Path) -> Iterator[Path]:
    """Return the folders that files are published in."""
    return (root / MAPS).glob("*/*")
