#!/usr/bin/env python3
"""Makes a tiny ONNX model with a known answer for each detector family, and files that must be refused.

Run it where numpy and onnx are installed; it writes families/*.onnx, families.json,
refused/*.onnx and batches/*.onnx beside itself.

Every model looks at the mean of the first channel of its input. The score of its one object appears only where that is
what the family's preparation makes of the test picture (128x128, one colour: red 200, green 100, blue 50), so that a
wrong channel order, mean or scale shows as a missing object.
"""
import json
import math
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
SIDE = 64
RGB = [200.0, 100.0, 50.0]
NAMES = "{0: 'fire', 1: 'smoke', 2: 'person'}"
# The object: centre and size in pixels of the input; label 1. The picture is twice as large.
CX, CY, W, H, LABEL = 36.0, 20.0, 16.0, 24.0, 1
CORNERS = [CX - W / 2, CY - H / 2, CX + W / 2, CY + H / 2]
SCORE = 0.75
# How families prepare the first channel: value in the test picture, mean, deviation.
RGB_PLAIN, RGB_UNIT, RGB_IMAGENET = (RGB[0], 0, 1), (RGB[0], 0, 255), (RGB[0], 123.675, 58.395)
BGR_PLAIN, BGR_UNIT, BGR_IMAGENET = (RGB[2], 0, 1), (RGB[2], 0, 255), (RGB[2], 103.53, 57.375)


def cells(strides):
    return [(x, y, s) for s in strides for y in range(SIDE // s) for x in range(SIDE // s)]


def logit(p):
    return math.log(p / (1 - p))


def build(outputs, first, layout="nchw", element=TensorProto.FLOAT, extras=(), metadata=None, dims=None, tail=()):
    """A model whose outputs are `always + seen * factor`.

    `first` says how the first channel is prepared: its value 0..255 in the test picture, mean and deviation.
    """
    value, mean, deviation = first
    shape = dims or ([1, 3, SIDE, SIDE] if layout == "nchw" else [1, SIDE, SIDE, 3])
    inputs = [helper.make_tensor_value_info("images", element, shape)]
    inputs += [helper.make_tensor_value_info(name, kind, dims) for name, kind, dims in extras]
    constants = [
        numpy_helper.from_array(np.array(0, np.int64), "zero"),
        numpy_helper.from_array(np.array(-(value - mean) / deviation, np.float32), "expected"),
        # 1 up to 2 of 255 away from the expected value, 0 from 12 of 255 on.
        numpy_helper.from_array(np.array(-deviation / 10, np.float32), "slope"),
        numpy_helper.from_array(np.array(1.2, np.float32), "top"),
        numpy_helper.from_array(np.array(0, np.float32), "least"),
        numpy_helper.from_array(np.array(1, np.float32), "most"),
    ]
    nodes = [
        helper.make_node("Cast", ["images"], ["as_float"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["as_float", "zero"], ["channel"], axis=len(shape) - 3 if layout == "nchw" else 3),
        helper.make_node("ReduceMean", ["channel"], ["mean"], keepdims=0),
        helper.make_node("Add", ["mean", "expected"], ["off"]),
        helper.make_node("Abs", ["off"], ["distance"]),
        helper.make_node("Mul", ["distance", "slope"], ["loss"]),
        helper.make_node("Add", ["loss", "top"], ["unbounded"]),
        helper.make_node("Clip", ["unbounded", "least", "most"], ["factor"]),
    ]
    infos = []
    for name, always, seen in outputs:
        kind = TensorProto.INT64 if always.dtype == np.int64 else TensorProto.FLOAT
        infos.append(helper.make_tensor_value_info(name, kind, always.shape))
        constants.append(numpy_helper.from_array(always, f"{name}_always"))
        if seen is None:
            nodes.append(helper.make_node("Identity", [f"{name}_always"], [name]))
        else:
            constants.append(numpy_helper.from_array(seen.astype(np.float32), f"{name}_seen"))
            nodes.append(helper.make_node("Mul", [f"{name}_seen", "factor"], [f"{name}_part"]))
            nodes.append(helper.make_node("Add", [f"{name}_always", f"{name}_part"], [name]))
    nodes, infos, more = (list(nodes), infos, []) if not tail else tail(list(nodes), infos)
    graph = helper.make_graph(nodes, "tiny", inputs, infos, constants + more)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="moshao")
    model.ir_version = 8
    helper.set_model_props(model, metadata or {})
    return model


def by_picture(outputs, names=NAMES, batch="batch"):
    """A model with a batch dimension whose answers differ by picture: scores follow the mean of the first channel.

    Every picture's factor is its own mean, 0..1, so that a batch and single pictures can be compared.
    """
    inputs = [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, SIDE, SIDE])]
    constants = [numpy_helper.from_array(np.array(0, np.int64), "zero")]
    nodes = [
        helper.make_node("Gather", ["images", "zero"], ["channel"], axis=1),
        helper.make_node("ReduceMean", ["channel"], ["factor"], axes=[1, 2], keepdims=0),
    ]
    infos = []
    for name, always, seen in outputs:
        infos.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, *always.shape[1:]]))
        shape = np.array([-1] + [1] * (always.ndim - 1), np.int64)
        constants += [numpy_helper.from_array(a, f"{name}_{n}") for a, n in ((always, "always"), (seen, "seen"), (shape, "shape"))]
        nodes += [
            helper.make_node("Reshape", ["factor", f"{name}_shape"], [f"{name}_factor"]),
            helper.make_node("Mul", [f"{name}_seen", f"{name}_factor"], [f"{name}_part"]),
            helper.make_node("Add", [f"{name}_always", f"{name}_part"], [name]),
        ]
    graph = helper.make_graph(nodes, "tiny", inputs, infos, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="moshao")
    model.ir_version = 8
    helper.set_model_props(model, {"names": names})
    return model


