"""Captions made from the windows: the words of the photograph, then what can be measured, each part often left out.

For instance: `a photo of dragonfly and leaves, green, dark, high contrast, soft, close up`.
"""

import torch
import torch.nn.functional as F

from photographs import TRAINING
from tokenizer import LENGTH, Tokenizer

PROMPT = "a photo"
COLOURS = {
    "black": (0, 0, 0), "gray": (0.5, 0.5, 0.5), "white": (1, 1, 1), "red": (0.75, 0.12, 0.1),
    "orange": (0.9, 0.5, 0.12), "yellow": (0.9, 0.82, 0.2), "green": (0.3, 0.5, 0.15), "teal": (0.2, 0.55, 0.55),
    "blue": (0.2, 0.4, 0.8), "light blue": (0.6, 0.75, 0.95), "purple": (0.45, 0.25, 0.6), "pink": (0.9, 0.55, 0.65),
    "brown": (0.4, 0.27, 0.15), "beige": (0.8, 0.72, 0.6),
}  # fmt: skip
BRIGHTNESS = ["very dark", "dark", "", "bright", "very bright"]
CONTRAST = ["low contrast", "", "high contrast"]
TEXTURE = ["smooth", "soft", "detailed", "finely textured"]
DISTANCE = ["close up", "", "wide view"]
# Words that nothing was trained on yet, each a token for who goes on with other pictures.
SPARE = (
    "sky sea water forest tree leaves flower animal cat dog bird person face people "
    "house street city car food night day snow sand stone"
)

# Parts of a caption, in order: its phrases, and how often it is kept in a caption that says more than `a photo`.
PARTS = [
    ([PROMPT], 1.0),
    ([f"of {p.words}" for p in TRAINING], 0.6),
    *(([word and f", {word}" for word in words], kept) for words, kept in [
        (COLOURS, 0.6), (BRIGHTNESS, 0.5), (CONTRAST, 0.4), (TEXTURE, 0.6), (DISTANCE, 0.4),
    ]),
]  # fmt: skip


def new_tokenizer() -> Tokenizer:
    return Tokenizer([*(phrase for phrases, _ in PARTS for phrase in phrases), SPARE])


class Captions:
    """`captions(x, photograph, scale)`: ids of tokens for a batch of windows, without leaving the device."""

    def __init__(self, tokenizer: Tokenizer, device: torch.device):
        self.tokenizer = tokenizer
        self.tables = [self.table(phrases).to(device) for phrases, _ in PARTS]
        assert sum(table.shape[1] for table in self.tables) <= LENGTH - 2
        self.kept = torch.tensor([kept for _, kept in PARTS], device=device)
        self.palette = torch.tensor(list(COLOURS.values()), device=device)
        self.brightness, self.contrast, self.texture, self.distance = (
            torch.tensor(bounds, device=device)
            for bounds in ([0.12, 0.28, 0.6, 0.8], [0.06, 0.2], [0.004, 0.012, 0.03], [1.2, 3.9])
        )

    def table(self, phrases: list[str]) -> torch.Tensor:
        """ids [phrases, longest], -1 where a phrase is shorter"""
        rows = [self.tokenizer.tokens(phrase) for phrase in phrases]
        longest = max(map(len, rows))
        return torch.tensor([row + [-1] * (longest - len(row)) for row in rows])

    def phrases_of(self, x: torch.Tensor, photograph: torch.Tensor, scale: torch.Tensor) -> list[torch.Tensor]:
        """Which phrase of each part the windows x [N, 3, H, W] in [0, 1] deserve."""
        small = F.avg_pool2d(x, 8)
        luma, colour = small.mean(1), small.mean((2, 3))
        grey = x.mean(1, keepdim=True)
        fine = (grey - F.avg_pool2d(grey, 3, 1, 1)).abs()[:, :, 2:-2, 2:-2].mean((1, 2, 3))
        return [
            torch.zeros_like(photograph),
            photograph,
            ((colour[:, None] - self.palette) ** 2).sum(-1).argmin(1),
            torch.bucketize(luma.mean((1, 2)), self.brightness),
            torch.bucketize(luma.std((1, 2)), self.contrast),
            torch.bucketize(fine, self.texture),
            torch.bucketize(scale, self.distance),
        ]

    def __call__(
        self, x: torch.Tensor, photograph: torch.Tensor, scale: torch.Tensor, drop: float = 0.5
    ) -> torch.Tensor:
        """ids [N, 32]; with probability `drop` no more than `a photo`, which restorations are conditioned on."""
        n, device = len(x), x.device
        keep = torch.rand(n, len(PARTS), device=device) < self.kept
        keep[:, 1:] &= torch.rand(n, 1, device=device) >= drop
        phrases = self.phrases_of(x, photograph, scale)
        body = torch.cat(
            [torch.where(keep[:, k, None], table[phrases[k]], -1) for k, table in enumerate(self.tables)], 1
        )
        body = body.gather(1, (body < 0).long().argsort(dim=1, stable=True))  # the gaps move to the end
        ids = torch.full((n, LENGTH), self.tokenizer.end, device=device)
        ids[:, 0] = self.tokenizer.start
        ids[:, 1 : 1 + body.shape[1]] = torch.where(body < 0, self.tokenizer.end, body)
        return ids
