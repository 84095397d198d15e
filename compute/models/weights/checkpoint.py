"""Single files with the weights of a whole pipeline, or of its denoiser: what they hold, and what they need besides."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from diffusers.loaders import single_file_utils
from torch import Tensor

from compute.models.weights.saved import SavedPart, SavedPipeline

DENOISERS = {"unet", "transformer"}
AUTOENCODER = ("first_stage_model.", "vae.")  # how the keys of its weights start


@dataclass(frozen=True)
class SavedCheckpoint(SavedPipeline):
    """A pipeline in one safetensors `file`. In `folder` are configurations, and the parts that the file lacks."""

    file: Path = Path()

    @cached_property
    def held(self) -> frozenset[str]:
        """The names of the parts whose weights are in the file."""
        return frozenset(name for name, part in self.parts.items() if self.file in part.weights)

    def _with_weights(self, part: SavedPart) -> SavedPart:
        if self._holds(part):
            shapes = [values.shape for values in self._shapes.values()] if part.name in DENOISERS else []
            matrices = sum(shape.numel() for shape in shapes if len(shape) == 2)
            numbers = sum(shape.numel() for shape in shapes)  # of the whole file, counted once
            return replace(part, weights=(self.file,), numbers=numbers, matrices=matrices)
        if not any(part.folder.glob("*.safetensors")):
            why = f"neither the file nor {self.folder} has the weights of its {part.name}"
            raise self.refused(why, "give --config FOLDER, a whole saved pipeline of its kind")
        return super()._with_weights(part)

    def _holds(self, part: SavedPart) -> bool:
        if part.name in DENOISERS:
            return True
        if part.name == "vae":
            return any(key.startswith(AUTOENCODER) for key in self._shapes)
        if part.type.__name__.startswith("T5"):
            return single_file_utils.is_t5_in_single_file(self._shapes)
        return single_file_utils.is_clip_model_in_single_file(part.type, self._shapes)

    @cached_property
    def _shapes(self) -> dict[str, Tensor]:
        return shapes_of(self)


def shapes_of(checkpoint: SavedCheckpoint) -> dict[str, Tensor]:
    """Return what the header of a checkpoint's file says, as tensors without values.

    Raises
    ------
    InputError: it is no safetensors file, or cut off.
    """
    found = checkpoint.tensors(checkpoint.file)
    return {name: torch.empty(about["shape"], device="meta") for name, about, *_ in found}


def usual_configuration(checkpoint: SavedCheckpoint) -> str:
    """Return the hub id of the pipeline whose configuration fits the keys of a checkpoint.

    Raises
    ------
    InputError: they do not tell, or as `shapes_of` does.
    """
    shapes = shapes_of(checkpoint)
    kind = single_file_utils.infer_diffusers_model_type(shapes)
    if kind == "v2":
        why = "files of Stable Diffusion 2 do not say whether they predict noise or v"
        raise checkpoint.refused(why, "give --config sd-2.1 (v) or --config sd-2.1-base (noise)")
    if kind == "v1" and single_file_utils.CHECKPOINT_KEY_NAMES["v1"] not in shapes:
        raise checkpoint.refused("the keys of its weights are of no known kind", "give --config FOLDER")
    return single_file_utils.DIFFUSERS_DEFAULT_PIPELINE_PATHS[kind]["pretrained_model_name_or_path"]
