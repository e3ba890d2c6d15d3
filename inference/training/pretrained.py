"""The other start: general vision, from YOLOX-nano's published COCO weights (Megvii, Apache-2.0).

The file is read straight from the ONNX model zoo of OpenCV. Six hundred fire pictures teach a network what fire is;
they cannot teach it edges, cloth, lamps and people as well, and everything that is *not* fire is what keeps it quiet.
"""

from __future__ import annotations

import hashlib
import os
import urllib.request
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper

from model import Conv, Detector

URL = (
    "https://github.com/opencv/opencv_zoo/raw/"
    "371cb249700106b50b2f934b7f18df3f9d127473/models/object_detection_yolox/yolox_nano.onnx"
)
SHA256 = "c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d"


def find(data: Path, cache: Path) -> Path:
    """The weights beside the data or in the cache; downloaded once, and only believed if the checksum is right."""
    for path in (data / "models" / "yolox_nano.onnx", cache / "yolox_nano.onnx"):
        if path.is_file() and sha256(path) == SHA256:
            return path
    path = cache / "yolox_nano.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    urllib.request.urlretrieve(os.environ.get("MOSHAO_YOLOX_NANO_URL", URL), part)
    if sha256(part) != SHA256:
        raise SystemExit(f"{URL}: not the file this recipe was made with (expected sha256 {SHA256})")
    part.rename(path)
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load(detector: Detector, path: Path) -> None:
    """Fill a detector built with `norm=False`. Only the label and objectness layers start fresh: COCO has no fire."""
    weights = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in onnx.load(str(path)).graph.initializer}
    # Exporters name folded weights by number, in the order in which they run; ours are declared in that order.
    numbered = sorted((int(n) for n in weights if n.isdigit() and int(n) >= 1178))
    tensors = [weights[str(n)] for n in numbered if weights[str(n)].dtype == torch.float32]
    convs = [m.conv for m in detector.modules() if isinstance(m, Conv)]
    with torch.no_grad():
        for index, conv in enumerate(convs):
            kernel, bias = tensors[2 * index], tensors[2 * index + 1]
            conv.weight.copy_(unfocus(kernel) if index == 0 else kernel)
            conv.bias.copy_(bias)
        for head, box in zip(detector.heads, ("613", "615", "617")):
            head.box.weight.copy_(weights[box])
            head.box.bias.copy_(weights[str(int(box) + 1)])


def unfocus(kernel: torch.Tensor) -> torch.Tensor:
    """`[16, 12, 3, 3]` over four interleaved quarter pictures, as `[16, 3, 6, 6]` over the picture itself."""
    whole = torch.zeros(kernel.shape[0], 3, 6, 6)
    for quarter, (row, column) in enumerate(((0, 0), (1, 0), (0, 1), (1, 1))):
        whole[:, :, row::2, column::2] = kernel[:, 3 * quarter : 3 * quarter + 3]
    return whole
