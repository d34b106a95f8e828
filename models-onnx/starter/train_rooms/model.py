"""BlobGAN with reduced widths, in the layout of its checkpoints, and what the training needs beside it.

Layout network, splatting, decoder and inverter are those of models-onnx/reference, which the converter is tested
against: what is trained here is what `pentimento convert` reads.
"""
import pathlib
import sys

import torch
from torch import nn

# Before the folder of the faces, whose networks are others.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "reference"))
from networks import blobgan  # noqa: E402
from networks.blobgan import Inverter, Layout, normalised  # noqa: E402

from dataset import AREA, PARTS  # noqa: E402

CONFIG = dict(
    size=64, blobs=len(PARTS) - 1, feature=64, style=64, channels=[96, 48, 24],
    noise=80, hidden=256, inverter=[16, 32, 64, 128, 160],
)  # fmt: skip
# What `dataset.described` gives for a part.
DESCRIPTION = len(PARTS) + 10 + 7


class Decoder(blobgan.Decoder):
    """The decoder with free channels at 16, 32, 64."""

    def __init__(self, channels, feature, style):
        nn.Module.__init__(self)
        self.size = blobgan.SMALLEST << (len(channels) - 1)
        self.conv1 = blobgan.StyledConv(feature, channels[0], style)
        self.to_rgb1 = blobgan.ToRGB(channels[0], style)
        self.convs, self.to_rgbs = nn.ModuleList(), nn.ModuleList()
        for before, after in zip(channels, channels[1:]):
            self.convs.append(blobgan.StyledConv(before, after, style, up=True))
            self.convs.append(blobgan.StyledConv(after, after, style))
            self.to_rgbs.append(blobgan.ToRGB(after, style))

    def forward(self, blobs):
        """Fields of blobs, with the background's vectors but without its place, to pictures [n, 3, size, size]."""
        shares = composed(opacities(blobs, self.size))
        # Supervised pictures have no noise: its strengths are zero, and stay so.
        return super().forward(blobs["features"], blobs["styles"], shares, [0.0] * (len(self.convs) + 1))


class Describe(nn.Module):
    """What a part is to the vectors of its blob. For the training only: users get the layout network and inverter."""

    def __init__(self, feature, style, width=160):
        super().__init__()
        self.feature = feature
        self.net = nn.Sequential(nn.Linear(DESCRIPTION, width), nn.LeakyReLU(0.2), nn.Linear(width, width),
                                 nn.LeakyReLU(0.2), nn.Linear(width, feature + style))  # fmt: skip

    def forward(self, described):
        features, styles = self.net(described).split([self.feature, self.net[-1].out_features - self.feature], 2)
        return normalised(features), normalised(styles)


def opacities(blobs, side):
    """What each blob covers, as `blobgan.opacities` has it, without an inverse of matrices."""
    places = torch.arange(side, device=blobs["xs"].device) / side
    xx, xy, yy = (blobs["covs"][..., i, j, None, None] for i, j in ((0, 0), (0, 1), (1, 1)))
    dx = places - blobs["xs"][..., None, None]
    dy = places[:, None] - blobs["ys"][..., None, None]
    distance = dy.square() / yy + (dx - xy / yy * dy).square() / (xx - xy.square() / yy)
    covered = (blobs["sizes"][..., None, None] - distance).sigmoid()
    return torch.cat([torch.ones_like(covered[:, :1]), covered], 1)


composed = blobgan.composed


def places(numbers):
    """The renderer's [n, k, 6] (x, y, size, ln of the axes' ratio, direction) as fields of blobs."""
    xs, ys, sizes, ratio, cos, sin = numbers.unbind(2)
    u, v = torch.stack([cos, sin], 2), torch.stack([-sin, cos], 2)
    outer = lambda x: x[..., :, None] * x[..., None, :]
    ratio = ratio.exp()[..., None, None]
    small = 1e-5 * torch.eye(2, device=numbers.device)
    return dict(xs=xs, ys=ys, sizes=sizes, covs=AREA * (ratio * outer(u) + outer(v) / ratio) + small)


class Generator(nn.Module):
    """Decoder and descriptions, trained together."""

    def __init__(self):
        super().__init__()
        self.decoder = Decoder(CONFIG["channels"], CONFIG["feature"], CONFIG["style"])
        self.describe = Describe(CONFIG["feature"], CONFIG["style"])
        start(self.decoder)

    def blobs(self, numbers, described):
        features, styles = self.describe(described)
        return dict(places(numbers), features=features, styles=styles)

    def forward(self, numbers, described):
        return self.decoder(self.blobs(numbers, described))


def layout():
    net = Layout(CONFIG["blobs"], CONFIG["noise"], CONFIG["hidden"], CONFIG["feature"], CONFIG["style"], area=AREA)
    return start(net, 100.0)


def inverter():
    outputs = (CONFIG["blobs"] + 1) * (1 + CONFIG["feature"] + CONFIG["style"]) + 6 * CONFIG["blobs"]
    return start(Inverter(CONFIG["size"], outputs, CONFIG["inverter"]))


@torch.no_grad()
def start(net, scale=1.0):
    """Normal weights, which layers scale by their fan-in; `scale` undoes the layout network's slow learning."""
    for name, p in net.named_parameters():
        if name.endswith("noise.weight"):
            p.zero_().requires_grad_(False)
        elif name.endswith("bias"):
            p.fill_(1.0 if "modulation" in name else 0.0)
        else:
            p.normal_(0, scale)
    return net


def parts_of(net):
    """Prefixes of a checkpoint of BlobGAN."""
    return {"generator_ema.": net.decoder, "describe.": net.describe}
