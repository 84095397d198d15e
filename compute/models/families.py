"""What cannot be found out from a pipeline's own calls: one row for each family, with its source.

A pipeline without a row works too; what is assumed of it is what `Family` has for its fields, and is said.
"""

import inspect
from dataclasses import dataclass, replace
from typing import Any

import diffusers
from diffusers import DiffusionPipeline

from store.errors import InputError

MEND = "use a text-to-image model"
LEAST_GUIDANCE = 1.0
SECOND = ("unet_2", "transformer_2", "unconditional_transformer", "prior")  # denoisers beside the first
SEES = ("image", "mask_image", "control_image", "reference_image", "video", "control_video")  # besides text
NEEDED = {  # options of a call without which it fails
    "gligen_phrases": "it is given phrases and boxes besides the text",
    "token_indices": "it is told at which words of the text to look",
    "source_embeds": "it is given directions of change besides the text",
}


REFUSED = {  # classes whose signature does not say why
    "SanaSprintPipeline": "its levels are those of a distillation into a few steps (SCMScheduler), not of a diffusion",
    "StableDiffusionLDM3DPipeline": "it draws a depth besides the picture",
    "StableDiffusionParadigmsPipeline": "it does many steps at once, and each of its calls is about several levels",
    "JoyImageEditPlusPipeline": "it is given pictures besides the text (images)",
    "Ideogram4Pipeline": "it has a second denoiser for no text",
    "Cosmos2TextToImagePipeline": "its noise is added to latents of full size, at levels up to 80, which is not built "
    "here; and its licence asks for a filter of texts, of the package cosmos_guardrail",
    "AltDiffusionPipeline": "diffusers does not load its text encoder any more",
    "KolorsPipeline": "its tokenizer has no fast form",
    "KolorsPAGPipeline": "its tokenizer has no fast form",
    "KolorsImg2ImgPipeline": "it is given a picture besides the text (image)",
    **dict.fromkeys(
        ("OnnxStableDiffusionPipeline", "StableDiffusionOnnxPipeline"), "it computes by ONNX, and not by torch"
    ),
    **dict.fromkeys(
        (
            "OnnxStableDiffusionImg2ImgPipeline",
            "OnnxStableDiffusionInpaintPipeline",
            "OnnxStableDiffusionUpscalePipeline",
        ),
        "it is given a picture besides the text (image)",
    ),
}
WITHOUT_ROW = frozenset(  # tested, though little is known of them here
    {
        "BriaFiboPipeline",
        "BriaPipeline",
        "ErnieImagePipeline",
        "HiDreamImagePipeline",
        "HunyuanImagePipeline",
        "Kandinsky5T2IPipeline",
        "Krea2Pipeline",
        "LongCatImagePipeline",
        "PRXPipeline",
    }
)
WITHOUT_ATTENTION = frozenset({"HunyuanImagePipeline", "LongCatImagePipeline"})  # tested, but whose text is where?


@dataclass(frozen=True, kw_only=True)
class Family:
    """What is known of the models of one pipeline class.

    `nothing` is the text that training showed for no text; with `zeros` it was zeros in place of the text's states,
    where the pipeline's configuration says so. `distilled` says how its models were distilled for guidance, empty if
    they were not: such a model has no honest unconditional case. Size, licence and memory are those of `example`, the
    memory in GiB in bfloat16, text encoders included.
    """

    pipeline: str
    about: str = ""
    example: str = ""  # a hub id
    side: int = 0  # pixels
    licence: str = ""
    memory: float = 0.0
    nothing: str = ""
    zeros: bool = False
    distilled: str = ""
    tested: bool = False  # whether tests have a tiny pipeline of it
    source: str = ""  # of `nothing`, `zeros` and `distilled`; size, licence and memory are of the example's card

    @property
    def known(self) -> bool:
        """Whether it is a row of the table."""
        return self.pipeline in FAMILIES


