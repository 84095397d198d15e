"""Which weights are asked for, in one text: a model, and what is added to it.

    sd-1.5 --lora /data/watercolour.safetensors:0.8 --size 768x512

Jobs, cards and workers carry such a text where they carry a model's name.
"""

import hashlib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from store.errors import InputError

OFFLOADS = PARTS, LAYERS = "offload", "offload-layers"  # what goes to the device at once
QUANTIZATIONS = "int8", "nf4"
OPTION = re.compile(r"\s--(?=(?:lora|embedding|size|variant|quantize|config)\s|offload(?:-layers)?(?:\s|$))")
SUFFIX = ".safetensors"
PICKLED = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
INDEX = "model_index.json"  # of a folder with a saved pipeline
HUB_ID = re.compile(r"(\w[\w.-]*/[\w.-]+)(?:/(.+\.safetensors))?")
SIDES = 8, 16384  # pixels of an image's side, at least and at most
STEP = 8  # pixels that sides are multiples of


@dataclass(frozen=True)
class Lora:
    """A file of low-rank differences (or their id on the hub), and how much of them is added."""

    file: str
    weight: float = 1.0

    @classmethod
    def parse(cls, text: str) -> "Lora":
        """Return what FILE or FILE:WEIGHT says; raises InputError if the weight is no number."""
        file, colon, weight = text.rpartition(":")
        if not colon or Path(text).is_file():
            return cls(text)
        try:
            return cls(file, float(weight))
        except ValueError as error:
            raise InputError(f"--lora {text}", f"{weight!r} is no number", "write FILE or FILE:WEIGHT") from error

    def __str__(self) -> str:
        return f"{self.file}:{self.weight:g}"

    @property
    def hub_id(self) -> tuple[str, str] | None:
        """OWNER/NAME and FILE of one on the hub, FILE empty where none is named; None where it is a file."""
        found = HUB_ID.fullmatch(self.file)
        if found is None or Path(self.file).is_file() or (not found[2] and self.file.endswith(SUFFIX)):
            return None
        return found[1], found[2] or ""


