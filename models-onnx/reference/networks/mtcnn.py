"""The three networks of MTCNN (Zhang et al., 2016), under the names that facenet-pytorch's files have.

Written from the paper and the layout of the files, to make goldens; nothing here runs in the product.
"""

import torch
from torch import nn
from torch.nn import functional as F

# Convolutions as (outputs, kernel, pool after it or none), then the width of the layer over all places.
PNET = ((10, 3, 2), (16, 3, None), (32, 3, None)), None
RNET = ((28, 3, 3), (48, 3, 3), (64, 2, None)), (576, 128)
ONET = ((32, 3, 3), (64, 3, 3), (64, 3, 2), (128, 2, None)), (1152, 256)


class Stage(nn.Module):
    """Pictures of bytes b as (b - 127.5) / 128 to the probability of a face, offsets of edges and, from O-Net, points."""

    def __init__(self, form):
        super().__init__()
        convolutions, self.dense = form
        self.pools, inputs = [], 3
        for number, (outputs, kernel, pool) in enumerate(convolutions, 1):
            self.add_module(f"conv{number}", nn.Conv2d(inputs, outputs, kernel))
            self.add_module(f"prelu{number}", nn.PReLU(outputs))
            self.pools.append(pool)
            inputs = outputs
        self.last = len(convolutions) + 1
        heads = [2, 4] + ([10] if self.last == 5 else [])
        if self.dense:
            self.add_module(f"dense{self.last}", nn.Linear(*self.dense))
            self.add_module(f"prelu{self.last}", nn.PReLU(self.dense[1]))
            self.last += 1
        self.heads = [f"{'dense' if self.dense else 'conv'}{self.last}_{i}" for i in range(1, len(heads) + 1)]
        for name, outputs in zip(self.heads, heads):
            layer = nn.Linear(self.dense[1], outputs) if self.dense else nn.Conv2d(inputs, outputs, 1)
            self.add_module(name, layer)

    def forward(self, x):
        for number, pool in enumerate(self.pools, 1):
            x = getattr(self, f"prelu{number}")(getattr(self, f"conv{number}")(x))
            if pool:
                x = F.max_pool2d(x, pool, 2, ceil_mode=True)
        if self.dense:
            # The files were made with the axes the other way around: width, height, channels.
            x = x.permute(0, 3, 2, 1).flatten(1)
            number = self.last - 1
            x = getattr(self, f"prelu{number}")(getattr(self, f"dense{number}")(x))
        score, *rest = (getattr(self, name)(x) for name in self.heads)
        return score.softmax(1)[:, 1], *rest
