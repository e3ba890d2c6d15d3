"""What all toolchains need: pictures in the forms that models take, weights that give answers, and the comparison's numbers."""
import importlib.metadata
import pathlib
import shutil
import sys

import numpy as np
import onnxruntime
import torch

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import golden  # noqa: E402

PICTURE = "images/bus.jpg"
# Pictures that normalisations learn from.
TRAINING = ["images/bus.jpg", "images/dog.jpg", "images/person.jpg"]
# About so many detections are compared; fewer where a model gives fewer.
WANTED = 40

EXPORTS = {}


def export(name, toolchain, family, **more):
    """Registers a function `(context) -> reference` under a name. `family`: what the model must be taken for."""
    def add(function):
        EXPORTS[name] = dict(function=function, toolchain=toolchain, family=family, **more)
        return function
    return add


class Context:
    """Where an export goes, and pictures in the forms that models take."""

    def __init__(self, data, out, name):
        self.data, self.out, self.name = data, out, name
        self.file = out / f"{name}.onnx"
        self.picture = golden.Planes(data, PICTURE, 0)

    def session(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(str(self.file), options)

    def run(self, inputs):
        """All outputs, by name."""
        session = self.session()
        kinds = {"tensor(float16)": np.float16, "tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(int64)": np.int64}
        wanted = {i.name: kinds[i.type] for i in session.get_inputs()}
        outputs = session.run(None, {name: inputs[name].astype(kind) for name, kind in wanted.items()})
        return dict(zip([o.name for o in session.get_outputs()], outputs))

    def adopt(self, path):
        """Takes what the toolchain wrote."""
        shutil.move(str(path), self.file)


# === pictures ===

def centred(picture, width, height, pad=114):
    """Letterbox in the middle, BGR 0..255; the input and the way back."""
    ratio = min(height / picture.height, width / picture.width)
    new_w, new_h = round(picture.width * ratio), round(picture.height * ratio)
    top, left = (height - new_h) // 2, (width - new_w) // 2
    out = np.full((height, width, 3), pad, np.float32)
    out[top:top + new_h, left:left + new_w] = picture.scaled(new_w, new_h)
    scale = np.array([picture.width / new_w, picture.height / new_h] * 2)
    return out, lambda boxes: (np.asarray(boxes, np.float64).reshape(-1, 4) - np.array([left, top] * 2)) * scale


def top_left(picture, width, height, pad=114):
    """Letterbox with the margin at the right and bottom."""
    ratio = min(height / picture.height, width / picture.width)
    new_w, new_h = int(picture.width * ratio), int(picture.height * ratio)
    out = np.full((height, width, 3), pad, np.float32)
    out[:new_h, :new_w] = picture.scaled(new_w, new_h)
    scale = np.array([picture.width / new_w, picture.height / new_h] * 2)
    return out, lambda boxes: np.asarray(boxes, np.float64).reshape(-1, 4) * scale


def stretched(picture, width, height):
    scale = np.array([picture.width / width, picture.height / height] * 2)
    return picture.scaled(width, height), lambda boxes: np.asarray(boxes, np.float64).reshape(-1, 4) * scale


def rgb_unit(bgr):
    return golden.nchw(bgr[:, :, ::-1]) / 255


def rgb_imagenet(bgr):
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    return golden.nchw((bgr[:, :, ::-1] / 255 - mean) / std)


# === weights ===

def animate(context, model, inputs, heads, run=None):
    """Random weights that give a few clear answers: normalisations learn from `inputs`, and each `(module, mean, deviation)`
    of `heads` is scaled so that its outputs have that mean and deviation over the first input."""
    run = run or model
    torch.manual_seed(1)
    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    momenta = [m.momentum for m in norms]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    with torch.no_grad():
        for tensor in inputs:
            run(tensor)
    model.eval()
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
    with torch.no_grad():
        for module, mean, deviation in heads:
            seen = []
            hook = module.register_forward_hook(lambda _m, _i, output: seen.append(output))
            run(inputs[0])
            hook.remove()
            if not seen:
                continue  # not on the way of an inference: heads that only training uses
            values = torch.cat([s.flatten() for s in seen])
            factor = deviation / max(float(values.std()), 1e-6)
            module.weight.mul_(factor)
            if module.bias is None:
                continue
            module.bias.mul_(factor).add_(mean - float(values.mean()) * factor)


def pictures(context, width, height, form, fit=centred):
    """The pictures that normalisations learn from, as the model takes them."""
    return [torch.from_numpy(form(fit(golden.Planes(context.data, p, 0), width, height)[0])).float() for p in TRAINING]


# === answers ===

def compared(context, boxes, scores, labels):
    """The reference: threshold, and the detections above it. The threshold lies where scores leave the widest gap."""
    boxes = np.clip(np.asarray(boxes, np.float64).reshape(-1, 4), 0, [context.picture.width, context.picture.height] * 2)
    scores, labels = np.asarray(scores, np.float64).reshape(-1), np.asarray(labels).reshape(-1).astype(int)
    order = np.argsort(-scores, kind="stable")
    boxes, scores, labels = boxes[order], scores[order], labels[order]
    whole = (boxes[:, 2] - boxes[:, 0] > 0) & (boxes[:, 3] - boxes[:, 1] > 0)
    boxes, scores, labels = boxes[whole], scores[whole], labels[whole]
    assert len(scores) > 3, f"only {len(scores)} detections"
    few = scores[5:WANTED + 20] if len(scores) > 8 else scores
    gaps = few[:-1] - few[1:]
    place = int(np.argmax(gaps))
    threshold = float((few[place] + few[place + 1]) / 2)
    kept = scores > threshold
    rows = [[int(l), round(float(s), 5)] + [round(float(v), 2) for v in b] for l, s, b in zip(labels[kept], scores[kept], boxes[kept])]
    return {"threshold": threshold, "detections": rows}


def version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "?"
