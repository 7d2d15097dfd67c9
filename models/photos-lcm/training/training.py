"""A training run: AdamW, a cosine learning rate, averaged weights, and a checkpoint to go on from."""

import copy
import math
import os
import signal
import time
from dataclasses import dataclass

import torch

from captions import Captions
from model import Model
from windows import Windows

FLOOR = 0.002  # of the rate, at the end of its cosine
DECAY = 0.999  # of the averaged weights; less in the first steps
LARGEST_GRADIENT = 1.0
BANDS = [0, 20, 60, 130, 300, 600, 1000]  # of timesteps, whose losses are logged


@dataclass
class Settings:
    """A run ends after `steps` or, without them, after `minutes` of training."""

    steps: int | None
    minutes: float
    batch: int
    rate: float
    warmup: int
    checkpoint_minutes: float
    log_steps: int
    compile: bool


class Run:
    def __init__(self, model: Model, windows: Windows, settings: Settings, checkpoint: str):
        self.model, self.windows, self.settings, self.checkpoint = model, windows, settings, checkpoint
        self.device = windows.device
        self.captions, self.objective = Captions(model.tokenizer, self.device), model.objective
        self.average = copy.deepcopy(model).requires_grad_(False)  # what is exported
        self.parameters, self.averages = list(model.parameters()), list(self.average.parameters())
        self.optimizer = torch.optim.AdamW(self.parameters, lr=settings.rate, betas=(0.9, 0.99), weight_decay=1e-2)
        self.step, self.seconds = 0, 0.0
        self.network = torch.compile(model.unet) if settings.compile else model.unet
        if os.path.exists(checkpoint):
            self.load()

    @property
    def progress(self) -> float:
        return self.step / self.settings.steps if self.settings.steps else self.seconds / (60 * self.settings.minutes)

    @property
    def rate(self) -> float:
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, self.progress)))
        return self.settings.rate * min(1.0, (self.step + 1) / self.settings.warmup) * (FLOOR + (1 - FLOOR) * cosine)

    def train(self) -> bool:
        """True at the end, False where SIGINT stopped it; it leaves a checkpoint either way."""
        stop = Stop()
        saved, logged, losses = self.seconds, time.time(), []
        while self.progress < 1 and not stop.asked:
            began = time.time()
            losses.append(self.update())
            self.seconds += time.time() - began
            if self.step % self.settings.log_steps == 0:
                self.log(losses, (time.time() - logged) / len(losses))
                logged, losses = time.time(), []
            if self.seconds - saved > 60 * self.settings.checkpoint_minutes:
                self.save()
                saved = self.seconds
        stop.restore()
        self.save()
        return self.progress >= 1

    def update(self) -> tuple[torch.Tensor, torch.Tensor]:
        """One step; timesteps and losses of its windows."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        with torch.no_grad():
            x, photograph, scale = self.windows(self.settings.batch)
            ids = self.captions(x, photograph, scale)
            x0 = self.model.components.encode(2 * x - 1)
            t = self.objective.timesteps(len(x0))
        loss = self.objective.loss(self.network, self.model.text_encoder, x0, t, ids)
        loss.mean().backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, LARGEST_GRADIENT)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        with torch.no_grad():
            torch._foreach_lerp_(self.averages, self.parameters, 1 - min(DECAY, (1 + self.step) / (10 + self.step)))
        if not math.isfinite(loss.mean().item()):  # reading it also keeps the clock in step with the device
            raise FloatingPointError(
                f"The loss of step {self.step} is not finite; go on from the checkpoint with a lower --rate"
            )
        return t, loss.detach()

    def log(self, losses: list[tuple[torch.Tensor, torch.Tensor]], seconds: float) -> None:
        t, loss = (torch.cat(parts) for parts in zip(*losses))
        bands = " ".join(
            f"<{high}:{loss[(t >= low) & (t < high)].mean().item():.3f}" for low, high in zip(BANDS, BANDS[1:])
        )
        average = loss.mean().item()
        print(
            f"step {self.step} {self.progress:.3f} loss {average:.4f} {bands} {1e3 * seconds:.0f} ms/step", flush=True
        )

    def save(self) -> None:
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "random on device": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        }
        torch.save(state, f"{self.checkpoint}.partial")
        os.replace(f"{self.checkpoint}.partial", self.checkpoint)
        print(f"checkpoint after {self.step} steps, {self.seconds:.0f} s", flush=True)

    def load(self) -> None:
        state = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        self.step, self.seconds = state["step"], state["seconds"]
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        if state["random on device"] is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["random on device"], self.device)
        print(f"goes on after {self.step} steps, {self.seconds:.0f} s", flush=True)


class Stop:
    """Notes a first SIGINT, for the loop to end with a checkpoint; a second one ends at once."""

    def __init__(self):
        self.asked = False
        self.previous = signal.signal(signal.SIGINT, self.note)

    def note(self, *_) -> None:
        self.asked = True
        self.restore()

    def restore(self) -> None:
        signal.signal(signal.SIGINT, self.previous)
