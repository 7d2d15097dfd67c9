"""Times a step of Stable Diffusion 1.x in plain PyTorch: stable_diffusion.py FOLDER SIZE STEPS. Writes JSON, as bench/full_size.mjs wants it.

The networks are diffusers' UNet2DConditionModel and AutoencoderKL for the structure of Stable Diffusion 1.x, in float32, with their weights'
own names. Attention is PyTorch's fused one; channels_last, which its convolutions prefer on a CPU.
"""

import json
import math
import os
import resource
import struct
import sys
import time

import torch
import torch.nn.functional as F

Weights = dict[str, torch.Tensor]


def read_weights(folder: str) -> Weights:
    """All float16 or float32 tensors of a component, as float32."""
    name = next(n for n in sorted(os.listdir(folder)) if n.endswith(".safetensors"))
    with open(os.path.join(folder, name), "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        weights = {}
        for key, info in header.items():
            begin, end = info["data_offsets"]
            file.seek(8 + length + begin)
            dtype = {"F16": torch.float16, "F32": torch.float32}[info["dtype"]]
            values = torch.frombuffer(bytearray(file.read(end - begin)), dtype=dtype).reshape(info["shape"]).float()
            weights[key] = values.contiguous(memory_format=torch.channels_last) if values.dim() == 4 else values
    return weights


class Network:
    """Layers by the names of their weights."""

    def __init__(self, weights: Weights):
        self.weights = weights

    def of(self, name: str) -> tuple[torch.Tensor, torch.Tensor | None]:
        return self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias")

    def has(self, name: str) -> bool:
        return f"{name}.weight" in self.weights

    def conv(self, x, name, stride=1):
        weight, bias = self.of(name)
        return F.conv2d(x, weight, bias, stride=stride, padding=weight.shape[-1] // 2)

    def linear(self, x, name):
        return F.linear(x, *self.of(name))

    def layer_norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], *self.of(name))

    def group_norm(self, x, name, epsilon):
        return F.group_norm(x, 32, *self.of(name), epsilon)

    def resnet(self, x, name, epsilon, time=None):
        h = self.conv(F.silu(self.group_norm(x, f"{name}.norm1", epsilon)), f"{name}.conv1")
        if time is not None:
            h = h + self.linear(F.silu(time), f"{name}.time_emb_proj")[:, :, None, None]
        h = self.conv(F.silu(self.group_norm(h, f"{name}.norm2", epsilon)), f"{name}.conv2")
        return h + (self.conv(x, f"{name}.conv_shortcut") if self.has(f"{name}.conv_shortcut") else x)

    def attention(self, x, context, name, heads):
        def split(tokens):
            return tokens.unflatten(-1, (heads, -1)).transpose(1, 2)

        q, k, v = (split(self.linear(tokens, f"{name}.to_{part}")) for tokens, part in ((x, "q"), (context, "k"), (context, "v")))
        return self.linear(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2), f"{name}.to_out.0")


