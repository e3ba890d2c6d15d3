"""The network: YOLOX-nano in plain PyTorch, 0.9 M parameters, for two labels.

One picture goes in (BGR, 0..255, letterboxed top-left with 114) and one row per grid cell comes out, for the strides
8, 16 and 32: `x y w h objectness fire smoke`. Boxes leave the network raw, as YOLOX exports them:
`centre = (xy + cell) * stride`, `size = exp(wh) * stride`; scores have passed their sigmoid. Every YOLOX reader
therefore reads ours.

Modules are declared in the order in which they run. That order is also the order of the weights in the published
YOLOX-nano file, which is how `pretrained.py` finds each one its place.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LABELS = ("fire", "smoke")
STRIDES = (8, 16, 32)
PRIOR = 0.01  # what a fresh score layer says of every cell: almost nothing is on fire


class Conv(nn.Module):
    """Convolution, normalisation, SiLU.

    Published weights have their normalisation folded into the convolution, so a network that starts from them is built
    with `norm=False`: the folded bias stands for frozen statistics, which is what fine-tuning on few scenes wants, and
    a third of the memory traffic is saved on a CPU.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, norm: bool = True):
        super().__init__()
        padding = 0 if kernel == 6 else kernel // 2  # the stem is padded in `forward`
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=not norm)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.norm(self.conv(x)), inplace=True)


def separable(inputs: int, outputs: int, stride: int, norm: bool) -> nn.Sequential:
    """A 3x3 convolution in two cheap steps: each channel by itself, then across channels."""
    return nn.Sequential(Conv(inputs, inputs, 3, stride, groups=inputs, norm=norm), Conv(inputs, outputs, 1, norm=norm))


class Bottleneck(nn.Module):
    def __init__(self, channels: int, residual: bool, norm: bool):
        super().__init__()
        self.reduce = Conv(channels, channels, 1, norm=norm)
        self.spread = separable(channels, channels, 1, norm)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        y = self.spread(self.reduce(x))
        return x + y if self.residual else y


