"""Times models/portraits-lcm/training/reference.py: its restoration, and each network in it.

    python time_reference.py MODEL INPUTS

INPUTS holds float32 files: y (sr:8 of a portrait, [1, 3, 16, 16]), c (text embedding, [1, tokens, 128]), x ([1, 3, 128, 128]) and z
([1, 8, 16, 16]). Prints milliseconds as JSON, and writes what the networks make of x and z beside the inputs.
"""
import importlib.util
import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import torch

from networks import TinyAutoencoder, UNet

# reference.py gets its networks from these, and networks.py stands in for them here.
for package in ("diffusers", "transformers", "PIL"):
    if importlib.util.find_spec(package) is None:
        sys.modules[package] = MagicMock()
sys.path.insert(0, str(Path(__file__).parents[2] / "models/portraits-lcm/training"))
import reference  # noqa: E402

SIGMA = 0.02  # 0.01 for images in [0, 1]
WARM, REPEATS = 3, 11


def alphas_cumprod(config: dict) -> torch.Tensor:
    """Of the schedule that diffusers calls scaled_linear."""
    betas = torch.linspace(config["beta_start"] ** 0.5, config["beta_end"] ** 0.5, config["num_train_timesteps"], dtype=torch.float32) ** 2
    return torch.cumprod(1 - betas, 0)


def milliseconds(call) -> float:
    times = []
    for _ in range(WARM + REPEATS):
        begun = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - begun))
    return float(np.median(times[WARM:]))


def main(folder: Path, inputs: Path) -> None:
    torch.set_grad_enabled(False)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    shapes = {"y": (1, 3, 16, 16), "c": (1, -1, 128), "x": (1, 3, 128, 128), "z": (1, 8, 16, 16)}
    y, c, x, z = (torch.from_numpy(np.fromfile(inputs / name, np.float32)).reshape(shape) for name, shape in shapes.items())
    vae, unet = TinyAutoencoder(folder / "vae"), UNet(folder / "unet")
    networks = {"encoder": lambda: vae.encode(x), "unet": lambda: unet(z, 499, c), "decoder": lambda: vae.decode(z)}
    for name, call in networks.items():
        call().numpy().tofile(inputs / f"pytorch_{name}")
    model = SimpleNamespace(
        encode=lambda image: vae.encode(image.float()),
        decode=lambda latents: vae.decode(latents).double(),
        unet=lambda latents, t, embedding: SimpleNamespace(sample=unet(latents, t, embedding)),
        alphas=alphas_cumprod(json.loads((folder / "scheduler/scheduler_config.json").read_text())),
    )
    operator = reference.Separable(reference.resize_matrix(reference.SIZE, 8))
    restore = lambda: reference.restore(model, operator, y.double(), c, SIGMA, torch.Generator().manual_seed(1))  # noqa: E731
    print(json.dumps({name: milliseconds(call) for name, call in {**networks, "restoration": restore}.items()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
