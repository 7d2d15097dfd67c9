"""The networks of a diffusers folder with AutoencoderTiny and a UNet2DConditionModel of SD 1.x's structure, in plain PyTorch.

What diffusers runs, operation by operation, without diffusers: so that a machine with only Debian's python3-torch can time it.
"""
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

DTYPES = {"F32": np.float32, "F16": np.float16}


class Weights:
    """The tensors of a safetensors file in float32, found by name below a prefix."""

    def __init__(self, tensors: dict[str, Tensor], prefix: str = ""):
        self.tensors, self.prefix = tensors, prefix

    @staticmethod
    def load(path: Path) -> "Weights":
        data = path.read_bytes()
        length = int.from_bytes(data[:8], "little")
        tensors = {}
        for name, entry in json.loads(data[8 : 8 + length]).items():
            if name == "__metadata__":
                continue
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            values = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).astype(np.float32)
            tensors[name] = torch.from_numpy(values).reshape(entry["shape"])
        return Weights(tensors)

    def __getitem__(self, name) -> "Weights":
        return Weights(self.tensors, f"{self.prefix}{name}.")

    def __contains__(self, name: str) -> bool:
        return any(key.startswith(f"{self.prefix}{name}.") for key in self.tensors)

    @property
    def weight(self) -> Tensor:
        return self.tensors[f"{self.prefix}weight"]

    @property
    def bias(self) -> Tensor | None:
        return self.tensors.get(f"{self.prefix}bias")


