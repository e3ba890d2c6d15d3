"""The YOLO line: Ultralytics, YOLOv5, YOLOv6, YOLOv7, YOLOX."""
import functools
import pathlib
import sys

import numpy as np
import torch

import golden
from support import animate, centred, compared, export, pictures, rgb_unit, top_left

# Logits with this mean and deviation leave some cells above the rest.
SCORES = (-7.0, 1.5)
DISTANCES = (0.0, 1.0)


# === Ultralytics ===

def ultralytics_model(context, config, width, height):
    from ultralytics import YOLO

    yolo = YOLO(config, verbose=False)
    model, head = yolo.model, yolo.model.model[-1]
    inputs = pictures(context, width, height, rgb_unit, top_left if "rtdetr" in config else centred)
    heads = []
    for layers, numbers in [("cv3", SCORES), ("one2one_cv3", SCORES), ("cv2", DISTANCES), ("one2one_cv2", DISTANCES)]:
        for layer in getattr(head, layers, None) or []:
            # Without a distribution over distances, these must be positive of themselves.
            is_plain = numbers is DISTANCES and layer[-1].out_channels == 4
            heads.append((layer[-1], *((3.0, 1.0) if is_plain else numbers)))
    animate(context, model, inputs, heads)
    return yolo


def ultralytics(context, config, side=(320, 320), read=None, **arguments):
    """`side`: height and width."""
    height, width = side
    yolo = ultralytics_model(context, config, width, height)
    context.adopt(yolo.export(format="onnx", imgsz=[height, width], verbose=False, **arguments))
    padded, back = centred(context.picture, width, height)
    outputs = context.run({"images": rgb_unit(padded)})
    boxes, scores, labels = (read or suppressed)(yolo, list(outputs.values()))
    return compared(context, back(boxes), scores, labels)


def suppressed(yolo, outputs):
    from ultralytics.utils.nms import non_max_suppression

    labels = len(yolo.model.names)
    found = non_max_suppression(torch.from_numpy(outputs[0].astype(np.float32)), 0.05, 0.45, nc=labels, max_det=300)[0].numpy()
    return found[:, :4], found[:, 4], found[:, 5]


def end_to_end(_yolo, outputs):
    found = outputs[0][0].astype(np.float32)
    return found[:, :4], found[:, 4], found[:, 5]


def register_ultralytics():
    def add(name, config, family="yolov8", **arguments):
        export(name, "ultralytics", family)(functools.partial(ultralytics, config=config, **arguments))

    for config in ["yolov3-tinyu", "yolov5nu", "yolov5n6u", "yolov6n", "yolov8n", "yolov8n-p2", "yolov8n-p6", "yolov9t", "yolo11n", "yolo12n"]:
        add(f"ultralytics_{config}", f"{config.replace('u', '') if config in ('yolov3-tinyu', 'yolov5nu', 'yolov5n6u') else config}.yaml")
    add("ultralytics_yolov8n_640", "yolov8n.yaml", side=(640, 640))
    add("ultralytics_yolov8n_wide", "yolov8n.yaml", side=(192, 320))
    for opset in (12, 17, 20):
        add(f"ultralytics_yolo11n_opset{opset}", "yolo11n.yaml", opset=opset)
    add("ultralytics_yolo11n_dynamic", "yolo11n.yaml", dynamic=True)
    add("ultralytics_yolo11n_half", "yolo11n.yaml", half=True)
    add("ultralytics_yolo11n_plain", "yolo11n.yaml", simplify=False)
    add("ultralytics_yolo11n_nms", "yolo11n.yaml", "end-to-end", read=end_to_end, nms=True, conf=0.05, iou=0.45)
    add("ultralytics_yolo11n_seg", "yolo11n-seg.yaml")
    add("ultralytics_yolo11n_pose", "yolo11n-pose.yaml")
    # Since 8.4 the heads without suppression come with `nms=False` alone.
    for config in ["yolov10n", "yolo26n"]:
        add(f"ultralytics_{config}", f"{config}.yaml")
        add(f"ultralytics_{config}_e2e", f"{config}.yaml", "end-to-end", read=end_to_end, nms=False)
    add("ultralytics_yolo26n_dynamic", "yolo26n.yaml", "end-to-end", read=end_to_end, nms=False, dynamic=True)
    add("ultralytics_yolo26n_seg", "yolo26n-seg.yaml", "end-to-end", read=end_to_end, nms=False)


register_ultralytics()


