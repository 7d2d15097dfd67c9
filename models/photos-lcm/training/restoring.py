"""LATINO with the model, written out plainly, and what it has to beat.

Pictures are on the scale [-1, 1] and so is sigma, in double precision.
"""

import math

import torch

from captions import PROMPT
from components import UNIT
from model import Model
from operators import Convolution, Operator
from schedule import alphas_cumprod
from windows import SIZE

EIGHT = [999, 874, 749, 624, 499, 374, 249, 124]
SCHEDULES = {
    "library": [round(999 * (8 / 999) ** (k / 7)) for k in range(8)],
    "holes": [round((999**0.5 + (8**0.5 - 999**0.5) * k / 31) ** 2) for k in range(32)],  # the library's for what is hidden
    "eight": EIGHT,
    "eleven": [*EIGHT, 60, 25, 8],
    "short": [374, 249, 124, 60, 25, 8],
    "low": [124, 60, 25, 8],
}
DATA_ONLY = 1e4  # gamma of the proximal point of nothing, which LATINO starts at


def data_only(operator: Operator, y: torch.Tensor) -> torch.Tensor:
    return operator.prox(y.new_zeros(len(y), 3, SIZE, SIZE), y, DATA_ONLY)


class Latino:
    """Spagnoletti et al. 2025 with the model's one-step estimate as its consistency model."""

    def __init__(self, model: Model):
        self.model, self.objective = model, model.objective
        ids = torch.tensor([model.tokenizer.encode(PROMPT)], device=model.components.basis.device)
        self.text = model.text_encoder(ids)

    def estimate(self, z: torch.Tensor, t: int) -> torch.Tensor:
        steps = torch.full((len(z),), t, device=z.device)
        z0 = self.objective.estimate(self.model.unet, z, steps, self.text.expand(len(z), -1, -1))
        return self.model.components.decode(z0).double().clip(-1, 1)

    def restore(
        self, operator: Operator, y: torch.Tensor, sigma: float, timesteps: list[int], seed: int = 1
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The restored pictures, and the last estimate before the data's last word."""
        generator = torch.Generator(y.device).manual_seed(seed)
        x = data_only(operator, y)
        for t in timesteps:
            a = alphas_cumprod[t].item()
            z = self.model.components.encode(x.clip(-1, 1))
            z = a**0.5 * z + (1 - a) ** 0.5 * torch.randn(z.shape, generator=generator, device=z.device)
            prior = self.estimate(z, t)
            variance = error_variance(operator, prior, y, sigma).clamp(min=(1 - a) * UNIT**2)
            x = operator.prox(prior, y, variance / sigma**2)
        return x.clip(-1, 1), prior


def error_variance(operator: Operator, x: torch.Tensor, y: torch.Tensor, sigma: float) -> torch.Tensor:
    """[N, 1, 1, 1]: the variance v of the prior's error that explains best A x - y ~ N(0, v A A^T + sigma^2).

    The library's step rule `auto`, which takes at least what the noise of the timestep has in the picture.
    """
    power, values = operator.power(operator.forward(x) - y), operator.eigenvalues
    low, high = (torch.full((len(x), 1, 1, 1), math.log(v), dtype=x.dtype, device=x.device) for v in (1e-6, 1e3))
    for _ in range(25):  # bisection on the derivative of the log likelihood
        middle = (low + high) / 2
        variance = middle.exp() * values + sigma**2
        rising = (values * (power - variance) / variance**2).sum((1, 2, 3), keepdim=True) > 0
        low, high = torch.where(rising, middle, low), torch.where(rising, high, middle)
    return high.exp()


def tikhonov(operator: Operator, y: torch.Tensor, weight: float, iterations: int = 80) -> torch.Tensor:
    """argmin_x |A x - y|^2 + weight |grad x|^2: in closed form for a convolution, else by conjugate gradients."""
    k = torch.fft.fftfreq(SIZE, device=y.device).double() * 2 * math.pi
    laplacian = 4 - 2 * torch.cos(k)[:, None] - 2 * torch.cos(k)[None, :]
    if isinstance(operator, Convolution):
        return torch.fft.ifft2(
            torch.fft.fft2(y) * operator.transfer.conj() / (operator.eigenvalues + weight * laplacian)
        ).real

    def normal(u):
        return operator.adjoint(operator.forward(u)) + weight * torch.fft.ifft2(torch.fft.fft2(u) * laplacian).real

    residual = operator.adjoint(y)
    x, direction, square = torch.zeros_like(residual), residual.clone(), dot(residual, residual)
    for _ in range(iterations):
        image = normal(direction)
        step = square / dot(direction, image).clamp(min=1e-30)
        x, residual = x + step * direction, residual - step * image
        before, square = square, dot(residual, residual)
        direction = residual + square / before.clamp(min=1e-30) * direction
    return x


def dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a * b).sum((1, 2, 3), keepdim=True)
