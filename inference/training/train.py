"""Train the detector. Stop it when you like, even by force: run again with the same options, it resumes.

Works on two CPU cores in one to two hours, and uses a GPU where there is one. Every `--every` steps the running average of
the weights is saved and examined on the held-out scenes.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

import data
import pretrained
from augment import MIXTURES, Samples, collate
from export import RUN, ship
from loss import loss
from metrics import summary
from model import LABELS, Detector, Exported, grid

WARM_UP = 150
CLOSING = 0.85  # from here on whole pictures only: the camera sends no mosaics
RATES = {"scratch": 1.5e-3, "yolox-nano": 5e-4}
RATE_ON = 1.5e-4  # to go on from a trained detector
EARLY_WORD = (5, 20)  # steps after which the first words come: on a busy machine fifty take minutes


EXAMPLES = """examples:
  train                                              from general vision, 5000 steps
  train --extra fire-fhsxx house6                    with further labelled pictures
  train --init moshao-fire.onnx --mixture quiet \\
        --steps 900 --out quiet                      go on from a detector of ours, on calm cameras and early fires
  train --steps 20 --every 10 --batch 4 --out try    a quick look: does it run here?
"""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter, prog="train"
    )
    parser.add_argument("--data", help="data folder (default: $MOSHAO_TEST_DATA or ../shared/data)")
    parser.add_argument("--extra", nargs="*", default=[], help="further labelled folders in YOLO form, 0 fire, 1 smoke")
    parser.add_argument("--out", type=Path, default=RUN, help="checkpoints, log and the finished model (%(default)s)")
    parser.add_argument(
        "--init", default="yolox-nano",
        help="where to start: `yolox-nano` (general vision, the default), `scratch`, or an .onnx file that export.py wrote",
    )
    parser.add_argument(
        "--shifts", type=float, nargs=len(LABELS), metavar=("FIRE", "SMOKE"),
        help="calibration to take back out of the file (default: what it says itself; 1.0.0 does not say: 2.5 -1.0)",
    )
    parser.add_argument("--mixture", choices=tuple(MIXTURES), default="general", help="what it is fed with (%(default)s)")
    parser.add_argument("--steps", type=int, default=5000, help="when to stop (%(default)s)")
    parser.add_argument("--batch", type=int, default=16, help="pictures a step (%(default)s)")
    parser.add_argument("--size", type=int, default=320, help="largest training size, pixels; smaller ones are mixed in (%(default)s)")
    parser.add_argument("--rate", type=float, help="peak learning rate (scratch 1.5e-3, yolox-nano 5e-4, a file 1.5e-4)")
    parser.add_argument("--every", type=int, default=400, help="steps between checkpoints (%(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes that prepare pictures (%(default)s)")
    parser.add_argument("--threads", type=int, help="threads of a step (default: all cores, or 1 where others compute too)")
    parser.add_argument("--freeze", type=int, default=2, help="leave this many first stages as they are; not with scratch (%(default)s)")
    parser.add_argument("--seed", type=int, default=4, help="of the order of lessons (%(default)s)")
    options = parser.parse_args()
    for name in ("steps", "batch", "every", "workers", "threads"):
        value = getattr(options, name)
        if value is not None and value < 1:
            parser.error(f"--{name} {value}: at least 1")
    if options.size % 32 or options.size < 192:
        parser.error(f"--size {options.size}: a multiple of 32, at least 192")
    if options.init not in RATES and not Path(options.init).is_file():
        parser.error(f"--init {options.init}: neither `yolox-nano` nor `scratch` nor a file")
    return options


class Average:
    """A slow copy of the weights: steadier than the weights themselves, and what is shipped."""

    def __init__(self, model: torch.nn.Module, decay: float = 0.997):
        self.model = copy.deepcopy(model).eval()
        self.decay, self.steps = decay, 0

    @torch.no_grad()
    def follow(self, model: torch.nn.Module) -> None:
        self.steps += 1
        keep = self.decay * (1 - math.exp(-self.steps / 300))
        for mine, theirs in zip(self.model.state_dict().values(), model.state_dict().values()):
            if mine.is_floating_point():
                mine.mul_(keep).add_(theirs, alpha=1 - keep)
            else:
                mine.copy_(theirs)


def rate_at(step: int, steps: int) -> float:
    """Up within a few hundred steps, down along a cosine, never quite to nothing."""
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    done = (step - WARM_UP) / max(1, steps - WARM_UP)
    return 0.03 + 0.97 * (1 + math.cos(math.pi * min(1.0, done))) / 2


def optimiser(model: torch.nn.Module, rate: float) -> torch.optim.Optimizer:
    learning = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in learning if p.ndim > 1]
    plain = [p for p in learning if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99))


def main() -> None:
    options = arguments()
    random.seed(options.seed)
    np.random.seed(options.seed)
    torch.manual_seed(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    options.out.mkdir(parents=True, exist_ok=True)

    where = data.root(options.data)
    print(f"reading the pictures in {where}", flush=True)
    pictures = data.load(where, options.extra)
    print(f"{len(pictures.train)} pictures to learn from, {len(pictures.held_out)} held out, on {device}", flush=True)

    model = Detector(norm=options.init == "scratch")
    if options.init != "scratch":
        if options.init == "yolox-nano":
            pretrained.load(model, pretrained.find(where, options.out))
        else:
            pretrained.restore(model, Path(options.init), pictures.train[0].image, options.shifts)
        # Edges are edges: the first stages saw a hundred thousand COCO pictures, and training them is what costs most.
        for stage in (model.stem, model.stage2, model.stage3, model.stage4)[: options.freeze]:
            stage.requires_grad_(False)
    model = model.to(device, memory_format=torch.channels_last).train()
    rate = options.rate or RATES.get(options.init, RATE_ON)
    steps_of = optimiser(model, rate)
    average = Average(model)
    step = resume(options, model, average, steps_of)

    stream = batches(pictures.train, options, step, mosaic=step < CLOSING * options.steps)
    examine = examiner(pictures.held_out, device)
    began = time.time()
    totals: list[float] = []
    while step < options.steps:
        if step == int(CLOSING * options.steps):
            stream = batches(pictures.train, options, step, mosaic=False)
        share_machine(options.threads)
        images, targets = next(stream)
        images = images.to(device, memory_format=torch.channels_last).float()
        images, targets = rescale(images, targets, options.size)
        targets = [t.to(device) for t in targets]
        cells, strides = (t.to(device) for t in grid(*images.shape[2:]))
        for group in steps_of.param_groups:
            group["lr"] = rate * rate_at(step, options.steps)
        total, parts = loss(model(images), targets, cells, strides)
        steps_of.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        steps_of.step()
        average.follow(model)
        totals.append(total.item())
        step += 1
        if step % 50 == 0 or len(totals) in EARLY_WORD:
            pace = (time.time() - began) / len(totals)
            shown = " ".join(f"{k} {v:.3f}" for k, v in parts.items())
            left = f"{pace * (options.steps - step) / 60:.0f} min left"
            print(f"{step}/{options.steps} loss {np.mean(totals[-50:]):.3f} {shown} {pace:.2f} s/step, {left}", flush=True)
        if step % options.every == 0 or step == options.steps:
            figures = examine(average.model)
            line = json.dumps({"step": step, "loss": float(np.mean(totals[-200:])), **figures})
            print(line, flush=True)
            with (options.out / "log.jsonl").open("a") as log:
                log.write(line + "\n")
            save(options.out, step, model, average, steps_of, options)

    file = ship(options.out, options.out, options.data)
    print(f"every figure of it:  inference/training/evaluate --model {file}")


def share_machine(threads: int | None) -> None:
    """Threads of one step wait for each other; where others compute too, one that waits for nobody is faster."""
    cores = os.cpu_count() or 1
    torch.set_num_threads(threads or (1 if os.getloadavg()[0] > 1.6 * cores else cores))


def batches(pictures, options: argparse.Namespace, step: int, mosaic: bool):
    mixture = MIXTURES[options.mixture]
    if not mosaic:
        mixture = mixture._replace(mosaic=0.0)
    samples = Samples(pictures, options.size, options.seed * 100_003 + step, mixture)
    return iter(DataLoader(samples, options.batch, num_workers=options.workers, collate_fn=collate, prefetch_factor=4))


def rescale(images: torch.Tensor, targets: list[torch.Tensor], largest: int):
    """One of five sizes for each batch: fires are seen from near and far, and small batches are quick."""
    size = largest - 32 * int(np.random.randint(0, 5))
    if size == largest:
        return images, targets
    factor = size / largest
    images = F.interpolate(images, size=(size, size), mode="bilinear", antialias=True)
    return images, [t * t.new_tensor([1, factor, factor, factor, factor]) for t in targets]


def examiner(pictures, device):
    def examine(model: torch.nn.Module) -> dict[str, float]:
        whole = Exported(model).eval()

        @torch.no_grad()
        def predict(images: np.ndarray) -> np.ndarray:
            return whole(torch.from_numpy(images).to(device)).float().cpu().numpy()

        return {k: round(v, 4) for k, v in summary(predict, pictures, 256, 416).items()}

    return examine


def save(out: Path, step: int, model, average: Average, optimizer, options) -> None:
    state = {
        "step": step,
        "norm": options.init == "scratch",
        "model": model.state_dict(),
        "average": average.model.state_dict(),
        "average_steps": average.steps,
        "optimizer": optimizer.state_dict(),
        "options": {k: str(v) for k, v in vars(options).items()},
    }
    part = out / "last.part"
    torch.save(state, part)
    part.rename(out / "last.pt")


def resume(options, model, average: Average, optimizer) -> int:
    file = options.out / "last.pt"
    if not file.is_file():
        return 0
    state = torch.load(file, map_location="cpu", weights_only=True)
    for name in ("init", "freeze", "mixture"):
        began, now = state["options"].get(name), str(getattr(options, name))
        if began is not None and began != now:
            raise SystemExit(f"{file}: that run began with --{name} {began}, not {now}; give the same, or another --out")
    model.load_state_dict(state["model"])
    average.model.load_state_dict(state["average"])
    average.steps = state["average_steps"]
    optimizer.load_state_dict(state["optimizer"])
    print(f"resuming at step {state['step']}", flush=True)
    return state["step"]


if __name__ == "__main__":
    main()
