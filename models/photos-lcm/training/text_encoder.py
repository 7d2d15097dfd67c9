"""transformers' CLIPTextModel in plain torch: the same tensors under the same names, two layers, 128 wide."""

import torch
import torch.nn.functional as F
from torch import nn

from tokenizer import LENGTH

WIDTH, LAYERS, HEADS = 128, 2, 4


def text_encoder_config(vocabulary: int) -> dict:
    return {
        "architectures": ["CLIPTextModel"],
        "attention_dropout": 0.0,
        "bos_token_id": vocabulary - 2,
        "eos_token_id": vocabulary - 1,
        "dtype": "float16",
        "hidden_act": "quick_gelu",
        "hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH,
        "layer_norm_eps": 1e-5,
        "max_position_embeddings": LENGTH,
        "model_type": "clip_text_model",
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "pad_token_id": vocabulary - 1,
        "projection_dim": WIDTH,
        "vocab_size": vocabulary,
    }


class TextLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.self_attn = nn.ModuleDict(
            {name: nn.Linear(WIDTH, WIDTH) for name in ("q_proj", "k_proj", "v_proj", "out_proj")}
        )
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(WIDTH, 4 * WIDTH), "fc2": nn.Linear(4 * WIDTH, WIDTH)})

    def forward(self, x):
        h, attention = self.layer_norm1(x), self.self_attn
        q, k, v = (
            attention[name](h).unflatten(-1, (HEADS, -1)).transpose(1, 2) for name in ("q_proj", "k_proj", "v_proj")
        )
        x = x + attention["out_proj"](
            F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        )
        h = self.mlp["fc1"](self.layer_norm2(x))
        return x + self.mlp["fc2"](h * torch.sigmoid(1.702 * h))


class TextEncoder(nn.Module):
    """ids [N, 32] to last_hidden_state [N, 32, 128]"""

    def __init__(self, vocabulary: int):
        super().__init__()
        self.embeddings = nn.ModuleDict(
            {"token_embedding": nn.Embedding(vocabulary, WIDTH), "position_embedding": nn.Embedding(LENGTH, WIDTH)}
        )
        for embedding in self.embeddings.values():
            nn.init.normal_(embedding.weight, std=0.3)
        self.encoder = nn.ModuleDict({"layers": nn.ModuleList([TextLayer() for _ in range(LAYERS)])})
        self.final_layer_norm = nn.LayerNorm(WIDTH)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embeddings["token_embedding"](ids) + self.embeddings["position_embedding"].weight
        for layer in self.encoder["layers"]:
            x = layer(x)
        return self.final_layer_norm(x)
