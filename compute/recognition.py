"""What images of a study show, told by zero-shot classification with CLIP, SigLIP or a model like them.

The images of a prompt are held against the texts of its study that they could show instead, and against texts of
something else (Radford et al. 2021, section 3.1). The text with the largest score is what an image shows; one of
something else is *neither*.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from store import hdf5
from store.catalogue import Catalogue, Filter
from store.errors import InputError, StoreError
from store.recognition import NEITHER, SeenImage, Sightings, words_of
from store.recognition.stored import named
from store.studies import BETWEEN, NEUTRAL, Study

if TYPE_CHECKING:
    from transformers import ZeroShotImageClassificationPipeline

TASK = "zero-shot-image-classification"
ELSE = ("something else", "a person", "an animal", "an object", "a landscape", "a text", "an abstract pattern")
BATCH = 16  # images
Report = Callable[[int, int], None]  # files done, of all


@dataclass(frozen=True)
class Recogniser:
    """A zero-shot classifier of images, its name, and what identifies its weights."""

    name: str
    revision: str
    pipeline: "ZeroShotImageClassificationPipeline"

    def see(self, images: Sequence[np.ndarray], texts: Sequence[str], prompt: str) -> list[SeenImage]:
        """Return which of `texts` each of `images`, uint8 (H, W, 3), shows, and whether that is what `prompt` asks."""
        offered = [*texts, *(text for text in ELSE if text not in texts)]
        asked = words_of(prompt) & frozenset[str]().union(*map(words_of, texts))
        pictures = [Image.fromarray(image) for image in images]
        answers: Any = self.pipeline(pictures, candidate_labels=offered, batch_size=BATCH)
        found = []
        for answer in answers:
            best = max(answer, key=lambda each: each["score"])
            label = best["label"] if best["label"] in texts else NEITHER
            shows = label != NEITHER and asked <= words_of(label)
            found.append(SeenImage(label, float(best["score"]), shows))
        return found


def load(name: str, device: str | None = None) -> Recogniser:
    """Return the classifier of a folder, or of a hub id, by `transformers`' own pipeline.

    Raises
    ------
    InputError: there is none, or it is no such classifier.
    """
    import torch
    from transformers import pipeline

    if not name:
        mend = "give --recogniser, or the setting recogniser: a folder or hub id, as google/siglip-base-patch16-224"
        raise InputError("recogniser", "none is named", mend)
    source = str(Path(name).expanduser()) if Path(name).expanduser().is_dir() else name
    try:
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        made = pipeline(
            TASK, model=source, device=device, model_kwargs={"use_safetensors": True}
        )  # nothing is unpickled
    except Exception as error:  # whatever a stranger's files or the hub may cause
        why = " ".join(str(error).split())[:200] or type(error).__name__
        mend = "name a folder or hub id of CLIP, SigLIP or the like, with weights as .safetensors"
        raise InputError(f"recogniser {name}", why, mend) from error
    revision = getattr(made.model.config, "_commit_hash", None) or _digest(Path(source))
    return Recogniser(name, revision[:12], made)


def recognise(
    recogniser: Recogniser, catalogue: Catalogue, study: Study, model: str, report: Report = lambda done, total: None
) -> tuple[Sightings, list[StoreError]]:
    """Return what the images of `study` by `model` show, and the files that cannot be read.

    Raises
    ------
    InputError: none of its images is in the store.
    """
    offered, files = texts_of(study), dict(_files(catalogue, study, model))
    if not files:
        mend = f"compute it: python -m compute study {study.name} --model {model}"
        raise InputError(f"study {study.name} of model {model}", "nothing of it is in the store", mend)
    seen, broken = {}, []
    for done, (path, prompt) in enumerate(files.items()):
        report(done, len(files))
        try:
            pictures = hdf5.pictures(path)
        except StoreError as error:
            broken.append(error)
            continue
        told = recogniser.see(list(pictures.values()), offered.get(prompt, (prompt,)), prompt)
        seen[path] = dict(zip(pictures, told, strict=True))
    software = f"transformers {version('transformers')}"
    return Sightings(recogniser.name, recogniser.revision, software, named(seen)), broken


def texts_of(study: Study) -> Mapping[str, tuple[str, ...]]:
    """Return for each prompt of a study the prompts that its images could show instead: all of the same subject.

    Those that name no attribute are no such text, but are held against them too.
    """
    by_subject: dict[str, dict[str, None]] = {}
    subjects: dict[str, dict[str, None]] = {}
    for item in study.expand():
        for label in (label for labels in item.labels.values() for label in labels):
            subjects.setdefault(item.prompt, {})[label.subject] = None
            if label.study not in (study.name + NEUTRAL, study.name + BETWEEN):
                by_subject.setdefault(label.subject, {})[item.prompt] = None
    found = {}
    for prompt, names in subjects.items():
        texts = {text: None for name in names for text in by_subject.get(name, {})}
        found[prompt] = tuple(texts) or (prompt,)
    return found


def _files(catalogue: Catalogue, study: Study, model: str) -> Iterator[tuple[Path, str]]:
    for part in ("", NEUTRAL):
        for entry in catalogue.entries(Filter(study=study.name + part, model=model)):
            if not entry.key.image:
                yield entry.path, entry.key.prompt


def _digest(folder: Path) -> str:
    """Return the SHA-256 of the weights in a folder; empty where there are none."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
