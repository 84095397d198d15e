"""Pipelines as they lie on disk: which parts they have, which weights are loaded, and what identifies them."""

import hashlib
import importlib
import json
import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch

from compute.models.remembered import Remembered
from store.errors import InputError

INDEX = "model_index.json"
RENAMED = {  # what diffusers called pipelines when published models were saved
    "LuminaText2ImgPipeline": "LuminaPipeline",
    "Lumina2Text2ImgPipeline": "Lumina2Pipeline",
}
IGNORED = {  # no part in what text makes of noise: they check images, or write texts anew
    "safety_checker",
    "feature_extractor",
    "image_encoder",
    "pe",
    "pe_tokenizer",
    "text_processor",
    "guider",
    "ocr_guider",
}
WITHOUT_VOCABULARY = "ByT5Tokenizer"  # it reads bytes
STEMS = {"diffusers": "diffusion_pytorch_model", "transformers": "model"}
POINTER = b"version https://git-lfs"
TOKENIZERS = {  # of which files one is enough
    ("tokenizer.json",),
    ("vocab.json", "merges.txt"),
    ("vocab.txt",),
    ("spiece.model",),
    ("tokenizer.model",),
    ("sentencepiece.bpe.model",),
}
READ = {"config.json", "scheduler_config.json", "added_tokens.json"}.union(*TOKENIZERS)  # besides weights
VOLATILE = {"transformers_version", "torch_dtype", "dtype"}  # of a configuration; so is what begins with "_"
EMBEDDING = re.compile(r"emb|^shared\.")  # in the names of weights
BLOCK, BLOCKS = 2**12, 16  # bytes, and how many such blocks of a tensor are part of a file's digest
HEADER = 2**27  # bytes of a safetensors header at most
IDENTITIES = "identities.json"
CONVERT = "load it where it was made, then save_pretrained(FOLDER, safe_serialization=True)"


@dataclass(frozen=True)
class SavedPart:
    """One part of a pipeline, in a folder of its own. Its `variant` of weights is fp16, as an example; "" is usual."""

    name: str
    folder: Path
    package: str
    kind: str  # its class
    variant: str = ""
    weights: tuple[Path, ...] = ()  # safetensors files, none of tokenizers and schedulers
    numbers: int = 0  # in its weights
    matrices: int = 0  # of these, in matrices that can be quantized: those of no embedding

    @property
    def type(self) -> type:
        """Its class in the package."""
        return getattr(importlib.import_module(self.package), self.kind)


