"""From a checkpoint to the shipped files: ONNX in fp32, and in int8 where that loses (almost) nothing.

The model says everything a reader needs in its own metadata: family, labels, input convention and the threshold chosen
on the held-out scenes. `moshao models inspect` shows it.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

import data
from calibrate import balance
from footage import quiet
from metrics import Predict, answers, average_precision
from model import LABELS, STRIDES, Detector, Exported, fold

VERSION = "1.1.0"
LICENCE = "Apache-2.0 (weights; started from Megvii YOLOX-nano, Apache-2.0; trained on CC-BY-4.0 data named in the card)"
ALLOWED_LOSS = 0.02  # average precision that int8 may cost, per label
HEIGHT, WIDTH = 256, 416
RUN = Path(os.environ.get("MOSHAO_RUN") or Path(__file__).resolve().parent / "runs/moshao-fire")
CALIBRATION = 48  # training pictures that set the int8 ranges


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="data folder (default: $MOSHAO_TEST_DATA or ../shared/data)")
    parser.add_argument("--run", type=Path, default=RUN, help="folder of the training run (%(default)s)")
    parser.add_argument("--models", type=Path, help="where the files go (default: the run's folder)")
    parser.add_argument("--height", type=int, default=HEIGHT, help="of the input, pixels (%(default)s)")
    parser.add_argument("--width", type=int, default=WIDTH, help="of the input, pixels (%(default)s)")
    parser.add_argument("--threshold", type=float, help="write this threshold and examine nothing: for a quick look")
    parser.add_argument("--int8", type=Path, metavar="FILE.onnx", help="only make int8 of this exported file, and say what it costs")
    options = parser.parse_args()
    for name in ("height", "width"):
        if getattr(options, name) < 32 or getattr(options, name) % 32:
            parser.error(f"--{name} {getattr(options, name)}: a multiple of 32")
    if options.threshold is not None and not 0 < options.threshold < 1:
        parser.error(f"--threshold {options.threshold}: between 0 and 1")
    if options.int8:
        if not options.int8.is_file():
            parser.error(f"--int8 {options.int8}: no such file")
        pictures = data.load(data.root(options.data))
        in_eight_bits(options.int8, options.models or options.int8.parent, pictures)
        return
    size = (options.height, options.width)
    ship(options.run, options.models or options.run, options.data, size, options.threshold)


def ship(run: Path, models: Path, where: str | None, size: tuple[int, int] = (HEIGHT, WIDTH), threshold: float | None = None) -> Path:
    """Writes the run's last checkpoint as ONNX, examined and calibrated unless a threshold is given; returns the fp32 file."""
    models.mkdir(parents=True, exist_ok=True)
    plain = models / "moshao-fire.onnx"
    detector = checkpoint(run)
    if threshold is not None:
        write(detector, plain, size)
        describe(plain, size, threshold)
        return plain
    folder = data.root(where)
    pictures = data.load(folder)
    threshold, shifts = balance(detector, pictures.held_out, size)
    write(detector, plain, size)
    threshold = quiet(runner(plain), size, folder / "videos", threshold)
    describe(plain, size, threshold, shifts)
    in_eight_bits(plain, models, pictures)
    return plain


def in_eight_bits(plain: Path, models: Path, pictures: data.Data) -> None:
    """Makes `models/NAME-int8.onnx` of an exported file, prints the figures of both, and keeps it if it costs hardly anything."""
    models.mkdir(parents=True, exist_ok=True)
    eight = models / f"{plain.stem}-int8.onnx"
    model = onnx.load(str(plain))
    size = tuple(d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim[2:])
    facts = {p.key: p.value for p in model.metadata_props}
    if "threshold" not in facts:
        raise SystemExit(f"{plain}: says no threshold in its metadata; only files that this program exported can be made int8")
    quantise(plain, eight, pictures.train, size)
    imprint(eight, size, facts)
    precision = {}
    for file in (plain, eight):
        found = answers(runner(file), pictures.held_out, *size)
        precision[file] = [average_precision(found, pictures.held_out, i) for i in range(len(LABELS))]
        report = {"file": str(file), "bytes": file.stat().st_size, "threshold": facts["threshold"]}
        print(json.dumps(report | {f"ap_{n}": round(v, 4) for n, v in zip(LABELS, precision[file])}), flush=True)
    if any(a - b > ALLOWED_LOSS for a, b in zip(precision[plain], precision[eight])):
        eight.unlink()
        print(f"int8 costs more than {ALLOWED_LOSS} average precision: not kept")