OPEN_RAIL, OPEN_RAIL_PLUS = "CreativeML OpenRAIL-M", "CreativeML OpenRAIL++-M"
FAMILIES = {
    row.pipeline: row
    for row in (
        Family(
            pipeline="StableDiffusionPipeline",
            about="Stable Diffusion 1 and 2",
            example="stable-diffusion-v1-5/stable-diffusion-v1-5",
            side=512,
            licence=f"{OPEN_RAIL} (1), {OPEN_RAIL_PLUS} (2)",
            memory=2.0,
            tested=True,
            source="Rombach et al. 2022; 10 % of texts were empty in training (model card)",
        ),
        Family(
            pipeline="LatentConsistencyModelPipeline",
            about="latent consistency models",
            example="SimianLuo/LCM_Dreamshaper_v7",
            side=768,
            licence="MIT",
            memory=2.0,
            distilled="with guidance as an input of the network",
            tested=True,
            source="Luo et al. 2023, section 4.2",
        ),
        Family(
            pipeline="StableDiffusionXLPipeline",
            about="Stable Diffusion XL",
            example="stabilityai/stable-diffusion-xl-base-1.0",
            side=1024,
            licence=OPEN_RAIL_PLUS,
            memory=6.5,
            zeros=True,
            tested=True,
            source="model_index.json of the example: force_zeros_for_empty_prompt",
        ),
        Family(
            pipeline="StableDiffusion3Pipeline",
            about="Stable Diffusion 3 and 3.5",
            example="stabilityai/stable-diffusion-3.5-medium",
            side=1024,
            licence="Stability AI Community",
            memory=15.2,
            tested=True,
            source="Esser et al. 2024, appendix B.3: each encoder's text was dropped by itself",
        ),
        Family(
            pipeline="FluxPipeline",
            about="FLUX.1",
            example="black-forest-labs/FLUX.1-dev",
            side=1024,
            licence="FLUX.1 [dev] Non-Commercial; schnell Apache-2.0",
            memory=31.4,
            distilled="for guidance (dev) or for few steps (schnell)",
            tested=True,
            source="model cards of FLUX.1 [dev] and [schnell]",
        ),
        Family(
            pipeline="Flux2Pipeline",
            about="FLUX.2",
            example="black-forest-labs/FLUX.2-dev",
            side=1024,
            licence="FLUX [dev] Non-Commercial",
            memory=104.9,
            distilled="for guidance",
            tested=True,
            source="model card of FLUX.2 [dev]",
        ),
        Family(
            pipeline="Flux2KleinPipeline",
            about="FLUX.2 klein",
            example="black-forest-labs/FLUX.2-klein-4B",
            side=1024,
            licence="Apache-2.0",
            memory=14.9,
            distilled="for few steps unless they are called base",
            tested=True,
            source="model card of FLUX.2 [klein]",
        ),
        Family(
            pipeline="ZImagePipeline",
            about="Z-Image",
            example="Tongyi-MAI/Z-Image-Turbo",
            side=1024,
            licence="Apache-2.0",
            memory=19.1,
            distilled="for few steps if they are called Turbo",
            tested=True,
            source="model card of Z-Image-Turbo",
        ),
        Family(
            pipeline="QwenImagePipeline",
            about="Qwen-Image",
            example="Qwen/Qwen-Image",
            side=1024,
            licence="Apache-2.0",
            memory=53.7,
            nothing=" ",
            tested=True,
            source="model card of Qwen-Image: the negative prompt is one blank",
        ),
        Family(
            pipeline="SanaPipeline",
            about="Sana",
            example="Efficient-Large-Model/Sana_1600M_1024px_BF16_diffusers",
            side=1024,
            licence="NSCL v2-custom (NVIDIA); Gemma Terms of Use for its text encoder",
            memory=8.4,
            tested=True,
            source="Xie et al. 2024; its learned null is not saved, the empty text stands for it",
        ),
        *(
            Family(
                pipeline=f"PixArt{name}Pipeline",
                about=f"PixArt-{name}",
                example=example,
                side=1024,
                licence=OPEN_RAIL_PLUS,
                memory=10.2,
                tested=True,
                source="Chen et al. 2023; its learned null is not saved, the empty text stands for it",
            )
            for name, example in (
                ("Alpha", "PixArt-alpha/PixArt-XL-2-1024-MS"),
                ("Sigma", "PixArt-alpha/PixArt-Sigma-XL-2-1024-MS"),
            )
        ),
        Family(
            pipeline="LuminaPipeline",
            about="Lumina-Next",
            example="Alpha-VLLM/Lumina-Next-SFT-diffusers",
            side=1024,
            licence="Apache-2.0",
            memory=8.1,
            tested=True,
            source="Zhuo et al. 2024; the pipeline's own negative prompt is empty",
        ),
        Family(
            pipeline="Lumina2Pipeline",
            about="Lumina-Image 2.0",
            example="Alpha-VLLM/Lumina-Image-2.0",
            side=1024,
            licence="Apache-2.0",
            memory=9.9,
            tested=True,
            source="Qin et al. 2025; the pipeline's own negative prompt is empty",
        ),
        Family(
            pipeline="CogView4Pipeline",
            about="CogView 4",
            example="THUDM/CogView4-6B",
            side=1024,
            licence="Apache-2.0",
            memory=29.0,
            tested=True,
            source="the pipeline's own negative prompt is empty",
        ),
        Family(
            pipeline="CogView3PlusPipeline",
            about="CogView 3 Plus",
            example="THUDM/CogView3-Plus-3B",
            side=1024,
            licence="Apache-2.0",
            memory=14.9,
            tested=True,
            source="Zheng et al. 2024; the pipeline's own negative prompt is empty",
        ),
        Family(
            pipeline="AuraFlowPipeline",
            about="AuraFlow",
            example="fal/AuraFlow-v0.3",
            side=1024,
            licence="Apache-2.0",
            memory=15.2,
            tested=True,
            source="the pipeline's own negative prompt is empty",
        ),
        Family(
            pipeline="ChromaPipeline",
            about="Chroma",
            example="lodestones/Chroma1-HD",
            side=1024,
            licence="Apache-2.0",
            memory=25.6,
            tested=True,
            source="the pipeline's own negative prompt is empty",
        ),
        Family(
            pipeline="HunyuanDiTPipeline",
            about="Hunyuan-DiT",
            example="Tencent-Hunyuan/HunyuanDiT-v1.2-Diffusers",
            side=1024,
            licence="Tencent Hunyuan Community",
            memory=6.7,
            tested=True,
            source="Li et al. 2024; the pipeline's own negative prompt is empty",
        ),
        Family(
            pipeline="OvisImagePipeline",
            about="Ovis-Image",
            example="AIDC-AI/Ovis-Image-7B",
            side=1024,
            licence="Apache-2.0",
            memory=17.1,
            tested=True,
            source="the pipeline's own negative prompt is empty",
        ),
    )
}

