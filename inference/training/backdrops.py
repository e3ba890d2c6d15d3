"""Places that were never filmed: drawn yards, walls, skies and rooms, with the people and lights that fool a detector.

The demo's scene is drawn, and cheap cameras make real yards look drawn. None of what is painted here burns: red
clothes, lit windows, headlights, lamps with halos and low suns are all shown *without* a box.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from synth import noise

WARM = ((20, 80, 240), (30, 140, 250), (80, 200, 255), (200, 240, 255), (30, 30, 220), (60, 110, 235))


def backdrop(rng: Generator, height: int, width: int) -> np.ndarray:
    """One drawn scene, BGR bytes."""
    kind = rng.random()
    if kind < 0.65:
        image = yard(rng, height, width)
    elif kind < 0.85:
        image = room(rng, height, width)
    else:
        image = texture(rng, height, width)
    for _ in range(int(rng.integers(0, 5))):
        walker(rng, image)
    if rng.random() < 0.35:
        decoys(rng, image)
    return light(rng, image)


def yard(rng: Generator, height: int, width: int) -> np.ndarray:
    horizon = int(height * rng.uniform(0.2, 0.6))
    image = np.empty((height, width, 3), np.float32)
    sky_top, sky_low = colour(rng, 40, 230, 25), colour(rng, 60, 245, 30)
    ground_far, ground_near = colour(rng, 40, 170, 12), colour(rng, 50, 190, 12)
    ramp(image[:horizon], sky_top, sky_low)
    ramp(image[horizon:], ground_far, ground_near)
    for _ in range(int(rng.integers(0, 6))):  # buildings, with windows of which some are lit
        w, h = int(width * rng.uniform(0.1, 0.5)), int(height * rng.uniform(0.15, 0.6))
        x, y = int(rng.integers(-w // 2, width)), horizon - h + int(height * 0.08)
        body = colour(rng, 40, 200, 25)
        cv2.rectangle(image, (x, y), (x + w, y + h), body.tolist(), -1)
        pane = max(3, int(w * rng.uniform(0.06, 0.14)))
        lit = rng.random()
        for wx in range(x + pane, x + w - pane, pane * 2):
            for wy in range(y + pane, y + h - pane, pane * 2):
                warm = np.array(WARM[rng.integers(2, 4)], np.float32) * rng.uniform(0.5, 1)
                shade = warm if rng.random() < lit * 0.4 else body * rng.uniform(0.3, 0.8)
                cv2.rectangle(image, (wx, wy), (wx + pane, wy + pane), np.asarray(shade, float).tolist(), -1)
    if rng.random() < 0.5:  # paving that runs towards the horizon
        vanish = (int(width * rng.uniform(0.2, 0.8)), horizon)
        line = (ground_near * rng.uniform(0.7, 1.2)).tolist()
        for x in range(-width, 2 * width, max(12, width // int(rng.integers(5, 14)))):
            cv2.line(image, vanish, (x, height), line, 1, cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 5))):  # trees, bins, posts
        x, y = int(rng.integers(0, width)), int(rng.uniform(horizon, height))
        s = int(height * rng.uniform(0.04, 0.2))
        tone = colour(rng, 20, 160, 30).tolist()
        if rng.random() < 0.5:
            cv2.line(image, (x, y), (x, y - s), tone, max(1, s // 8))
            cv2.circle(image, (x, y - s), s // 2, tone, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(image, (x, y - s), (x + s // 2, y), tone, -1)
    return image


def room(rng: Generator, height: int, width: int) -> np.ndarray:
    image = np.empty((height, width, 3), np.float32)
    ramp(image, colour(rng, 60, 230, 20), colour(rng, 40, 200, 20))
    for _ in range(int(rng.integers(3, 12))):
        x, y = rng.integers(0, width), rng.integers(0, height)
        w, h = int(width * rng.uniform(0.05, 0.4)), int(height * rng.uniform(0.05, 0.4))
        cv2.rectangle(image, (int(x), int(y)), (int(x) + w, int(y) + h), colour(rng, 20, 230, 35).tolist(), -1)
    return image


def texture(rng: Generator, height: int, width: int) -> np.ndarray:
    field = noise(rng, height, width, rng.uniform(1, 12), 5)[..., None]
    return colour(rng, 20, 140, 20) * (1 - field) + colour(rng, 80, 240, 20) * field


def walker(rng: Generator, image: np.ndarray) -> None:
    """A figure of simple shapes; sometimes in red or a high-visibility vest."""
    height, width = image.shape[:2]
    tall = height * rng.uniform(0.08, 0.4)
    x, foot = rng.uniform(0, width), rng.uniform(height * 0.45, height)
    coat = np.array(WARM[rng.integers(len(WARM))], float) if rng.random() < 0.3 else colour(rng, 15, 200, 40).astype(float)
    trousers, skin = colour(rng, 10, 120, 15).astype(float), np.array([110, 150, 200.0]) * rng.uniform(0.4, 1.1)
    point = lambda dx, dy: (int(x + dx * tall), int(foot - dy * tall))  # noqa: E731
    stride = rng.uniform(0, 0.12)
    for side in (-stride, stride):
        cv2.line(image, point(0, 0.48), point(side, 0), trousers.tolist(), max(1, int(tall * 0.09)))
    cv2.ellipse(image, point(0, 0.65), (int(tall * 0.13) + 1, int(tall * 0.22) + 1), 0, 0, 360, coat.tolist(), -1, cv2.LINE_AA)
    cv2.circle(image, point(0, 0.92), max(1, int(tall * 0.075)), skin.tolist(), -1, cv2.LINE_AA)


def decoys(rng: Generator, image: np.ndarray) -> None:
    """Warm and bright, and not fire: halos, headlights, low suns, cloths, cones. Painted in place, never labelled."""
    height, width = image.shape[:2]
    for _ in range(int(rng.integers(1, 4))):
        x, y = int(rng.uniform(0, width)), int(rng.uniform(0, height))
        size = height * float(np.exp(rng.uniform(np.log(0.02), np.log(0.16))))
        tone = np.array(WARM[rng.integers(len(WARM))], np.float32)
        form = rng.random()
        if form < 0.55:  # a lamp or a pair of headlights: a sharp disc within a smooth halo
            for dx in (0, size * rng.uniform(1.5, 3)) if rng.random() < 0.4 else (0,):
                halo(image, x + dx, y, size, tone, rng.uniform(0.5, 1))
        elif form < 0.75:  # cloth, a sign, a cone: one flat colour
            points = np.array([[x, y]]) + rng.normal(0, size, (int(rng.integers(3, 7)), 2))
            layer = np.ascontiguousarray(image)
            cv2.fillConvexPoly(layer, cv2.convexHull(points.astype(np.int32)), (tone * rng.uniform(0.4, 1)).tolist())
            image[:] = layer
        else:  # a warm wash over a part of the picture: sunset, sodium light
            top = int(rng.uniform(0, height * 0.7))
            strength = rng.uniform(0.15, 0.5) * np.linspace(0, 1, height - top, dtype=np.float32)[:, None, None]
            image[top:] = image[top:] * (1 - strength) + tone * strength


def halo(image: np.ndarray, x: float, y: float, size: float, tone: np.ndarray, strength: float) -> None:
    height, width = image.shape[:2]
    reach = int(size * 2.5) + 1
    x1, x2, y1, y2 = max(0, int(x) - reach), min(width, int(x) + reach), max(0, int(y) - reach), min(height, int(y) + reach)
    if x2 <= x1 or y2 <= y1:
        return
    yy, xx = np.mgrid[y1:y2, x1:x2].astype(np.float32)
    radius = np.hypot(xx - x, yy - y) / size
    glow = (np.exp(-(radius**2)) * strength)[..., None]
    disc = np.clip((0.4 - radius) * 8, 0, 1)[..., None]
    spot = image[y1:y2, x1:x2].astype(np.float32)
    spot = spot + (255 - spot) * glow * tone / 255
    image[y1:y2, x1:x2] = (spot * (1 - disc) + np.clip(tone * 0.4 + 170, 0, 255) * disc).astype(image.dtype)


def light(rng: Generator, image: np.ndarray) -> np.ndarray:
    """Uneven light and a little texture, so that flat colour is not a giveaway."""
    height, width = image.shape[:2]
    shade = 0.8 + 0.4 * noise(rng, height, width, rng.uniform(1, 3), 2)
    grain = (noise(rng, height, width, rng.uniform(10, 40), 2) - 0.5) * rng.uniform(0, 30)
    return np.clip(image * shade[..., None] * rng.uniform(0.4, 1.1) + grain[..., None], 0, 255).astype(np.uint8)


def colour(rng: Generator, low: float, high: float, spread: float) -> np.ndarray:
    return np.clip(rng.uniform(low, high) + rng.normal(0, spread, 3), 0, 255).astype(np.float32)


def ramp(area: np.ndarray, top: np.ndarray, bottom: np.ndarray) -> None:
    share = np.linspace(0, 1, max(1, area.shape[0]), dtype=np.float32)[:, None, None]
    area[:] = top * (1 - share) + bottom * share
