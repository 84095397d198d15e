"""Every text-to-image class of the installed diffusers, and whether its models can be measured: docs/models.md."""

import diffusers

from compute.models import families

HEAD = """# Models

Every class of diffusers {version} that makes images of a prompt. `python -m compute models --document` prints it.
*tested* means that tests load a tiny pipeline of the class with its text encoders, compare its predictions with the
pipeline's own, and measure a pair. Some of these classes are not in the first table: what is assumed of them is said
wherever their results are shown. *not tested* means that nothing speaks against it: the first load finds out, and
refuses the model if predictions differ. `python -m compute models --check MODEL` says what works with one model.

## Weights: where they come from, and how they fit
- A model is a known name, a hub id, a folder with a saved pipeline, or one `.safetensors` file. A file has the
  configuration of the pipeline that files of its kind usually have, if that is in the cache of the hub, or of `--config
  MODEL`. What the file lacks, as text encoders, comes from there too. Nothing is downloaded for it.
- What weights need is compared with what the device has before they are loaded. Without `--dtype` they are in float32.
- `--quantize int8` (needs the package torchao) keeps the matrices of denoiser and text encoders in 8 bits, `--quantize
  nf4` (bitsandbytes, an NVIDIA GPU) in 4; of a single file those of the denoiser alone. The rest is in bfloat16.
  Predictions change a little, so results count as those of another model.
- A LoRA is merged into the weights, and cannot be added to quantized ones. Layers of peft could compute it beside them,
  but those for torchao fail with several releases of it (peft #2285, #3223), and those for bitsandbytes need a GPU.
- A prompt may be as long as the encoder that reads the most of it. Where a pipeline passes on fewer states than its
  tokenizer reads, as Qwen-Image (512 of 1,024), these are what counts.
- Pipelines round sizes, or choose among a few. Where a pipeline draws another size than `--size` asks for, the model is
  refused, and the size that it would draw is named.
- `--offload` keeps weights in the computer's memory and brings each part to the GPU as it is needed,
  `--offload-layers` each layer, which is much slower. Predictions stay the same.
- Where an image does not fit into the memory of a GPU, its autoencoder works in tiles.
- Attention to words is recorded of every class that is tested but for LongCat-Image and HunyuanImage, and output
  similarity where pixels and text attend together. There is none where it cannot be found out which states of the text
  are whose; the Explorer says so.
- Not tried yet: `nf4`, and both ways of offloading on a GPU. Tests offload from the CPU to itself.

## Families that are known
Models with perturbed or self-attention guidance (PAG, SAG) are those of the plain pipelines. Such guidance is off where
information is measured, as the usual one is; images are drawn with it unless `--guidance 1` switches both off.
Size, licence and memory are those of the example. The memory is that of all weights in bfloat16: what the classes
have with the configurations that diffusers, its conversion scripts or the models publish, built without values and
counted. For Qwen-Image, Hunyuan-DiT and CogView 3 Plus and 4 it agrees with the sizes of the published files. Licences
were held against model cards or licence files (SDXL, SD 3.5, FLUX.1 dev, Sana, both PixArt, both Lumina, CogView 3 Plus
and 4, AuraFlow, LCM, Z-Image, FLUX.2 klein, Hunyuan-DiT, Ovis-Image), or against what others say of them (Stable
Diffusion 1 and 2, FLUX.2 dev, Qwen-Image, Chroma). Read a card before you rely on it.

| pipeline | models | guidance | no text is | distilled | pixels | licence | GiB | example | source |
|---|---|---|---|---|---|---|---|---|---|
"""
OTHERS = """
## All classes
FLUX.2 dev and Kandinsky 5 are tested with a tokenizer in place of their processor (which needs torchvision), PRX
without the package ftfy that mends its texts: they are needed for the real models. PRX is tested as it is built:
transformers does not read its text encoder again where it has saved it. Images of HunyuanImage are drawn
without its guidance, which is an object of its own. LongCat-Image and ErnieImage read prompts as they are, without the
language model by which their pipelines write them anew.

| class of diffusers | |
|---|---|
"""
ELSEWHERE = ("it makes videos", "it makes sounds", "it takes no prompt", "it is unknown to diffusers here")


def document() -> str:
    """Return docs/models.md for the diffusers that is installed."""
    rows = [_row(row) for name, row in families.FAMILIES.items() if name not in families.ALIASES]
    classes = {name: families.refusal(name) for name in sorted(dir(diffusers)) if name.endswith("Pipeline")}
    found = [f"| `{name}` | {_verdict(name, why)} |" for name, why in classes.items() if why not in ELSEWHERE]
    return HEAD.format(version=diffusers.__version__) + "\n".join(rows) + "\n" + OTHERS + "\n".join(found) + "\n"


def _row(row: families.Family) -> str:
    usual = families.usual_guidance(getattr(diffusers, row.pipeline))
    nothing = "zeros" if row.zeros else "the empty text" if not row.nothing else f"`{row.nothing!r}`"
    about = [f"`{row.pipeline}`", row.about, f"{usual:g}", nothing, row.distilled or "no", str(row.side)]
    return f"| {' | '.join([*about, row.licence, f'{row.memory:g}', row.example, row.source])} |"


def _verdict(name: str, why: str) -> str:
    if why:
        return f"refused: {why}"
    return "tested" if families.of(name).tested else "not tested"
