"""Stable Diffusion's noise schedule: z = sqrt(a) z0 + sqrt(1 - a) noise at timestep t, with a = alphas_cumprod[t]."""

import torch

BETA_START, BETA_END, TIMESTEPS = 0.00085, 0.012, 1000

betas = torch.linspace(BETA_START**0.5, BETA_END**0.5, TIMESTEPS, dtype=torch.float64) ** 2
alphas_cumprod = torch.cumprod(1 - betas, 0).float()

CONFIG = {
    "_class_name": "LCMScheduler",
    "_diffusers_version": "0.40.0.dev0",
    "beta_start": BETA_START,
    "beta_end": BETA_END,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": TIMESTEPS,
    "prediction_type": "v_prediction",
    "clip_sample": False,
    "rescale_betas_zero_snr": False,
    "set_alpha_to_one": True,
    "steps_offset": 0,
    "timestep_spacing": "leading",
    "trained_betas": None,
    "original_inference_steps": 50,
}
