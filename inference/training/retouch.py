"""Teach a trained detector anew what is *not* smoke, and nothing else: minutes of one core, where a training takes hours.

Boxes and objectness stay as they are, and so does the fire label, which is held to what it said before. Only the smoke label
learns, from more and harder calm pictures. A lesson (an augmented picture with its boxes) is drawn once and kept in
`--lessons`; what the body of the network sees of it is computed once and kept in memory as half floats, 0.25 MB a lesson at
256 pixels. A step then costs a tenth of a full one. Calm lessons that come close to an alarm are repeated more often.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

import data
import pretrained
from augment import MIXTURES, Samples
from export import HEIGHT, RUN, WIDTH, ship
from loss import loss
from metrics import summary
from model import LABELS, Detector, grid
from train import Average, optimiser, rate_at

TAUGHT, KEPT = LABELS.index("smoke"), LABELS.index("fire")
CHUNK = 96  # lessons in one file
BATCH = 32  # lessons a step
SIZE = 256  # pixels, of every lesson
LEAST = 0.2  # how often the easiest calm lesson comes up, against 1 for one with fire or smoke

EXAMPLES = """examples:
  retouch --init moshao-fire.onnx --lessons lessons --out runs/retouched
  retouch --init moshao-fire.onnx --lessons lessons --count 192 --steps 20   does it run here?
"""


class Seen(NamedTuple):
    """What the body sees of all lessons: one tensor a level, `[lessons, channels, rows, columns]`, half floats."""

    levels: list[Tensor]
    said: Tensor  # raw answers before, `[lessons, cells, 5 + labels]`
    boxes: list[Tensor]  # for each lesson, rows of `label x1 y1 x2 y2`, pixels


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter, prog="retouch"
    )
    parser.add_argument("--data", help="data folder (default: $MOSHAO_TEST_DATA or ../shared/data)")
    parser.add_argument("--extra", nargs="*", default=[], help="further labelled folders in YOLO form, 0 fire, 1 smoke")
    parser.add_argument("--init", type=Path, required=True, help="the detector to retouch, an .onnx file that export.py wrote")
    parser.add_argument("--shifts", type=float, nargs=len(LABELS), metavar=("FIRE", "SMOKE"),
                        help="calibration to take back out of it (default: what the file says; 1.0.0 does not: 2.5 -1.0)")
    parser.add_argument("--mixture", choices=tuple(MIXTURES), default="calm", help="what lessons are drawn from (%(default)s)")
    parser.add_argument("--lessons", type=Path, default=RUN / "lessons", help="where lessons are kept (%(default)s)")
    parser.add_argument("--count", type=int, default=1344, help="lessons (%(default)s)")
    parser.add_argument("--steps", type=int, default=300, help="of 32 lessons each (%(default)s)")
    parser.add_argument("--rate", type=float, default=3e-4, help="peak learning rate (%(default)s)")
    parser.add_argument("--every", type=int, default=100, help="steps between examinations (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the lessons and their order (%(default)s)")
    parser.add_argument("--out", type=Path, default=RUN, help="checkpoint, log and the finished model (%(default)s)")
    options = parser.parse_args()
    for name in ("count", "steps", "every"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} {getattr(options, name)}: at least 1")
    if not options.init.is_file():
        parser.error(f"--init {options.init}: no such file")
    return options


def main() -> None:
    options = arguments()
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    pictures = data.load(data.root(options.data), options.extra)

    detector = Detector(norm=False)
    pretrained.restore(detector, options.init, pictures.train[0].image, options.shifts)
    detector.requires_grad_(False).eval()
    seen = look(detector, lessons(options, pictures.train))
    held_out = examination(detector, pictures.held_out)

    for head in detector.heads:
        head.what.requires_grad_(True)
        head.label.requires_grad_(True)
    teach(options, detector, seen, held_out)
    file = ship(options.out, options.out, options.data)
    print(f"every figure of it:  inference/training/evaluate --model {file}")


def lessons(options: argparse.Namespace, pictures: list[data.Picture]):
    """Yields `(images [CHUNK, 3, SIZE, SIZE] bytes, boxes)`, from the folder as far as it is filled, and fills the rest."""
    options.lessons.mkdir(parents=True, exist_ok=True)
    samples = Samples(pictures, SIZE, options.seed, MIXTURES[options.mixture])
    cv2.setNumThreads(1)
    for chunk in range(-(-options.count // CHUNK)):
        file = options.lessons / f"{options.seed}-{chunk:03d}.pt"
        if not file.is_file():
            rng = np.random.default_rng((options.seed, chunk))
            drawn = [samples.sample(rng) for _ in range(CHUNK)]
            torch.save((torch.stack([image for image, _ in drawn]), [boxes for _, boxes in drawn]), file.with_suffix(".part"))
            file.with_suffix(".part").rename(file)
        yield torch.load(file, weights_only=True)


@torch.no_grad()
def look(detector: Detector, chunks) -> Seen:
    parts, said, boxes = [], [], []
    for images, targets in chunks:
        for few in images.split(BATCH):
            levels = detector.look(few.float())
            parts.append([level.half() for level in levels])
            said.append(detector.answer(levels))
        boxes += targets
    return Seen([torch.cat(level) for level in zip(*parts)], torch.cat(said), boxes)


def teach(options: argparse.Namespace, detector: Detector, seen: Seen, held_out) -> None:
    """Trains the labels in place; every `--every` steps their running average is examined and saved for `export.py`."""
    average, steps_of = Average(detector), optimiser(detector, options.rate)
    cells, strides = grid(SIZE, SIZE)
    calm = torch.tensor([len(b) == 0 for b in seen.boxes])
    likely = torch.ones(len(calm))  # how often each lesson comes up
    totals: list[float] = []
    for step in range(1, options.steps + 1):
        chosen = torch.multinomial(likely, BATCH)
        before = seen.said[chosen]
        labels = [head.label(head.what(head.stem(v[chosen].float()))).flatten(2) for head, v in zip(detector.heads, seen.levels)]
        raw = torch.cat((before[..., :5], torch.cat(labels, 2).transpose(1, 2)), 2)
        targets = [seen.boxes[i] for i in chosen]
        for group in steps_of.param_groups:
            group["lr"] = options.rate * rate_at(step, options.steps)
        total, _ = loss(raw, targets, cells, strides)
        total = total + silence(raw[calm[chosen]]) + kept(raw, before)
        steps_of.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(detector.parameters(), 10.0)
        steps_of.step()
        average.follow(detector)
        totals.append(total.item())
        alarm = alarms(raw.detach())
        likely[chosen] = torch.where(calm[chosen], LEAST + alarm, likely[chosen])
        if step % options.every == 0 or step == options.steps:
            line = json.dumps({"step": step, "loss": round(float(np.mean(totals[-200:])), 4), **held_out(average.model)})
            print(line, flush=True)
            with (options.out / "log.jsonl").open("a") as log:
                log.write(line + "\n")
            torch.save({"norm": False, "average": average.model.state_dict()}, options.out / "last.pt")


def silence(raw: Tensor) -> Tensor:
    """What a calm lesson costs: `-log(1 - score)` of the taught label, over all cells. Without it a label never hears of calm
    pictures: the detector's own loss asks for labels only where something is."""
    score = raw[..., 4].sigmoid() * raw[..., 5 + TAUGHT].sigmoid()
    return -torch.log1p(-score.clamp(max=1 - 1e-6)).sum() / max(1, len(raw))