@dataclass(frozen=True)
class SavedPipeline:
    """A pipeline in `folder`, called `model`; `commit` is the hub's revision of it, empty for other folders."""

    model: str
    folder: Path
    commit: str = ""
    variant: str = ""  # of its weights, where somebody chose one

    @cached_property
    def family(self) -> str:
        """The pipeline's class; raises InputError if it is not one of diffusers."""
        family = self._index.get("_class_name")
        if not isinstance(family, str):
            raise self.refused(f"it needs code of its own ({_short(family)}), which is never run", "use another model")
        return RENAMED.get(family, family)

    @cached_property
    def parts(self) -> dict[str, SavedPart]:
        """The parts that take part in what text makes of noise, by name.

        Raises
        ------
        InputError: a part, its weights or a piece of them is missing, or not what it should be.
        """
        found = {}
        for name, about in self._index.items():
            if name.startswith("_") or name in IGNORED or not isinstance(about, list):
                continue
            if len(about) != 2 or not all(isinstance(each, str) for each in about):
                if any(isinstance(each, str) for each in about):  # others are settings, as the layers of an encoder
                    raise self.refused(f"{INDEX} does not say what {name} is", "save it again")
                continue
            found[name] = self._part(name, *about)
        if self.variant and all(part.variant != self.variant for part in found.values()):
            raise self.refused(f"none of its parts has weights of the variant {self.variant}", "omit --variant")
        return found

    @cached_property
    def absent(self) -> frozenset[str]:
        """The names of the parts that the pipeline was saved without, as the T5 of Stable Diffusion 3."""
        return frozenset(name for name, about in self._index.items() if isinstance(about, list) and not any(about))

    def identity(self, cache: Path | None = None) -> str:
        """Return what identifies the weights that are loaded: the hub's commit, else 12 hexadecimal digits.

        The digest is of configurations, vocabularies, the headers of the weights' files and blocks of every tensor. It
        is remembered in `cache` as long as files keep their size and time. Raises InputError as `parts` does.
        """
        if self.commit:
            return self.commit
        remembered = Remembered(cache, IDENTITIES)
        digest = hashlib.sha256(self.family.encode())
        for name, part in sorted(self.parts.items()):
            digest.update(f"\n{name} {part.kind}\n".encode())
            for path in sorted(part.folder.iterdir()):
                if path.name in READ and path.is_file():
                    digest.update(_settings(path))
            for path in part.weights:
                digest.update(self._digest(path, remembered).encode())
        return digest.hexdigest()[:12]

    def refused(self, why: str, mend: str) -> InputError:
        """Return the error that says why this pipeline cannot be used, and what to do instead."""
        return InputError(f"model {self.model!r}", why, mend)

    @cached_property
    def _index(self) -> dict:
        path = self.folder / INDEX
        if not path.is_file():
            raise self.refused(f"{self.folder} has no {INDEX}", "give the folder of a saved diffusers pipeline")
        try:
            index = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise self.refused(f"{INDEX} cannot be read ({error})", "save the pipeline again") from error
        if not isinstance(index, dict):
            raise self.refused(f"{INDEX} is not a table of parts", "save the pipeline again")
        return index

    def _part(self, name: str, package: str, kind: str) -> SavedPart:
        part = SavedPart(name, self.folder / name, package, kind)
        if not part.folder.is_dir():
            raise self.refused(f"its {name} is missing", "download or save it whole")
        if "Tokenizer" in kind:
            if kind != WITHOUT_VOCABULARY and not any(
                all((part.folder / file).is_file() for file in files) for files in TOKENIZERS
            ):
                raise self.refused(f"the vocabulary of its {name} is missing", "download or save it whole")
            return part
        if package not in STEMS and any(part.folder.glob("*.safetensors")):
            why = f"its {name} is a {_short(kind)} of {_short(package)}, which is not loaded"
            raise self.refused(why, "use a model whose parts are of diffusers or transformers")
        if package not in STEMS or kind.endswith(("Scheduler", "Processor")):
            return part
        try:
            is_model = issubclass(part.type, torch.nn.Module)
        except (ImportError, AttributeError) as error:
            why = f"its {name} is a {_short(kind)}, unknown to {package} here"
            raise self.refused(why, f"update {package}") from error
        return self._with_weights(part) if is_model else part

    def _with_weights(self, part: SavedPart) -> SavedPart:
        """`part` with its usual weights, or those of the one variant that is there."""
        stem, there = STEMS[part.package], {path.name for path in part.folder.iterdir()}
        names = (re.fullmatch(rf"{stem}(?:\.([\w-]+?))?(?:-\d+-of-\d+)?\.safetensors", name) for name in there)
        variants = sorted({found[1] or "" for found in names if found})
        if not variants:
            if any(name.endswith((".bin", ".ckpt", ".pt")) for name in there):
                raise self.refused(f"the weights of its {part.name} are pickled, and such are never loaded", CONVERT)
            raise self.refused(f"the weights of its {part.name} are missing", "download or save it whole")
        if variants[0] and len(variants) > 1 and not self.variant:
            raise self.refused(f"its {part.name} has weights of {', '.join(variants)} alone", "choose one by --variant")
        variant = self.variant if self.variant in variants else variants[0]
        dotted = f".{variant}" if variant else ""
        whole = part.folder / f"{stem}{dotted}.safetensors"
        index = part.folder / f"{stem}.safetensors.index{dotted}.json"
        shards_first = part.package == "diffusers" and index.is_file()  # as the library does where there are both
        files = [whole] if whole.is_file() and not shards_first else self._shards(part, index)
        for path in files:
            if not path.is_file():
                raise self.refused(f"{part.name}/{path.name} is missing", "download or save it whole")
        shapes = [(key, about["shape"]) for path in files for key, about, *_ in self.tensors(path)]
        numbers = sum(math.prod(shape) for _, shape in shapes)
        matrices = sum(math.prod(shape) for key, shape in shapes if len(shape) == 2 and not EMBEDDING.search(key))
        return replace(part, variant=variant, weights=tuple(files), numbers=numbers, matrices=matrices)

    def _shards(self, part: SavedPart, index: Path) -> list[Path]:
        try:
            names = set(json.loads(index.read_bytes())["weight_map"].values())
            return [part.folder / name for name in sorted(names) if Path(name).name == name]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise self.refused(f"{part.name}/{index.name} cannot be read ({error})", "download it again") from error

    def _digest(self, path: Path, remembered: Remembered) -> str:
        """The digest of a file of weights: of its header, and of blocks of each of its tensors."""
        place, state = str(path.resolve()), path.stat()
        stamp = [state.st_size, state.st_mtime_ns]
        known = remembered.get(place)
        if isinstance(known, dict) and known.get("stamp") == stamp and isinstance(known.get("digest"), str):
            return known["digest"]
        digest = hashlib.sha256()
        with path.open("rb") as file:
            for name, about, start, stop in self.tensors(path):
                digest.update(f"{name} {json.dumps(about, sort_keys=True)}\n".encode())
                for at in _blocks(start, stop):
                    file.seek(at)
                    digest.update(file.read(min(BLOCK, stop - at)))
        remembered.put(place, {"stamp": stamp, "digest": digest.hexdigest()})
        return digest.hexdigest()

    def tensors(self, path: Path) -> Iterator[tuple[str, dict, int, int]]:
        """Name, type and shape, and first and last byte of each tensor of a safetensors file, by name."""
        part = f"{path.parent.name}/{path.name}"
        try:
            with path.open("rb") as file:
                first = file.read(max(8, len(POINTER)))
                if first.startswith(POINTER):
                    raise self.refused(f"{part} is a Git LFS pointer, not the weights", "fetch them by git lfs pull")
                (length,) = struct.unpack("<Q", first[:8])
                file.seek(8)
                header = json.loads(file.read(length)) if length < HEADER else {}
            tensors = {name: about for name, about in header.items() if name != "__metadata__"}
            ends = {name: about.pop("data_offsets") for name, about in tensors.items()}
            if not tensors or 8 + length + max(stop for _, stop in ends.values()) != path.stat().st_size:
                raise self.refused(f"{part} is cut off or damaged", "download or save it again")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error, RecursionError) as error:
            raise self.refused(f"{part} is no safetensors file ({error})", "download or save it again") from error
        for name in sorted(tensors):
            start, stop = ends[name]
            yield name, tensors[name], 8 + length + start, 8 + length + stop


def _blocks(start: int, stop: int) -> Iterator[int]:
    """The places of the blocks of a tensor that are read: all of a small one, else some from its start to its end."""
    if stop - start <= BLOCK * BLOCKS:
        yield from range(start, stop, BLOCK)
        return
    for number in range(BLOCKS):
        yield start + (stop - start - BLOCK) * number // (BLOCKS - 1)


def _settings(path: Path) -> bytes:
    """What a file of settings says, without who wrote it: of JSON in one form, of other files as they are."""
    content = path.read_bytes()
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        return content
    if isinstance(values, dict):
        values = {name: value for name, value in values.items() if not name.startswith("_") and name not in VOLATILE}
    return json.dumps(values, sort_keys=True).encode()


def _short(value: object) -> str:
    return str(value)[:80]
