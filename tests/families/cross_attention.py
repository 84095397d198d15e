"""Tiny random pipelines whose denoiser attends from pixels to text."""

import diffusers as d
from diffusers import DiffusionPipeline

from tests.families import texts
from tests.families.autoencoder import vae
from tests.families.texts import WIDTH

HEADS = {"num_attention_heads": 2, "attention_head_dim": 8}


def _unet(**differences) -> d.UNet2DConditionModel:
    return d.UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 8),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=2,
        norm_num_groups=4,
        **({"cross_attention_dim": WIDTH} | differences),
    )


def stable_diffusion(**scheduler) -> DiffusionPipeline:
    return d.StableDiffusionPipeline(
        vae=vae(),
        text_encoder=texts.clip(),
        tokenizer=texts.clip_tokenizer(),
        unet=_unet(),
        scheduler=d.DDIMScheduler(clip_sample=False, steps_offset=1, **scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def latent_consistency() -> DiffusionPipeline:
    return d.LatentConsistencyModelPipeline(
        vae=vae(),
        text_encoder=texts.clip(),
        tokenizer=texts.clip_tokenizer(),
        unet=_unet(time_cond_proj_dim=16),
        scheduler=d.LCMScheduler(beta_schedule="scaled_linear"),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def stable_diffusion_xl() -> DiffusionPipeline:
    return d.StableDiffusionXLPipeline(
        vae=vae(),
        text_encoder=texts.clip(),
        text_encoder_2=texts.clip(projected=True),
        tokenizer=texts.clip_tokenizer(),
        tokenizer_2=texts.clip_tokenizer(),
        unet=_unet(
            cross_attention_dim=2 * WIDTH,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + WIDTH,
        ),
        scheduler=d.EulerDiscreteScheduler(beta_schedule="scaled_linear", steps_offset=1),
        add_watermarker=False,
    )


def _deep_vae() -> d.AutoencoderDC:
    return d.AutoencoderDC(
        latent_channels=4,
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        encoder_layers_per_block=(1, 1),
        decoder_layers_per_block=(1, 1),
        encoder_block_types="ResBlock",
        decoder_block_types="ResBlock",
        encoder_qkv_multiscales=((), ()),
        decoder_qkv_multiscales=((), ()),
        scaling_factor=0.4,
    )


def sana() -> DiffusionPipeline:
    return d.SanaPipeline(
        transformer=d.SanaTransformer2DModel(
            in_channels=4,
            out_channels=4,
            num_layers=1,
            num_attention_heads=2,
            attention_head_dim=8,
            num_cross_attention_heads=2,
            cross_attention_head_dim=8,
            cross_attention_dim=16,
            caption_channels=WIDTH,
            sample_size=8,
            patch_size=1,
        ),
        scheduler=d.DPMSolverMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0, final_sigmas_type="zero"
        ),
        vae=_deep_vae(),
        text_encoder=texts.gemma(),
        tokenizer=texts.gemma_tokenizer(),
    )


def _pixart() -> dict:
    return {
        "tokenizer": texts.t5_tokenizer(),
        "text_encoder": texts.t5(),
        "vae": vae(),
        "transformer": d.PixArtTransformer2DModel(
            **HEADS,
            in_channels=4,
            out_channels=8,
            num_layers=2,
            cross_attention_dim=16,
            caption_channels=WIDTH,
            sample_size=8,
            patch_size=2,
        ),
        "scheduler": d.DPMSolverMultistepScheduler(),
    }


def pixart_sigma() -> DiffusionPipeline:
    return d.PixArtSigmaPipeline(**_pixart())


def pixart_alpha() -> DiffusionPipeline:
    return d.PixArtAlphaPipeline(**_pixart())


def lumina() -> DiffusionPipeline:
    return d.LuminaPipeline(
        transformer=d.LuminaNextDiT2DModel(
            sample_size=8,
            patch_size=2,
            in_channels=4,
            hidden_size=32,
            num_layers=1,
            num_attention_heads=2,
            num_kv_heads=1,
            multiple_of=16,
            ffn_dim_multiplier=None,
            cross_attention_dim=WIDTH,
        ),
        scheduler=d.FlowMatchEulerDiscreteScheduler(),
        vae=vae(blocks=4),
        text_encoder=texts.gemma(second=False),
        tokenizer=texts.gemma_tokenizer(),
    )


def hunyuan_dit() -> DiffusionPipeline:
    return d.HunyuanDiTPipeline(
        transformer=d.HunyuanDiT2DModel(
            sample_size=8,
            num_layers=2,
            patch_size=2,
            attention_head_dim=8,
            num_attention_heads=3,
            in_channels=4,
            cross_attention_dim=WIDTH,
            cross_attention_dim_t5=WIDTH,
            pooled_projection_dim=WIDTH,
            hidden_size=24,
            activation_fn="gelu-approximate",
            text_len=77,
            text_len_t5=256,
        ),
        scheduler=d.DDPMScheduler(prediction_type="v_prediction"),
        vae=vae(blocks=4),
        text_encoder=texts.bert(),
        tokenizer=texts.bert_tokenizer(),
        text_encoder_2=texts.t5(),
        tokenizer_2=texts.t5_tokenizer(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