ALIASES = {  # pipelines that draw with the models of others, guided by disturbed attention (PAG, SAG) or otherwise
    "SemanticStableDiffusionPipeline": "StableDiffusionPipeline",
    "StableDiffusionModelEditingPipeline": "StableDiffusionPipeline",
    "StableDiffusionPAGPipeline": "StableDiffusionPipeline",
    "StableDiffusionSAGPipeline": "StableDiffusionPipeline",
    "StableDiffusionXLPAGPipeline": "StableDiffusionXLPipeline",
    "StableDiffusion3PAGPipeline": "StableDiffusion3Pipeline",
    "StableDiffusionPanoramaPipeline": "StableDiffusionPipeline",  # where its picture is one window wide
    "PixArtSigmaPAGPipeline": "PixArtSigmaPipeline",
    "SanaPAGPipeline": "SanaPipeline",
    "HunyuanDiTPAGPipeline": "HunyuanDiTPipeline",
}
FAMILIES |= {name: replace(FAMILIES[plain], pipeline=name) for name, plain in ALIASES.items()}


def of(pipeline: str) -> Family:
    """Return the row of a pipeline's class, or what is assumed of a class without one."""
    return FAMILIES.get(pipeline) or Family(pipeline=pipeline, tested=pipeline in WITHOUT_ROW)


