"""LibreYOLO's many lines, each exported and read by its own runtime: YOLOX, YOLOv9, YOLO-NAS, D-FINE, DEIM, RT-DETR and others."""
import functools
import importlib

import numpy as np
import torch

import golden
from support import animate, centred, compared, export, pictures, rgb_imagenet, rgb_unit, stretched, top_left

LABELS = 80


def heads(model):
    """The layers that give a number for each label, and those that give boxes."""
    found = []
    for name, module in model.named_modules():
        width = getattr(module, "out_channels", getattr(module, "out_features", None))
        if not isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)) or not any(
                w in name for w in ("head", "embed", "score", "cls", "bbox", "pred", "gfl")):
            continue
        if width in (LABELS, LABELS + 32):  # PicoDet's distances come with its labels
            found.append((module, -7.0, 1.5))
        elif width == 1 and "obj" in name:
            found.append((module, 0.0, 2.0))
        elif width in (4, 64, 68, 32, 132):
            found.append((module, 0.0, 1.0))
    assert found, "no heads"
    return found


def libre(context, module, model, size, form, fit, side=320):
    from libreyolo.backends.onnx import OnnxBackend

    torch.manual_seed(3)
    wrapper = getattr(importlib.import_module(f"libreyolo.models.{module}.model"), model)(None, size=size, device="cpu")
    animate(context, wrapper.model, pictures(context, side, side, form, fit), heads(wrapper.model))
    wrapper.export(format="onnx", imgsz=side, output_path=str(context.file), simplify=False)
    picture, _ = fit(context.picture, side, side)
    session = context.session()
    outputs = session.run(None, {session.get_inputs()[0].name: form(picture).astype(np.float32)})
    backend = OnnxBackend(str(context.file), device="cpu")
    width, height = context.picture.width, context.picture.height
    ratio = min(side / width, side / height)
    parsed = backend._parse_outputs(outputs, side, (width, height), 0.05, ratio=ratio, iou=0.45, max_det=300)
    boxes, scores, labels, *_ = backend._unpack_parsed_outputs(parsed)
    found = backend._build_result(boxes, scores, labels, orig_shape=(height, width), image_path=None, iou=0.45, classes=None, max_det=300).boxes
    return compared(context, np.asarray(found.xyxy), np.asarray(found.conf), np.asarray(found.cls))


for name, model, size, family, form, fit in [
    ("yolox", "LibreYOLOX", "n", "yolox", golden.nchw, top_left),
    ("yolo9", "LibreYOLO9", "t", "yolov8", rgb_unit, top_left),
    ("yolonas", "LibreYOLONAS", "s", "yolo-nas", rgb_unit, centred),
    ("dfine", "LibreDFINE", "n", "rt-detr", rgb_unit, stretched),
    ("deim", "LibreDEIM", "n", "rt-detr", rgb_unit, stretched),
    ("rtdetr", "LibreRTDETR", "r18", "rt-detr", rgb_unit, stretched),
    ("rtdetrv2", "LibreRTDETRv2", "r18", "rt-detr", rgb_unit, stretched),
    ("picodet", "LibrePICODET", "s", "picodet", rgb_imagenet, stretched),
    ("ppyoloe", "LibrePPYOLOE", "s", "pp-yoloe", rgb_unit, stretched),
]:
    side = 640 if name.startswith("rtdetr") else 320
    entry = functools.partial(libre, module=name, model=model, size=size, form=form, fit=fit, side=side)
    export(f"libreyolo_{name}", "libreyolo", family)(entry)