def kept(raw: Tensor, before: Tensor) -> Tensor:
    """How far the other label has moved from what it said, where objectness says that something is there."""
    there = before[..., 4].sigmoid()
    return ((raw[..., 5 + KEPT] - before[..., 5 + KEPT]).square() * there).sum() / there.sum()


def alarms(raw: Tensor) -> Tensor:
    """For each lesson, the best score of the taught label in any cell, 0..1."""
    return (raw[..., 4].sigmoid() * raw[..., 5 + TAUGHT].sigmoid()).amax(1)


@torch.no_grad()
def examination(detector: Detector, pictures: list[data.Picture]):
    """A function that examines other heads on the held-out pictures; the body looks at each picture once."""
    seen = []
    for picture in pictures:
        image, _ = data.letterbox(picture.image, HEIGHT, WIDTH)
        seen.append([v.half() for v in detector.look(torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float32)))])

    @torch.no_grad()
    def examine(taught: Detector) -> dict[str, float]:
        rest = iter(seen)

        def predict(images: np.ndarray) -> np.ndarray:
            raw = torch.cat([taught.answer([v.float() for v in next(rest)]) for _ in images])
            return torch.cat((raw[..., :4], raw[..., 4:].sigmoid()), 2).numpy()

        return {k: round(v, 4) for k, v in summary(predict, pictures, HEIGHT, WIDTH).items()}

    return examine


if __name__ == "__main__":
    main()
