"""The other starts: general vision, from YOLOX-nano's published COCO weights (Megvii, Apache-2.0), or a detector of ours.

The published file is read straight from the ONNX model zoo of OpenCV. Six hundred fire pictures teach a network what fire is;
they cannot teach it edges, cloth, lamps and people as well, and everything that is *not* fire is what keeps it quiet.
"""

from __future__ import annotations

import hashlib
import os
import urllib.request
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper

from data import letterbox
from model import LABELS, Conv, Detector, Exported

WORST = 1e-3  # most that a value may differ between the file and the network filled from it

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


def restore(detector: Detector, path: Path, picture: np.ndarray, shifts: list[float] | None = None) -> None:
    """Fill a detector built with `norm=False` from a file that `export.py` wrote, to train on where that one stopped.

    The file keeps every weight under its name in `model.py`, with the normalisation folded in. That both then say the
    same of `picture` (BGR bytes) is checked, and the run refused where they do not. Then the shifts of the label scores
    that `calibrate.py` added (from the file's metadata, or as given) are taken back: the loss knows nothing of them.
    """
    try:
        model = onnx.load(str(path))
    except Exception as error:
        raise SystemExit(f"{path}: not an ONNX file ({error})") from error
    graph, facts = model.graph, {p.key: p.value for p in model.metadata_props}
    weights = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    wanted = {f"detector.{name}": value for name, value in detector.state_dict().items()}
    wrong = sorted(n for n, value in wanted.items() if n not in weights or weights[n].shape != value.shape)
    if wrong:
        raise SystemExit(
            f"{path}: not a detector that `export.py` wrote in fp32: {len(wrong)} of {len(wanted)} weights are missing or "
            f"of another shape, the first is {wrong[0]}"
        )
    detector.load_state_dict({name.removeprefix("detector."): weights[name] for name in wanted})
    size = [d.dim_value for d in graph.input[0].type.tensor_type.shape.dim][2:]
    image = letterbox(picture, *size)[0].transpose(2, 0, 1)[None].astype(np.float32)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    said = session.run(None, {graph.input[0].name: image})[0]
    with torch.no_grad():
        says = Exported(detector).eval()(torch.from_numpy(image)).numpy()
    apart = float(np.abs(said - says).max())
    if apart > WORST:
        raise SystemExit(f"{path}: filled from it, the network answers otherwise (by up to {apart:.4f}, allowed {WORST})")
    if shifts is None:
        shifts = [float(v) for v in facts.get("label_shifts", "").split()] or [0.0] * len(LABELS)
    with torch.no_grad():
        for head in detector.heads:
            head.label.bias -= torch.tensor(shifts)
    print(f"started from {path.name}: {len(wanted)} weights, answers equal to within {apart:.1e}; took back {shifts}", flush=True)


def unfocus(kernel: torch.Tensor) -> torch.Tensor:
    """`[16, 12, 3, 3]` over four interleaved quarter pictures, as `[16, 3, 6, 6]` over the picture itself."""
    whole = torch.zeros(kernel.shape[0], 3, 6, 6)
    for quarter, (row, column) in enumerate(((0, 0), (1, 0), (0, 1), (1, 1))):
        whole[:, :, row::2, column::2] = kernel[:, 3 * quarter : 3 * quarter + 3]
    return whole
