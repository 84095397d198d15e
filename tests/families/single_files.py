"""Tiny transformers as one file of weights, under the names of the code that they were first published with."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

QUERIES = ("attn.to_q", "attn.to_k", "attn.to_v")
ADDED = ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj")
EMBEDDERS = "time_text_embed.{}_embedder.linear_{}"
SD3 = {
    "pos_embed.proj": "x_embedder.proj",
    EMBEDDERS.format("timestep", 1): "t_embedder.mlp.0",
    EMBEDDERS.format("timestep", 2): "t_embedder.mlp.2",
    EMBEDDERS.format("text", 1): "y_embedder.mlp.0",
    EMBEDDERS.format("text", 2): "y_embedder.mlp.2",
    "attn.to_out.0": "x_block.attn.proj",
    "attn.to_add_out": "context_block.attn.proj",
    "norm1.linear": "x_block.adaLN_modulation.1",
    "norm1_context.linear": "context_block.adaLN_modulation.1",
    "ff.net.0.proj": "x_block.mlp.fc1",
    "ff.net.2": "x_block.mlp.fc2",
    "ff_context.net.0.proj": "context_block.mlp.fc1",
    "ff_context.net.2": "context_block.mlp.fc2",
    "norm_out.linear": "final_layer.adaLN_modulation.1",
    "proj_out": "final_layer.linear",
}
FLUX = {
    EMBEDDERS.format("timestep", 1): "time_in.in_layer",
    EMBEDDERS.format("timestep", 2): "time_in.out_layer",
    EMBEDDERS.format("text", 1): "vector_in.in_layer",
    EMBEDDERS.format("text", 2): "vector_in.out_layer",
    EMBEDDERS.format("guidance", 1): "guidance_in.in_layer",
    EMBEDDERS.format("guidance", 2): "guidance_in.out_layer",
    "context_embedder": "txt_in",
    "x_embedder": "img_in",
    "attn.to_out.0": "img_attn.proj",
    "attn.to_add_out": "txt_attn.proj",
    "attn.norm_q": "img_attn.norm.query_norm",
    "attn.norm_k": "img_attn.norm.key_norm",
    "attn.norm_added_q": "txt_attn.norm.query_norm",
    "attn.norm_added_k": "txt_attn.norm.key_norm",
    "norm1.linear": "img_mod.lin",
    "norm1_context.linear": "txt_mod.lin",
    "ff.net.0.proj": "img_mlp.0",
    "ff.net.2": "img_mlp.2",
    "ff_context.net.0.proj": "txt_mlp.0",
    "ff_context.net.2": "txt_mlp.2",
    "norm_out.linear": "final_layer.adaLN_modulation.1",
    "proj_out": "final_layer.linear",
}
FLUX_SINGLE = {
    "attn.norm_q": "norm.query_norm",
    "attn.norm_k": "norm.key_norm",
    "norm.linear": "modulation.lin",
    "proj_out": "linear2",
}
SWAPPED = {"final_layer.adaLN_modulation.1"}  # scale and shift stand the other way round


def stable_diffusion_3(folder: Path, file: Path) -> Path:
    """Write the denoiser of the pipeline in `folder` into one `file`."""
    weights = load_file(folder / "transformer/diffusion_pytorch_model.safetensors")
    last = max(int(name.split(".")[1]) for name in weights if name.startswith("transformer_blocks."))
    groups = {"x_block.attn.qkv": QUERIES, "context_block.attn.qkv": ADDED}
    swapped = {*SWAPPED, f"joint_blocks.{last}.context_block.adaLN_modulation.1"}
    found = _named(weights, {"transformer_blocks": ("joint_blocks", SD3, groups)}, SD3, swapped)
    found["pos_embed"] = weights["pos_embed.pos_embed"]
    save_file({f"model.diffusion_model.{name}": value for name, value in found.items()}, file)
    return file


def flux(folder: Path, file: Path) -> Path:
    """Write the denoiser of the pipeline in `folder` into one `file`."""
    blocks = {
        "transformer_blocks": ("double_blocks", FLUX, {"img_attn.qkv": QUERIES, "txt_attn.qkv": ADDED}),
        "single_transformer_blocks": ("single_blocks", FLUX_SINGLE, {"linear1": (*QUERIES, "proj_mlp")}),
    }
    weights = load_file(folder / "transformer/diffusion_pytorch_model.safetensors")
    found = _named(weights, blocks, FLUX, SWAPPED)
    save_file({re.sub(r"(norm\.\w+_norm)\.weight", r"\1.scale", name): value for name, value in found.items()}, file)
    return file


def _named(
    weights: Mapping[str, torch.Tensor],
    blocks: Mapping[str, tuple[str, Mapping[str, str], Mapping[str, Sequence[str]]]],
    names: Mapping[str, str],
    swapped: set[str],
) -> dict[str, torch.Tensor]:
    """The `weights` under other names: those of `blocks`, each with its own and with what is one matrix there."""
    found = {}
    for name, value in weights.items():
        kind, _, rest = name.partition(".")
        place, groups, table = "", {}, names
        if kind in blocks:
            other, table, groups = blocks[kind]
            number, _, rest = rest.partition(".")
            place = f"{other}.{number}."
        else:
            rest = name
        module, _, end = rest.rpartition(".")
        group = next((group for group, parts in groups.items() if module in parts), None)
        if group is not None:
            own = name.removesuffix(rest)
            found[f"{place}{group}.{end}"] = torch.cat([weights[f"{own}{part}.{end}"] for part in groups[group]])
        elif module in table:
            key = f"{place}{table[module]}"
            found[f"{key}.{end}"] = torch.cat(value.chunk(2)[::-1]) if key in swapped else value.clone()
        elif name != "pos_embed.pos_embed":
            found[name] = value
    return found
