"""Tiny random pipelines whose denoiser attends to pixels and text together."""

import diffusers as d
from diffusers import DiffusionPipeline
from transformers import (
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    MistralConfig,
    PixtralVisionConfig,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    UMT5EncoderModel,
)

from tests.families import texts
from tests.families.autoencoder import vae
from tests.families.texts import GROUPED, SMALL, WIDTH


def stable_diffusion_3(t5: bool = True) -> DiffusionPipeline:
    return d.StableDiffusion3Pipeline(
        transformer=d.SD3Transformer2DModel(
            sample_size=8,
            patch_size=2,
            in_channels=4,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=4,
            joint_attention_dim=2 * WIDTH,
            caption_projection_dim=32,
            pooled_projection_dim=2 * WIDTH,
            out_channels=4,
        ),
        scheduler=d.FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=vae(),
        text_encoder=texts.clip(projected=True),
        tokenizer=texts.clip_tokenizer(),
        text_encoder_2=texts.clip(projected=True),
        tokenizer_2=texts.clip_tokenizer(),
        text_encoder_3=texts.t5(width=2 * WIDTH) if t5 else None,
        tokenizer_3=texts.t5_tokenizer() if t5 else None,
    )


def flux(guided: bool = True) -> DiffusionPipeline:
    return d.FluxPipeline(
        transformer=d.FluxTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            pooled_projection_dim=WIDTH,
            guidance_embeds=guided,
            axes_dims_rope=(4, 4, 8),
        ),
        scheduler=d.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=guided),
        vae=vae(),
        text_encoder=texts.clip(),
        tokenizer=texts.clip_tokenizer(),
        text_encoder_2=texts.t5(),
        tokenizer_2=texts.t5_tokenizer(),
    )


def flux_2() -> DiffusionPipeline:
    layers = 28  # the pipeline takes the states of layers 9, 18 and 27
    return d.Flux2KleinPipeline(
        transformer=d.Flux2Transformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=3 * WIDTH,
            timestep_guidance_channels=32,
            axes_dims_rope=(4, 4, 4, 4),
            guidance_embeds=False,
        ),
        scheduler=d.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=d.AutoencoderKLFlux2(
            block_out_channels=(8, 8),
            latent_channels=4,
            norm_num_groups=4,
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
        ),
        text_encoder=texts.qwen(layers, head=True),
        tokenizer=texts.qwen_tokenizer(),
    )


def flux_2_dev() -> DiffusionPipeline:
    """Its tokenizer stands for the processor of texts and pictures that it has, which needs torchvision."""
    plain, words = flux_2(), texts.glm_tokenizer()
    words.chat_template = (
        "{% for message in messages %}<|{{ message['role'] }}|>"
        "{% for part in message['content'] %}{{ part['text'] }}{% endfor %}{% endfor %}"
    )
    layers = 31  # the pipeline takes the states of layers 10, 20 and 30
    text = MistralConfig(vocab_size=len(words), **SMALL | {"num_hidden_layers": layers}, **GROUPED)
    vision = PixtralVisionConfig(
        hidden_size=WIDTH, intermediate_size=WIDTH, num_hidden_layers=1, num_attention_heads=2, image_size=32
    )
    return d.Flux2Pipeline(
        transformer=d.Flux2Transformer2DModel(**{**plain.transformer.config, "guidance_embeds": True}),
        scheduler=plain.scheduler,
        vae=plain.vae,
        text_encoder=Mistral3ForConditionalGeneration(
            Mistral3Config(text_config=text, vision_config=vision, image_token_index=1)
        ),
        tokenizer=words,
    )


def z_image() -> DiffusionPipeline:
    return d.ZImagePipeline(
        transformer=d.ZImageTransformer2DModel(
            all_patch_size=(2,),
            all_f_patch_size=(1,),
            in_channels=16,
            dim=32,
            n_layers=1,
            n_refiner_layers=1,
            n_heads=2,
            n_kv_heads=2,
            cap_feat_dim=WIDTH,
            axes_dims=[8, 4, 4],
            axes_lens=[1024, 32, 32],
        ),
        scheduler=d.FlowMatchEulerDiscreteScheduler(),
        vae=vae(16),
        text_encoder=texts.qwen(),
        tokenizer=texts.qwen_tokenizer(),
    )


