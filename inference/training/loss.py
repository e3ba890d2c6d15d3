"""What a good answer is: YOLOX's loss, with SimOTA deciding which cell answers for which box.

Each labelled box asks the cells near its centre; the cells whose present answer fits it best (and only as many as fit
well) are told to answer for it. Every other cell is told that nothing is there, which is where silence on fire-free
pictures is learnt.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from model import decode

CENTRE_RADIUS = 2.5  # cells around a box's centre that may answer for it
CANDIDATES = 10  # best overlaps summed up to say how many cells answer for a box
BOX_WEIGHT = 5.0


def loss(raw: Tensor, targets: list[Tensor], cells: Tensor, strides: Tensor) -> tuple[Tensor, dict[str, float]]:
    """`targets`: for each picture `[boxes, 5]`, rows of `label x1 y1 x2 y2` in input pixels."""
    boxes = decode(raw, cells, strides)
    objectness = torch.zeros_like(raw[..., 4])
    box_terms, label_terms = [], []
    for index, target in enumerate(targets):
        if not len(target):
            continue
        chosen, owner, overlap = assign(raw[index].detach(), boxes[index].detach(), target, cells, strides)
        if not len(chosen):
            continue
        objectness[index, chosen] = 1.0
        box_terms.append(1 - giou(boxes[index, chosen], target[owner, 1:]))
        # A label is only as certain as the box is right, so that one score can rank answers.
        wanted = F.one_hot(target[owner, 0].long(), raw.shape[2] - 5) * overlap[:, None]
        label_terms.append(F.binary_cross_entropy_with_logits(raw[index, chosen, 5:], wanted, reduction="none").sum(1))
    count = max(1, sum(len(t) for t in box_terms))
    there = F.binary_cross_entropy_with_logits(raw[..., 4], objectness, reduction="sum") / count
    zero = raw.sum() * 0
    where = torch.cat(box_terms).sum() / count if box_terms else zero
    what = torch.cat(label_terms).sum() / count if label_terms else zero
    total = there + BOX_WEIGHT * where + what
    return total, {"objectness": there.item(), "box": where.item(), "label": what.item(), "cells": count}


@torch.no_grad()
def assign(raw: Tensor, boxes: Tensor, target: Tensor, cells: Tensor, strides: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """SimOTA: the cells that answer, the box each answers for, and how well it fits already."""
    middle = (cells + 0.5) * strides
    centre = (target[:, 1:3] + target[:, 3:5]) / 2
    near = ((middle[None] - centre[:, None]).abs() < CENTRE_RADIUS * strides[None]).all(2)
    inside = ((middle[None] > target[:, None, 1:3]) & (middle[None] < target[:, None, 3:5])).all(2)
    asked = (near | inside).any(0).nonzero()[:, 0]
    if not len(asked):
        return asked, asked, asked.float()
    overlap = iou(target[:, 1:], boxes[asked])
    score = (raw[asked, 4:5].sigmoid() * raw[asked, 5:].sigmoid()).sqrt().clamp(1e-6, 1 - 1e-6)
    right = score[:, target[:, 0].long()].T
    wrong = -torch.log(1 - score).sum(1)[None] + torch.log(1 - right)
    cost = wrong - torch.log(right) - 3 * torch.log(overlap + 1e-8)
    cost = cost + 1e5 * ~(near & inside)[:, asked]
    share = overlap.topk(min(CANDIDATES, len(asked)), 1).values.sum(1).int().clamp(min=1)
    matched = torch.zeros_like(cost, dtype=torch.bool)
    for row in range(len(target)):
        matched[row, cost[row].topk(min(int(share[row]), len(asked)), largest=False).indices] = True
    contested = matched.sum(0) > 1
    if contested.any():
        best = cost[:, contested].argmin(0)
        matched[:, contested] = False
        matched[best, contested.nonzero()[:, 0]] = True
    taken = matched.any(0).nonzero()[:, 0]
    owner = matched[:, taken].int().argmax(0)
    return asked[taken], owner, overlap[owner, taken]


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of every box in `a` with every box in `b`."""
    size = torch.minimum(a[:, None, 2:], b[None, :, 2:]) - torch.maximum(a[:, None, :2], b[None, :, :2])
    shared = size.clamp(min=0).prod(2)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(1), (b[:, 2:] - b[:, :2]).prod(1)
    return shared / (area_a[:, None] + area_b[None] - shared + 1e-9)


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised overlap of paired boxes: it also pulls boxes together that do not meet yet."""
    shared = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    union = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - shared
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(1)
    return shared / (union + 1e-9) - (hull - union) / (hull + 1e-9)
