#!/usr/bin/env python3
"""Makes a tiny ONNX model with a known answer for each detector family, and files that must be refused.

Run it where numpy and onnx are installed; it writes families/*.onnx, families.json and refused/*.onnx beside itself.

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
        helper.make_node("Gather", ["as_float", "zero"], ["channel"], axis=1 if layout == "nchw" else 3),
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

    always, seen = rows(20, 6), rows(20, 6)
    always[0, 0, :4], always[0, 0, 5] = CORNERS, LABEL
    seen[0, 0, 4] = SCORE
    yield "yolov10", "end-to-end", build([("output0", always, seen)], RGB_UNIT, metadata=named), answer

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

    unknown = build(outputs, RGB_UNIT)
    unknown.graph.node[0].op_type = "NoSuchOperator"
    yield "unknown_operator", unknown, "refuses"


def main():
    for folder in ("families", "refused"):
        (HERE / folder).mkdir(exist_ok=True)
    cases = []
    for name, family, model, answer in families():
        onnx.save_model(model, HERE / "families" / f"{name}.onnx")
        cases.append({"model": f"families/{name}.onnx", "family": family, "detections": answer})
    bad = []
    for name, model, word in refused():
        (HERE / "refused" / f"{name}.onnx").write_bytes(model.SerializeToString())
        bad.append({"model": f"refused/{name}.onnx", "says": word})
    lines = lambda items: "[\n    " + ",\n    ".join(json.dumps(i) for i in items) + "\n  ]"
    (HERE / "families.json").write_text(f'{{\n  "families": {lines(cases)},\n  "refused": {lines(bad)}\n}}\n')


if __name__ == "__main__":
    main()
