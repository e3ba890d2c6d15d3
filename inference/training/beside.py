"""Two or more detectors side by side, in the same run and on the same pictures: is the new one better, and in everything?

Every figure is at each model's own default threshold but for the average precisions, and for the last rows, which put all
models on the same false alarms: a threshold that is merely higher makes any model look calm.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from data import Picture
from export import runner
from footage import watch
from metrics import Answer, answers, average_precision, threshold_for, top_scores
from model import LABELS

Figures = dict[str, str]


def side_by_side(files: list[Path], facts, held_out: list[Picture], cameras: list[Picture], videos: Path) -> str:
    """A table in Markdown; `facts(file)` gives the input size and the threshold, `cameras` are calm frames nobody trained on."""
    columns = []
    for file in files:
        size, threshold = facts(file)
        predict = runner(file)
        found = answers(predict, held_out, *size)
        calm = answers(predict, cameras, *size)
        watched = watch(predict, size, videos, threshold)
        columns.append(figures(found, held_out, calm, cameras, watched, threshold))
    lines = ["| | " + " | ".join(name(f) for f in files) + " |", "|---" * (len(files) + 1) + "|"]
    lines += [f"| {row} | " + " | ".join(c[row] for c in columns) + " |" for row in columns[0]]
    return "\n".join(lines) + "\n"


def figures(
    found: list[Answer], held_out: list[Picture], calm: list[Answer], cameras: list[Picture], watched, threshold: float
) -> Figures:
    best, flames = top_scores(found), top_scores(found, 0)
    fire, smoke = (np.array([p.kind == kind for p in held_out]) for kind in LABELS)
    stills = {s: np.array([p.kind == "calm" and p.source == s for p in held_out]) for s in ("negatives", "fire-dataset", "footage")}
    share = lambda scores: f"{100 * (scores >= threshold).mean():.0f} %"  # noqa: E731
    rows = {f"AP@0.5 {label}": f"{average_precision(found, held_out, i):.3f}" for i, label in enumerate(LABELS)}
    rows |= {
        "threshold": f"{threshold:.2f}",
        "fire pictures: fire found": share(flames[fire]),
        "fire pictures: fire or smoke found": share(best[fire]),
        "smoke pictures: smoke or fire found": share(best[smoke]),
        "photographs: false alarm": share(best[stills["negatives"]]),
        "calm frames of held-out cameras": share(best[stills["fire-dataset"]]),
        "footage frames: false alarm": share(best[stills["footage"]]),
        "incidents in fire-free footage": str(sum(w.incidents for w in watched if not w.burns)),
    }
    hard = [best[stills["negatives"]], best[stills["fire-dataset"]]]
    if cameras:
        scores = top_scores(calm)
        per_camera = by_camera(scores, cameras)
        alarmed = [float((s >= threshold).mean()) for s in per_camera.values()]
        rows[f"{len(per_camera)} further calm cameras: frames with an alarm, mean of cameras"] = f"{100 * np.mean(alarmed):.0f} %"
        rows["further calm cameras with any alarm"] = f"{sum(a > 0 for a in alarmed)} of {len(alarmed)}"
        hard.append(scores)
    same = threshold_for(np.concatenate(hard), 0.05)
    rows["threshold for 5 % false alarms over all of these stills"] = f"{same:.2f}"
    rows["... fire pictures found there"] = f"{100 * (best[fire] >= same).mean():.0f} %"
    rows["... smoke pictures found there"] = f"{100 * (best[smoke] >= same).mean():.0f} %"
    return rows


def by_camera(scores: np.ndarray, pictures: list[Picture]) -> dict[str, np.ndarray]:
    """The scores of each camera's frames; a camera counts once, however many of its frames there are."""
    groups: dict[str, list[float]] = defaultdict(list)
    for score, picture in zip(scores, pictures):
        groups[picture.scene].append(float(score))
    return {camera: np.array(group) for camera, group in groups.items()}


def name(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"
