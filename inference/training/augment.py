"""What training sees: never the same picture twice.

A sample is chosen by kind first (real fire, real smoke, calm, composed, drawn), then by scene, then by frame, so that a video of
eighty frames weighs little more than one of six. Then it is moved, scaled, put into a mosaic, and passed through the
accidents of cheap cameras: wrong white balance, night, infra-red, blur, noise, compression.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.random import Generator
from torch.utils.data import IterableDataset, get_worker_info

from backdrops import backdrop, decoys
from compose import TALLEST, cut_flames, ignite
from data import Picture, no_boxes
from patches import lay_pieces, pieces
from weather import trouble

SMALLEST = 5  # pixels: a smaller remnant of a box is not taught


class Mixture(NamedTuple):
    """What a run is fed with."""

    shares: dict[str, float]  # of each kind; without `drawn` pictures, composed ones take their share
    mosaic: float  # share of samples put together from four pictures
    trouble: float  # share of calm pictures shown on a worse day: haze, glare, pale walls, dusk
    early: float  # share of composed fires that are small, on a picture of a fixed camera
    patched: float = 0.0  # share of composed pictures that carry real pieces, smoke and calm, instead of fires


# `watched` are calm frames of fixed cameras. In "general" they are calm pictures like others, one in eight of them.
MIXTURES = {
    "general": Mixture(
        {"fire": 0.34, "smoke": 0.12, "calm": 0.20, "composed": 0.20, "drawn": 0.14}, mosaic=0.45, trouble=0.0, early=0.0
    ),
    "quiet": Mixture(
        {"fire": 0.26, "smoke": 0.14, "calm": 0.14, "watched": 0.18, "composed": 0.18, "drawn": 0.10},
        mosaic=0.25, trouble=0.5, early=0.5,
    ),
    "calm": Mixture(
        {"fire": 0.25, "smoke": 0.13, "calm": 0.15, "watched": 0.20, "composed": 0.20, "drawn": 0.07},
        mosaic=0.30, trouble=0.6, early=0.4, patched=0.2,
    ),
}
STILL = ("negatives", "stills", "drawn")  # sources that are no fixed camera
EARLY = 0.22  # of the picture's height: no early fire is taller


class Samples(IterableDataset):
    """An endless stream of `(image, boxes)`, each worker with its own random numbers."""

    def __init__(self, pictures: list[Picture], size: int, seed: int, mixture: Mixture):
        self.size, self.seed, self.mixture = size, seed, mixture
        self.scenes: dict[str, list[list[Picture]]] = {}
        self.weights: dict[str, np.ndarray] = {}
        for kind in ("fire", "smoke", "calm", "watched", "drawn"):
            groups: dict[str, list[Picture]] = defaultdict(list)
            for picture in pictures:
                if kind in kinds(picture):
                    groups[picture.scene].append(picture)
            self.scenes[kind] = list(groups.values())
            weight = np.array([len(g) ** 0.4 for g in groups.values()])
            self.weights[kind] = weight / weight.sum() if groups else weight
        self.shares = dict(mixture.shares)
        if not self.scenes["drawn"]:
            self.shares["composed"] += self.shares.pop("drawn")
        filmed = [p for p in pictures if p.source != "drawn"]
        self.flames, self.smoke = cut_flames(filmed), pieces(filmed)
        self.calm = [p for p in filmed if p.kind == "calm"]

    def __iter__(self):
        worker = get_worker_info()
        rng = np.random.default_rng((self.seed, worker.id if worker else 0))
        cv2.setNumThreads(1)
        while True:
            yield self.sample(rng)

    def sample(self, rng: Generator) -> tuple[torch.Tensor, torch.Tensor]:
        if rng.random() < self.mixture.mosaic:
            image, boxes = self.four(rng)
        else:
            image, boxes = self.one(rng, self.size, self.size, zoom=(0.55, 1.5))
        image, boxes = flip(rng, image, boxes)
        image = camera(rng, image)
        return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))), torch.from_numpy(boxes)

    def draw(self, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
        kind = rng.choice(list(self.shares), p=list(self.shares.values()))
        if kind == "composed":
            early = False
            if rng.random() < 0.4:
                height = int(rng.integers(200, 340))
                image = backdrop(rng, height, int(height * rng.uniform(1.0, 1.78)))
            else:
                early = rng.random() < self.mixture.early
                image = self.pick(rng, "watched" if early else "calm").image
                image = shrink_to(image, int(rng.integers(220, 420)))
                # Haze and glare are no sign of a fire, and no sign that there is none.
                if rng.random() < self.mixture.trouble / 2:
                    image = trouble(rng, image)
            if rng.random() < 0.2:
                image = image.copy()
                decoys(rng, image)
            # One drawn or decorated scene in seven stays calm, or a drawn style would itself mean fire.
            if rng.random() < 0.15:
                return image, no_boxes()
            if rng.random() < self.mixture.patched:
                return lay_pieces(rng, image, self.smoke, self.calm)
            return ignite(rng, image, self.flames, EARLY if early else TALLEST)
        picture = self.pick(rng, kind)
        image = picture.image
        if kind in ("calm", "watched"):
            if rng.random() < self.mixture.trouble:
                image = trouble(rng, image)
            if rng.random() < 0.2:
                image = image.copy()
                decoys(rng, image)
        return image, picture.boxes

    def pick(self, rng: Generator, kind: str) -> Picture:
        group = self.scenes[kind][rng.choice(len(self.scenes[kind]), p=self.weights[kind])]
        return group[int(rng.integers(len(group)))]

    def one(self, rng: Generator, height: int, width: int, zoom: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
        """One picture somewhere on a canvas: larger than it, smaller than it, stretched a little, turned a little."""
        image, boxes = self.draw(rng)
        fit = min(height / image.shape[0], width / image.shape[1])
        scale = fit * float(np.exp(rng.uniform(np.log(zoom[0]), np.log(zoom[1]))))
        aspect = float(np.exp(rng.uniform(-0.25, 0.25)))
        sx, sy = scale * aspect**0.5, scale / aspect**0.5
        shear = rng.uniform(-0.06, 0.06)
        room_x, room_y = width - image.shape[1] * sx, height - image.shape[0] * sy
        dx, dy = room_x * rng.uniform(0, 1), room_y * rng.uniform(0, 1)
        matrix = np.array([[sx, shear, dx], [0, sy, dy]], np.float32)
        method = cv2.INTER_AREA if scale < 0.6 else cv2.INTER_LINEAR
        if scale < 0.6:  # warping skips pixels when it shrinks; shrink first
            half = cv2.resize(image, None, fx=scale, fy=scale, interpolation=method)
            rx, ry = half.shape[1] / image.shape[1], half.shape[0] / image.shape[0]
            matrix = matrix @ np.diag([1 / rx, 1 / ry, 1]).astype(np.float32)
            boxes = boxes * np.array([1, rx, ry, rx, ry], np.float32)
            image = half
        canvas = cv2.warpAffine(image, matrix, (width, height), borderValue=(114, 114, 114))
        return canvas, move(boxes, matrix, height, width)

    def four(self, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
        """Mosaic: four pictures that share a corner."""
        size = self.size
        x, y = int(size * rng.uniform(0.3, 0.7)), int(size * rng.uniform(0.3, 0.7))
        canvas = np.full((size, size, 3), 114, np.uint8)
        parts = []
        for x1, y1, x2, y2 in ((0, 0, x, y), (x, 0, size, y), (0, y, x, size), (x, y, size, size)):
            image, boxes = self.one(rng, y2 - y1, x2 - x1, zoom=(0.9, 2.2))
            canvas[y1:y2, x1:x2] = image
            parts.append(boxes + np.array([0, x1, y1, x1, y1], np.float32))
        return canvas, np.concatenate(parts)


def kinds(picture: Picture) -> tuple[str, ...]:
    """The kinds that a picture may be drawn as."""
    if picture.source == "drawn":
        return ("drawn",)
    if picture.kind == "calm" and picture.source not in STILL:
        return ("calm", "watched")
    return (picture.kind,)


def shrink_to(image: np.ndarray, longest: int) -> np.ndarray:
    scale = longest / max(image.shape[:2])
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 0.9 else image


def move(boxes: np.ndarray, matrix: np.ndarray, height: int, width: int) -> np.ndarray:
    """Boxes under an affine map; those of which little is left in view are dropped."""
    if not len(boxes):
        return boxes
    corners = boxes[:, [1, 2, 3, 2, 3, 4, 1, 4]].reshape(-1, 4, 2) @ matrix[:, :2].T + matrix[:, 2]
    low, high = corners.min(1), corners.max(1)
    whole = (high - low).prod(1)
    limit = np.array([width, height], np.float32)
    low, high = low.clip(0, limit), high.clip(0, limit)
    left = (high - low).prod(1)
    keep = (left > 0.15 * whole) & (high - low > SMALLEST).all(1)
    return np.concatenate((boxes[:, :1], low, high), 1)[keep].astype(np.float32)


def flip(rng: Generator, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if rng.random() < 0.5:
        return image, boxes
    boxes = boxes.copy()
    boxes[:, [1, 3]] = image.shape[1] - boxes[:, [3, 1]]
    return image[:, ::-1], boxes


def camera(rng: Generator, image: np.ndarray) -> np.ndarray:
    """The accidents of a camera, each at times."""
    table = np.arange(256, dtype=np.float32)[:, None].repeat(3, 1) / 255
    gain = rng.uniform(0.7, 1.3)
    if rng.random() < 0.12:  # night
        gain *= rng.uniform(0.25, 0.6)
    warmth = rng.normal(0, 0.09)
    balance = np.array([1 - warmth, 1 + rng.normal(0, 0.03), 1 + warmth], np.float32)
    contrast = rng.uniform(0.75, 1.3)
    table = ((table ** np.exp(rng.normal(0, 0.2)) - 0.5) * contrast + 0.5) * gain * balance
    image = cv2.LUT(np.ascontiguousarray(image), np.clip(table * 255, 0, 255).astype(np.uint8)[None])
    colourful = rng.uniform(0.5, 1.4) if rng.random() < 0.5 else 1.0
    if rng.random() < 0.05:  # infra-red
        colourful = 0.0
    if colourful != 1.0:
        grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        image = cv2.addWeighted(image, colourful, grey, 1 - colourful, 0)
    accident = rng.random()
    if accident < 0.10:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.8))
    elif accident < 0.17:  # motion
        length = int(rng.integers(3, 10))
        kernel = np.zeros((length, length), np.float32)
        cv2.line(kernel, (0, int(rng.integers(length))), (length - 1, int(rng.integers(length))), 1.0)
        image = cv2.filter2D(image, -1, kernel / kernel.sum())
    elif accident < 0.25:  # a small stream, enlarged
        height, width = image.shape[:2]
        share = rng.uniform(0.35, 0.8)
        image = cv2.resize(cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), (width, height))
    if rng.random() < 0.25:
        grain = rng.normal(0, rng.uniform(2, 12), image.shape[:2] + (1,)).astype(np.float32)
        image = np.clip(image + grain, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        quality = int(rng.integers(25, 85))
        image = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return image


def collate(batch) -> tuple[torch.Tensor, list[torch.Tensor]]:
    return torch.stack([image for image, _ in batch]), [boxes for _, boxes in batch]
