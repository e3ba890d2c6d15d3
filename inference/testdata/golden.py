#!/usr/bin/env python3
"""What the reference implementations find: the numbers that inference/tests/golden.rs compares with.

Independent of the Rust code: pictures are converted and scaled by OpenCV, models run by ONNX Runtime's Python package,
outputs decoded here with numpy as each family's own project does. Run it where ffmpeg, numpy, opencv-python-headless and
onnxruntime are installed, with the folder of test data as argument:

    python3 golden.py ../../../shared/data > golden.json
    python3 golden.py ../../../shared/data --bgr > golden_bgr.json

The first scales the decoder's planes and converts afterwards, in floating point, so that what is compared is the decoding
of the outputs and nothing else: scores must agree to the second digit. The second is all OpenCV, with 8 bits a channel and
its own decoders; small models amplify the last bit of a pixel, int8 ones most, so it can only be compared roughly.

Scores down to 0.02 below the threshold are kept, so that the comparison does not depend on the last digit.
"""
import json
import pathlib
import subprocess
import sys

import cv2
import numpy as np
import onnxruntime

SLACK = 0.02

PICTURES = [
    ("images/bus.jpg", 0),
    ("images/dog.jpg", 0),
    ("images/person.jpg", 0),
    ("videos/one-by-one-person-detection.mp4", 60),
    ("videos/one-by-one-person-detection.mp4", 420),
    ("videos/london_street_TestV4.mp4", 30),
    ("videos/linzaer_test1.mp4", 200),
    ("videos/highway_mpeg4_320x176.avi", 100),
    ("videos/fire_spacewalk01.mp4", 60),
]


class Planes:
    """A picture as YUV planes, which are scaled before they are converted: what the Rust code does, in other words."""

    def __init__(self, folder, name, number):
        path = str(folder / name)
        probe = subprocess.run(
            ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=width,height", "-of", "csv=p=0",
             path], check=True, capture_output=True, text=True)
        self.width, self.height = map(int, probe.stdout.strip().split(","))
        self.full = name.endswith(".jpg")
        raw = subprocess.run(
            ["ffmpeg", "-v", "error", "-i", path, "-vf", f"select=eq(n\\,{number})", "-frames:v", "1", "-f", "rawvideo",
             "-pix_fmt", "yuvj420p" if self.full else "yuv420p", "-"], check=True, capture_output=True).stdout
        luma, chroma = (self.height, self.width), ((self.height + 1) // 2, (self.width + 1) // 2)
        planes = np.frombuffer(raw, np.uint8).astype(np.float32)
        y, u, v = np.split(planes, [luma[0] * luma[1], luma[0] * luma[1] + chroma[0] * chroma[1]])
        self.planes = y.reshape(luma), u.reshape(chroma), v.reshape(chroma)

    def scaled(self, width, height):
        """BGR, 0..255, floating point (ITU-R BT.601)."""
        y, u, v = (cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in self.planes)
        u, v = u - 128, v - 128
        if not self.full:
            y, u, v = (y - 16) * 255 / 219, u * 255 / 224, v * 255 / 224
        return np.clip(np.stack([y + 1.772 * u, y - 0.344136 * u - 0.714136 * v, y + 1.402 * v], axis=2), 0, 255)


class Bgr:
    """A picture as OpenCV reads and scales it: 8 bits a channel throughout."""

    def __init__(self, folder, name, number):
        if name.endswith(".jpg"):
            self.picture = cv2.imread(str(folder / name))
        else:
            video = cv2.VideoCapture(str(folder / name))
            for _ in range(number + 1):
                ok, self.picture = video.read()
                assert ok, (name, number)
        self.height, self.width = self.picture.shape[:2]

    def scaled(self, width, height):
        return cv2.resize(self.picture, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def nchw(picture):
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None].astype(np.float32))


def nms(boxes, scores, labels, iou_threshold, per_class=True):
    """Greedy suppression; boxes are x1, y1, x2, y2."""
    keep = []
    area = np.clip(boxes[:, 2] - boxes[:, 0], 0, None) * np.clip(boxes[:, 3] - boxes[:, 1], 0, None)
    for i in np.argsort(-scores, kind="stable"):
        for k in keep:
            if per_class and labels[i] != labels[k]:
                continue
            w = min(boxes[i, 2], boxes[k, 2]) - max(boxes[i, 0], boxes[k, 0])
            h = min(boxes[i, 3], boxes[k, 3]) - max(boxes[i, 1], boxes[k, 1])
            inter = max(w, 0) * max(h, 0)
            if inter / (area[i] + area[k] - inter + 1e-9) > iou_threshold:
                break
        else:
            keep.append(i)
    return keep


