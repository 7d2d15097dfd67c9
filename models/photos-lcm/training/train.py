"""From Debian's packages to a model folder; what was interrupted goes on with the same command:

    python train.py WORK MODEL [--minutes 60 | --steps N] [--init MODEL] [--photographs FOLDER] [--tiny]

WORK gets the photographs and the checkpoint, MODEL the folder that the library loads.
"""

import argparse
from pathlib import Path

import torch

from components import fit_components
from model import Model, load_history, load_model, new_model
from photographs import TRAINING, download
from training import Run, Settings
from unet import unet_config
from windows import Windows


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Trains the photographs' prior.")
    parser.add_argument("work", help="folder of the photographs and the checkpoint")
    parser.add_argument("model", help="folder to write")
    parser.add_argument("--photographs", help="folder with the packages unpacked (default: WORK/photographs)")
    parser.add_argument("--init", help="model folder to go on from, with its components")
    parser.add_argument("--minutes", type=float, default=60, help="of training, all of its parts together")
    parser.add_argument("--steps", type=int, help="instead of minutes: a run that can be repeated")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rate", type=float, default=8e-4)
    parser.add_argument("--warmup", type=int, default=200, help="steps in which the rate rises")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--compile", action="store_true", help="torch.compile the UNet: minutes before the first step")
    parser.add_argument("--checkpoint-minutes", type=float, default=10)
    parser.add_argument("--log-steps", type=int, default=100)
    parser.add_argument(
        "--tiny", action="store_true", help="three photographs and a small UNet, to see that all of it works"
    )
    return parser.parse_args()


def starting_model(options: argparse.Namespace, windows: Windows) -> Model:
    if options.init:
        return load_model(options.init)
    config = unet_config(widths=(32, 64, 64), heads=(1, 2, 2), layers=1) if options.tiny else unet_config()
    return new_model(config, fit_components(windows, batches=1 if options.tiny else 16))


def main() -> None:
    options = parse()
    device = torch.device(options.device)
    torch.manual_seed(options.seed)
    torch.backends.cudnn.benchmark = True
    photographs = TRAINING[:3] if options.tiny else TRAINING
    folder = options.photographs or f"{options.work}/photographs"
    Path(options.work).mkdir(parents=True, exist_ok=True)
    download(folder, photographs)
    windows = Windows(photographs, folder, device)
    print(
        f"{len(photographs)} photographs, {len(windows.pixels) / 1e6:.0f} million pixels with their pyramids",
        flush=True,
    )

    model = starting_model(options, windows).to(device)
    print(f"{sum(p.numel() for p in model.unet.parameters()) / 1e6:.2f} million parameters in the UNet", flush=True)
    settings = Settings(
        steps=options.steps,
        minutes=options.minutes,
        batch=options.batch,
        rate=options.rate,
        warmup=options.warmup,
        checkpoint_minutes=options.checkpoint_minutes,
        log_steps=options.log_steps,
        compile=options.compile,
    )
    run = Run(model, windows, settings, f"{options.work}/checkpoint.pt")
    if not run.train():
        print("Interrupted: the same command goes on.")
        return
    facts = {
        "steps": run.step,
        "batch": options.batch,
        "windows": run.step * options.batch,
        "seconds": round(run.seconds, 1),
        "rate": options.rate,
        "seed": options.seed,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
    }
    run.average.save(options.model, [*(load_history(options.init) if options.init else []), facts])
    print(f"wrote {options.model}")


if __name__ == "__main__":
    main()
