"""Flames and smoke that never burned: noise fields, shaped like plumes and coloured like hot bodies.

Labelled scenes are what is missing, and a generator has no end of them. Each function returns a sprite: colour (BGR,
float, 0..255) and opacity (0..1), of the asked size. `compose.py` lays sprites over a picture and knows their boxes.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

Sprite = tuple[np.ndarray, np.ndarray]


def noise(rng: Generator, height: int, width: int, scale: float, octaves: int = 4, stretch: float = 1.0) -> np.ndarray:
    """Fractal noise in 0..1: random grids, each twice as fine and half as strong. `stretch` > 1 makes upright tongues."""
    field, strength, total = np.zeros((height, width), np.float32), 1.0, 0.0
    for octave in range(octaves):
        rows = max(2, int(scale * 2**octave / stretch)) + 1
        columns = max(2, int(scale * 2**octave * width / height)) + 1
        grid = rng.random((rows, columns), np.float32)
        field += strength * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        total += strength
        strength *= 0.55
    field /= total
    low, high = np.percentile(field[::4, ::4], (2, 98))
    return np.clip((field - low) / (high - low + 1e-6), 0, 1)


def warp(field: np.ndarray, rng: Generator, amount: float, scale: float) -> np.ndarray:
    """Turbulence: the field is pulled about by two further noise fields, more so the higher it has risen."""
    height, width = field.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    rise = 1.0 - y / height
    dx = (noise(rng, height, width, scale, 3) - 0.5) * amount * width * (0.25 + rise)
    dy = (noise(rng, height, width, scale, 3) - 0.5) * amount * height * 0.6
    return cv2.remap(field, np.float32(x + dx), np.float32(y + dy), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


# Temperature ramps, coldest first, BGR. Cameras disagree: some see orange, some clip to white, some lean to pink.
RAMPS = np.array(
    [
        [[0, 0, 40], [0, 10, 130], [0, 60, 225], [10, 140, 255], [70, 215, 255], [200, 250, 255]],
        [[0, 0, 60], [5, 30, 180], [15, 90, 240], [40, 170, 255], [150, 235, 255], [245, 255, 255]],
        [[0, 10, 90], [10, 60, 220], [30, 130, 255], [80, 200, 255], [190, 245, 255], [255, 255, 255]],
        [[20, 0, 50], [60, 20, 160], [110, 70, 240], [150, 150, 255], [210, 220, 255], [255, 255, 255]],
        [[0, 5, 30], [0, 20, 100], [0, 40, 170], [5, 80, 215], [20, 130, 235], [60, 180, 250]],
    ],
    np.float32,
)


def flame(rng: Generator, height: int, width: int) -> Sprite:
    """A fire: one to five teardrop plumes on a common base, torn by turbulence, glowing by temperature."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    up = 1.0 - y / height
    heat = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 6))):
        foot = rng.uniform(0.22, 0.78)
        reach = rng.uniform(0.45, 1.0)
        thick = rng.uniform(0.10, 0.30)
        lean = rng.uniform(-0.25, 0.25)
        spine = foot + lean * up**1.5
        level = up / reach
        # A teardrop: narrow at its foot, widest a third of the way up, closing to a point.
        girth = thick * np.clip(level + 0.12, 0, 1) ** 0.45 * np.clip(1 - level, 0, 1) ** 0.8 * 1.9 + 1e-4
        body = np.clip(1.25 - np.abs(x / width - spine) / girth, 0, 1) * (level < 1)
        heat = np.maximum(heat, body * (1 - 0.55 * np.clip(level, 0, 1)))
    heat = warp(heat, rng, rng.uniform(0.12, 0.35), rng.uniform(2, 5))
    tongues = noise(rng, height, width, rng.uniform(3, 8), 4, stretch=rng.uniform(1.5, 3.5))
    heat = np.clip(heat * (0.55 + 0.9 * tongues) - rng.uniform(0.02, 0.16), 0, 1)
    heat = np.clip(heat * rng.uniform(1.1, 1.9), 0, 1) ** rng.uniform(0.6, 1.2)
    alpha = np.clip(heat * rng.uniform(2.0, 5.0), 0, 1)
    return glowing(rng, heat), alpha


def blaze(rng: Generator, height: int, width: int) -> Sprite:
    """Fire that fills the view, as a camera sees it that is about to be lost."""
    heat = noise(rng, height, width, rng.uniform(2, 5), 5, stretch=rng.uniform(1.2, 2.5))
    heat = warp(heat, rng, rng.uniform(0.05, 0.2), rng.uniform(2, 4))
    heat = np.clip(heat * rng.uniform(0.6, 1.2) + rng.uniform(0.05, 0.3), 0, 1)
    return glowing(rng, heat), np.clip(heat * rng.uniform(3, 8), 0, 1)


def glowing(rng: Generator, heat: np.ndarray) -> np.ndarray:
    """The colour of a body this hot, by a ramp between two of the known ones."""
    first, second = RAMPS[rng.integers(len(RAMPS), size=2)]
    blend = rng.random()
    ramp = first * blend + second * (1 - blend)
    steps = np.linspace(0, 1, len(ramp))
    return np.stack([np.interp(heat, steps, ramp[:, c]) for c in range(3)], 2).astype(np.float32)


def smoke(rng: Generator, height: int, width: int) -> Sprite:
    """A plume that widens and thins as it rises, or a bank of fog; black to white, billowing, softly lit."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    up = 1.0 - y / height
    if rng.random() < 0.7:
        foot, lean = rng.uniform(0.3, 0.7), rng.uniform(-0.45, 0.45)
        spine = foot + lean * up ** rng.uniform(1.0, 2.0)
        girth = rng.uniform(0.06, 0.16) + rng.uniform(0.15, 0.4) * up ** rng.uniform(0.6, 1.3)
        body = np.clip(1.3 - np.abs(x / width - spine) / girth, 0, 1)
        body *= np.clip(up * 12, 0, 1) * np.clip((1 - up) * rng.uniform(3, 8), 0, 1)
    else:
        radius = np.hypot((x / width - 0.5) * 2, (y / height - 0.5) * 2)
        body = np.clip(1.35 - radius * 1.25, 0, 1)
    body = warp(body, rng, rng.uniform(0.15, 0.4), rng.uniform(2, 4))
    billows = noise(rng, height, width, rng.uniform(2.5, 6), 5)
    density = np.clip(body * 1.5 * (0.45 + billows) - rng.uniform(0.15, 0.35), 0, 1)
    alpha = np.clip(density * rng.uniform(0.9, 1.9), 0, 1) * rng.uniform(0.55, 1.0)
    grey = float(rng.choice([rng.uniform(15, 70), rng.uniform(70, 160), rng.uniform(160, 245)]))
    tint = grey + rng.normal(0, 5, 3).astype(np.float32)
    light = cv2.GaussianBlur(billows, (0, 0), max(1.0, height / 60))
    shade = 1 + rng.uniform(0.15, 0.55) * (light - 0.5) + rng.uniform(-0.25, 0.25) * (up - 0.5)
    colour = np.clip(tint[None, None] * shade[..., None], 0, 255).astype(np.float32)
    return colour, alpha.astype(np.float32)


def glow(rng: Generator, height: int, width: int) -> np.ndarray:
    """Light that a fire throws on what is near it, 0..1 (not labelled: light is not fire)."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    radius = np.hypot((x / width - 0.5) * 2, (y / height - 0.5) * 2)
    return np.clip(1 - radius, 0, 1) ** rng.uniform(1.2, 2.5)
