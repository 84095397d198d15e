"""Tiny random pipelines of every family, with their text encoders: a name -> what builds one."""

import inspect
from collections.abc import Callable

import diffusers
from diffusers import DiffusionPipeline

from compute.models.families import ALIASES
from tests.families import cross_attention, joint_attention

BUILDERS: dict[str, Callable[[], DiffusionPipeline]] = {
    build.__name__: build
    for build in (
        cross_attention.stable_diffusion,
        cross_attention.latent_consistency,
        cross_attention.stable_diffusion_xl,
        joint_attention.stable_diffusion_3,
        joint_attention.flux,
        joint_attention.flux_2,
        joint_attention.flux_2_dev,
        joint_attention.z_image,
        joint_attention.qwen_image,
        cross_attention.sana,
        cross_attention.pixart_sigma,
        cross_attention.pixart_alpha,
        cross_attention.lumina,
        joint_attention.lumina_2,
        joint_attention.cogview_4,
        joint_attention.cogview_3,
        joint_attention.aura_flow,
        joint_attention.chroma,
        cross_attention.hunyuan_dit,
        joint_attention.ovis,
    )
}


def alias(name: str) -> DiffusionPipeline:
    """A tiny pipeline of the class `name`, of ALIASES, with the parts of the plain one."""
    plain = next(found for build in BUILDERS.values() if type(found := build()).__name__ == ALIASES[name])
    kind = getattr(diffusers, name)
    taken = inspect.signature(kind.__init__).parameters
    options = {
        "safety_checker": None,
        "feature_extractor": None,
        "image_encoder": None,
        "requires_safety_checker": False,
    }
    wanted = {**options, **plain.components}
    return kind(**{part: value for part, value in wanted.items() if part in taken})
