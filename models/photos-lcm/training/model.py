"""The parts of the model, and the diffusers folder they live in: written in half precision, read in single."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

import schedule
from captions import new_tokenizer
from components import FILE, Components, load_components
from objective import Objective
from text_encoder import TextEncoder, text_encoder_config
from tokenizer import Tokenizer
from unet import UNet

INDEX = {
    "_class_name": "LatentConsistencyModelPipeline",
    "_diffusers_version": "0.40.0.dev0",
    "feature_extractor": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "LCMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["latino_native", "AutoencoderLinear"],
}


class Model(nn.Module):
    def __init__(self, unet: UNet, text_encoder: TextEncoder, components: Components, tokenizer: Tokenizer):
        super().__init__()
        self.unet, self.text_encoder, self.components, self.tokenizer = unet, text_encoder, components, tokenizer

    @property
    def objective(self) -> Objective:
        return Objective(self.components.deviations)

    def save(self, folder: str, history: list[dict]) -> None:
        """`history`: what is to be said of every run that made the weights, first to last."""
        out = Path(folder)
        save_half(self.unet, out / "unet" / FILE)
        deviations = [round(s, 6) for s in self.components.deviations.tolist()]
        write_json(out / "unet/config.json", {**self.unet.config, "latents_std": deviations})
        save_half(self.text_encoder, out / "text_encoder/model.safetensors")
        write_json(out / "text_encoder/config.json", text_encoder_config(len(self.tokenizer)))
        self.tokenizer.save(out / "tokenizer")
        self.components.save(out / "vae")
        write_json(out / "scheduler/scheduler_config.json", schedule.CONFIG)
        write_json(out / "model_index.json", INDEX)
        write_json(out / "training.json", {"runs": history})
        for weights in out.rglob("*.safetensors"):  # which safetensors writes for their owner alone
            weights.chmod(0o644)


def new_model(config: dict, components: Components) -> Model:
    tokenizer = new_tokenizer()
    return Model(UNet(config), TextEncoder(len(tokenizer)), components, tokenizer)


def load_model(folder: str) -> Model:
    source = Path(folder)
    config = json.loads((source / "unet/config.json").read_text())
    components = load_components(source / "vae", torch.tensor(config.pop("latents_std")))
    model = new_model(config, components)
    if json.loads((source / "tokenizer/vocab.json").read_text("utf8")) != model.tokenizer.ids:
        raise ValueError(f"Expected the vocabulary of captions.py in {folder}/tokenizer but found another")
    load_single(model.unet, source / "unet")
    load_single(model.text_encoder, source / "text_encoder")
    return model


def load_history(folder: str) -> list[dict]:
    path = Path(folder, "training.json")
    facts = json.loads(path.read_text()) if path.exists() else {"runs": []}
    return facts.get("runs", [facts])  # the first model had one run, not in a list


def save_half(module: nn.Module, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: w.detach().half().cpu().contiguous() for name, w in sorted(module.state_dict().items())}
    save_file(weights, path, {"format": "pt"})


def load_single(module: nn.Module, folder: Path) -> None:
    """From one file or from shards."""
    weights = {name: w.float() for file in sorted(folder.glob("*.safetensors")) for name, w in load_file(file).items()}
    module.load_state_dict(weights)


def write_json(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1))
