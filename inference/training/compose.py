"""Fires that are laid over a picture: generated ones, and real ones cut out of labelled frames.

A box is drawn round what can be *seen* of a sprite, not round the sprite: a fire that vanishes into a white wall is no
lesson.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

import synth

ENGULFED = 0.08  # share of composed pictures that fire fills
LOOSE = 0.09  # people draw boxes with room around a flame, on each side; generated boxes must not contradict them
TALLEST = 0.7  # of the picture's height, for a composed fire that does not fill the view
SPRITE = 144  # pixels; larger fires are this sprite enlarged, as soft as a camera would show them


def ignite(
    rng: Generator, image: np.ndarray, flames: list[np.ndarray], tallest: float = TALLEST
) -> tuple[np.ndarray, np.ndarray]:
    """Put one to three fires (or only smoke) into a fire-free picture: the picture and its boxes."""
    canvas = image.astype(np.float32)
    height, width = image.shape[:2]
    boxes: list[list[float]] = []
    if tallest == TALLEST and rng.random() < ENGULFED:
        left, top = rng.uniform(-0.1, 0.35) * width, rng.uniform(-0.1, 0.35) * height
        box = lay(canvas, sized(rng, synth.blaze, height * 1.1, width * 1.1), left, top, seen=10.0)
        return np.clip(canvas, 0, 255).astype(np.uint8), np.array([[0, *box]] if box else [], np.float32).reshape(-1, 5)
    for _ in range(1 + int(rng.random() < 0.3) + int(rng.random() < 0.1)):
        tall = height * float(np.exp(rng.uniform(np.log(0.05), np.log(tallest))))
        wide = tall * rng.uniform(0.5, 1.6)
        x, foot = rng.uniform(0, width), rng.uniform(0.3, 1.05) * height
        wants = rng.random()
        if wants < 0.6:  # smoke, over a fire or alone
            lift = tall * rng.uniform(0.1, 0.7) if wants < 0.4 else 0
            high, broad = tall * rng.uniform(1.0, 2.6), wide * rng.uniform(0.8, 2.2)
            sprite = sized(rng, synth.smoke, high, broad)
            box = lay(canvas, sprite, x - broad / 2, foot - lift - high, seen=9.0)
            if box:
                boxes.append([1, *box])
        if wants < 0.4 or wants >= 0.6:
            if flames and rng.random() < 0.3:
                box = paste(rng, canvas, flames[int(rng.integers(len(flames)))], x, foot, tall)
            else:
                if rng.random() < 0.6:
                    shine(rng, canvas, x, foot - tall / 2, tall)
                box = lay(canvas, sized(rng, synth.flame, tall, wide), x - wide / 2, foot - tall, seen=14.0)
            if box:
                boxes.append([0, *loosen(box, height, width)])
    return np.clip(canvas, 0, 255).astype(np.uint8), merge(np.array(boxes, np.float32).reshape(-1, 5))


def sized(rng: Generator, make, height: float, width: float) -> synth.Sprite:
    size = (max(4, int(width)), max(4, int(height)))
    shrink = min(1.0, SPRITE / max(size))
    colour, alpha = make(rng, max(12, int(size[1] * shrink)), max(12, int(size[0] * shrink)))
    return cv2.resize(colour, size, interpolation=cv2.INTER_LINEAR), cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)


def lay(canvas: np.ndarray, sprite: synth.Sprite, x: float, y: float, seen: float) -> list[float] | None:
    """Blend a sprite in; its box is where the picture changed by more than `seen` grey levels."""
    colour, alpha = sprite
    window = clip_to(canvas, alpha.shape, x, y)
    if window is None:
        return None
    (y1, y2, x1, x2), (sy, sx) = window
    colour, alpha = colour[sy : sy + y2 - y1, sx : sx + x2 - x1], alpha[sy : sy + y2 - y1, sx : sx + x2 - x1, None]
    before = canvas[y1:y2, x1:x2].copy()
    canvas[y1:y2, x1:x2] = before * (1 - alpha) + colour * alpha
    changed = np.abs(canvas[y1:y2, x1:x2] - before).mean(2) > seen
    return bounds(changed & (alpha[..., 0] > 0.15), x1, y1)


def paste(rng: Generator, canvas: np.ndarray, flame: np.ndarray, x: float, foot: float, tall: float) -> list[float] | None:
    """A real flame, added as light: black vanishes, so only what shines comes along."""
    scale = tall / flame.shape[0]
    size = (max(6, int(flame.shape[1] * scale)), max(6, int(tall)))
    cut = cv2.resize(flame[:, ::-1] if rng.random() < 0.5 else flame, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    window = clip_to(canvas, cut.shape[:2], x - size[0] / 2, foot - tall)
    if window is None:
        return None
    (y1, y2, x1, x2), (sy, sx) = window
    cut = cut[sy : sy + y2 - y1, sx : sx + x2 - x1] / 255
    before = canvas[y1:y2, x1:x2].copy()
    canvas[y1:y2, x1:x2] = 255 - (255 - before) * (1 - cut)
    return bounds((canvas[y1:y2, x1:x2] - before).max(2) > 40, x1, y1)


def shine(rng: Generator, canvas: np.ndarray, x: float, y: float, tall: float) -> None:
    size = tall * rng.uniform(2, 5)
    window = clip_to(canvas, (int(size), int(size)), x - size / 2, y - size / 2)
    if window is None:
        return
    (y1, y2, x1, x2), (sy, sx) = window
    glow = cv2.resize(synth.glow(rng, 48, 48), (int(size), int(size)))[sy : sy + y2 - y1, sx : sx + x2 - x1, None]
    tone = np.array([40, 130, 255], np.float32) / 255 * rng.uniform(0.2, 0.7)
    area = canvas[y1:y2, x1:x2]
    area += (255 - area) * glow * tone * 0.6 + area * glow * tone * 0.5


def clip_to(canvas, shape, x, y):
    """The part of the canvas that a sprite at `x, y` covers, and where in the sprite that part begins."""
    height, width = canvas.shape[:2]
    x, y = int(x), int(y)
    y1, y2, x1, x2 = max(0, y), min(height, y + shape[0]), max(0, x), min(width, x + shape[1])
    if y2 - y1 < 4 or x2 - x1 < 4:
        return None
    return (y1, y2, x1, x2), (y1 - y, x1 - x)


def bounds(mask: np.ndarray, x: int, y: int) -> list[float] | None:
    """Box of a mask without its stray sparks, or None where hardly anything shows."""
    columns, rows = mask.sum(0), mask.sum(1)
    if mask.sum() < max(14, 0.04 * mask.size):
        return None
    across, down = np.flatnonzero(columns > 0.02 * mask.shape[0]), np.flatnonzero(rows > 0.02 * mask.shape[1])
    if len(across) < 3 or len(down) < 3:
        return None
    return [x + float(across[0]), y + float(down[0]), x + float(across[-1] + 1), y + float(down[-1] + 1)]


def loosen(box: list[float], height: int, width: int) -> list[float]:
    x1, y1, x2, y2 = box
    dx, dy = (x2 - x1) * LOOSE, (y2 - y1) * LOOSE
    return [max(0.0, x1 - dx), max(0.0, y1 - dy), min(float(width), x2 + dx), min(float(height), y2 + dy)]


def merge(boxes: np.ndarray) -> np.ndarray:
    """Boxes of one label that largely cover each other are one fire to the eye: label them so."""
    kept: list[np.ndarray] = []
    for box in sorted(boxes, key=lambda b: -(b[3] - b[1]) * (b[4] - b[2])):
        for other in kept:
            w = min(box[3], other[3]) - max(box[1], other[1])
            h = min(box[4], other[4]) - max(box[2], other[2])
            if box[0] == other[0] and w > 0 and h > 0 and w * h > 0.5 * (box[3] - box[1]) * (box[4] - box[2]):
                other[1:3], other[3:5] = np.minimum(other[1:3], box[1:3]), np.maximum(other[3:5], box[3:5])
                break
        else:
            kept.append(box.copy())
    return np.array(kept, np.float32).reshape(-1, 5)


def cut_flames(pictures) -> list[np.ndarray]:
    """Real flames from labelled frames: what shines in a fire box, on black, with its edges faded."""
    cuts = []
    for picture in pictures:
        for label, x1, y1, x2, y2 in picture.boxes:
            crop = picture.image[int(y1) : int(y2), int(x1) : int(x2)]
            if label != 0 or min(crop.shape[:2]) < 14:
                continue
            bright = crop.max(2).astype(np.float32)
            warm = crop[..., 2].astype(np.float32) - 0.5 * crop[..., 0]
            matte = np.clip((bright - 120) / 90, 0, 1) * np.clip((warm - 30) / 60, 0, 1)
            y, x = np.mgrid[0 : crop.shape[0], 0 : crop.shape[1]].astype(np.float32)
            edge = np.hypot((x / crop.shape[1] - 0.5) * 2, (y / crop.shape[0] - 0.5) * 2)
            matte *= np.clip((1.05 - edge) * 4, 0, 1)
            if 0.06 < matte.mean() < 0.8:
                cuts.append((crop * cv2.GaussianBlur(matte, (0, 0), 1)[..., None]).astype(np.uint8))
    return cuts
