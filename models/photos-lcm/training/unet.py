"""diffusers' UNet2DConditionModel in plain torch, as far as this model needs it: the same tensors, the same names."""

import math

import torch
import torch.nn.functional as F
from torch import nn


def unet_config(widths: tuple[int, ...] = (96, 128, 192), heads: tuple[int, ...] = (3, 4, 6), layers: int = 2) -> dict:
    """17.3 million parameters as it stands; no attention on the first level, whose 1,024 positions would cost most."""
    attention = [level > 0 for level in range(len(widths))]
    return {
        "_class_name": "UNet2DConditionModel",
        "_diffusers_version": "0.40.0.dev0",
        "act_fn": "silu",
        "attention_head_dim": list(heads),  # diffusers means the number of heads
        "block_out_channels": list(widths),
        "cross_attention_dim": 128,
        "down_block_types": ["CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attention],
        "up_block_types": ["CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attention)],
        "downsample_padding": 1,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "in_channels": 48,
        "out_channels": 48,
        "layers_per_block": layers,
        "mid_block_scale_factor": 1,
        "mid_block_type": "UNetMidBlock2DCrossAttn",
        "norm_eps": 1e-05,
        "norm_num_groups": 32,
        "sample_size": 32,
        "transformer_layers_per_block": 1,
        "use_linear_projection": False,
    }


class Resnet(nn.Module):
    def __init__(self, channels: int, out: int, time: int):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(32, channels, 1e-5), nn.Conv2d(channels, out, 3, padding=1)
        self.time_emb_proj = nn.Linear(time, out)
        self.norm2, self.conv2 = nn.GroupNorm(32, out, 1e-5), nn.Conv2d(out, out, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(channels, out, 1) if channels != out else None

    def forward(self, x, time):
        h = self.conv1(F.silu(self.norm1(x))) + self.time_emb_proj(F.silu(time))[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        return (x if self.conv_shortcut is None else self.conv_shortcut(x)) + h


class Attention(nn.Module):
    def __init__(self, width: int, context: int, heads: int):
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context, width, bias=False)
        self.to_v = nn.Linear(context, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x, context):
        q, k, v = self.to_q(x), self.to_k(context), self.to_v(context)
        q, k, v = (u.unflatten(-1, (self.heads, -1)).transpose(1, 2) for u in (q, k, v))
        return self.to_out[0](F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class GEGLU(nn.Module):
    def __init__(self, width: int, inner: int):
        super().__init__()
        self.proj = nn.Linear(width, 2 * inner)

    def forward(self, x):
        h, gate = self.proj(x).chunk(2, -1)
        return h * F.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.net = nn.Sequential(GEGLU(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width))

    def forward(self, x):
        return self.net(x)


class TransformerBlock(nn.Module):
    def __init__(self, width: int, context: int, heads: int):
        super().__init__()
        self.norm1, self.attn1 = nn.LayerNorm(width), Attention(width, width, heads)
        self.norm2, self.attn2 = nn.LayerNorm(width), Attention(width, context, heads)
        self.norm3, self.ff = nn.LayerNorm(width), FeedForward(width)

    def forward(self, x, text):
        h = self.norm1(x)
        x = x + self.attn1(h, h)
        x = x + self.attn2(self.norm2(x), text)
        return x + self.ff(self.norm3(x))


class Transformer(nn.Module):
    def __init__(self, width: int, context: int, heads: int):
        super().__init__()
        self.norm, self.proj_in = nn.GroupNorm(32, width, 1e-6), nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(width, context, heads)])
        self.proj_out = nn.Conv2d(width, width, 1)

    def forward(self, x, text):
        h = self.proj_in(self.norm(x))
        size = h.shape[2:]
        h = self.transformer_blocks[0](h.flatten(2).mT, text)
        return x + self.proj_out(h.mT.unflatten(2, size))


class Downsample(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2, padding=1)

    def forward(self, x):
        return self.conv(x)


class Upsample(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Block(nn.Module):
    """Resnets, each followed by an attention where there is one left, then the change of resolution."""

    def __init__(self, inputs: list[int], width: int, time: int, text: int, heads: int, attentions: int):
        super().__init__()
        self.resnets = nn.ModuleList([Resnet(channels, width, time) for channels in inputs])
        self.attentions = nn.ModuleList([Transformer(width, text, heads) for _ in range(attentions)])
        self.downsamplers, self.upsamplers = nn.ModuleList(), nn.ModuleList()

    def layer(self, index: int, x, time, text):
        x = self.resnets[index](x, time)
        return self.attentions[index](x, text) if index < len(self.attentions) else x


class UNet(nn.Module):
    """Starts as the zero function, which objective.py makes the best linear estimate of a patch from itself alone."""

    def __init__(self, config: dict):
        super().__init__()
        self.config = config
        widths, heads, layers, text = (
            config[k] for k in ("block_out_channels", "attention_head_dim", "layers_per_block", "cross_attention_dim")
        )
        attention = [kind.startswith("CrossAttn") for kind in config["down_block_types"]]
        time, last = 4 * widths[0], len(widths) - 1
        self.conv_in = nn.Conv2d(config["in_channels"], widths[0], 3, padding=1)
        self.time_embedding = nn.ModuleDict({"linear_1": nn.Linear(widths[0], time), "linear_2": nn.Linear(time, time)})

        self.down_blocks, skips = nn.ModuleList(), [widths[0]]
        for level, width in enumerate(widths):
            inputs = [skips[-1]] + [width] * (layers - 1)
            block = Block(inputs, width, time, text, heads[level], layers if attention[level] else 0)
            skips += [width] * layers
            if level < last:
                block.downsamplers.append(Downsample(width))
                skips.append(width)
            self.down_blocks.append(block)

        self.mid_block = Block([widths[-1]] * 2, widths[-1], time, text, heads[-1], 1)

        self.up_blocks, current = nn.ModuleList(), widths[-1]
        for level, width in reversed(list(enumerate(widths))):
            inputs = [before + skips.pop() for before in [current] + [width] * layers]
            block = Block(inputs, width, time, text, heads[level], layers + 1 if attention[level] else 0)
            if level > 0:
                block.upsamplers.append(Upsample(width))
            self.up_blocks.append(block)
            current = width

        self.conv_norm_out = nn.GroupNorm(32, widths[0], 1e-5)
        self.conv_out = nn.Conv2d(widths[0], config["out_channels"], 3, padding=1)
        self.start_small()

    def start_small(self) -> None:
        silent = [self.conv_out, *(m.proj_out for m in self.modules() if isinstance(m, Transformer))]
        for conv in silent:
            nn.init.zeros_(conv.weight)
            nn.init.zeros_(conv.bias)
        for resnet in self.modules():
            if isinstance(resnet, Resnet):
                resnet.conv2.weight.data.mul_(0.3)

    def embed(self, t: torch.Tensor) -> torch.Tensor:
        half = self.time_embedding["linear_1"].in_features // 2
        angles = t.float()[:, None] * torch.exp(-math.log(10000) * torch.arange(half, device=t.device) / half)
        h = F.silu(self.time_embedding["linear_1"](torch.cat([angles.cos(), angles.sin()], 1)))
        return self.time_embedding["linear_2"](h)

    def forward(self, x: torch.Tensor, t: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        """x [N, 48, h, w], t [N], text [N, S, 128]"""
        time, x = self.embed(t), self.conv_in(x)
        skips = [x]
        for block in self.down_blocks:
            for index in range(len(block.resnets)):
                x = block.layer(index, x, time, text)
                skips.append(x)
            for downsample in block.downsamplers:
                x = downsample(x)
                skips.append(x)
        for index in range(len(self.mid_block.resnets)):
            x = self.mid_block.layer(index, x, time, text)
        for block in self.up_blocks:
            for index in range(len(block.resnets)):
                x = block.layer(index, torch.cat([x, skips.pop()], 1), time, text)
            for upsample in block.upsamplers:
                x = upsample(x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))
