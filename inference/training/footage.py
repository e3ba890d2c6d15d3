"""The detector over footage, as the default rule sees it: five pictures a second, three sightings within two seconds."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2

from data import FOOTAGE, Picture, no_boxes, shrink
from metrics import Predict, answers

PER_SECOND = 5
SIGHTINGS = 3
WITHIN = 2.0
QUIET = 30.0  # seconds without a sighting after which the next one would open a new incident
BURNING = ("fire_spacewalk01.mp4",)  # the car burns from the first frame on


class Watched(NamedTuple):
    name: str
    burns: bool
    held_out: bool
    seconds: float
    highest: float  # best score in any picture
    first: float | None  # seconds until the rule first fired
    incidents: int


def watch(predict: Predict, size: tuple[int, int], folder: Path, threshold: float) -> list[Watched]:
    results = []
    for name in (*FOOTAGE, *BURNING):
        times, scores = sightings(predict, size, folder / name)
        burns = name in BURNING
        fired = incidents(times, scores, threshold)
        seconds = times[-1] + 1 / PER_SECOND
        held_out = burns or FOOTAGE[name]
        results.append(Watched(name, burns, held_out, seconds, max(scores), fired[0] if fired else None, len(fired)))
    return results


def quiet(predict: Predict, size: tuple[int, int], folder: Path, threshold: float) -> float:
    """The threshold, raised in steps of 0.05 until the default rule opens no incident on any fire-free footage."""
    calm = [sightings(predict, size, folder / name) for name in FOOTAGE]
    while threshold < 0.95 and any(incidents(times, scores, threshold) for times, scores in calm):
        threshold = round(threshold + 0.05, 2)
    return threshold


def sightings(predict: Predict, size: tuple[int, int], file: Path) -> tuple[list[float], list[float]]:
    """For each looked-at picture, its time and the best score in it."""
    capture = cv2.VideoCapture(str(file))
    rate = capture.get(cv2.CAP_PROP_FPS) or 25.0
    times, scores, index, due = [], [], 0, 0.0
    while capture.grab():
        now = index / rate
        index += 1
        if now + 1e-6 < due:
            continue
        due += 1 / PER_SECOND
        picture = Picture(shrink(capture.retrieve()[1]), no_boxes(), "", "", "")
        found = answers(predict, [picture], *size)[0]
        times.append(now)
        scores.append(float(found[0, 1]) if len(found) else 0.0)
    return times, scores


def incidents(times: list[float], scores: list[float], threshold: float) -> list[float]:
    """The moments at which the rule opens an incident."""
    opened: list[float] = []
    recent: list[float] = []
    last = -1e9
    for now, score in zip(times, scores):
        if score < threshold:
            continue
        recent = [t for t in recent if now - t <= WITHIN] + [now]
        if len(recent) >= SIGHTINGS:
            if now - last > QUIET:
                opened.append(now)
            last = now
    return opened
