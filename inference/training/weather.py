"""What a calm camera sees that looks like smoke or fire and is neither: haze, fog, rain, glare, white walls, dusk, infra-red.

A photographer frames his picture; a fixed camera takes what comes, and half of that is a white wall in the sun. None of
what is painted here gets a box. Steam is left out on purpose: in one picture it cannot be told from thin smoke, and a
network that is told both things believes neither.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from backdrops import decoys
from synth import noise


def trouble(rng: Generator, image: np.ndarray) -> np.ndarray:
    """The picture on a worse day; the given one stays as it is."""
    kinds = (haze, fog, glare, pale, bleached, cast, rain, dusk, infrared)
    for index in rng.permutation(len(kinds))[: 1 + int(rng.random() < 0.3)]:
        image = kinds[index](rng, image)
    return image


def haze(rng: Generator, image: np.ndarray) -> np.ndarray:
    """A veil over all of the view, thicker with distance and without billows: air, not smoke."""
    height, width = image.shape[:2]
    far = np.linspace(1, rng.uniform(0.1, 0.8), height, dtype=np.float32)[:, None]
    drift = 0.85 + 0.15 * noise(rng, height, width, rng.uniform(0.5, 1.2), 1)
    veil = (far * drift * rng.uniform(0.15, 0.6))[..., None]
    air = np.clip(rng.uniform(130, 245) + rng.normal(0, 8, 3), 0, 255)
    return blend(image, air, veil)


def fog(rng: Generator, image: np.ndarray) -> np.ndarray:
    """A morning in which the whole view is grey: dense, even, and soft, nearer things less so."""
    height, width = image.shape[:2]
    far = np.linspace(1, rng.uniform(0.4, 0.9), height, dtype=np.float32)[:, None]
    drift = 0.9 + 0.1 * noise(rng, height, width, rng.uniform(0.5, 2.0), 2)
    soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.5))
    air = np.clip(rng.uniform(110, 230) + rng.normal(0, 5, 3), 0, 255)
    return blend(soft, air, (far * drift * rng.uniform(0.45, 0.8))[..., None])


def glare(rng: Generator, image: np.ndarray) -> np.ndarray:
    """A window or an open door that the camera cannot balance: blown out, and its light spills over the edges."""
    height, width = image.shape[:2]
    spot = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.uniform(0, width), rng.uniform(-0.1, 0.9) * height
        w, h = width * rng.uniform(0.05, 0.35), height * rng.uniform(0.08, 0.5)
        lean = rng.uniform(-0.15, 0.15) * h
        corners = np.array([[x, y], [x + w, y + lean], [x + w, y + h + lean], [x, y + h]], np.int32)
        cv2.fillConvexPoly(spot, corners, 1.0)
    near = cv2.GaussianBlur(spot, (0, 0), max(1.0, width * rng.uniform(0.004, 0.015)))
    wide = cv2.GaussianBlur(cv2.resize(spot, (width // 4, height // 4)), (0, 0), max(1.0, width * rng.uniform(0.01, 0.03)))
    spill = np.maximum(near, cv2.resize(wide, (width, height)) * rng.uniform(0.2, 0.7))
    light = np.clip(rng.uniform(225, 255) + rng.normal(0, 6, 3), 0, 255)
    return blend(image, light, spill[..., None] * rng.uniform(0.7, 1.0))


def pale(rng: Generator, image: np.ndarray) -> np.ndarray:
    """A white wall, a curtain or washing on a line: hardly any contrast, soft folds, hard edges."""
    height, width = image.shape[:2]
    out = image.copy()
    for _ in range(int(rng.integers(1, 4))):
        w, h = int(width * rng.uniform(0.08, 0.5)), int(height * rng.uniform(0.1, 0.6))
        x, y = int(rng.uniform(-0.1, 0.9) * width), int(rng.uniform(-0.1, 0.8) * height)
        x1, y1, x2, y2 = max(0, x), max(0, y), min(width, x + w), min(height, y + h)
        if x2 - x1 < 8 or y2 - y1 < 8:
            continue
        folds = np.sin(np.linspace(0, rng.uniform(0, 40), x2 - x1, dtype=np.float32) + rng.uniform(0, 6))[None, :, None]
        stain = noise(rng, y2 - y1, x2 - x1, rng.uniform(1, 4), 3)[..., None] - 0.5
        shade = rng.uniform(150, 250) + folds * rng.uniform(0, 9) + stain * rng.uniform(2, 28)
        out[y1:y2, x1:x2] = np.clip(shade + rng.normal(0, 5, 3), 0, 255).astype(np.uint8)
    return out


def bleached(rng: Generator, image: np.ndarray) -> np.ndarray:
    """Overexposed: the light parts run together in white, and what is left has hardly any contrast."""
    light = image.astype(np.float32) * rng.uniform(1.3, 2.4) + rng.uniform(0, 50)
    return np.clip(light, 0, rng.uniform(225, 255)).astype(np.uint8)


def cast(rng: Generator, image: np.ndarray) -> np.ndarray:
    """A white balance that has gone wrong: everything orange, blue or green."""
    tint = np.exp(rng.normal(0, 0.13, 3)).astype(np.float32)
    return np.clip(image * tint / tint.mean(), 0, 255).astype(np.uint8)


def rain(rng: Generator, image: np.ndarray) -> np.ndarray:
    """Streaks in front of the lens, and drops on it that smear what lies behind."""
    height, width = image.shape[:2]
    streaks = (rng.random((height, width), np.float32) > rng.uniform(0.985, 0.997)).astype(np.float32)
    length, lean = int(rng.integers(7, 19)), rng.uniform(-0.3, 0.3)
    kernel = np.zeros((length, length), np.float32)
    cv2.line(kernel, (int(length * (0.5 - lean)), 0), (int(length * (0.5 + lean)), length - 1), 1.0)
    streaks = cv2.filter2D(streaks, -1, kernel / kernel.sum() * 2)[..., None]
    out = blend(image, np.full(3, rng.uniform(160, 230)), np.clip(streaks * rng.uniform(0.5, 1.5), 0, 0.6))
    smeared = cv2.GaussianBlur(out, (0, 0), max(1.5, width / 60))
    drops = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(0, 12))):
        size = int(width * rng.uniform(0.01, 0.04)) + 1
        cv2.circle(drops, (int(rng.integers(width)), int(rng.integers(height))), size, 1.0, -1, cv2.LINE_AA)
    return np.where(cv2.GaussianBlur(drops, (0, 0), 1.5)[..., None] > 0.5, smeared, out)


def dusk(rng: Generator, image: np.ndarray) -> np.ndarray:
    """Late light, and the lamps and headlights that come with it."""
    dark = np.clip(image.astype(np.float32) * rng.uniform(0.2, 0.6) * np.array([1.1, 1.0, 0.95], np.float32), 0, 255)
    out = dark.astype(np.uint8)
    decoys(rng, out)
    return out


def infrared(rng: Generator, image: np.ndarray) -> np.ndarray:
    """Night by the camera's own lamp: grey, white in the middle, black at the edges, and noisy."""
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    radius = np.hypot((x / width - rng.uniform(0.35, 0.65)) * 2, (y / height - rng.uniform(0.4, 0.8)) * 2)
    lamp = rng.uniform(0.8, 1.8) * np.exp(-((radius / rng.uniform(0.6, 1.2)) ** 2)) + 0.08
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) * lamp + rng.normal(0, rng.uniform(2, 8), (height, width))
    return cv2.cvtColor(np.clip(grey, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)


def blend(image: np.ndarray, colour: np.ndarray, share: np.ndarray) -> np.ndarray:
    return np.clip(image * (1 - share) + colour.astype(np.float32) * share, 0, 255).astype(np.uint8)
