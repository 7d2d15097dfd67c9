"""Windows of 128 x 128 pixels: random ones of the training photographs' pyramids, and always the same held-out ones."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image

from photographs import HELD_OUT, Photograph, training_image

SIZE = 128


def pyramid(image: Image.Image, largest: float = 8.1, ratio: float = 2**0.5) -> list[tuple[float, np.ndarray]]:
    """The picture shrunk by 1, 1.41, 2, ... up to 8, while a window has room to move: (scale, uint8 [H, W, 3])."""
    levels, scale = [], 1.0
    while scale < largest:
        size = round(image.width / scale), round(image.height / scale)
        if min(size) < SIZE + 16:
            break
        levels.append((scale, np.array(image if scale == 1 else image.resize(size, Image.Resampling.LANCZOS))))
        scale *= ratio
    return levels


class Windows:
    """Draws a photograph by its weight, a level of its pyramid by the fourth root of its area, a place, a symmetry.

    All pixels lie on the device, so that a batch costs no copy.
    """

    def __init__(self, photographs: list[Photograph], folder: str, device: torch.device):
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            pyramids = list(pool.map(lambda p: pyramid(training_image(p, folder)), photographs))
        pixels, table, weights, scales, offset = [], [], [], [], 0
        for index, (photograph, levels) in enumerate(zip(photographs, pyramids)):
            share = np.array([x.shape[0] * x.shape[1] for _, x in levels], float) ** 0.25
            for (scale, x), weight in zip(levels, photograph.weight * share / share.sum()):
                height, width, _ = x.shape
                pixels.append(torch.from_numpy(x).view(-1, 3))
                table.append((offset, height, width, index))
                weights.append(weight)
                scales.append(scale)
                offset += height * width
        self.device = device
        # uint8 [P, 3], every level of every pyramid end to end.
        self.pixels = torch.cat(pixels).to(device)
        # Of each level: where it starts, height, width, index of the photograph.
        self.table = torch.tensor(table, device=device)
        self.weights = torch.tensor(weights, device=device, dtype=torch.float32)
        self.scales = torch.tensor(scales, device=device, dtype=torch.float32)

    def __call__(self, n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Windows [n, 3, 128, 128] in [0, 1], index of the photograph [n], how much it was shrunk [n].

        Three times as many are drawn; of the flat ones three quarters, of the blurred ones half queue at the end.
        """
        many = 3 * n
        level = torch.multinomial(self.weights, many, replacement=True)
        top, left = (self.place(self.table[level, side]) for side in (1, 2))
        symmetry = torch.randint(8, (many,), device=self.device)
        coarse = self.gather(level, top, left, torch.zeros_like(symmetry), step=4).float()
        flat = coarse.std((2, 3)).mean(1) < 10
        blurred = sum(coarse.diff(dim=d).abs().mean((1, 2, 3)) for d in (2, 3)) < 10
        late = (flat & self.happens(many, 0.75)) | (blurred & self.happens(many, 0.5))
        pick = late.long().argsort(stable=True)[:n]
        level = level[pick]
        x = self.gather(level, top[pick], left[pick], symmetry[pick]).float().div_(255)
        return self.recolour(x), self.table[level, 3], self.scales[level]

    def place(self, side: torch.Tensor) -> torch.Tensor:
        return (torch.rand(len(side), device=self.device) * (side - SIZE + 1)).long()

    def happens(self, n: int, probability: float) -> torch.Tensor:
        return torch.rand(n, device=self.device) < probability

    def gather(self, level, top, left, symmetry, step: int = 1) -> torch.Tensor:
        """uint8 [N, 3, 128 / step, 128 / step]; bit 0 of the symmetry transposes, bits 1 and 2 flip."""
        column = torch.arange(0, SIZE, step, device=self.device).view(1, 1, -1)
        row = column.mT
        transposed, upside_down, mirrored = (((symmetry >> bit) & 1).bool().view(-1, 1, 1) for bit in range(3))
        i, j = torch.where(transposed, column, row), torch.where(transposed, row, column)
        i, j = torch.where(upside_down, SIZE - 1 - i, i), torch.where(mirrored, SIZE - 1 - j, j)
        offset, width = (self.table[level, k].view(-1, 1, 1) for k in (0, 2))
        return self.pixels[offset + (top.view(-1, 1, 1) + i) * width + left.view(-1, 1, 1) + j].permute(0, 3, 1, 2)

    def recolour(self, x: torch.Tensor) -> torch.Tensor:
        """Half of them with another gamma, exposure, white balance and saturation: the photographs have few colours."""

        def normal(k):
            return torch.randn(len(x), k, 1, 1, device=self.device)

        def uniform():
            return torch.rand(len(x), 1, 1, 1, device=self.device)

        y = x.clamp(min=1e-4) ** (0.2 * normal(1)).exp() * (0.08 * normal(1) + 0.06 * normal(3)).exp()
        grey = y.mean(1, keepdim=True)
        y = (grey + (y - grey) * (0.65 + 0.6 * uniform())).clamp(0, 1)
        return torch.where(uniform() < 0.5, y, x)


def held_out(folder: str, per_photograph: int = 5, seed: int = 7) -> np.ndarray:
    """uint8 [40, 128, 128, 3]: windows with content that hardly overlap, of pictures shrunk by 1.3 to 8."""
    rng, windows = np.random.default_rng(seed), []
    for photograph in HELD_OUT:
        image, taken, tries = photograph.open(folder), [], 0
        while len(taken) < per_photograph:
            tries += 1
            scale = rng.uniform(3, 8) if max(image.size) > 1500 else rng.uniform(1.3, min(2.3, min(image.size) / 140))
            x = np.array(
                image.resize((round(image.width / scale), round(image.height / scale)), Image.Resampling.LANCZOS)
            )
            i, j = rng.integers(x.shape[0] - SIZE + 1), rng.integers(x.shape[1] - SIZE + 1)
            centre = np.array([(i + SIZE / 2) * scale, (j + SIZE / 2) * scale])
            overlaps = any(np.abs(centre - other).max() < 0.5 * SIZE * s for other, s in taken)
            window = x[i : i + SIZE, j : j + SIZE]
            if (overlaps and tries < 400) or window[::3, ::3].std((0, 1)).mean() < 20:
                continue
            taken.append((centre, scale))
            windows.append(window)
    return np.stack(windows)