class UNet(Network):
    EPSILON = 1e-5

    def transformer(self, x, context, name):
        _, _, height, _ = x.shape
        h = self.conv(self.group_norm(x, f"{name}.norm", 1e-6), f"{name}.proj_in").flatten(2).transpose(1, 2)
        block = f"{name}.transformer_blocks.0"
        own = self.layer_norm(h, f"{block}.norm1")
        h = h + self.attention(own, own, f"{block}.attn1", 8)
        h = h + self.attention(self.layer_norm(h, f"{block}.norm2"), context, f"{block}.attn2", 8)
        value, gate = self.linear(self.layer_norm(h, f"{block}.norm3"), f"{block}.ff.net.0.proj").chunk(2, -1)
        h = h + self.linear(value * F.gelu(gate), f"{block}.ff.net.2")
        return x + self.conv(h.transpose(1, 2).unflatten(2, (height, -1)), f"{name}.proj_out")

    def block(self, x, context, time, name, i):
        x = self.resnet(x, f"{name}.resnets.{i}", self.EPSILON, time)
        return self.transformer(x, context, f"{name}.attentions.{i}") if self.has(f"{name}.attentions.{i}.proj_in") else x

    def __call__(self, z, t, context):
        frequencies = torch.exp(-math.log(10000) * torch.arange(160) / 160)
        time = torch.cat([torch.cos(t * frequencies), torch.sin(t * frequencies)])[None]
        time = self.linear(F.silu(self.linear(time, "time_embedding.linear_1")), "time_embedding.linear_2")
        x = self.conv(z.contiguous(memory_format=torch.channels_last), "conv_in")
        skips = [x]
        for level in range(4):
            for i in range(2):
                x = self.block(x, context, time, f"down_blocks.{level}", i)
                skips.append(x)
            if level < 3:
                x = self.conv(x, f"down_blocks.{level}.downsamplers.0.conv", stride=2)
                skips.append(x)
        x = self.block(x, context, time, "mid_block", 0)
        x = self.resnet(x, "mid_block.resnets.1", self.EPSILON, time)
        for level in range(4):
            for i in range(3):
                x = self.block(torch.cat([x, skips.pop()], 1), context, time, f"up_blocks.{level}", i)
            if level < 3:
                x = self.conv(F.interpolate(x, scale_factor=2.0), f"up_blocks.{level}.upsamplers.0.conv")
        return self.conv(F.silu(self.group_norm(x, "conv_norm_out", self.EPSILON)), "conv_out")


class Autoencoder(Network):
    EPSILON = 1e-6
    SCALE = 0.18215

    def middle(self, x, name):
        x = self.resnet(x, f"{name}.resnets.0", self.EPSILON)
        _, _, height, _ = x.shape
        tokens = self.group_norm(x, f"{name}.attentions.0.group_norm", self.EPSILON).flatten(2).transpose(1, 2)
        x = x + self.attention(tokens, tokens, f"{name}.attentions.0", 1).transpose(1, 2).unflatten(2, (height, -1))
        return self.resnet(x, f"{name}.resnets.1", self.EPSILON)

    def finish(self, x, name):
        return self.conv(F.silu(self.group_norm(x, f"{name}.conv_norm_out", self.EPSILON)), f"{name}.conv_out")

    def encode(self, image):
        x = self.conv(image.contiguous(memory_format=torch.channels_last), "encoder.conv_in")
        for level in range(4):
            name = f"encoder.down_blocks.{level}"
            for i in range(2):
                x = self.resnet(x, f"{name}.resnets.{i}", self.EPSILON)
            if level < 3:
                x = F.conv2d(F.pad(x, (0, 1, 0, 1)), *self.of(f"{name}.downsamplers.0.conv"), stride=2)
        x = self.finish(self.middle(x, "encoder.mid_block"), "encoder")
        return self.conv(x, "quant_conv")[:, :4] * self.SCALE

    def decode(self, latents):
        x = self.conv(latents.contiguous(memory_format=torch.channels_last) / self.SCALE, "post_quant_conv")
        x = self.middle(self.conv(x, "decoder.conv_in"), "decoder.mid_block")
        for level in range(4):
            name = f"decoder.up_blocks.{level}"
            for i in range(3):
                x = self.resnet(x, f"{name}.resnets.{i}", self.EPSILON)
            if level < 3:
                x = self.conv(F.interpolate(x, scale_factor=2.0), f"{name}.upsamplers.0.conv")
        return self.finish(x, "decoder").clamp(-1, 1)


@torch.inference_mode()
def main() -> None:
    folder, size, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    begun = time.perf_counter()
    unet, autoencoder = UNet(read_weights(f"{folder}/unet")), Autoencoder(read_weights(f"{folder}/vae"))
    times: dict = {"load": time.perf_counter() - begun, "text": 0, "unet": [], "decode": [], "encode": []}
    image = torch.full((1, 3, size, size), 0.25)
    z, context = torch.randn(1, 4, size // 8, size // 8), torch.randn(1, 77, 768)
    networks = {
        "unet": lambda: unet(z, 499, context),
        "decode": lambda: autoencoder.decode(z),
        "encode": lambda: autoencoder.encode(image),
    }
    for _ in range(steps):
        for name, run in networks.items():
            begun = time.perf_counter()
            assert bool(torch.isfinite(run()).all())
            times[name].append(time.perf_counter() - begun)
    times["peakMiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(times))


main()
