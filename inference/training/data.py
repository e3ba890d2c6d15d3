"""The pictures: what is loaded, what is dropped, what is kept for the examination.

Everything is decoded once, shrunk to at most 448 pixels and kept in memory as bytes; training then reads no file.
Sources, below the data folder (see the README for where each comes from):

- `fire-dataset`  labelled fire and smoke, split by scene (`scenes.py`)
- `negatives`     fire-free photographs, every third one held out
- `videos`        fire-free footage, whole videos held out
- `images`        a few stills, trained on as fire-free
and, if given with `--extra`, further folders in YOLO form (0 = fire, 1 = smoke).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from scenes import scene_of

cv2.setNumThreads(1)  # its thread pool would not survive the fork into loading workers

LONGEST = 448

# Fireplaces that burn, among pictures said to be free of fire.
BURNING = {"092", "128"}

# Footage without fire: name -> held out. `fire_spacewalk01.mp4` burns and may only be tested with.
FOOTAGE = {
    "car-detection.mp4": False,
    "linzaer_test1.mp4": False,
    "one-by-one-person-detection.mp4": True,
    "london_street_TestV4.mp4": True,
    "highway_mpeg4_320x176.avi": True,
}
FOOTAGE_SECONDS = 1.0  # a training frame this often: neighbours teach nothing new


@dataclass
class Picture:
    """One picture, at most `LONGEST` pixels, with its boxes as rows of `label x1 y1 x2 y2` in its own pixels."""

    image: np.ndarray
    boxes: np.ndarray
    scene: str
    source: str
    name: str

    @property
    def kind(self) -> str:
        if not len(self.boxes):
            return "calm"
        return "fire" if (self.boxes[:, 0] == 0).any() else "smoke"


@dataclass
class Data:
    train: list[Picture]
    held_out: list[Picture]


def root(option: str | None = None) -> Path:
    """Where the data lies: the option, `MOSHAO_TEST_DATA`, or `../shared/data` beside the project."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    path = Path(option or os.environ.get("MOSHAO_TEST_DATA") or beside)
    if not (path / "fire-dataset" / "images").is_dir():
        raise SystemExit(f"{path}: no fire-dataset/images there; name the data folder with --data or MOSHAO_TEST_DATA")
    return path


def load(path: Path, extra: list[str] | None = None) -> Data:
    data = Data([], [])
    labelled(path / "fire-dataset", data)
    negatives(path / "negatives", data)
    for name, held_out in FOOTAGE.items():
        frames = footage(path / "videos" / name)
        (data.held_out if held_out else data.train).extend(frames)
    for file in sorted((path / "images").glob("*.jpg")):
        data.train.append(Picture(read(file), no_boxes(), file.stem, "stills", file.name))
    for folder in extra or []:
        data.train.extend(yolo(Path(folder)))
    return data


def labelled(folder: Path, data: Data) -> None:
    for file in sorted((folder / "images").iterdir()):
        scene = scene_of(file.name)
        if scene is None:
            continue
        image = read(file)
        # Class 1 is Roboflow's whole-picture "default": it says that nothing is there.
        boxes = read_labels(folder / "labels" / f"{file.stem}.txt", image, {0: 0, 2: 1})
        picture = Picture(image, boxes, scene.name, "fire-dataset", file.name)
        (data.held_out if scene.held_out else data.train).append(picture)


def yolo(folder: Path) -> list[Picture]:
    """Labelled pictures of one's own, 0 = fire, 1 = smoke; every picture a scene of its own.

    Those without a label file are calm; frames of one camera are one scene if they are named alike but for a number at the
    end (`yard-01.jpg`, `yard-02.jpg`).

    Either `images/` and `labels/`, or pictures with their labels beside them, as `moshao simulate scenes` writes.
    """
    images, labels = (folder / "images", folder / "labels") if (folder / "images").is_dir() else (folder, folder)
    files = sorted(f for f in images.glob("*") if f.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not files:
        raise SystemExit(f"{folder}: no pictures there, neither in images/ nor beside their labels")
    pictures = []
    for file in files:
        image, label = read(file), labels / f"{file.stem}.txt"
        scene = file.stem if label.is_file() else re.sub(r"[-_#]\d+$", "", file.stem)
        boxes = read_labels(label, image, {0: 0, 1: 1})
        pictures.append(Picture(image, boxes, f"{folder.name}-{scene}", folder.name, file.name))
    return pictures


def negatives(folder: Path, data: Data) -> None:
    files = [f for f in sorted(folder.glob("*.jpg")) if f.stem not in BURNING]
    for index, file in enumerate(files):
        picture = Picture(read(file), no_boxes(), file.stem, "negatives", file.name)
        (data.held_out if index % 3 == 1 else data.train).append(picture)


def footage(file: Path) -> list[Picture]:
    """Frames of fire-free footage, a second apart."""
    capture = cv2.VideoCapture(str(file))
    step = max(1, round((capture.get(cv2.CAP_PROP_FPS) or 25) * FOOTAGE_SECONDS))
    pictures = []
    index = 0
    while capture.grab():
        if index % step == 0:
            _, frame = capture.retrieve()
            pictures.append(Picture(shrink(frame), no_boxes(), file.stem, "footage", f"{file.name}#{index}"))
        index += 1
    return pictures


def read(file: Path) -> np.ndarray:
    image = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"{file}: not a picture")
    return shrink(image)


def shrink(image: np.ndarray) -> np.ndarray:
    scale = LONGEST / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def no_boxes() -> np.ndarray:
    return np.zeros((0, 5), np.float32)


def read_labels(file: Path, image: np.ndarray, classes: dict[int, int]) -> np.ndarray:
    """YOLO text (`class cx cy w h`, or a polygon, in parts of the picture) to `label x1 y1 x2 y2` in its pixels."""
    if not file.is_file():
        return no_boxes()
    height, width = image.shape[:2]
    rows = []
    for line in file.read_text().splitlines():
        values = [float(v) for v in line.split()]
        if len(values) < 5 or int(values[0]) not in classes:
            continue
        if len(values) == 5:
            cx, cy, w, h = values[1:]
            x1, y1, x2, y2 = cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2
        else:
            xs, ys = values[1::2], values[2::2]
            x1, y1, x2, y2 = min(xs), min(ys), max(xs), max(ys)
        rows.append([classes[int(values[0])], x1 * width, y1 * height, x2 * width, y2 * height])
    boxes = np.array(rows, np.float32).reshape(-1, 5)
    boxes[:, 1::2] = boxes[:, 1::2].clip(0, width)
    boxes[:, 2::2] = boxes[:, 2::2].clip(0, height)
    return boxes[(boxes[:, 3] - boxes[:, 1] > 2) & (boxes[:, 4] - boxes[:, 2] > 2)]


def letterbox(image: np.ndarray, height: int, width: int) -> tuple[np.ndarray, float]:
    """The picture as large as it fits, at the top left, on grey 114: what the gateway does, too."""
    scale = min(height / image.shape[0], width / image.shape[1])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    canvas = np.full((height, width, 3), 114, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    return canvas, scale
