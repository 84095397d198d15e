"""Tiny random pipelines of classes without a row in the table of families."""

from types import SimpleNamespace

import diffusers as d
from diffusers import DiffusionPipeline
from diffusers.pipelines.prx import pipeline_prx
from transformers import (
    CLIPTextModelWithProjection,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen3VLConfig,
    Qwen3VLModel,
    SmolLM3Config,
    SmolLM3ForCausalLM,
    T5GemmaConfig,
)
from transformers.models.t5gemma.modeling_t5gemma import T5GemmaEncoder

from tests.families import joint_attention, texts
from tests.families.autoencoder import vae
from tests.families.texts import GROUPED, SMALL, WIDTH

NARROW = {"patch_size": 1, "num_layers": 1, "num_single_layers": 1, "attention_head_dim": 16, "num_attention_heads": 2}
BEGINNING = 128_000  # the token that Fibo reads for no text


def bria() -> DiffusionPipeline:
    return d.BriaPipeline(
        transformer=d.BriaTransformer2DModel(
            **NARROW, in_channels=16, joint_attention_dim=WIDTH, axes_dims_rope=[4, 4, 8]
        ),
        scheduler=d.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=vae(),
        text_encoder=texts.t5(),
        tokenizer=texts.t5_tokenizer(),
    )


def bria_fibo() -> DiffusionPipeline:
    language = SmolLM3Config(vocab_size=BEGINNING + 1, **SMALL, num_key_value_heads=1, pad_token_id=0)
    return d.BriaFiboPipeline(
        transformer=d.BriaFiboTransformer2DModel(
            **NARROW, in_channels=4, joint_attention_dim=2 * WIDTH, text_encoder_dim=WIDTH, axes_dims_rope=[4, 4, 8]
        ),
        scheduler=d.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=d.AutoencoderKLWan(
            base_dim=8,
            z_dim=4,
            dim_mult=[1, 1, 1, 1],
            num_res_blocks=1,
            in_channels=12,
            out_channels=12,
            patch_size=2,
            latents_mean=[0.1] * 4,
            latents_std=[1.5] * 4,
        ),
        text_encoder=SmolLM3ForCausalLM(language),
        tokenizer=texts.glm_tokenizer(),
    )


def hidream() -> DiffusionPipeline:
    words, places = texts.clip_tokenizer(), 248
    words.model_max_length = places
    clip = texts.clip(projected=True).config
    clip.max_position_embeddings = places
    language = LlamaConfig(vocab_size=len(texts.glm_tokenizer()), **SMALL, num_key_value_heads=1)
    pipeline = d.HiDreamImagePipeline(
        transformer=d.HiDreamImageTransformer2DModel(
            patch_size=2,
            in_channels=4,
            out_channels=4,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=8,
            num_attention_heads=4,
            caption_channels=[WIDTH, WIDTH],
            text_emb_dim=2 * WIDTH,
            num_routed_experts=4,
            num_activated_experts=2,
            axes_dims_rope=(4, 2, 2),
            max_resolution=(32, 32),
            llama_layers=(0, 1),
        ),
        scheduler=d.FlowMatchEulerDiscreteScheduler(),
        vae=vae(),
        text_encoder=CLIPTextModelWithProjection(clip),
        tokenizer=words,
        text_encoder_2=CLIPTextModelWithProjection(clip),
        tokenizer_2=words,
        text_encoder_3=texts.t5(),
        tokenizer_3=texts.t5_tokenizer(),
        text_encoder_4=LlamaForCausalLM(language),
        tokenizer_4=texts.glm_tokenizer(),
    )
    pipeline.default_sample_size = 32  # it draws so many pixels whatever size is asked
    return pipeline


def krea_2() -> DiffusionPipeline:
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    text = {"vocab_size": len(texts.qwen_tokenizer()), **SMALL, "num_key_value_heads": 1, "head_dim": 8}
    vision = {"depth": 1, "hidden_size": WIDTH, "num_heads": 2, "out_hidden_size": WIDTH, "intermediate_size": WIDTH}
    config = Qwen3VLConfig(
        text_config=text | {"rope_scaling": rope}, vision_config=vision | {"deepstack_visual_indexes": [0]}
    )
    return d.Krea2Pipeline(
        transformer=d.Krea2Transformer2DModel(
            in_channels=16,
            num_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            num_key_value_heads=1,
            intermediate_size=32,
            timestep_embed_dim=16,
            text_hidden_dim=WIDTH,
            num_text_layers=2,
            text_num_attention_heads=2,
            text_num_key_value_heads=2,
            text_intermediate_size=32,
            num_layerwise_text_blocks=1,
            num_refiner_text_blocks=1,
            axes_dims_rope=(8, 4, 4),
        ),
        scheduler=d.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=joint_attention.qwen_image().vae,
        text_encoder=Qwen3VLModel(config),
        tokenizer=texts.qwen_tokenizer(),
        text_encoder_select_layers=(1, 2),
    )


def prx() -> DiffusionPipeline:
    pipeline_prx.ftfy = SimpleNamespace(fix_text=str)  # a package that mends texts, which is not needed for these
    words = texts.gemma_tokenizer()
    side = {"vocab_size": len(words), **SMALL, **GROUPED}
    config = T5GemmaConfig(encoder=side, decoder=side, is_encoder_decoder=False, vocab_size=len(words))
    return d.PRXPipeline(
        transformer=d.PRXTransformer2DModel(
            patch_size=2,
            in_channels=4,
            context_in_dim=WIDTH,
            hidden_size=16,
            mlp_ratio=2.0,
            num_heads=2,
            depth=2,
            axes_dim=[4, 4],
        ),
        scheduler=d.FlowMatchEulerDiscreteScheduler(),
        text_encoder=T5GemmaEncoder(config.encoder),
        tokenizer=words,
        vae=vae(),
    )


UNLISTED = (bria, bria_fibo, hidream, krea_2, prx)
