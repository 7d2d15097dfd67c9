"""The degradations y = A x of pictures [N, 3, 128, 128], in double precision, each with what solves it exactly.

    prox(z, y, gamma) = argmin_x |x - z|^2 + gamma |A x - y|^2 = z + gamma A^T (1 + gamma A A^T)^-1 (y - A z)

`eigenvalues` are those of A A^T, `power(r)` the squares of a residual's coefficients along its eigenvectors.
"""

import math

import numpy as np
import torch

from windows import SIZE


class Separable:
    """y = M x M^T, for instance an antialiased resize."""

    def __init__(self, m: torch.Tensor):
        self.m = m
        values, self.vectors = torch.linalg.eigh(m @ m.T)
        self.eigenvalues = torch.outer(values, values).clamp(min=0)

    def forward(self, x):
        return self.m @ x @ self.m.T

    def adjoint(self, r):
        return self.m.T @ r @ self.m

    def prox(self, z, y, gamma):
        q = self.vectors
        r = q.T @ (y - self.forward(z)) @ q
        return z + self.adjoint(q @ (r * gamma / (1 + gamma * self.eigenvalues)) @ q.T)

    def power(self, r):
        return (self.vectors.T @ r @ self.vectors) ** 2


class Convolution:
    """Circular; the kernel's centre is pixel (h // 2, w // 2)."""

    def __init__(self, kernel: torch.Tensor):
        height, width = kernel.shape
        padded = torch.zeros(SIZE, SIZE, dtype=torch.float64, device=kernel.device)
        padded[:height, :width] = kernel
        self.transfer = torch.fft.fft2(padded.roll((-(height // 2), -(width // 2)), (0, 1)))
        self.eigenvalues = self.transfer.abs() ** 2

    def forward(self, x):
        return torch.fft.ifft2(torch.fft.fft2(x) * self.transfer).real

    def adjoint(self, r):
        return torch.fft.ifft2(torch.fft.fft2(r) * self.transfer.conj()).real

    def prox(self, z, y, gamma):
        r = torch.fft.fft2(y - self.forward(z)) * self.transfer.conj() * gamma / (1 + gamma * self.eigenvalues)
        return z + torch.fft.ifft2(r).real

    def power(self, r):
        return torch.fft.fft2(r, norm="ortho").abs() ** 2


class Mask:
    """y = mask x; all ones, it leaves the noise only."""

    def __init__(self, mask: torch.Tensor):
        self.mask = self.eigenvalues = mask

    def forward(self, x):
        return self.mask * x

    adjoint = forward

    def prox(self, z, y, gamma):
        return z + self.mask * (y - z) * gamma / (1 + gamma)

    def power(self, r):
        return (self.mask * r) ** 2


Operator = Separable | Convolution | Mask


def resize(factor: int) -> torch.Tensor:
    """[128 / factor, 128]: bicubic (a = -1/2), antialiased, borders renormalised, which is Pillow's."""

    def cubic(t):
        t = abs(t)
        return 1.5 * t**3 - 2.5 * t * t + 1 if t < 1 else -0.5 * t**3 + 2.5 * t * t - 4 * t + 2 if t < 2 else 0.0

    m = np.zeros((SIZE // factor, SIZE))
    for i in range(SIZE // factor):
        centre = (i + 0.5) * factor
        low, high = max(0, int(centre - 2 * factor + 0.5)), min(SIZE, int(centre + 2 * factor + 0.5))
        row = np.array([cubic((j - centre + 0.5) / factor) for j in range(low, high)])
        m[i, low:high] = row / row.sum()
    return torch.from_numpy(m)


def gaussian(sigma: float) -> torch.Tensor:
    r = math.ceil(3 * sigma)
    g = torch.exp(-(torch.arange(-r, r + 1, dtype=torch.float64) ** 2) / (2 * sigma**2))
    return torch.outer(g / g.sum(), g / g.sum())


def motion(seed: int = 3, size: int = 25) -> torch.Tensor:
    """A random trajectory."""
    kernel, place, velocity = np.zeros((size, size)), np.array([size // 2] * 2, float), np.array([1.0, 0.3])
    rng = np.random.default_rng(seed)
    for _ in range(60):
        velocity = velocity + rng.normal(0, 0.35, 2)
        velocity /= np.linalg.norm(velocity)
        place = np.clip(place + 0.6 * velocity, 0, size - 1)
        kernel[tuple(np.round(place).astype(int))] += 1
    return torch.from_numpy(kernel / kernel.sum())


def box() -> torch.Tensor:
    """A hole of 40 x 40 pixels in the middle."""
    mask = torch.ones(SIZE, SIZE, dtype=torch.float64)
    mask[44:84, 44:84] = 0
    return mask


OPERATORS = {
    "gaussian2": lambda device: Convolution(gaussian(2).to(device)),
    "gaussian3": lambda device: Convolution(gaussian(3).to(device)),
    "motion": lambda device: Convolution(motion().to(device)),
    "denoise": lambda device: Mask(torch.ones(SIZE, SIZE, dtype=torch.float64, device=device)),
    "box": lambda device: Mask(box().to(device)),
    "sr2": lambda device: Separable(resize(2).to(device)),
    "sr4": lambda device: Separable(resize(4).to(device)),
    "sr8": lambda device: Separable(resize(8).to(device)),
}


def measure(operator: Operator, x: torch.Tensor, sigma: float, seed: int = 5) -> torch.Tensor:
    """A x + noise; pixels that a mask hides have none."""
    y = operator.forward(x)
    generator = torch.Generator(x.device).manual_seed(seed)
    y = y + sigma * torch.randn(y.shape, generator=generator, device=x.device, dtype=x.dtype)
    return operator.forward(y) if isinstance(operator, Mask) else y
