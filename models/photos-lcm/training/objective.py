"""What the network predicts, and how its error counts: v-prediction (Salimans and Ho 2022), channel by channel.

Channels of the latents differ five hundredfold in deviation s, and at one timestep the noise drowns the weak ones and
hardly touches the strong ones. So each gets its own scale. With a = alphas_cumprod[t] and white noise eps,

    z = sqrt(a) x0 + sqrt(1 - a) eps          what diffusion gives
    in = 1 / sqrt(a s^2 + 1 - a)
    u = in z = signal x0 / s + noise eps      what the network sees: unit variance in every channel, at every timestep
    signal = in sqrt(a) s,  noise = in sqrt(1 - a),  signal^2 + noise^2 = 1
    v = signal eps - noise x0 / s             what it predicts: unit variance, too, and uncorrelated with u

(u, v) is a rotation of (x0 / s, eps), and the inverse rotation gives the estimates:

    x0 = s (signal u - noise v),  eps = noise u + signal v = in (sqrt(1 - a) u + sqrt(a) s v)

The second is what the library's UNet returns; with s = 1 all of it is plain v-prediction. A network that says v = 0
answers x0 = s signal u: the best linear estimate of a coefficient from itself alone (Wiener's), which is where training
starts.
"""

import torch
from torch import nn

from schedule import TIMESTEPS, alphas_cumprod


class Objective:
    def __init__(self, deviations: torch.Tensor):
        """deviations [48] of the channels of clean latents"""
        self.s = deviations.view(1, -1, 1, 1)
        self.alphas = alphas_cumprod.to(deviations.device)

    def coefficients(self, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """`in`, signal and noise, [N, 48, 1, 1] each"""
        a = self.alphas[t].view(-1, 1, 1, 1)
        scale = (a * self.s**2 + 1 - a).rsqrt()
        return scale, a.sqrt() * self.s * scale, (1 - a).sqrt() * scale

    def estimate(self, unet: nn.Module, z: torch.Tensor, t: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        """x0 of latents z [N, 48, h, w] at timesteps t [N]"""
        scale, signal, noise = self.coefficients(t)
        u = scale * z
        return self.s * (signal * u - noise * unet(u, t, text).float())

    def timesteps(self, n: int) -> torch.Tensor:
        """[n] timesteps 1000 q^2 with q uniform, one in each of n equal intervals, in random order.

        A quarter of them below 63, half below 250: there a restoration ends and its detail is decided, and there is
        most to learn. That each batch covers all noise levels evenly takes their variance out of the gradient.
        """
        device = self.s.device
        q = (torch.randperm(n, device=device) + torch.rand(n, device=device)) / n
        return (TIMESTEPS * q**2).long().clamp(max=TIMESTEPS - 1)

    def loss(
        self, unet: nn.Module, text_encoder: nn.Module, x0: torch.Tensor, t: torch.Tensor, ids: torch.Tensor
    ) -> torch.Tensor:
        """[N]: the squared error of the picture as a share of what v = 0 leaves, so 1 where training starts.

        An error of v is one of s noise times as much in x0, and squares of latents add up to those of pixels
        (components.py). So channels count by w = (s noise)^2. As v has unit variance, v = 0 leaves the sum of w;
        divided by it, no timestep outweighs another.
        """
        _, signal, noise = self.coefficients(t)
        x, eps = x0 / self.s, torch.randn_like(x0)
        with torch.autocast(x0.device.type, torch.bfloat16):
            v = unet(signal * x + noise * eps, t, text_encoder(ids))
        error = (v.float() - (signal * eps - noise * x)) ** 2
        weight = (self.s * noise) ** 2
        return (weight / weight.sum(1, keepdim=True) * error).sum(1).mean((1, 2))
