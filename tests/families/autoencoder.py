"""The tiny autoencoder that most families share."""

import diffusers as d


def vae(channels: int = 4, blocks: int = 2, **more) -> d.AutoencoderKL:
    return d.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks,
        block_out_channels=(8,) * blocks,
        latent_channels=channels,
        norm_num_groups=4,
        sample_size=16,
        **({"shift_factor": 0.1} | more),
    )