def convolve(w: Weights, x: Tensor, stride: int = 1) -> Tensor:
    return F.conv2d(x, w.weight, w.bias, stride, w.weight.shape[-1] // 2)


def linear(w: Weights, x: Tensor) -> Tensor:
    return F.linear(x, w.weight, w.bias)


class TinyAutoencoder:
    """AutoencoderTiny: a list of layers, of which some are without weights."""

    def __init__(self, folder: Path):
        config = json.loads((folder / "config.json").read_text())
        weights = Weights.load(folder / "diffusion_pytorch_model.safetensors")
        self.encoder, self.decoder = weights["encoder"]["layers"], weights["decoder"]["layers"]
        self.encoder_blocks, self.decoder_blocks = config["num_encoder_blocks"], config["num_decoder_blocks"]
        self.scale = config["scaling_factor"]

    @staticmethod
    def block(w: Weights, x: Tensor) -> Tensor:
        h = F.relu(convolve(w["conv"][0], x))
        h = F.relu(convolve(w["conv"][2], h))
        return F.relu(convolve(w["conv"][4], h) + x)

    def encode(self, x: Tensor) -> Tensor:
        h = convolve(self.encoder[0], (x + 1) / 2)
        layer = 1
        for stage, blocks in enumerate(self.encoder_blocks):
            if stage > 0:
                h = convolve(self.encoder[layer], h, stride=2)
                layer += 1
            for _ in range(blocks):
                h = self.block(self.encoder[layer], h)
                layer += 1
        return convolve(self.encoder[layer], h) * self.scale

    def decode(self, z: Tensor) -> Tensor:
        h = F.relu(convolve(self.decoder[0], torch.tanh(z / self.scale / 3) * 3))
        layer = 2
        for stage, blocks in enumerate(self.decoder_blocks):
            for _ in range(blocks):
                h = self.block(self.decoder[layer], h)
                layer += 1
            if stage < len(self.decoder_blocks) - 1:
                h = convolve(self.decoder[layer + 1], F.interpolate(h, scale_factor=2, mode="nearest"))
                layer += 2
        return convolve(self.decoder[layer], h) * 2 - 1


class UNet:
    """UNet2DConditionModel with text conditions, as SD 1.x has it."""

    def __init__(self, folder: Path):
        self.config = json.loads((folder / "config.json").read_text())
        self.weights = Weights.load(folder / "diffusion_pytorch_model.safetensors")

    def norm(self, w: Weights, x: Tensor, eps: float) -> Tensor:
        return F.group_norm(x, self.config["norm_num_groups"], w.weight, w.bias, eps)

    def time_embedding(self, t: float) -> Tensor:
        channels = self.config["block_out_channels"][0]
        frequencies = torch.exp(-np.log(10000) * torch.arange(channels // 2) / (channels // 2 - self.config["freq_shift"]))
        angles = t * frequencies[None]
        embedding = torch.cat([angles.cos(), angles.sin()], -1)
        w = self.weights["time_embedding"]
        return F.silu(linear(w["linear_2"], F.silu(linear(w["linear_1"], embedding))))

    def resnet(self, w: Weights, x: Tensor, emb: Tensor) -> Tensor:
        eps = self.config["norm_eps"]
        h = convolve(w["conv1"], F.silu(self.norm(w["norm1"], x, eps)))
        h = h + linear(w["time_emb_proj"], emb)[:, :, None, None]
        h = convolve(w["conv2"], F.silu(self.norm(w["norm2"], h, eps)))
        return (convolve(w["conv_shortcut"], x) if "conv_shortcut" in w else x) + h

    @staticmethod
    def attention(w: Weights, x: Tensor, c: Tensor, heads: int) -> Tensor:
        q, k, v = (linear(w[name], tokens).unflatten(-1, (heads, -1)).transpose(1, 2) for name, tokens in (("to_q", x), ("to_k", c), ("to_v", c)))
        weights = torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, -1)
        return linear(w["to_out"][0], (weights @ v).transpose(1, 2).flatten(2))

    def transformer(self, w: Weights, x: Tensor, c: Tensor, heads: int) -> Tensor:
        height, width = x.shape[2:]
        h = convolve(w["proj_in"], self.norm(w["norm"], x, 1e-6)).flatten(2).transpose(1, 2)
        b = w["transformer_blocks"][0]
        normalised = lambda name: F.layer_norm(h, h.shape[-1:], b[name].weight, b[name].bias)  # noqa: E731
        n = normalised("norm1")
        h = h + self.attention(b["attn1"], n, n, heads)
        h = h + self.attention(b["attn2"], normalised("norm2"), c, heads)
        value, gate = linear(b["ff"]["net"][0]["proj"], normalised("norm3")).chunk(2, -1)
        h = h + linear(b["ff"]["net"][2], value * F.gelu(gate))
        return x + convolve(w["proj_out"], h.transpose(1, 2).unflatten(2, (height, width)))

    def __call__(self, x: Tensor, t: float, c: Tensor) -> Tensor:
        emb = self.time_embedding(t)
        heads = self.config["attention_head_dim"]  # diffusers' name for their number
        layers = self.config["layers_per_block"]
        h = convolve(self.weights["conv_in"], x)
        skips = [h]
        for level in range(len(heads)):
            w = self.weights["down_blocks"][level]
            for i in range(layers):
                h = self.resnet(w["resnets"][i], h, emb)
                if "attentions" in w:
                    h = self.transformer(w["attentions"][i], h, c, heads[level])
                skips.append(h)
            if "downsamplers" in w:
                h = convolve(w["downsamplers"][0]["conv"], h, stride=2)
                skips.append(h)
        w = self.weights["mid_block"]
        h = self.resnet(w["resnets"][0], h, emb)
        h = self.transformer(w["attentions"][0], h, c, heads[-1])
        h = self.resnet(w["resnets"][1], h, emb)
        for level in range(len(heads)):
            w = self.weights["up_blocks"][level]
            for i in range(layers + 1):
                h = self.resnet(w["resnets"][i], torch.cat([h, skips.pop()], 1), emb)
                if "attentions" in w:
                    h = self.transformer(w["attentions"][i], h, c, heads[-1 - level])
            if "upsamplers" in w:
                h = convolve(w["upsamplers"][0]["conv"], F.interpolate(h, scale_factor=2.0, mode="nearest"))
        return convolve(self.weights["conv_out"], F.silu(self.norm(self.weights["conv_norm_out"], h, self.config["norm_eps"])))
