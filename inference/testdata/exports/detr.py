"""Transformer detectors: Hugging Face's by way of Optimum, RF-DETR."""
import functools
import pathlib
import shutil
import tempfile

import numpy as np
import torch

from support import animate, compared, export, pictures, rgb_imagenet, rgb_unit, stretched

# COCO's category ids, 1 to 90 with gaps, in the order of its eighty labels.
COCO_IDS = [i for i in range(1, 91) if i not in (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)]
SCORES, BOXES = (-4.0, 1.5), (0.0, 1.0)


def fractions(context, boxes):
    """Centre and size in fractions of the picture, as corners in its pixels."""
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    corners = np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1)
    return corners * ([context.picture.width, context.picture.height] * 2)


def from_ids(boxes, scores, labels):
    """Only what is one of COCO's eighty labels, and as which."""
    kept = [i for i, label in enumerate(labels) if int(label) in COCO_IDS]
    return boxes[kept], scores[kept], [COCO_IDS.index(int(labels[i])) for i in kept]


# === Hugging Face ===

def small_resnet():
    from transformers import RTDetrResNetConfig

    return RTDetrResNetConfig(layer_type="basic", depths=[2, 2, 2, 2], hidden_sizes=[64, 128, 256, 512], embedding_size=64,
                              out_features=["stage2", "stage3", "stage4"])


def rtdetr():
    from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrImageProcessor

    config = RTDetrConfig(backbone_config=small_resnet(), encoder_in_channels=[128, 256, 512], decoder_layers=3, num_labels=80,
                          num_queries=100, anchor_image_size=None)
    return RTDetrForObjectDetection(config), RTDetrImageProcessor()


def rtdetr_v2():
    from transformers import RTDetrImageProcessor, RTDetrV2Config, RTDetrV2ForObjectDetection

    config = RTDetrV2Config(backbone_config=small_resnet(), encoder_in_channels=[128, 256, 512], decoder_layers=3, num_labels=80,
                            num_queries=100, anchor_image_size=None)
    return RTDetrV2ForObjectDetection(config), RTDetrImageProcessor()


def dfine():
    from transformers import DFineConfig, DFineForObjectDetection, HGNetV2Config, RTDetrImageProcessor

    backbone = HGNetV2Config(out_features=["stage2", "stage3", "stage4"])
    config = DFineConfig(backbone_config=backbone, encoder_in_channels=[512, 1024, 2048], decoder_layers=3, num_labels=80,
                         num_queries=100, anchor_image_size=None)
    return DFineForObjectDetection(config), RTDetrImageProcessor()


def yolos():
    from transformers import YolosConfig, YolosForObjectDetection, YolosImageProcessor

    config = YolosConfig(hidden_size=96, num_hidden_layers=3, num_attention_heads=3, intermediate_size=192, image_size=[640, 640],
                         num_detection_tokens=100, num_labels=91)
    return YolosForObjectDetection(config), YolosImageProcessor()


def detr():
    from transformers import DetrConfig, DetrForObjectDetection, DetrImageProcessor, ResNetConfig

    backbone = ResNetConfig(depths=[2, 2, 2, 2], hidden_sizes=[64, 128, 256, 512], layer_type="basic", out_features=["stage4"])
    config = DetrConfig(use_timm_backbone=False, backbone_config=backbone, backbone=None, use_pretrained_backbone=False,
                        encoder_layers=2, decoder_layers=2, num_labels=91)
    return DetrForObjectDetection(config), DetrImageProcessor()


def last_layers(model):
    """The layers that give logits and boxes."""
    found = []
    for name, module in model.named_modules():
        if not isinstance(module, torch.nn.Linear):
            continue
        if "class_embed" in name or "class_labels_classifier" in name and name.endswith(("classifier", "layers.2")):
            found.append((module, *SCORES))
        elif ("bbox_embed" in name or "bbox_predictor" in name) and name.endswith("layers.2"):
            found.append((module, *BOXES))
    return found


def hugging_face(context, build, form, side=640, is_coco_ids=False):
    from optimum.exporters.onnx import main_export

    torch.manual_seed(3)
    model, processor = build()
    if hasattr(model, "vit"):
        # Zero at the beginning, which would make all queries alike.
        torch.nn.init.normal_(model.vit.embeddings.detection_tokens)
    inputs = pictures(context, side, side, form, stretched)
    animate(context, model, inputs, last_layers(model), run=lambda x: model(pixel_values=x))
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
        written = pathlib.Path(folder) / "onnx"
        main_export(folder, output=written, task="object-detection", height=side, width=side, do_validation=False)
        context.adopt(written / "model.onnx")
    picture, _ = stretched(context.picture, side, side)
    inputs = {"pixel_values": form(picture), "pixel_mask": np.ones((1, side, side))}
    outputs = {name: torch.from_numpy(value) for name, value in context.run(inputs).items()}
    outputs = type("Outputs", (), {"logits": outputs["logits"], "pred_boxes": outputs["pred_boxes"]})
    size = [(context.picture.height, context.picture.width)]
    found = processor.post_process_object_detection(outputs, threshold=0.005, target_sizes=size)[0]
    answer = found["boxes"].numpy(), found["scores"].numpy(), found["labels"].numpy()
    return compared(context, *(from_ids(*answer) if is_coco_ids else answer))


TOOLS = "transformers+optimum-onnx"
export("hf_rtdetr", TOOLS, "rt-detr")(functools.partial(hugging_face, build=rtdetr, form=rgb_unit))
export("hf_rtdetr_v2", TOOLS, "rt-detr")(functools.partial(hugging_face, build=rtdetr_v2, form=rgb_unit))
export("hf_dfine", TOOLS, "rt-detr")(functools.partial(hugging_face, build=dfine, form=rgb_unit))
export("hf_yolos", TOOLS, "rt-detr")(functools.partial(hugging_face, build=yolos, form=rgb_imagenet, is_coco_ids=True))
export("hf_detr", TOOLS, "rt-detr")(functools.partial(hugging_face, build=detr, form=rgb_imagenet, is_coco_ids=True))


# === RF-DETR ===

@export("rfdetr_nano", "rfdetr", "rt-detr")
def rfdetr(context):
    from rfdetr import RFDETRNano

    torch.manual_seed(3)
    wrapper = RFDETRNano(pretrain_weights=None)
    model = wrapper.model.model
    side = wrapper.model.resolution
    heads = [(model.class_embed, *SCORES), (model.bbox_embed.layers[-1], *BOXES)]
    animate(context, model, pictures(context, side, side, rgb_imagenet, stretched), heads)
    folder = pathlib.Path(tempfile.mkdtemp())
    wrapper.export(output_dir=str(folder))
    context.adopt(next(folder.rglob("*.onnx")))
    shutil.rmtree(folder)
    picture, _ = stretched(context.picture, side, side)
    outputs = context.run({"input": rgb_imagenet(picture)})
    # rfdetr/models/lwdetr.py, PostProcess: the best of all labels of all queries.
    scores = 1 / (1 + np.exp(-outputs["labels"][0]))
    best = np.argsort(-scores.ravel(), kind="stable")[:300]
    queries, labels = best // scores.shape[1], best % scores.shape[1]
    boxes = fractions(context, outputs["dets"][0][queries])
    return compared(context, *from_ids(boxes, scores.ravel()[best], labels))
