"""How well LATINO restores held-out photographs with the model, beside what needs no model:

    python evaluate.py MODEL PHOTOGRAPHS [--windows 10] [--tasks gaussian3:0.01,denoise:0.1] [--schedules library]

Tikhonov's weight is chosen on the truth itself, once for PSNR and once for SSIM; the timesteps of LATINO on every fifth
window, which then count no more. `colour` is the mean error of a picture's mean colour, of the range [0, 1].
"""

import argparse
import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F

from model import load_model
from operators import OPERATORS, measure
from photographs import HELD_OUT, download
from restoring import SCHEDULES, Latino, data_only, tikhonov
from windows import SIZE, held_out

GATE = [("gaussian3", 0.01), ("denoise", 0.1)]  # which the first model had to win for the project to go on
TASKS = [
    *GATE, ("denoise", 0.05),
    *((name, sigma) for sigma in (0.01, 0.05) for name in ("gaussian2", "motion", "sr2", "sr4", "sr8", "box")),
    ("gaussian3", 0.05),
]  # fmt: skip
WEIGHTS = [10 ** (k / 4) for k in range(-20, 5)]
COLUMNS = ["plain", "data only", "tikhonov", "tikhonov by ssim", "latino", "prior"]


def psnr(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """dB on pictures rounded to 8 bits, [N]"""
    a, b = (((u.clip(-1, 1) + 1) * 127.5).round() for u in (a, b))
    return 20 * math.log10(255) - 10 * torch.log10(((a - b) ** 2).mean((1, 2, 3)))


def ssim(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Wang et al. 2004: a Gaussian window of 11 x 11 pixels, each colour on its own, [N]"""
    g = torch.exp(-(torch.arange(-5, 6, dtype=torch.float32, device=a.device) ** 2) / 4.5)
    g = (g / g.sum()).expand(3, 1, 1, 11)

    def blur(x):
        return F.conv2d(F.conv2d(x, g, groups=3), g.mT, groups=3)

    a, b = ((u.clip(-1, 1).float() + 1) / 2 for u in (a, b))
    mean_a, mean_b = blur(a), blur(b)
    covariance, variances = blur(a * b) - mean_a * mean_b, blur(a * a) - mean_a**2 + blur(b * b) - mean_b**2
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * covariance + c2) / (variances + c2)
    return (luminance * structure).mean((1, 2, 3))


class Scores:
    """PSNR and SSIM of pictures against the truth, over the windows that count and over those that choose."""

    def __init__(self, truth: torch.Tensor):
        self.truth = truth
        self.chooses = torch.arange(len(truth)) % 5 == 0
        self.counts = ~self.chooses if len(truth) > 1 else self.chooses

    def __call__(self, x: torch.Tensor, windows: torch.Tensor) -> tuple[float, float]:
        return tuple(score(x, self.truth).cpu()[windows].double().mean().item() for score in (psnr, ssim))

    def of(self, x: torch.Tensor) -> tuple[float, float]:
        return self(x, self.counts)

    def choice(self, x: torch.Tensor) -> float:
        """One number: 0.05 of SSIM is worth a decibel."""
        decibels, similarity = self(x, self.chooses)
        return decibels + 20 * similarity


def evaluate(latino: Latino, x: torch.Tensor, task: str, sigma: float, schedules: list[str]) -> dict:
    """The row of one task; x [N, 3, 128, 128] in [-1, 1], sigma of the range [0, 1]."""
    operator, scores = OPERATORS[task](x.device), Scores(x)
    y = measure(operator, x, 2 * sigma)
    smooth = [scores.of(tikhonov(operator, y, weight)) for weight in WEIGHTS]
    runs = {name: latino.restore(operator, y, 2 * sigma, SCHEDULES[name]) for name in schedules}
    chosen = max(runs, key=lambda name: scores.choice(runs[name][0]))
    restored, prior = runs[chosen]
    return {
        "task": task,
        "sigma": sigma,
        "plain": scores.of(F.interpolate(y, size=SIZE, mode="bicubic") if task.startswith("sr") else y),
        "data only": scores.of(data_only(operator, y)),
        "tikhonov": max(smooth),
        "tikhonov by ssim": max(smooth, key=lambda score: score[1]),
        "latino": scores.of(restored),
        "prior": scores.of(prior),
        "schedule": chosen,
        "schedules": {name: scores.of(picture) for name, (picture, _) in runs.items()},
        "colour": (restored.mean((2, 3)) - x.mean((2, 3))).abs().mean().item() / 2,
    }


def describe(row: dict) -> str:
    cells = [f"{row['task']:9s} {row['sigma']:4.2f}", *(f"{row[k][0]:5.2f} / {row[k][1]:.3f}" for k in COLUMNS)]
    return " | ".join([*cells, f"{row['schedule']:8s}", f"{row['colour']:.4f}"])


HEADER = (
    "task      sigma | bicubic or y  | data only     | Tikhonov      | ... by SSIM   "
    "| LATINO        | prior's last  | schedule | colour"
)


def passes(row: dict) -> bool:
    """Above Tikhonov tuned on the truth in PSNR, or clearly in SSIM."""
    return row["latino"][0] > row["tikhonov"][0] or row["latino"][1] > row["tikhonov by ssim"][1] + 0.01


def tasks_of(text: str) -> list[tuple[str, float]]:
    return [(name, float(sigma)) for name, sigma in (task.split(":") for task in text.split(","))]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures a model on held-out photographs.")
    parser.add_argument("model")
    parser.add_argument("photographs", help="folder with the packages unpacked; those that lack are downloaded")
    parser.add_argument("--windows", type=int, default=40)
    parser.add_argument("--tasks", type=tasks_of, default=TASKS, help="task:sigma, several with commas (default: all)")
    parser.add_argument("--schedules", default=",".join(SCHEDULES))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", help="also writes the rows here")
    return parser.parse_args()


@torch.no_grad()
def main() -> None:
    options = parse()
    torch.backends.cudnn.allow_tf32 = False  # what is measured is single precision
    download(options.photographs, HELD_OUT)
    windows = torch.from_numpy(held_out(options.photographs)).permute(0, 3, 1, 2).double() / 127.5 - 1
    x = windows[torch.linspace(0, len(windows) - 1, options.windows).round().long()].to(options.device)
    latino = Latino(load_model(options.model).to(torch.device(options.device)))
    rows = []
    print(HEADER)
    for task, sigma in options.tasks:
        rows.append(evaluate(latino, x, task, sigma, options.schedules.split(",")))
        verdict = "" if (task, sigma) not in GATE else "  gate: passed" if passes(rows[-1]) else "  gate: not passed"
        print(describe(rows[-1]) + verdict, flush=True)
        if options.json:
            Path(options.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