@export("ultralytics_rtdetr", "ultralytics", "rt-detr")
def ultralytics_rtdetr(context):
    from ultralytics import RTDETR

    side = 320
    detr = RTDETR("rtdetr-resnet50.yaml")
    head = detr.model.model[-1]
    from support import stretched
    inputs = pictures(context, side, side, rgb_unit, stretched)
    animate(context, detr.model, inputs, [(head.dec_score_head[-1], -4.0, 1.5), (head.dec_bbox_head[-1].layers[-1], 0.0, 1.0)])
    context.adopt(detr.export(format="onnx", imgsz=side, opset=17, verbose=False))
    picture, _ = stretched(context.picture, side, side)
    found = list(context.run({"images": rgb_unit(picture)}).values())[0][0]
    # ultralytics/models/rtdetr/predict.py: the best label of each query; boxes in fractions of the picture.
    scores, labels = found[:, 4:].max(1), found[:, 4:].argmax(1)
    size = np.array([context.picture.width, context.picture.height] * 2)
    boxes = np.concatenate([found[:, :2] - found[:, 2:4] / 2, found[:, :2] + found[:, 2:4] / 2], 1) * size
    return compared(context, boxes, scores, labels)


@export("ultralytics_yolo11n_int8", "ultralytics+onnxruntime", "yolov8")
def ultralytics_int8(context):
    """Static quantisation by ONNX Runtime, QDQ, the decoding at the end left in fp32."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    side = 320
    yolo = ultralytics_model(context, "yolo11n.yaml", side, side)
    plain = yolo.export(format="onnx", imgsz=side, verbose=False)
    tensors = iter([{"images": t.numpy()} for t in pictures(context, side, side, rgb_unit)])

    class Reader(CalibrationDataReader):
        def get_next(self):
            return next(tensors, None)

    last = [node.name for node in __import__("onnx").load(plain).graph.node if "/model.23/" in node.name]
    quantize_static(plain, str(context.file), Reader(), per_channel=True, activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8, nodes_to_exclude=last)
    padded, back = centred(context.picture, side, side)
    boxes, scores, labels = suppressed(yolo, list(context.run({"images": rgb_unit(padded)}).values()))
    return compared(context, back(boxes), scores, labels)


# === YOLOv5 with anchors ===

def old_exporter():
    """torch.onnx.export as it was when these toolchains were written."""
    original = torch.onnx.export
    torch.onnx.export = functools.partial(original, dynamo=False)
    return original


def yolov5(context, config, side=(320, 320), **arguments):
    import yolov5 as package
    from yolov5.export import export_onnx
    from yolov5.models.yolo import DetectionModel
    from yolov5.utils.general import non_max_suppression

    height, width = side
    model = DetectionModel(str(next(pathlib.Path(package.__file__).parent.rglob(config))))
    head = model.model[-1]
    animate(context, model, pictures(context, width, height, rgb_unit), [(m, -4.0, 1.5) for m in head.m])
    model.eval()
    head.inplace, head.dynamic, head.export = False, False, True
    image = torch.zeros(1, 3, height, width)
    model(image)
    original = old_exporter()
    try:
        written, _ = export_onnx(model, image, context.file, arguments.get("opset", 12), False, False)
    finally:
        torch.onnx.export = original
    padded, back = centred(context.picture, width, height)
    out = list(context.run({"images": rgb_unit(padded)}).values())[0]
    found = non_max_suppression(torch.from_numpy(out), 0.02, 0.45, max_det=300)[0].numpy()
    return compared(context, back(found[:, :4]), found[:, 4], found[:, 5])


for config in ["yolov5n", "yolov5n6", "yolov3-tiny"]:
    export(f"yolov5_{config}", "yolov5", "yolov5")(functools.partial(yolov5, config=f"{config}.yaml"))
export("yolov5_yolov5n_640x384", "yolov5", "yolov5")(functools.partial(yolov5, config="yolov5n.yaml", side=(384, 640), opset=17))


# === YOLOv7 ===

# A few layers under the toolchain's own head: what its exports look like is the head's doing.
YOLOV7_SMALL = {
    "nc": 80, "depth_multiple": 1.0, "width_multiple": 1.0,
    "anchors": [[12, 16, 19, 36, 40, 28], [36, 75, 76, 55, 72, 146], [142, 110, 192, 243, 459, 401]],
    "backbone": [[-1, 1, "Conv", [16, 3, 2]], [-1, 1, "Conv", [32, 3, 2]], [-1, 1, "Conv", [64, 3, 2]],
                 [-1, 1, "Conv", [64, 3, 2]], [-1, 1, "Conv", [64, 3, 2]]],
    "head": [[[2, 3, 4], 1, "Detect", ["nc", "anchors"]]],
}


def yolov7(context, form, side=320):
    """`form`: `grid` (decoded), `maps` (raw), `end2end` (suppression in the graph)."""
    import yolov7 as package

    sys.path.insert(0, str(pathlib.Path(package.__file__).parent))
    from yolov7.models.experimental import End2End
    from yolov7.models.yolo import Model
    from yolov7.utils.general import non_max_suppression

    torch.manual_seed(3)
    model = Model(YOLOV7_SMALL)
    head = model.model[-1]
    animate(context, model, pictures(context, side, side, rgb_unit), [(m, -3.0, 2.0) for m in head.m])
    head.export = form == "maps"
    if form == "end2end":
        head.end2end = True
        model = End2End(model, 100, 0.45, 0.02, 640, torch.device("cpu"), 80)
    original = old_exporter()
    try:
        torch.onnx.export(model.eval(), torch.zeros(1, 3, side, side), str(context.file), opset_version=12, input_names=["images"])
    finally:
        torch.onnx.export = original
    padded, back = centred(context.picture, side, side)
    if form == "end2end":
        found = list(context.run({"images": rgb_unit(padded)}).values())[0]
        return compared(context, back(found[:, 1:5]), found[:, 6], found[:, 5])
    # The reference decodes with the toolchain's own layer in either form.
    head.export = False
    with torch.no_grad():
        out = model(torch.from_numpy(rgb_unit(padded)).float())[0]
    found = non_max_suppression(out, 0.02, 0.45)[0].numpy()
    return compared(context, back(found[:, :4]), found[:, 4], found[:, 5])


export("yolov7_grid", "yolov7detect", "yolov5")(functools.partial(yolov7, form="grid"))
export("yolov7_maps", "yolov7detect", "yolov7-maps", asked="yolov7-maps")(functools.partial(yolov7, form="maps"))
export("yolov7_end2end", "yolov7detect", "end-to-end")(functools.partial(yolov7, form="end2end"))


# === YOLOv6 ===

@export("yolov6_n", "yolov6detect", "yolov6")
def yolov6(context):
    import yolov6 as package
    from yolov6.layers.common import RepVGGBlock
    from yolov6.models.yolo import build_model
    from yolov6.utils.config import Config
    from yolov6.utils.nms import non_max_suppression

    torch.manual_seed(3)
    side = 320
    config = Config.fromfile(str(pathlib.Path(package.__file__).parent / "configs" / "yolov6n.py"))
    config.training_mode = "repvgg"  # what the trainer sets
    model = build_model(config, 80, torch.device("cpu"))
    head = model.detect
    heads = [(m, *SCORES) for m in head.cls_preds] + [(m, 3.0, 1.0) for m in head.reg_preds]
    animate(context, model, pictures(context, side, side, rgb_unit), heads)
    # deploy/ONNX/export_onnx.py
    for layer in model.modules():
        if isinstance(layer, RepVGGBlock):
            layer.switch_to_deploy()
    model.export = True
    original = old_exporter()
    try:
        torch.onnx.export(model.eval(), torch.zeros(1, 3, side, side), str(context.file), opset_version=13, input_names=["images"],
                          output_names=["outputs"])
    finally:
        torch.onnx.export = original
    padded, back = centred(context.picture, side, side)
    out = torch.from_numpy(list(context.run({"images": rgb_unit(padded)}).values())[0])
    found = non_max_suppression(out, 0.05, 0.45)[0].numpy()
    return compared(context, back(found[:, :4]), found[:, 4], found[:, 5])


# === YOLOX ===

def yolox(context, name, decoded):
    from yolox.config import YoloxConfig
    from yolox.models.network_blocks import SiLU
    from yolox.utils import postprocess, replace_module

    torch.manual_seed(3)
    config = YoloxConfig.get_named_config(name)
    model = config.get_model().eval()
    width = height = 416
    bgr = golden.nchw
    heads = [(m, *SCORES) for m in model.head.cls_preds] + [(m, 0.0, 2.0) for m in model.head.obj_preds]
    heads += [(m, 0.3, 0.5) for m in model.head.reg_preds]
    animate(context, model, pictures(context, width, height, bgr, top_left), heads)
    # yolox/cli/export_onnx.py
    model = replace_module(model, torch.nn.SiLU, SiLU)
    model.head.decode_in_inference = decoded
    original = old_exporter()
    try:
        torch.onnx.export(model, torch.randn(1, 3, height, width), str(context.file), input_names=["images"],
                          output_names=["output"], opset_version=11)
    finally:
        torch.onnx.export = original
    padded, back = top_left(context.picture, width, height)
    out = torch.from_numpy(context.run({"images": bgr(padded)})["output"])
    if not decoded:
        model.head.hw = [(height // s, width // s) for s in (8, 16, 32)]
        out = model.head.decode_outputs(out, dtype="torch.FloatTensor")
    found = postprocess(out, config.num_classes, 0.001, 0.45, class_agnostic=False)[0].numpy()
    return compared(context, back(found[:, :4]), found[:, 4] * found[:, 5], found[:, 6])


export("yolox_nano", "pixeltable-yolox", "yolox")(functools.partial(yolox, name="yolox-nano", decoded=False))
export("yolox_tiny_decoded", "pixeltable-yolox", "yolox")(functools.partial(yolox, name="yolox-tiny", decoded=True))