def finish(picture, boxes, scores, labels, iou_threshold, per_class=True):
    boxes, scores, labels = np.asarray(boxes, np.float64).reshape(-1, 4), np.asarray(scores), np.asarray(labels)
    keep = nms(boxes, scores, labels, iou_threshold, per_class)
    boxes = np.clip(boxes, 0, [picture.width, picture.height] * 2)
    return [[int(labels[i]), round(float(scores[i]), 4)] + [round(float(v), 2) for v in boxes[i]] for i in keep]


def centred(picture, side, pad):
    """Letterbox in the middle; returns the input and the way back."""
    height, width = picture.height, picture.width
    ratio = min(side / height, side / width)
    new_w, new_h = int(round(width * ratio)), int(round(height * ratio))
    top, left = (side - new_h) // 2, (side - new_w) // 2
    out = np.full((side, side, 3), pad, np.float32)
    out[top:top + new_h, left:left + new_w] = picture.scaled(new_w, new_h)
    scale = np.array([width / new_w, height / new_h] * 2)
    return out, lambda boxes: (boxes - np.array([left, top] * 2)) * scale


def yolox(session, picture, threshold=0.3):
    # Megvii-BaseDetection/YOLOX: preproc, demo_postprocess, multiclass_nms (class aware).
    side = 416
    ratio = min(side / picture.height, side / picture.width)
    padded = np.full((side, side, 3), 114, np.float32)
    resized = picture.scaled(int(picture.width * ratio), int(picture.height * ratio))
    padded[: resized.shape[0], : resized.shape[1]] = resized
    out = session.run(None, {"images": nchw(padded)})[0][0]
    grids, strides = [], []
    for stride in (8, 16, 32):
        n = side // stride
        xv, yv = np.meshgrid(np.arange(n), np.arange(n))
        grids.append(np.stack((xv, yv), 2).reshape(-1, 2))
        strides.append(np.full((n * n, 1), stride))
    grids, strides = np.concatenate(grids), np.concatenate(strides)
    centre, size = (out[:, :2] + grids) * strides, np.exp(out[:, 2:4]) * strides
    # The exact scale of each axis, where the demo divides both by `ratio`: the resized sides are whole pixels.
    back = np.array([picture.width / resized.shape[1], picture.height / resized.shape[0]] * 2)
    boxes = np.concatenate([centre - size / 2, centre + size / 2], 1) * back
    scores = out[:, 4:5] * out[:, 5:]
    labels, best = scores.argmax(1), scores.max(1)
    chosen = best >= threshold - SLACK
    return finish(picture, boxes[chosen], best[chosen], labels[chosen], 0.45)


def ultralytics(session, picture, threshold=0.25):
    # ultralytics: LetterBox, non_max_suppression (best label only), scale_boxes.
    side = 320
    padded, back = centred(picture, side, 114)
    out = session.run(None, {"images": nchw(padded[:, :, ::-1]) / 255})[0][0].T
    boxes = np.concatenate([out[:, :2] - out[:, 2:4] / 2, out[:, :2] + out[:, 2:4] / 2], 1)
    labels, best = out[:, 4:].argmax(1), out[:, 4:].max(1)
    chosen = best >= threshold - SLACK
    return finish(picture, back(boxes[chosen]), best[chosen], labels[chosen], 0.45)


def nanodet(session, picture, threshold=0.4):
    # RangiLyu/nanodet v0: gfl_head.get_bboxes_single; distances start in the middle of a cell.
    side = 416
    padded, back = centred(picture, side, 0)
    mean, std = np.array([103.53, 116.28, 123.675]), np.array([57.375, 57.12, 58.395])
    outputs = session.run(None, {"input.1": nchw((padded - mean) / std)})
    boxes, scores = [], []
    for stride in (8, 16, 32):
        n = side // stride
        cls = next(o[0] for o in outputs if o.shape[1:] == (n * n, 80))
        reg = next(o[0] for o in outputs if o.shape[1:] == (n * n, 32))
        distance = (softmax(reg.reshape(-1, 4, 8), 2) @ np.arange(8)) * stride
        xv, yv = np.meshgrid((np.arange(n) + 0.5) * stride, (np.arange(n) + 0.5) * stride)
        centre = np.stack([xv.ravel(), yv.ravel()], 1)
        boxes.append(np.clip(np.concatenate([centre - distance[:, :2], centre + distance[:, 2:]], 1), 0, side))
        scores.append(cls)
    boxes, scores = np.concatenate(boxes), np.concatenate(scores)
    labels, best = scores.argmax(1), scores.max(1)
    chosen = best >= threshold - SLACK
    return finish(picture, back(boxes[chosen]), best[chosen], labels[chosen], 0.5)