def qwen_image() -> DiffusionPipeline:
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    text = {"vocab_size": len(texts.qwen_tokenizer()), **SMALL, "num_key_value_heads": 1, "rope_scaling": rope}
    vision = {"depth": 1, "hidden_size": WIDTH, "num_heads": 2, "out_hidden_size": WIDTH, "intermediate_size": WIDTH}
    return d.QwenImagePipeline(
        transformer=d.QwenImageTransformer2DModel(
            patch_size=2,
            in_channels=16,
            out_channels=4,
            num_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            axes_dims_rope=(8, 4, 4),
        ),
        scheduler=d.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=d.AutoencoderKLQwenImage(
            base_dim=8,
            z_dim=4,
            dim_mult=[1, 1, 1, 1],
            num_res_blocks=1,
            temperal_downsample=[False, True, True],
            latents_mean=[0.1] * 4,
            latents_std=[1.5] * 4,
        ),
        text_encoder=Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision)),
        tokenizer=texts.qwen_tokenizer(),
    )


def lumina_2() -> DiffusionPipeline:
    return d.Lumina2Pipeline(
        transformer=d.Lumina2Transformer2DModel(
            sample_size=8,
            patch_size=2,
            in_channels=4,
            hidden_size=8,
            num_layers=2,
            num_attention_heads=1,
            num_kv_heads=1,
            multiple_of=16,
            ffn_dim_multiplier=None,
            scaling_factor=1.0,
            axes_dim_rope=(4, 2, 2),
            cap_feat_dim=WIDTH,
        ),
        scheduler=d.FlowMatchEulerDiscreteScheduler(),
        vae=vae(blocks=4),
        text_encoder=texts.gemma(),
        tokenizer=texts.gemma_tokenizer(),
    )


def cogview_4() -> DiffusionPipeline:
    return d.CogView4Pipeline(
        transformer=d.CogView4Transformer2DModel(
            patch_size=2,
            in_channels=4,
            num_layers=1,
            attention_head_dim=4,
            num_attention_heads=4,
            out_channels=4,
            text_embed_dim=WIDTH,
            time_embed_dim=8,
            condition_dim=4,
            sample_size=8,
        ),
        scheduler=d.FlowMatchEulerDiscreteScheduler(base_shift=0.25, max_shift=0.75, use_dynamic_shifting=True),
        vae=vae(),
        text_encoder=texts.glm(),
        tokenizer=texts.glm_tokenizer(),
    )


def cogview_3() -> DiffusionPipeline:
    return d.CogView3PlusPipeline(
        transformer=d.CogView3PlusTransformer2DModel(
            patch_size=2,
            in_channels=4,
            num_layers=1,
            attention_head_dim=4,
            num_attention_heads=4,
            out_channels=4,
            text_embed_dim=WIDTH,
            time_embed_dim=8,
            condition_dim=4,
            sample_size=8,
            pos_embed_max_size=8,
        ),
        scheduler=d.CogVideoXDDIMScheduler(rescale_betas_zero_snr=True),
        vae=vae(),
        text_encoder=texts.t5(),
        tokenizer=texts.t5_tokenizer(),
    )


def aura_flow() -> DiffusionPipeline:
    return d.AuraFlowPipeline(
        transformer=d.AuraFlowTransformer2DModel(
            sample_size=8,
            patch_size=2,
            in_channels=4,
            num_mmdit_layers=1,
            num_single_dit_layers=1,
            attention_head_dim=8,
            num_attention_heads=4,
            caption_projection_dim=32,
            joint_attention_dim=WIDTH,
            out_channels=4,
            pos_embed_max_size=256,
        ),
        scheduler=d.FlowMatchEulerDiscreteScheduler(),
        vae=vae(),
        text_encoder=texts.t5(UMT5EncoderModel),
        tokenizer=texts.t5_tokenizer(),
    )


def chroma() -> DiffusionPipeline:
    return d.ChromaPipeline(
        transformer=d.ChromaTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            axes_dims_rope=(4, 4, 8),
            approximator_hidden_dim=32,
            approximator_layers=1,
            approximator_num_channels=16,
        ),
        scheduler=d.FlowMatchEulerDiscreteScheduler(),
        vae=vae(),
        text_encoder=texts.t5(),
        tokenizer=texts.t5_tokenizer(),
    )


def ovis() -> DiffusionPipeline:
    return d.OvisImagePipeline(
        transformer=d.OvisImageTransformer2DModel(
            patch_size=1,
            in_channels=16,
            out_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            axes_dims_rope=(4, 4, 8),
        ),
        scheduler=d.FlowMatchEulerDiscreteScheduler(),
        vae=vae(),
        text_encoder=texts.qwen(),
        tokenizer=texts.qwen_tokenizer(),
    )