@dataclass(frozen=True)
class ModelChoice:
    """A `model` (known name, hub id or folder) with LoRAs and learned embeddings, drawing images of `size`.

    `size` is (width, height) in pixels, that of the training if None. `variant` is a form of its weights, as fp16.
    `quantize` is one of QUANTIZATIONS or empty, `offload` one of OFFLOADS or empty. A model that is a single file of
    weights has the configuration of the pipeline `config`, if that is not empty.
    """

    model: str
    loras: tuple[Lora, ...] = ()
    embeddings: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    variant: str = ""
    quantize: str = ""
    offload: str = ""
    config: str = ""

    @classmethod
    def of(
        cls,
        model: str,
        loras: Sequence[str] = (),
        embeddings: Sequence[str] = (),
        size: str | None = None,
        variant: str | None = None,
        quantize: str | None = None,
        offload: str | None = None,
        config: str | None = None,
    ) -> "ModelChoice":
        """Return the choice that options say, beside those in `model`; raises InputError if one cannot be used."""
        within = cls.parse(model)
        return cls(
            model=within.model,
            loras=(*within.loras, *map(Lora.parse, loras)),
            embeddings=(*within.embeddings, *embeddings),
            size=_size(size) if size else within.size,
            variant=variant or within.variant,
            quantize=_quantization(quantize or within.quantize),
            offload=offload or within.offload,
            config=config or within.config,
        )

    @classmethod
    def parse(cls, text: str) -> "ModelChoice":
        """Return what `str` of a choice says; raises InputError if an option of it cannot be used."""
        model, *options = OPTION.split(text)
        given: dict[str, list[str]] = {"lora": [], "embedding": []}
        last, offload = dict.fromkeys(("size", "variant", "quantize", "config"), ""), ""
        for option in options:
            name, _, value = option.strip().partition(" ")
            if name in OFFLOADS and not value:
                offload = name
                continue
            try:
                (word,) = shlex.split(value)
            except ValueError as error:
                raise InputError(f"--{name}", f"{value[:80]!r} is not one value", "quote it") from error
            if name in last:
                last[name] = word
            else:
                given[name].append(word)
        return cls(
            model=model,
            loras=tuple(map(Lora.parse, given["lora"])),
            embeddings=tuple(given["embedding"]),
            size=_size(last["size"]) if last["size"] else None,
            variant=last["variant"],
            quantize=_quantization(last["quantize"]),
            offload=offload,
            config=last["config"],
        )

    def __str__(self) -> str:
        options = [("lora", str(lora)) for lora in self.loras] + [("embedding", file) for file in self.embeddings]
        options += [("size", f"{self.size[0]}x{self.size[1]}")] if self.size else []
        options += [("variant", self.variant)] if self.variant else []
        options += [("quantize", self.quantize)] if self.quantize else []
        options += [("config", self.config)] if self.config else []
        said = "".join(f" --{name} {shlex.quote(value)}" for name, value in options)
        return self.model + said + (f" --{self.offload}" if self.offload else "")

    @property
    def label(self) -> str:
        """What is added to the model's name, so that results of both stand side by side; empty if nothing is."""
        added = [f" + {Path(lora.file).stem}:{lora.weight:g}" for lora in self.loras]
        added += [f" + {Path(file).stem}" for file in self.embeddings]
        sized = [f" {self.size[0]}x{self.size[1]}"] if self.size else []
        return "".join(added + sized + ([f" {self.quantize}"] if self.quantize else []))

    @property
    def files(self) -> list[Path]:
        """The files of what is added."""
        return [Path(name).expanduser() for name in (*(lora.file for lora in self.loras), *self.embeddings)]

    @property
    def faults(self) -> list[str]:
        """Why no machine can load it, in sentences, as far as names tell."""
        named = {"model": [self.model], "LoRA": [lora.file for lora in self.loras], "embedding": self.embeddings}
        return [
            f"{kind} {name}: its weights are pickled, and such are never loaded. Convert it to safetensors."
            for kind, names in named.items()
            for name in names
            if name.endswith(PICKLED)
        ]

    @property
    def doubts(self) -> list[str]:
        """What of it is not on this machine, in sentences: a worker on another one may have it."""
        place, found = Path(self.model).expanduser(), []
        if self.model.startswith(("/", "~", ".")) and not place.exists():
            found.append(f"{self.model} is not on this machine.")
        elif place.is_dir() and len(place.parts) > 1 and not (place / INDEX).is_file():
            found.append(f"{self.model} has no {INDEX}: it is no saved pipeline.")
        files = [lora.file for lora in self.loras if not lora.hub_id] + list(self.embeddings)
        return found + [f"{file} is not on this machine." for file in files if not Path(file).expanduser().is_file()]

    def identity(self, base: str) -> str:
        """Return what identifies the weights of this choice, given that of the model alone.

        Raises
        ------
        InputError: a file of what is added is missing.
        """
        if not self.label:
            return base
        digest = hashlib.sha256(base.encode())
        digest.update(repr((self.size, [lora.weight for lora in self.loras])).encode())
        digest.update(self.quantize.encode())
        for path in self.files:
            digest.update(_digest(path))
        return digest.hexdigest()[:12]


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise InputError(f"{path}", f"cannot be read ({error.strerror})", "give a .safetensors file") from error


def _quantization(text: str) -> str:
    if text and text not in QUANTIZATIONS:
        raise InputError(f"--quantize {text[:40]}", "no known form", f"use one of {', '.join(QUANTIZATIONS)}")
    return text


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    sides = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(SIDES[0] <= side <= SIDES[1] and side % STEP == 0 for side in sides):
        why = f"not WIDTHxHEIGHT in pixels, each a multiple of {STEP} up to {SIDES[1]:,}"
        raise InputError(f"--size {text[:40]}", why, "write --size 768x512")
    return sides