def fastestdet(session, picture, threshold=0.65):
    # dog-qiuqiu/FastestDet example/onnx-runtime/runtime.py, with bilinear instead of area scaling.
    height, width = picture.height, picture.width
    resized = picture.scaled(352, 352)
    out = session.run(None, {"input.1": nchw(resized) / 255})[0][0].transpose(1, 2, 0)
    boxes, scores, labels = [], [], []
    for h in range(22):
        for w in range(22):
            data = out[h][w]
            score = (data[0] ** 0.6) * (data[5:].max() ** 0.4)
            if score >= threshold - SLACK:
                cx, cy = (w + np.tanh(data[1])) / 22, (h + np.tanh(data[2])) / 22
                bw, bh = sigmoid(data[3]), sigmoid(data[4])
                boxes.append([(cx - bw / 2) * width, (cy - bh / 2) * height, (cx + bw / 2) * width, (cy + bh / 2) * height])
                scores.append(score)
                labels.append(data[5:].argmax())
    return finish(picture, boxes, scores, labels, 0.45, per_class=False)


def yolo_fastestv2(session, picture, threshold=0.3):
    # dog-qiuqiu/Yolo-FastestV2 utils/utils.py: handel_preds.
    height, width = picture.height, picture.width
    anchors = np.array([12.64, 19.39, 37.88, 51.48, 55.71, 138.31, 126.91, 78.23, 131.57, 214.55, 279.92, 258.87]).reshape(2, 3, 2)
    resized = picture.scaled(352, 352)
    outputs = session.run(None, {"input.1": nchw(resized) / 255})
    boxes, scores, labels = [], [], []
    for level, (reg, obj, cls) in enumerate((outputs[:3], outputs[3:])):
        n = reg.shape[2]
        stride = 352 / n
        p = sigmoid(reg[0].reshape(3, 4, n, n).transpose(0, 2, 3, 1))
        o = sigmoid(obj[0])
        c = softmax(cls[0], 0)
        for a in range(3):
            for y in range(n):
                for x in range(n):
                    score = o[a, y, x] * c[:, y, x].max()
                    if score >= threshold - SLACK:
                        bx, by = (p[a, y, x, 0] * 2 - 0.5 + x) * stride, (p[a, y, x, 1] * 2 - 0.5 + y) * stride
                        bw, bh = (p[a, y, x, 2:] * 2) ** 2 * anchors[level, a]
                        box = np.array([bx - bw / 2, by - bh / 2, bx + bw / 2, by + bh / 2]) / 352
                        boxes.append(box * [width, height, width, height])
                        scores.append(score)
                        labels.append(c[:, y, x].argmax())
    return finish(picture, boxes, scores, labels, 0.4)


def ultraface(session, picture, threshold=0.7):
    # Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB run_video_face_detect_onnx.py.
    height, width = picture.height, picture.width
    resized = picture.scaled(320, 240)[:, :, ::-1]
    scores, boxes = session.run(None, {"input": (nchw(resized) - 127) / 128})
    chosen = scores[0, :, 1] >= threshold - SLACK
    boxes = boxes[0][chosen] * [width, height, width, height]
    return finish(picture, boxes, scores[0, chosen, 1], np.zeros(len(boxes), int), 0.5)


MODELS = {
    "yolox_nano.onnx": (yolox, 0.3),
    "yolo11n_int8.onnx": (ultralytics, 0.25),
    "nanodet_m.onnx": (nanodet, 0.4),
    "fastestdet.onnx": (fastestdet, 0.65),
    "yolo-fastestv2.onnx": (yolo_fastestv2, 0.3),
    "ultraface-RFB-320.onnx": (ultraface, 0.7),
}


def main():
    folder, read = pathlib.Path(sys.argv[1]), Bgr if "--bgr" in sys.argv else Planes
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    cases = []
    for model, (reference, threshold) in MODELS.items():
        session = onnxruntime.InferenceSession(str(folder / "models" / model), options)
        for name, number in PICTURES:
            found = reference(session, read(folder, name, number))
            cases.append({"model": model, "threshold": threshold, "input": name, "frame": number, "detections": found})
    rows = ",\n".join(json.dumps(case) for case in cases)
    print(f"[\n{rows}\n]")


if __name__ == "__main__":
    main()
