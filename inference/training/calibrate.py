"""One threshold for two labels: shift the label scores until the same number means the same trust.

Fog fills a picture and is scored boldly, a flame is small and scored shyly; under one threshold the smoke label would
raise all the false alarms and the fire label would find nothing. Before export each label's bias is moved so that, at
the default threshold, each label alone reports at most one in forty of the hard fire-free pictures (calm frames of fixed
cameras among them). Which boxes are found, and in which order, hardly changes; what a score *means* does.
"""

from __future__ import annotations

import numpy as np
import torch

from data import Picture, letterbox
from model import LABELS, Detector

# Frames count, not scenes: a camera that takes its white wall for smoke does so in every frame.
FALSE_ALARMS = 0.025  # per label, of hard fire-free pictures: photographs and calm frames of fixed cameras
FOOTAGE_ALARMS = 0.01  # per label, of fire-free frames: an hour has many
CELLS = 300  # the most promising cells of a picture; the others decide nothing
SHIFTS = np.arange(-3.0, 2.51, 0.1)  # further up a label would say nothing more than objectness does
THRESHOLDS = (0.5, 0.45, 0.4, 0.35, 0.3)


@torch.no_grad()
def balance(detector: Detector, pictures: list[Picture], size: tuple[int, int]) -> tuple[float, list[float]]:
    """Shift the detector's label biases in place; the default threshold that now fits both labels, and the shifts."""
    objectness, logits = raw_scores(detector, pictures, size)
    still = np.array([p.kind == "calm" and p.source != "footage" for p in pictures])
    footage = np.array([p.source == "footage" for p in pictures])
    burning, smoking = (np.array([p.kind == kind for p in pictures]) for kind in LABELS)
    best: tuple[float, float, list[float]] = (-1.0, THRESHOLDS[0], [0.0] * len(LABELS))
    for threshold in THRESHOLDS:
        shifts, found = [], []
        for label in range(len(LABELS)):
            allowed, reported = float(SHIFTS[0]), np.zeros(len(pictures), bool)
            for shift in SHIFTS:
                score = (objectness / (1 + np.exp(-(logits[..., label] + shift)))).max(1) >= threshold
                if score[still].mean() > FALSE_ALARMS or score[footage].mean() > FOOTAGE_ALARMS:
                    break
                allowed, reported = float(shift), score
            shifts.append(allowed)
            found.append(reported)
        # Fire counts double: it is what the model is for.
        worth = 2 * (found[0] | found[1])[burning].mean() + found[0][burning].mean() + (found[0] | found[1])[smoking].mean()
        if worth > best[0] + 0.01:
            best = (worth, threshold, shifts)
    for head in detector.heads:
        head.label.bias += torch.tensor(best[2])
    print(f"calibrated: label shifts {[round(s, 1) for s in best[2]]}, threshold {best[1]}")
    return best[1], best[2]


def raw_scores(detector: Detector, pictures: list[Picture], size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    objectness, logits = [], []
    for picture in pictures:
        image, _ = letterbox(picture.image, *size)
        raw = detector(torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float32)))[0]
        there = raw[:, 4].sigmoid()
        kept = there.topk(min(CELLS, len(there))).indices
        objectness.append(there[kept].numpy())
        logits.append(raw[kept, 5:].numpy())
    return np.stack(objectness), np.stack(logits)
