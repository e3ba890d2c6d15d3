"""Real pieces laid over other places: fog and smoke with their box, calm pieces without.

Most labelled smoke was filmed in a handful of shops, so that the shop itself may pass for a sign of smoke. A piece of it
in another camera's picture says that only what is *in* the piece counts; and because calm pieces are laid over pictures in
the same way, a pasted edge says nothing.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from data import Picture, no_boxes

SMOKE = 1
SMALLEST = 40  # pixels of a piece, in the picture it is taken from
ROOM = 0.06  # share of a piece, at each side, that fades into the picture below
WHITEST, PLAINEST = 215, 10  # mean and spread, grey levels: beyond these, fog cannot be told from a white wall


def pieces(pictures: list[Picture]) -> list[tuple[Picture, np.ndarray]]:
    """Every smoke box large enough to cut from, with its picture."""
    return [
        (picture, box[1:])
        for picture in pictures
        for box in picture.boxes
        if box[0] == SMOKE and min(box[3] - box[1], box[4] - box[2]) >= SMALLEST
    ]


def lay_pieces(
    rng: Generator, image: np.ndarray, smoke: list[tuple[Picture, np.ndarray]], calm: list[Picture]
) -> tuple[np.ndarray, np.ndarray]:
    """Up to three pieces over `image` (BGR bytes, not changed), each smoke or calm: the picture and the boxes of the smoke."""
    canvas = image.copy()
    boxes: list[list[float]] = []
    for _ in range(int(rng.integers(1, 4))):
        smoking = bool(smoke) and rng.random() < 0.5
        if smoking:
            picture, area = smoke[int(rng.integers(len(smoke)))]
        else:
            picture = calm[int(rng.integers(len(calm)))]
            area = np.array([0, 0, picture.image.shape[1], picture.image.shape[0]], np.float32)
        piece = cut(rng, picture.image, area)
        if smoking and (piece.mean() > WHITEST or piece.std() < PLAINEST):
            continue
        place = lay(rng, canvas, piece)
        # What an earlier piece of smoke lies under can no longer be seen.
        boxes = [box for box in boxes if covered(box, place) < 0.4]
        if smoking:
            boxes.append([SMOKE, *place])
    return canvas, np.array(boxes, np.float32).reshape(-1, 5) if boxes else no_boxes()


def cut(rng: Generator, image: np.ndarray, area: np.ndarray) -> np.ndarray:
    """A part of `area` (x1 y1 x2 y2, pixels), half to nine tenths of its sides."""
    x1, y1, x2, y2 = area
    wide, high = (x2 - x1) * rng.uniform(0.5, 0.9), (y2 - y1) * rng.uniform(0.5, 0.9)
    left, top = rng.uniform(x1, x2 - wide), rng.uniform(y1, y2 - high)
    return image[int(top) : int(top + high), int(left) : int(left + wide)]


def lay(rng: Generator, canvas: np.ndarray, piece: np.ndarray) -> list[float]:
    """Blend a piece in, somewhere and at some size, with soft edges and a little of the light of what is below; its box."""
    height, width = canvas.shape[:2]
    scale = min(height / piece.shape[0], width / piece.shape[1]) * rng.uniform(0.25, 0.75)
    w, h = max(8, int(piece.shape[1] * scale)), max(8, int(piece.shape[0] * scale))
    x, y = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
    laid = cv2.resize(piece, (w, h), interpolation=cv2.INTER_AREA).astype(np.float32)
    below = canvas[y : y + h, x : x + w].astype(np.float32)
    laid += (below.mean((0, 1)) - laid.mean((0, 1))) * rng.uniform(0, 0.5)
    across = np.clip(np.minimum(np.arange(w) + 1, w - np.arange(w)) / (ROOM * w), 0, 1)
    down = np.clip(np.minimum(np.arange(h) + 1, h - np.arange(h)) / (ROOM * h), 0, 1)
    share = (down[:, None] * across[None])[..., None]
    canvas[y : y + h, x : x + w] = np.clip(below * (1 - share) + laid * share, 0, 255).astype(np.uint8)
    return [float(x), float(y), float(x + w), float(y + h)]


def covered(box: list[float], place: list[float]) -> float:
    """The share of a box (`label x1 y1 x2 y2`) that lies under `place` (x1 y1 x2 y2)."""
    _, x1, y1, x2, y2 = box
    wide, high = min(x2, place[2]) - max(x1, place[0]), min(y2, place[3]) - max(y1, place[1])
    return max(0.0, wide) * max(0.0, high) / ((x2 - x1) * (y2 - y1))
