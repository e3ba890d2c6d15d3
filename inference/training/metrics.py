"""From raw answers to figures: non-maximum suppression, average precision, found and false-alarm rates."""

from __future__ import annotations

from typing import Callable

import numpy as np

from data import Picture, letterbox
from model import LABELS, decode, grid

import torch

Predict = Callable[[np.ndarray], np.ndarray]  # [batch, 3, h, w] float32 -> [batch, cells, 5 + labels], scores 0..1
Answer = np.ndarray  # rows of `label score x1 y1 x2 y2`
FLOOR = 0.01


def answers(predict: Predict, pictures: list[Picture], height: int, width: int, batch: int = 8) -> list[Answer]:
    """What the detector says of each picture, in that picture's pixels, best first."""
    cells, strides = grid(height, width)
    found: list[Answer] = []
    for start in range(0, len(pictures), batch):
        boxed = [letterbox(p.image, height, width) for p in pictures[start : start + batch]]
        raw = predict(np.stack([image for image, _ in boxed]).transpose(0, 3, 1, 2).astype(np.float32))
        boxes = decode(torch.from_numpy(raw[..., :4]), cells, strides).numpy()
        scores = raw[..., 4:5] * raw[..., 5:]
        found += [suppress(boxes[i] / scale, scores[i]) for i, (_, scale) in enumerate(boxed)]
    return found


def suppress(boxes: np.ndarray, scores: np.ndarray, overlap: float = 0.45, most: int = 100) -> Answer:
    """Greedy non-maximum suppression, label by label."""
    rows = []
    for label in range(scores.shape[1]):
        score = scores[:, label]
        order = np.argsort(-score)
        order = order[score[order] > FLOOR][:300]
        while len(order) and len(rows) < most * len(LABELS):
            best, order = order[0], order[1:]
            rows.append([label, score[best], *boxes[best]])
            if len(order):
                order = order[overlaps(boxes[best], boxes[order]) <= overlap]
    rows.sort(key=lambda r: -r[1])
    return np.array(rows, np.float32).reshape(-1, 6)


def overlaps(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    size = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = size.clip(0).prod(1)
    return shared / ((box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(1) - shared + 1e-9)


def average_precision(found: list[Answer], pictures: list[Picture], label: int, needed: float = 0.5) -> float:
    """Area under precision over recall, every point, at one overlap."""
    truth = [p.boxes[p.boxes[:, 0] == label, 1:] for p in pictures]
    total = sum(len(t) for t in truth)
    used = [np.zeros(len(t), bool) for t in truth]
    claims = sorted(((row[1], i, row[2:]) for i, a in enumerate(found) for row in a if row[0] == label), key=lambda c: -c[0])
    hits = np.zeros(len(claims))
    for k, (_, index, box) in enumerate(claims):
        if not len(truth[index]):
            continue
        overlap = overlaps(box, truth[index])
        best = int(overlap.argmax())
        if overlap[best] >= needed and not used[index][best]:
            used[index][best] = True
            hits[k] = 1
    if not total or not len(claims):
        return 0.0
    recall = np.cumsum(hits) / total
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0) * precision))


def top_scores(found: list[Answer], label: int | None = None) -> np.ndarray:
    """The best score of each picture (0 where it was silent): what decides whether an alarm is raised."""
    return np.array([max((r[1] for r in a if label is None or r[0] == label), default=0.0) for a in found])


def threshold_for(calm: np.ndarray, false_alarms: float) -> float:
    """The lowest threshold (in hundredths) at which no more than this share of calm pictures is reported."""
    for step in range(5, 96):
        if (calm >= step / 100).mean() <= false_alarms:
            return step / 100
    return 0.95


def summary(predict: Predict, pictures: list[Picture], height: int, width: int) -> dict[str, float]:
    """The handful of figures watched while training."""
    found = answers(predict, pictures, height, width)
    best = top_scores(found)
    kinds = np.array([p.kind for p in pictures])
    threshold = threshold_for(best[kinds == "calm"], 0.05)
    return {
        **{f"ap_{name}": average_precision(found, pictures, i) for i, name in enumerate(LABELS)},
        "threshold": threshold,
        "found_fire": float((best[kinds == "fire"] >= threshold).mean()),
        "found_smoke": float((best[kinds == "smoke"] >= threshold).mean()),
        "false_alarms": float((best[kinds == "calm"] >= threshold).mean()),
    }
