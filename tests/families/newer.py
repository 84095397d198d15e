"""Tiny random pipelines of classes without a row in the table of families, that read texts by language models."""

import diffusers as d
from diffusers import DiffusionPipeline
from transformers import ByT5Tokenizer, MistralConfig, MistralModel, T5Config, T5EncoderModel

from tests.families import joint_attention, texts
from tests.families.autoencoder import vae
from tests.families.texts import GROUPED, SMALL, WIDTH


def ernie() -> DiffusionPipeline:
    words = texts.glm_tokenizer()
    return d.ErnieImagePipeline(
        transformer=d.ErnieImageTransformer2DModel(
            hidden_size=16,
            num_attention_heads=2,
            num_layers=1,
            ffn_hidden_size=16,
            in_channels=16,
            out_channels=16,
            text_in_dim=WIDTH,
            rope_axes_dim=(4, 2, 2),
        ),
        vae=joint_attention.flux_2().vae,
        text_encoder=MistralModel(MistralConfig(vocab_size=len(words), **SMALL, **GROUPED)),
        tokenizer=words,
        scheduler=d.FlowMatchEulerDiscreteScheduler(),
    )


def longcat() -> DiffusionPipeline:
    return d.LongCatImagePipeline(
        scheduler=d.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=vae(16),
        text_encoder=joint_attention.qwen_image().text_encoder,
        tokenizer=texts.qwen_tokenizer(),
        text_processor=None,  # it writes texts anew
        transformer=d.LongCatImageTransformer2DModel(
            in_channels=64,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            pooled_projection_dim=WIDTH,
            axes_dims_rope=[8, 4, 4],
        ),
    )


def hunyuan_image() -> DiffusionPipeline:
    glyphs = ByT5Tokenizer()
    return d.HunyuanImagePipeline(
        scheduler=d.FlowMatchEulerDiscreteScheduler(shift=5.0),
        vae=d.AutoencoderKLHunyuanImage(
            in_channels=3,
            out_channels=3,
            latent_channels=8,
            block_out_channels=(32, 32),
            layers_per_block=1,
            spatial_compression_ratio=2,
            sample_size=16,
            scaling_factor=0.8,
        ),
        text_encoder=joint_attention.qwen_image().text_encoder,
        tokenizer=texts.qwen_tokenizer(),
        text_encoder_2=T5EncoderModel(
            T5Config(vocab_size=len(glyphs), d_model=WIDTH, d_kv=8, d_ff=WIDTH, num_layers=1, num_heads=2)
        ),
        tokenizer_2=glyphs,
        transformer=d.HunyuanImageTransformer2DModel(
            in_channels=8,
            out_channels=8,
            num_attention_heads=2,
            attention_head_dim=8,
            num_layers=1,
            num_single_layers=1,
            num_refiner_layers=1,
            text_embed_dim=WIDTH,
            text_embed_2_dim=WIDTH,
            rope_axes_dim=(4, 4),
        ),
    )


def kandinsky_5() -> DiffusionPipeline:
    """Its tokenizer stands for the processor of texts and pictures that it has, which needs torchvision."""
    pipeline = d.Kandinsky5T2IPipeline(
        transformer=d.Kandinsky5Transformer3DModel(
            in_visual_dim=4,
            in_text_dim=WIDTH,
            in_text_dim2=WIDTH,
            time_dim=16,
            out_visual_dim=4,
            model_dim=32,
            ff_dim=32,
            num_text_blocks=1,
            num_visual_blocks=1,
            axes_dims=(4, 6, 6),
        ),
        vae=vae(4, blocks=4),
        text_encoder=joint_attention.qwen_image().text_encoder,
        tokenizer=texts.qwen_tokenizer(),
        text_encoder_2=texts.clip(),
        tokenizer_2=texts.clip_tokenizer(),
        scheduler=d.FlowMatchEulerDiscreteScheduler(shift=5.0),
    )
    pipeline.resolutions = [(64, 64)]
    return pipeline


NEWER = (ernie, longcat, hunyuan_image, kandinsky_5)