def checkpoint(run: Path) -> Detector:
    file = run / "last.pt"
    if not file.is_file():
        raise SystemExit(f"{file}: no checkpoint there; train first, or name the run's folder with --run")
    state = torch.load(file, map_location="cpu", weights_only=True)
    detector = Detector(norm=state["norm"])
    detector.load_state_dict(state["average"])
    return fold(detector.eval())


def write(detector: Detector, file: Path, size: tuple[int, int]) -> None:
    example = torch.rand(1, 3, *size) * 255
    whole = Exported(detector).eval()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that this exporter is the older one: on purpose, readers know its graphs
        expected = whole(example).numpy()
        torch.onnx.export(
            whole, (example,), str(file), input_names=["images"], output_names=["output"], opset_version=13, dynamo=False
        )
    got = runner(file)(example.numpy())
    worst = float(np.abs(got - expected).max())
    if worst > 1e-3:
        raise SystemExit(f"{file}: the exported model differs from the trained one by {worst}")


def describe(file: Path, size: tuple[int, int], threshold: float, shifts: list[float] | None = None) -> None:
    facts = {
        "family": "yolox",
        "names": str(dict(enumerate(LABELS))),
        "stride": "32",
        "threshold": f"{threshold:.2f}",
        "label_shifts": " ".join(f"{s:.1f}" for s in shifts or [0.0] * len(LABELS)),
        "version": VERSION,
        "license": LICENCE,
        "input": f"images: 1x3x{size[0]}x{size[1]} float32, BGR, 0..255, letterboxed top-left, padded with 114",
        "output": "output: 1xNx7, x y w h raw per grid cell (strides 8, 16, 32), objectness and labels 0..1",
        "description": "Moshao fire and smoke detector; assists and confirms, never the only fire alarm",
    }
    imprint(file, size, facts)


def imprint(file: Path, size: tuple[int, int], facts: dict[str, str]) -> None:
    """Writes the facts and the output's shape into the file."""
    model = onnx.load(str(file))
    # The exporter leaves the output's shape open; readers recognise a family by it.
    cells = sum((size[0] // stride) * (size[1] // stride) for stride in STRIDES)
    for dimension, value in zip(model.graph.output[0].type.tensor_type.shape.dim, (1, cells, 5 + len(LABELS)), strict=True):
        dimension.dim_value = value
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, facts)
    onnx.checker.check_model(model)
    onnx.save(model, str(file))


def runner(file: Path) -> Predict:
    # One thread: several wait for each other by spinning, which where others compute too costs more than it gains.
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def predict(images: np.ndarray) -> np.ndarray:
        return np.concatenate([session.run(None, {"images": image[None]})[0] for image in images])

    return predict


class Pictures(CalibrationDataReader):
    def __init__(self, pictures, size: tuple[int, int]):
        chosen = [pictures[i] for i in np.linspace(0, len(pictures) - 1, CALIBRATION).astype(int)]
        self.rest = iter(chosen)
        self.size = size

    def get_next(self):
        picture = next(self.rest, None)
        if picture is None:
            return None
        image, _ = data.letterbox(picture.image, *self.size)
        return {"images": image.transpose(2, 0, 1)[None].astype(np.float32)}


def quantise(plain: Path, eight: Path, pictures, size: tuple[int, int]) -> None:
    """Static QDQ int8: convolutions in 8 bits. The last layers stay fp32, where a step of 1/255 would be a pixel, and so does
    what follows them: boxes, -8..8, and scores, 0..1, would share one scale, and a score would have sixteen values."""
    last = answering(onnx.load(str(plain)).graph.node)
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(eight),
            Pictures(pictures, size),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=["Conv", "Mul", "Add", "Concat", "MaxPool", "Resize"],
            nodes_to_exclude=last,
        )


def answering(nodes) -> list[str]:
    """The nodes that stay fp32: the stem, the last convolutions, and whatever follows those."""
    kept, answers_of = [], set()
    for node in nodes:
        if ends(node) or answers_of.intersection(node.input):
            answers_of.update(node.output)
            kept.append(node.name)
        elif node.name.startswith("/detector/stem"):
            kept.append(node.name)
    return kept


def ends(node) -> bool:
    return node.op_type == "Conv" and any(f"/{layer}/" in node.name for layer in ("label", "box", "objectness"))


if __name__ == "__main__":
    main()