def rows(count, columns):
    return np.zeros((1, count, columns), np.float32)


def families():
    """Name, family, model, expected [label, score, box in pixels of the picture]."""
    box = [2 * v for v in CORNERS]
    answer = [[LABEL, SCORE, *box]]
    named = {"names": NAMES}

    grid = cells([8, 16, 32])
    x, y, s = grid[17]
    always, seen = rows(len(grid), 8), rows(len(grid), 8)
    always[0, 17, :4] = [CX / s - x, CY / s - y, math.log(W / s), math.log(H / s)]
    always[0, 17, 4] = 1.0
    seen[0, 17, 5 + LABEL] = SCORE
    # Some centre far to the right would look decoded; raw offsets stay small.
    yield "yolox_raw", "yolox", build([("output", always, seen)], BGR_PLAIN, metadata=named), answer

    always, seen = rows(len(grid), 8), rows(len(grid), 8)
    for i, (gx, gy, gs) in enumerate(grid):
        always[0, i, :4] = [(gx + 0.5) * gs, (gy + 0.5) * gs, gs, gs]
    always[0, 17, :5] = [CX, CY, W, H, 0.9]
    seen[0, 17, 5 + LABEL] = SCORE / 0.9
    yield "yolox_decoded", "yolox", build([("output", always, seen)], BGR_PLAIN, metadata=named), answer

    always[0, :, 4] = 1.0
    seen[0, 17, 5 + LABEL] = SCORE
    yield "yolov6", "yolov6", build([("outputs", always, seen)], RGB_UNIT, metadata=named), answer

    always, seen = rows(3 * len(grid), 8), rows(3 * len(grid), 8)
    always[0, 40, :5] = [CX, CY, W, H, 0.9]
    seen[0, 40, 5 + LABEL] = SCORE / 0.9
    yield "yolov5", "yolov5", build([("output0", always, seen)], RGB_UNIT, metadata=named), answer

    always, seen = rows(7, len(grid)), rows(7, len(grid))
    always[0, :4, 17] = [CX, CY, W, H]
    seen[0, 4 + LABEL, 17] = SCORE
    v8 = [("output0", always, seen)]
    yield "yolov8", "yolov8", build(v8, RGB_UNIT, metadata=named), answer
    yield "yolov8_fp16", "yolov8", build(v8, RGB_UNIT, element=TensorProto.FLOAT16, metadata=named), answer
    free = {"names": NAMES, "imgsz": f"[{SIDE}, {SIDE}]"}
    yield "yolov8_dynamic", "yolov8", build(v8, RGB_UNIT, metadata=free, dims=["batch", 3, "height", "width"]), answer
    yield "yolov8_nhwc", "yolov8", build(v8, RGB_UNIT, layout="nhwc", metadata=named), answer
    transposed = [("output0", always.transpose(0, 2, 1).copy(), seen.transpose(0, 2, 1).copy())]
    yield "yolov8_transposed", "yolov8", build(transposed, RGB_UNIT, metadata=named), answer

    # LibreYOLO's YOLOv9: corners, in every cell.
    always[0, :4] = np.array([[gx * gs, gy * gs, (gx + 1) * gs, (gy + 1) * gs] for gx, gy, gs in grid]).T
    always[0, :4, 17] = CORNERS
    yield "yolov8_corners", "yolov8", build(v8, RGB_UNIT, metadata=named), answer
    always[0, :4] = 0

    fractions = [CX / SIDE, CY / SIDE, W / SIDE, H / SIDE]
    always[0, :4, 17] = fractions
    yield "yolov8_fractions", "yolov8", build([("output0", always, seen)], RGB_UNIT, metadata=named), answer
    always[0, :4, 17] = [CX, CY, W, H]
    sizes = {"labels": '["fire", "smoke", "person"]', "imgsz": "64", "task": "detect", "end2end": "False"}
    free = ["batch_size", "num_channels", "height", "width"]
    yield "yolov8_free_channels", "yolov8", build(v8, RGB_UNIT, metadata=sizes, dims=free), answer
    yield "yolov8_bytes", "yolov8", build(v8, RGB_PLAIN, element=TensorProto.UINT8, metadata=named), answer
    small = cells([4, 8, 16, 32])
    always, seen = rows(7, len(small)), rows(7, len(small))
    always[0, :4, 17], seen[0, 4 + LABEL, 17] = [CX, CY, W, H], SCORE
    yield "yolov8_p2", "yolov8", build([("output0", always, seen)], RGB_UNIT, metadata=named), answer
    # Two labels, so that a row has six columns as an answer has; not known, so that eighty columns must do.
    always, seen = rows(len(grid), 6), rows(len(grid), 6)
    always[0, 17, :4], seen[0, 17, 4 + LABEL] = [CX, CY, W, H], SCORE
    two = {"names": "{0: 'fire', 1: 'smoke'}"}
    yield "yolov8_transposed_two", "yolov8", build([("output0", always, seen)], RGB_UNIT, metadata=two), answer
    always, seen = rows(len(grid), 84), rows(len(grid), 84)
    always[0, 17, :4], seen[0, 17, 4 + LABEL] = [CX, CY, W, H], SCORE
    yield "yolov8_transposed_coco", "yolov8", build([("output0", always, seen)], RGB_UNIT), answer
    segments, seen = rows(7 + 32, len(grid)), rows(7 + 32, len(grid))
    segments[0, :4, 17], seen[0, 4 + LABEL, 17] = [CX, CY, W, H], SCORE
    segments[0, 7:] = 9
    masks = ("output1", np.zeros((1, 32, 16, 16), np.float32), None)
    task = {"names": NAMES, "task": "segment"}
    yield "yolov8_segment", "yolov8", build([("output0", segments, seen), masks], RGB_UNIT, metadata=task), answer

    def maps(length, anchors=3):
        return [np.full((1, anchors, SIDE // s, SIDE // s, length), -9.0, np.float32) for s in (8, 16, 32)]

    def raw_v5(width, height):
        """Anchor 1 of stride 16, cell (2, 1): offsets and sizes that the last layer would have made."""
        always, seen = maps(8), [np.zeros_like(m) for m in maps(8)]
        shares = [(CX / 16 - 2 + 0.5) / 2, (CY / 16 - 1 + 0.5) / 2, math.sqrt(W / width) / 2, math.sqrt(H / height) / 2]
        always[1][0, 1, 1, 2, :4] = [logit(v) for v in shares]
        always[1][0, 1, 1, 2, 5 + LABEL] = 20
        seen[1][0, 1, 1, 2, 4] = 9 + logit(SCORE)
        return always, seen

    always, seen = raw_v5(62, 45)
    outputs = [(f"map_{i}", always[i], seen[i]) for i in (2, 0, 1)]
    yield "yolov5_maps", "yolov5-maps", build(outputs, RGB_UNIT, metadata=named), answer
    flat = lambda m: m.transpose(0, 1, 4, 2, 3).reshape(1, -1, m.shape[2], m.shape[3]).copy()
    outputs = [(f"map_{i}", flat(always[i]), flat(seen[i])) for i in range(3)]
    yield "yolov5_maps_flat", "yolov5-maps", build(outputs, RGB_UNIT, metadata=named), answer
    always, seen = raw_v5(20, 30)
    own = {"names": NAMES, "anchors": "[[8, 8, 9, 9, 10, 10], [16, 16, 20, 30, 40, 40], [50, 50, 60, 60, 64, 64]]"}
    outputs = [(f"map_{i}", always[i], seen[i]) for i in range(3)]
    yield "yolov5_maps_anchors", "yolov5-maps", build(outputs, RGB_UNIT, metadata=own), answer
    always, seen = raw_v5(62, 45)
    squashed = [1 / (1 + np.exp(-m)) for m in always]
    part = [np.zeros_like(m) for m in seen]
    part[1][0, 1, 1, 2, 4] = SCORE
    squashed[1][0, 1, 1, 2, 4] = 0
    squashed[1][0, 1, 1, 2, 5 + LABEL] = 1
    outputs = [(f"map_{i}", flat(squashed[i].astype(np.float32)), flat(part[i])) for i in range(3)]
    yield "yolov5_maps_activated", "yolov5-maps", build(outputs, RGB_UNIT, metadata=named), answer

    def raw_v8():
        """Cell (4, 2) of stride 8: its middle is the centre of the object."""
        both = []
        for s in (8, 16, 32):
            n = SIDE // s
            scores, seen, bins = np.full((1, 3, n, n), -9.0, np.float32), np.zeros((1, 3, n, n), np.float32), np.zeros((1, 64, n, n), np.float32)
            if s == 8:
                seen[0, LABEL, 2, 4] = 9 + logit(SCORE)
                for side, distance in enumerate([W / 2, H / 2, W / 2, H / 2]):
                    low, part = int(distance // s), distance / s % 1
                    bins[0, side * 16:side * 16 + 16, 2, 4] = -30
                    bins[0, side * 16 + low, 2, 4] = math.log(1 - part)
                    bins[0, side * 16 + low + 1, 2, 4] = math.log(max(part, 1e-12))
            both.append((bins, scores, seen))
        return both

    outputs = [(f"map_{i}", np.concatenate([b, c], 1), np.concatenate([b * 0, s], 1)) for i, (b, c, s) in enumerate(raw_v8())]
    yield "yolov8_maps", "yolov8-maps", build(outputs, RGB_UNIT, metadata=named), answer
    outputs = []
    for i, (bins, scores, seen) in enumerate(raw_v8()):
        outputs += [(f"box_{i}", bins, None), (f"cls_{i}", scores, seen), (f"sum_{i}", scores[:, :1] * 0, None)]
    yield "yolov8_maps_apart", "yolov8-maps", build(outputs[::-1], RGB_UNIT, metadata=named), answer

    boxes, scores, seen = rows(len(grid), 4), rows(len(grid), 3), rows(len(grid), 3)
    boxes[0, 17], seen[0, 17, LABEL] = CORNERS, SCORE
    outputs = [("pred_scores", scores, seen), ("pred_boxes", boxes, None)]
    yield "yolo_nas", "yolo-nas", build(outputs, RGB_UNIT, metadata=named), answer
    found = np.zeros((1, 7), np.float32)
    found[0, 1:5], found[0, 6] = CORNERS, LABEL
    part = np.zeros((1, 7), np.float32)
    part[0, 5] = SCORE
    yield "yolo_nas_flat", "end-to-end", build([("graph2_flat_predictions", found, part)], RGB_UNIT, metadata=named), answer
    # YOLOv7's end-to-end export: the same with the label before the score.
    found, part = np.zeros((1, 7), np.float32), np.zeros((1, 7), np.float32)
    found[0, 1:5], found[0, 5], part[0, 6] = CORNERS, LABEL, SCORE
    yield "yolov7_end2end", "end-to-end", build([("output", found, part)], RGB_UNIT, metadata=named), answer
    labels, scores, part = np.zeros((1, 84), np.int64), np.zeros((1, 84), np.float32), np.zeros((1, 84), np.float32)
    labels[0, 17:19], part[0, 17:19] = LABEL, [SCORE, SCORE / 2]
    boxes[0, 18] = CORNERS
    outputs = [("boxes", boxes, None), ("scores", scores, part), ("class_idx", labels, None)]
    yield "ssd_not_suppressed", "ssd", build(outputs, RGB_UNIT, metadata=named), answer

    scale = [("scale_factor", TensorProto.FLOAT, [1, 2])]
    found, part = np.zeros((2, 6), np.float32), np.zeros((2, 6), np.float32)
    found[0, 0], found[0, 2:], found[1, 0] = LABEL, CORNERS, -1
    part[0, 1] = SCORE
    outputs = [("multiclass_nms3_0.tmp_0", found, part), ("multiclass_nms3_0.tmp_2", np.array([1], np.int64), None)]
    yield "ppyoloe", "pp-yoloe", build(outputs, RGB_UNIT, extras=scale, metadata=named), answer
    shape = [("im_shape", TensorProto.FLOAT, [1, 2]), *scale]
    yield "ppyolo", "paddle", build(outputs, RGB_IMAGENET, extras=shape, metadata=named), answer
    scores, part = rows(3, len(grid)), rows(3, len(grid))
    part[0, LABEL, 17] = SCORE
    outputs = [("tmp_16", boxes, None), ("concat_14.tmp_0", scores, part)]
    yield "ppyoloe_not_suppressed", "pp-yoloe", build(outputs, RGB_UNIT, extras=scale, metadata=named), answer

    found, part, labels = rows(5, 5), rows(5, 5), np.zeros((1, 5), np.int64)
    found[0, 2, :4], part[0, 2, 4], labels[0, 2] = CORNERS, SCORE, LABEL
    outputs = [("dets", found, part), ("labels", labels, None)]
    # The picture is square: where its edge is padded does not show.
    yield "rtmdet", "mmdetection", build(outputs, BGR_IMAGENET, metadata=named), answer

    # Hugging Face's Optimum leaves every dimension free and names no labels.
    logits, part, boxes = rows(20, 80) - 8, rows(20, 80), rows(20, 4)
    boxes[0, 3], part[0, 3, LABEL] = fractions, logit(SCORE) + 8
    outputs = [("logits", logits, part), ("pred_boxes", boxes, None), ("last_hidden_state", rows(20, 16), None)]
    yield "dfine_optimum", "rt-detr", build(outputs, RGB_UNIT, dims=free), answer
    logits, part = rows(20, 92), rows(20, 92)
    logits[0, :, 91] = 20
    logits[0, 3, 91] = 0
    # COCO's category id of label 1 is 2; the other 90 and the last logit make up the rest of the distribution.
    part[0, 3, 2] = math.log(91 * SCORE / (1 - SCORE))
    outputs = [("logits", logits, part), ("pred_boxes", boxes, None)]
    mask = [("pixel_mask", TensorProto.INT64, ["batch_size", 64, 64])]
    yield "detr_optimum", "rt-detr", build(outputs, RGB_IMAGENET, dims=free, extras=mask), answer
    logits, part = rows(20, 91) - 8, rows(20, 91)
    part[0, 3, 2] = logit(SCORE) + 8
    outputs = [("dets", boxes, None), ("labels", logits, part)]
    yield "rfdetr", "rt-detr", build(outputs, RGB_IMAGENET), answer
    always, seen = rows(20, 6) + 0.01, rows(20, 6)
    always[0, 3, :4], seen[0, 3, 4 + LABEL] = fractions, SCORE - 0.01
    yield "rtdetr_ultralytics_two", "rt-detr", build([("output0", always, seen)], RGB_UNIT, metadata=two), answer

    # torchvision: one picture without a batch, names of outputs that say nothing, labels from 1.
    boxes, labels, part = np.zeros((4, 4), np.float32), np.zeros(4, np.int64), np.zeros(4, np.float32)
    boxes[0], labels[0], part[0] = CORNERS, LABEL + 1, SCORE
    outputs = [("2547", boxes, None), ("2549", np.zeros(4, np.float32), part), ("2548", labels, None)]
    free_size = {"names": NAMES, "imgsz": str(SIDE)}
    yield "torchvision_retinanet", "ssd", build(outputs, RGB_UNIT, metadata=free_size, dims=[3, "height", "width"]), answer
    yield "torchvision_coco", "ssd", build(outputs, RGB_UNIT, dims=[3, SIDE, SIDE]), answer
    found, part = np.zeros((1, 1, 3, 7), np.float32), np.zeros((1, 1, 3, 7), np.float32)
    found[0, 0, 0, 1], found[0, 0, 0, 3:], part[0, 0, 0, 2] = LABEL + 1, [v / SIDE for v in CORNERS], SCORE
    found[0, 0, 1, 0] = -1
    yield "openvino_ssd", "ssd", build([("detection_out", found, part)], BGR_PLAIN, metadata=named), answer

    always, seen = rows(20, 6), rows(20, 6)
    always[0, 0, :4], always[0, 0, 5] = CORNERS, LABEL
    seen[0, 0, 4] = SCORE
    yield "yolov10", "end-to-end", build([("output0", always, seen)], RGB_UNIT, metadata=named), answer

    always[0, 0, :4] = [v / SIDE for v in CORNERS]
    yield "yolov10_fractions", "end-to-end", build([("output0", always, seen)], RGB_UNIT, metadata=named), answer
    segments, part = rows(20, 6 + 32), rows(20, 6 + 32)
    segments[0, 0, :4], segments[0, 0, 5], part[0, 0, 4] = CORNERS, LABEL, SCORE
    masks = ("output1", np.zeros((1, 32, 16, 16), np.float32), None)
    task = {"names": NAMES, "task": "segment", "end2end": "True"}
    yield "yolo26_segment", "end-to-end", build([("output0", segments, part), masks], RGB_UNIT, metadata=task), answer
    # One label: rows of six columns, as many as there are cells, are candidates.
    one, part = rows(len(grid), 6), rows(len(grid), 6)
    for i, (gx, gy, gs) in enumerate(grid):
        one[0, i, :4] = [(gx + 0.5) * gs, (gy + 0.5) * gs, gs, gs]
    one[0, 17, :5] = [CX, CY, W, H, 0.9]
    part[0, 17, 5] = SCORE / 0.9
    yield "yolox_one_label", "yolox", build([("output", one, part)], BGR_PLAIN, metadata={"names": "['fire']"}), [[0, *answer[0][1:]]]

    labels, boxes, scores = np.zeros((1, 20), np.int64), rows(20, 4), np.zeros((1, 20), np.float32)
    labels[0, 3], boxes[0, 3] = LABEL, CORNERS
    seen = np.zeros((1, 20), np.float32)
    seen[0, 3] = SCORE
    size = [("orig_target_sizes", TensorProto.INT64, [1, 2])]
    outputs = [("labels", labels, None), ("boxes", boxes, None), ("scores", scores, seen)]
    yield "rtdetr", "rt-detr", build(outputs, RGB_UNIT, extras=size, metadata=named), answer

    logits, seen, boxes = rows(20, 3) - 8, rows(20, 3), rows(20, 4)
    boxes[0, 3] = [CX / SIDE, CY / SIDE, W / SIDE, H / SIDE]
    seen[0, 3, LABEL] = logit(SCORE) + 8
    outputs = [("pred_logits", logits, seen), ("pred_boxes", boxes, None)]
    yield "rtdetr_raw", "rt-detr", build(outputs, RGB_UNIT, metadata=named), answer

    always, seen = rows(20, 7), rows(20, 7)
    always[0, 3, :4] = [CX / SIDE, CY / SIDE, W / SIDE, H / SIDE]
    seen[0, 3, 4 + LABEL] = SCORE
    yield "rtdetr_ultralytics", "rt-detr", build([("output0", always, seen)], RGB_UNIT, metadata=named), answer

    def distribution(strides, origin, index):
        # All four distances as a distribution over two neighbouring bins.
        gx, gy, gs = cells(strides)[index]
        px, py = (gx + origin) * gs, (gy + origin) * gs
        bins = np.full((4, 8), -30.0, np.float32)
        for side, distance in enumerate([px - CORNERS[0], py - CORNERS[1], CORNERS[2] - px, CORNERS[3] - py]):
            low = int(distance // gs)
            part = distance / gs - low
            bins[side, low] = math.log(max(1 - part, 1e-12))
            bins[side, low + 1] = math.log(max(part, 1e-12))
        return bins.reshape(-1)

    def paired(strides, shuffled):
        outputs = []
        index = 2 * (SIDE // 8) + 4  # cell (4, 2) of stride 8: its middle is the object's centre
        for s in strides:
            n = (SIDE // s) ** 2
            scores, seen, bins = rows(n, 3), rows(n, 3), rows(n, 32)
            if s == 8:
                seen[0, index, LABEL] = SCORE
                bins[0, index] = distribution(strides, 0.5, index)
            outputs += [(f"dis_{s}", bins, None), (f"cls_{s}", scores, seen)]
        return outputs[::-1] if shuffled else outputs

    yield "nanodet", "nanodet", build(paired([8, 16, 32], True), BGR_IMAGENET, metadata=named), answer
    yield "picodet", "picodet", build(paired([8, 16, 32, 64], False), RGB_IMAGENET, metadata=named), answer

    strides = [8, 16, 32, 64]
    always, seen = rows(len(cells(strides)), 35), rows(len(cells(strides)), 35)
    index = 2 * (SIDE // 8) + 4
    always[0, index, 3:] = distribution(strides, 0.0, index)
    seen[0, index, LABEL] = SCORE
    yield "nanodet_plus", "nanodet", build([("output", always, seen)], BGR_IMAGENET, metadata=named), answer

    n = SIDE // 16
    always, seen = np.zeros((1, 8, n, n), np.float32), np.zeros((1, 8, n, n), np.float32)
    always[0, 0, 1, 2] = 0.9
    always[0, 1:5, 1, 2] = [math.atanh(CX / 16 - 2), math.atanh(CY / 16 - 1), logit(W / SIDE), logit(H / SIDE)]
    seen[0, 5 + LABEL, 1, 2] = (SCORE / 0.9**0.6) ** 2.5
    # The factor multiplies a score that is raised to 0.4 afterwards; it is 1 where all is right.
    yield "fastestdet", "fastestdet", build([("out", always, seen)], BGR_UNIT, metadata=named), answer

    anchors = [16, 24, 8, 8, 30, 30, 40, 40, 50, 50, 60, 60]
    outputs = []
    for s in (16, 32):
        n = SIDE // s
        reg, obj, cls = (np.zeros((1, c, n, n), np.float32) for c in (12, 3, 4))
        obj -= 20
        seen = np.zeros_like(obj)
        if s == 16:
            # Anchor 0 at cell (2, 1): the logistic function gives the offset, and 0.5 the anchor's own size.
            reg[0, :4, 1, 2] = [logit((CX / s - 2 + 0.5) / 2), logit((CY / s - 1 + 0.5) / 2), 0, 0]
            cls[0, LABEL, 1, 2] = 30
            seen[0, 0, 1, 2] = 20 + logit(SCORE)
        outputs += [(f"reg_{s}", reg, None), (f"obj_{s}", obj, seen), (f"cls_{s}", cls, None)]
    four = {"names": "['fire', 'smoke', 'person', 'car']", "anchors": json.dumps(anchors)}
    yield "yolo_fastestv2", "yolo-fastestv2", build(outputs, BGR_UNIT, metadata=four), answer

    boxes, classes = rows(10, 4), np.zeros((1, 10), np.float32)
    boxes[0, 0] = [CORNERS[1] / SIDE, CORNERS[0] / SIDE, CORNERS[3] / SIDE, CORNERS[2] / SIDE]
    classes[0, 0] = LABEL + 1
    seen = np.zeros((1, 10), np.float32)
    seen[0, 0] = SCORE
    outputs = [
        ("detection_boxes", boxes, None),
        ("detection_classes", classes, None),
        ("detection_scores", np.zeros((1, 10), np.float32), seen),
        ("num_detections", np.array([1], np.float32), None),
    ]
    yield "ssd_tensorflow", "ssd", build(outputs, RGB_PLAIN, layout="nhwc", element=TensorProto.UINT8, metadata=named), answer

    boxes, labels = np.zeros((10, 4), np.float32), np.zeros(10, np.int64)
    boxes[0], labels[0] = CORNERS, LABEL
    seen = np.zeros(10, np.float32)
    seen[0] = SCORE
    outputs = [("boxes", boxes, None), ("labels", labels, None), ("scores", np.zeros(10, np.float32), seen)]
    yield "ssd_torchvision", "ssd", build(outputs, RGB_UNIT, metadata=named), answer

    priors = 3 * 64 + 2 * 16 + 2 * 4 + 3 * 1
    scores, seen, boxes = rows(priors, 2), rows(priors, 2), rows(priors, 4)
    boxes[0, 7] = [v / SIDE for v in CORNERS]
    seen[0, 7, 1] = SCORE
    outputs = [("scores", scores, seen), ("boxes", boxes, None)]
    yield "ultraface", "ultraface", build(outputs, (RGB[0], 127, 128)), [[0, SCORE, *box]]

    logits = np.array([[0.0, -9.0, 0.0]], np.float32)
    seen = np.array([[0.0, 9 + math.log(2 * SCORE / (1 - SCORE)), 0.0]], np.float32)
    whole = [[LABEL, SCORE, 0.0, 0.0, 2.0 * SIDE, 2.0 * SIDE]]
    yield "classifier", "classifier", build([("logits", logits, seen)], RGB_IMAGENET, metadata=named), whole
    task = {"names": NAMES, "task": "classify"}
    yield "classifier_ultralytics", "classifier", build([("output0", logits, seen)], RGB_UNIT, metadata=task), whole


def quantised(nodes, infos):
    """Boxes and scores quantised together: a step of 2.5 leaves nothing of scores below 1."""
    more = [
        numpy_helper.from_array(np.array(2.5, np.float32), "scale"),
        numpy_helper.from_array(np.array(0, np.uint8), "zero_point"),
    ]
    nodes[-1].output[0] = "before"
    nodes += [
        helper.make_node("QuantizeLinear", ["before", "scale", "zero_point"], ["quantised"]),
        helper.make_node("DequantizeLinear", ["quantised", "scale", "zero_point"], [infos[0].name]),
    ]
    return nodes, infos, more


def endless(model):
    """The same answer, once a loop has ended that never does."""
    scalar = lambda name, kind: helper.make_tensor_value_info(name, kind, [])
    kinds = (TensorProto.INT64, TensorProto.BOOL, TensorProto.FLOAT)
    body = helper.make_graph(
        [helper.make_node("Identity", ["go_on"], ["go_on_out"]), helper.make_node("Add", ["sum", "sum"], ["sum_out"])], "body",
        [scalar(*pair) for pair in zip(("turn", "go_on", "sum"), kinds)],
        [scalar(*pair) for pair in zip(("go_on_out", "sum_out"), kinds[1:])],
    )
    for name, value in (("forever", np.array(True)), ("nothing", np.array(0, np.float32))):
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    out = model.graph.output[0].name
    model.graph.node[-1].output[0] = "answer"
    model.graph.node.append(helper.make_node("Loop", ["", "forever", "nothing"], ["never"], body=body))
    model.graph.node.append(helper.make_node("Add", ["answer", "never"], [out]))
    return model


def refused():
    """Name, model, a word of the reason."""
    named = {"names": NAMES}
    always, seen = rows(7, 84), rows(7, 84)
    seen[0, 5, 17] = SCORE
    outputs = [("output0", always, seen)]
    yield "quantised_together", build(outputs, RGB_UNIT, metadata=named, tail=quantised), "quantised"
    yield "embedding", build([("output", np.zeros((1, 512), np.float32), None)], RGB_UNIT), "re-identification"
    yield "segmentation", build([("output", np.zeros((1, 2, 64, 64), np.float32), None)], RGB_UNIT), "segmentation"
    yield "huge_input", build(outputs, RGB_UNIT, dims=[1, 3, 100000, 100000]), "side of the input"
    yield "not_a_picture", build(outputs, RGB_UNIT, dims=[1, 16]), "picture"

    external = build(outputs, RGB_UNIT)
    tensor = external.graph.initializer[-1]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")
    yield "external", external, "outside the model"

    bomb = build(outputs, RGB_UNIT)
    bomb.graph.initializer.append(numpy_helper.from_array(np.array([1 << 20, 1 << 20], np.int64), "shape"))
    bomb.graph.node.append(helper.make_node("ConstantOfShape", ["shape"], ["bomb"]))
    bomb.graph.output.append(helper.make_tensor_value_info("bomb", TensorProto.FLOAT, ["a", "b"]))
    yield "memory_bomb", bomb, "ConstantOfShape"

    dangling = build(outputs, RGB_UNIT)
    dangling.graph.node[0].input[0] = "nowhere"
    yield "dangling", dangling, "refuses"

    lying = build(outputs, RGB_UNIT)
    lying.graph.initializer[-1].dims[0] = 1 << 40
    yield "lying_weights", lying, "size of the"

    yield "endless", endless(build(outputs, RGB_UNIT)), "without an answer"

    unknown = build(outputs, RGB_UNIT)
    unknown.graph.node[0].op_type = "NoSuchOperator"
    yield "unknown_operator", unknown, "refuses"


def batches():
    """Models with a free batch dimension, and one that was exported for two pictures."""
    always, seen = rows(7, 84), rows(7, 84)
    always[0, :4, 17], seen[0, 4 + LABEL, 17] = [CX, CY, W, H], 1
    yield "free", by_picture([("output0", always, seen)])
    yield "two", by_picture([("output0", always, seen)], batch=2)
    logits, part, boxes = rows(20, 3) - 5, rows(20, 3), rows(20, 4)
    boxes[0, 3], part[0, 3, LABEL] = [CX / SIDE, CY / SIDE, W / SIDE, H / SIDE], 8
    yield "detr", by_picture([("logits", logits, part), ("pred_boxes", boxes, boxes * 0)])


def main():
    for folder in ("families", "refused", "batches"):
        (HERE / folder).mkdir(exist_ok=True)
    cases = []
    for name, family, model, answer in families():
        onnx.save_model(model, HERE / "families" / f"{name}.onnx")
        cases.append({"model": f"families/{name}.onnx", "family": family, "detections": answer})
    for name, model in batches():
        onnx.save_model(model, HERE / "batches" / f"{name}.onnx")
    bad = []
    for name, model, word in refused():
        (HERE / "refused" / f"{name}.onnx").write_bytes(model.SerializeToString())
        bad.append({"model": f"refused/{name}.onnx", "says": word})
    lines = lambda items: "[\n    " + ",\n    ".join(json.dumps(i) for i in items) + "\n  ]"
    (HERE / "families.json").write_text(f'{{\n  "families": {lines(cases)},\n  "refused": {lines(bad)}\n}}\n')


if __name__ == "__main__":
    main()