def refusal(pipeline: str) -> str:
    """Return why no model of this class of diffusers can be measured, empty if its model may be."""
    if pipeline in REFUSED:
        return REFUSED[pipeline]
    kind = getattr(diffusers, pipeline, None)
    if not (inspect.isclass(kind) and issubclass(kind, DiffusionPipeline)):
        return "it is unknown to diffusers here"
    taken, parts = _defaults(kind.__call__), inspect.signature(kind.__init__).parameters
    if "prompt" not in taken:
        return "it takes no prompt"
    if any(name.startswith("num_frames") or "video" in name for name in taken):
        return "it makes videos"
    if any("audio" in name for name in taken) or "Audio" in pipeline:
        return "it makes sounds"
    if pipeline in FAMILIES:
        return ""
    if seen := next((name for name in SEES if name in taken), ""):
        return f"it is given a picture besides the text ({seen})"
    if not ({"unet", "transformer"} & set(parts)) or any(name.startswith("prior") for name in parts):
        return "it has no denoiser of its own, or several one after the other"
    if needed := next((name for name in NEEDED if name in taken), ""):
        return NEEDED[needed]
    if "vae" not in parts:
        return "it has no autoencoder: it works on pixels or on codes"
    if not {"tokenizer", "text_encoder"} <= parts.keys():
        return "it has no tokenizer and text encoder of its own"
    return ""


def check(pipeline: DiffusionPipeline, name: str) -> None:
    """Raise InputError if a part of `pipeline`, of the model called `name`, is missing or needs more than text."""
    parts = {key: part for key, part in pipeline.components.items() if part is not None}
    network = parts.get("transformer") or parts.get("unet")
    if not {"tokenizer", "text_encoder"} <= parts.keys():
        raise InputError(f"model {name!r}", "it has no tokenizer and text encoder of its own", "use a base model")
    if network is None or "scheduler" not in parts or "vae" not in parts:
        raise InputError(f"model {name!r}", "it has no single denoiser, scheduler and autoencoder", MEND)
    if second := next((key for key in SECOND if key in parts), None):
        raise InputError(f"model {name!r}", f"it has a second denoiser ({second})", MEND)
    if network.config.get("use_meanflow"):
        raise InputError(
            f"model {name!r}", "its denoiser jumps between levels (mean flow), and predicts no noise", MEND
        )
    if network.config.get("encoder_hid_dim_type") in ("ip_image_proj", "image_proj", "text_image_proj"):
        raise InputError(f"model {name!r}", "its denoiser is given a picture besides the text (IP-Adapter)", MEND)
    if network.config.get("class_embed_type") is not None or network.config.get("num_class_embeds"):
        raise InputError(f"model {name!r}", "its denoiser is given a class besides the text", MEND)


def guidance_option(pipeline: type) -> str:
    """Return the option of a pipeline's call that guidance is given by."""
    return "true_cfg_scale" if (_defaults(pipeline.__call__).get("true_cfg_scale") or 1.0) != 1.0 else "guidance_scale"


def usual_guidance(pipeline: type) -> float:
    """Return the guidance that a pipeline's class draws with where nobody names one, 1 at least."""
    usual = _defaults(pipeline.__call__).get(guidance_option(pipeline))
    return max(LEAST_GUIDANCE, float(usual)) if isinstance(usual, (int, float)) else LEAST_GUIDANCE


def _defaults(call: Any) -> dict[str, Any]:
    return {name: each.default for name, each in inspect.signature(call).parameters.items()}
