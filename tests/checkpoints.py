"""A tiny pipeline as one file of weights, under the names of the first code of Stable Diffusion."""

import re
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
UNET = {  # of the two levels of tests.pipelines
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "down_blocks.0.resnets.0": "input_blocks.1.0",
    "down_blocks.0.downsamplers.0.conv": "input_blocks.2.0.op",
    "down_blocks.1.resnets.0": "input_blocks.3.0",
    "down_blocks.1.attentions.0": "input_blocks.3.1",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
    "up_blocks.0.resnets.0": "output_blocks.0.0",
    "up_blocks.0.attentions.0": "output_blocks.0.1",
    "up_blocks.0.resnets.1": "output_blocks.1.0",
    "up_blocks.0.attentions.1": "output_blocks.1.1",
    "up_blocks.0.upsamplers.0.conv": "output_blocks.1.2.conv",
    "up_blocks.1.resnets.0": "output_blocks.2.0",
    "up_blocks.1.resnets.1": "output_blocks.3.0",
}
XL = {"add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2"}
AUTOENCODER = (
    (r"down_blocks\.(\d)\.resnets", r"down.\1.block"),
    (r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample"),
    (r"up_blocks\.0\.resnets", "up.1.block"),
    (r"up_blocks\.1\.resnets", "up.0.block"),
    (r"up_blocks\.0\.upsamplers\.0", "up.1.upsample"),
    (r"mid_block\.resnets\.0", "mid.block_1"),
    (r"mid_block\.resnets\.1", "mid.block_2"),
    (r"mid_block\.attentions\.0", "mid.attn_1"),
    (r"attn_1\.group_norm", "attn_1.norm"),
    (r"attn_1\.to_([qkv])", r"attn_1.\1"),
    (r"attn_1\.to_out\.0", "attn_1.proj_out"),
    (r"conv_norm_out", "norm_out"),
    (r"conv_shortcut", "nin_shortcut"),
)


def single_file(folder: Path, file: Path) -> Path:
    """Write the weights of the pipeline `tests.pipelines.stable_diffusion` in `folder` into one `file`.

    Of `tests.pipelines.stable_diffusion_xl` those of denoiser and autoencoder.
    """
    weights = {}
    for name, value in load_file(folder / "unet/diffusion_pytorch_model.safetensors").items():
        weights[f"model.diffusion_model.{_of_unet(name)}"] = value
    for name, value in load_file(folder / "vae/diffusion_pytorch_model.safetensors").items():
        weights[f"first_stage_model.{_of_autoencoder(name)}"] = value
    encoder = {} if (folder / "text_encoder_2").is_dir() else load_file(folder / "text_encoder/model.safetensors")
    for name, value in encoder.items():
        weights[f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}"] = value
    weights["model_ema.decay"] = torch.tensor(0.9999)
    save_file(weights, file)
    return file


def _of_unet(name: str) -> str:
    names = UNET | XL
    place = max((place for place in names if name.startswith(f"{place}.")), key=len)
    inside = name.removeprefix(f"{place}.")
    if ".resnets." in f".{place}.":
        part, _, rest = inside.partition(".")
        inside = f"{RESNET[part]}.{rest}"
    return f"{names[place]}.{inside}"


def _of_autoencoder(name: str) -> str:
    for pattern, other in AUTOENCODER:
        name = re.sub(pattern, other, name)
    return name