class Stage(nn.Module):
    """Cross-stage partial layer: half of the channels go through the bottlenecks, half go round them."""

    def __init__(self, inputs: int, outputs: int, depth: int, residual: bool, norm: bool):
        super().__init__()
        half = outputs // 2
        self.through = Conv(inputs, half, 1, norm=norm)
        self.around = Conv(inputs, half, 1, norm=norm)
        self.blocks = nn.Sequential(*(Bottleneck(half, residual, norm) for _ in range(depth)))
        self.merge = Conv(2 * half, outputs, 1, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        return self.merge(torch.cat((self.blocks(self.through(x)), self.around(x)), 1))


class Pyramid(nn.Module):
    """Spatial pyramid pooling: the same place seen through windows of 1, 5, 9 and 13 cells."""

    def __init__(self, channels: int, norm: bool):
        super().__init__()
        self.reduce = Conv(channels, channels // 2, 1, norm=norm)
        self.merge = Conv(channels * 2, channels, 1, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        x = self.reduce(x)
        return self.merge(torch.cat([x] + [F.max_pool2d(x, k, 1, k // 2) for k in (5, 9, 13)], 1))


class Head(nn.Module):
    """One level's decoupled head: what it is, and where."""

    def __init__(self, inputs: int, labels: int, norm: bool, width: int = 64):
        super().__init__()
        self.stem = Conv(inputs, width, 1, norm=norm)
        self.what = nn.Sequential(separable(width, width, 1, norm), separable(width, width, 1, norm))
        self.where = nn.Sequential(separable(width, width, 1, norm), separable(width, width, 1, norm))
        self.label = nn.Conv2d(width, labels, 1)
        self.box = nn.Conv2d(width, 4, 1)
        self.objectness = nn.Conv2d(width, 1, 1)
        for layer in (self.label, self.objectness):
            nn.init.constant_(layer.bias, -math.log((1 - PRIOR) / PRIOR))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        where = self.where(x)
        return torch.cat((self.box(where), self.objectness(where), self.label(self.what(x))), 1).flatten(2)


class Detector(nn.Module):
    def __init__(self, labels: int = len(LABELS), norm: bool = True):
        super().__init__()
        # YOLOX's "focus" (four interleaved quarter pictures) and the 3x3 convolution behind it are, weight for weight,
        # one 6x6 convolution of stride 2. Written so, it is faster and needs no slicing in the exported graph.
        self.stem = Conv(3, 16, 6, 2, norm=norm)
        self.stage2 = nn.Sequential(separable(16, 32, 2, norm), Stage(32, 32, 1, True, norm))
        self.stage3 = nn.Sequential(separable(32, 64, 2, norm), Stage(64, 64, 3, True, norm))
        self.stage4 = nn.Sequential(separable(64, 128, 2, norm), Stage(128, 128, 3, True, norm))
        self.stage5 = nn.Sequential(
            separable(128, 256, 2, norm), Pyramid(256, norm), Stage(256, 256, 1, False, norm)
        )
        # Down the pyramid: what the coarse levels know is told to the fine ones...
        self.reduce5 = Conv(256, 128, 1, norm=norm)
        self.down4 = Stage(256, 128, 1, False, norm)
        self.reduce4 = Conv(128, 64, 1, norm=norm)
        self.down3 = Stage(128, 64, 1, False, norm)
        # ...and up again, with the places now known exactly.
        self.widen3 = separable(64, 64, 2, norm)
        self.up4 = Stage(128, 128, 1, False, norm)
        self.widen4 = separable(128, 128, 2, norm)
        self.up5 = Stage(256, 256, 1, False, norm)
        self.heads = nn.ModuleList(Head(c, labels, norm) for c in (64, 128, 256))

    def forward(self, images: Tensor) -> Tensor:
        """`[batch, cells, 5 + labels]`, everything raw (no sigmoid): what the loss wants."""
        return self.answer(self.look(images))

    def look(self, images: Tensor) -> list[Tensor]:
        """What is seen at each stride, before anything is said of it: `[batch, 64|128|256, height/8|16|32, ...]`."""
        p3 = self.stage3(self.stage2(self.stem(F.pad(images, (2, 2, 2, 2)))))
        p4 = self.stage4(p3)
        p5 = self.stage5(p4)
        top = self.reduce5(p5)
        middle = self.reduce4(self.down4(torch.cat((double(top), p4), 1)))
        fine = self.down3(torch.cat((double(middle), p3), 1))
        mid = self.up4(torch.cat((self.widen3(fine), middle), 1))
        coarse = self.up5(torch.cat((self.widen4(mid), top), 1))
        return [fine, mid, coarse]

    def answer(self, seen: list[Tensor]) -> Tensor:
        levels = [head(level) for head, level in zip(self.heads, seen)]
        return torch.cat(levels, 2).transpose(1, 2)


class Exported(nn.Module):
    """The detector as it is shipped: scores between 0 and 1, boxes raw."""

    def __init__(self, detector: Detector):
        super().__init__()
        self.detector = detector

    def forward(self, images: Tensor) -> Tensor:
        raw = self.detector(images)
        return torch.cat((raw[..., :4], raw[..., 4:].sigmoid()), 2)


def double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def grid(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Cell corner and stride of every output row, for an input of this size."""
    cells, strides = [], []
    for stride in STRIDES:
        y, x = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        cell = torch.stack((x, y), 2).reshape(-1, 2).float()
        cells.append(cell)
        strides.append(torch.full((len(cell), 1), float(stride)))
    return torch.cat(cells), torch.cat(strides)


def decode(raw: Tensor, cells: Tensor, strides: Tensor) -> Tensor:
    """Raw boxes to `x1 y1 x2 y2` in input pixels."""
    centre = (raw[..., :2] + cells) * strides
    half = raw[..., 2:4].clamp(max=8).exp() * strides / 2
    return torch.cat((centre - half, centre + half), -1)


def fold(detector: Detector) -> Detector:
    """The same detector with every normalisation folded into its convolution, as exported."""
    plain = Detector(norm=False)
    wanted = [m for m in plain.modules() if isinstance(m, Conv)]
    given = [m for m in detector.modules() if isinstance(m, Conv)]
    with torch.no_grad():
        for target, source in zip(wanted, given, strict=True):
            if isinstance(source.norm, nn.Identity):
                target.load_state_dict(source.state_dict())
                continue
            scale = source.norm.weight / torch.sqrt(source.norm.running_var + source.norm.eps)
            target.conv.weight.copy_(source.conv.weight * scale[:, None, None, None])
            target.conv.bias.copy_(source.norm.bias - source.norm.running_mean * scale)
        for target, source in zip(plain.heads, detector.heads):
            for name in ("label", "box", "objectness"):
                getattr(target, name).load_state_dict(getattr(source, name).state_dict())
    return plain.eval()
