"""The autoencoder: principal components of 4 x 4 patches, a linear map that loses nothing.

    z = Q (patch - mean) / UNIT,   patch = UNIT Q^T z + mean

Q has orthonormal rows, all 48 of them. So a squared error of latents is, times UNIT^2, one of pixels, and noise that is
white in the latents is white in the picture, UNIT times as strong: a timestep hides there what noise of deviation UNIT
sqrt((1 - a) / a) would hide. What the map is for is the order of its channels: their deviations fall from 6.4 to 0.01,
and objective.py predicts each on its own scale.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

from windows import Windows

PATCH = 4
CHANNELS = 3 * PATCH**2
UNIT = 0.5
FILE = "diffusion_pytorch_model.safetensors"


class Components(nn.Module):
    """Pictures [N, 3, H, W] in [-1, 1], latents [N, 48, H / 4, W / 4]."""

    def __init__(self, basis: torch.Tensor, mean: torch.Tensor, deviations: torch.Tensor):
        super().__init__()
        self.register_buffer("basis", basis)  # [48, 3, 4, 4]
        self.register_buffer("mean", mean)  # [3]
        self.register_buffer("deviations", deviations)  # [48] of the latents' channels

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x.float() - self.mean.view(1, 3, 1, 1), self.basis, stride=PATCH) / UNIT

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return F.conv_transpose2d(z.float() * UNIT, self.basis, stride=PATCH) + self.mean.view(1, 3, 1, 1)

    def save(self, folder: Path) -> None:
        """As the library's AutoencoderLinear: Q with the offset -Q mean, Q^T with the offset mean."""
        basis, mean = self.basis.cpu().contiguous(), self.mean.cpu()
        offset = -torch.einsum("kcij,c->k", basis, mean)
        weights = {
            "encoder.weight": basis,
            "encoder.bias": offset,
            "decoder.weight": basis.clone(),
            "decoder.bias": mean,
        }
        config = {
            "_class_name": "AutoencoderLinear",
            "in_channels": 3,
            "out_channels": 3,
            "patch_size": PATCH,
            "latent_channels": CHANNELS,
            "scaling_factor": 1 / UNIT,
        }
        folder.mkdir(parents=True, exist_ok=True)
        save_file(weights, folder / FILE, {"format": "pt"})
        (folder / "config.json").write_text(json.dumps(config, indent=1))


def load_components(folder: Path, deviations: torch.Tensor) -> Components:
    weights = load_file(folder / FILE)
    return Components(weights["decoder.weight"], weights["decoder.bias"], deviations)


def fit_components(windows: Windows, batches: int = 16) -> Components:
    """The components of the patches of so many times 128 windows, strongest first; one mean a colour, not a position.

    The signs, and the directions where deviations agree, are as good as random: whoever goes on from trained weights
    takes the components that lie beside them.
    """
    count, total, moment = (
        0,
        torch.zeros(CHANNELS, dtype=torch.float64),
        torch.zeros(CHANNELS, CHANNELS, dtype=torch.float64),
    )
    for _ in range(batches):
        x = windows(128)[0] * 2 - 1
        patches = F.pixel_unshuffle(x, PATCH).permute(0, 2, 3, 1).reshape(-1, CHANNELS).double().cpu()
        count, total, moment = count + len(patches), total + patches.sum(0), moment + patches.T @ patches
    average = total / count
    mean = average.view(3, -1).mean(1)
    centre = mean.repeat_interleave(PATCH**2)
    cross = torch.outer(average, centre)
    variances, vectors = torch.linalg.eigh(moment / count - cross - cross.T + torch.outer(centre, centre))
    basis = vectors.flip(1).T.reshape(CHANNELS, 3, PATCH, PATCH)
    deviations = variances.flip(0).clamp(min=1e-10).sqrt() / UNIT
    return Components(basis.float().contiguous(), mean.float(), deviations.float())
