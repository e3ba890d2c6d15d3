"""Detectors of other lines: torchvision's."""
import functools

import numpy as np
import torch

from support import animate, compared, export, pictures, rgb_unit, stretched

from detr import from_ids


def torchvision_model(context, name, heads):
    """As PyTorch's documentation exports torchvision's detectors: one picture without a batch, suppression in the graph."""
    from torchvision.models import detection

    torch.manual_seed(3)
    side = 320
    model = getattr(detection, name)(weights=None, weights_backbone=None, num_classes=91, **({} if "ssd" in name else {"min_size": side, "max_size": side})).eval()
    inputs = pictures(context, side, side, rgb_unit, stretched)
    animate(context, model, inputs, heads(model), run=lambda x: model([x[0]]))
    torch.onnx.export(model, ([inputs[0][0]],), str(context.file), opset_version=17, dynamo=False)
    picture, back = stretched(context.picture, side, side)
    session = context.session()
    found = session.run(None, {session.get_inputs()[0].name: rgb_unit(picture)[0].astype(np.float32)})
    boxes = next(o for o in found if o.ndim == 2)
    labels = next(o for o in found if o.dtype == np.int64)
    scores = next(o for o in found if o.ndim == 1 and o.dtype == np.float32)
    return compared(context, *from_ids(back(boxes), scores, labels))


def ssd_heads(model):
    head = model.head
    last = lambda m: m if isinstance(m, torch.nn.Conv2d) else [x for x in m.modules() if isinstance(x, torch.nn.Conv2d)][-1]
    return [(last(m), 0.0, 1.5) for m in head.classification_head.module_list] + [(last(m), 0.0, 1.0) for m in head.regression_head.module_list]


def retina_heads(model):
    return [(model.head.classification_head.cls_logits, -4.0, 1.5), (model.head.regression_head.bbox_reg, 0.0, 0.5)]


for name, heads in [("ssdlite320_mobilenet_v3_large", ssd_heads), ("ssd300_vgg16", ssd_heads), ("retinanet_resnet50_fpn", retina_heads),
                    ("fcos_resnet50_fpn", retina_heads)]:
    export(f"torchvision_{name}", "torchvision", "ssd")(functools.partial(torchvision_model, name=name, heads=heads))
