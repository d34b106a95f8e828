"""CLIP (Radford et al., 2021) as OpenAI published it, parameter names included: image towers and text tower.

Written from the paper and the layout of the checkpoints, to make goldens and to train small networks against;
nothing here runs in the product.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


class QuickGELU(nn.Module):
    """x * sigmoid(1.702 x), an approximation of GELU that CLIP was trained with."""

    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


def attend(q, k, v, heads, mask=None):
    """Multi-head attention of [batch, tokens, width] tensors that are projected already."""
    split = lambda t: t.unflatten(-1, (heads, -1)).transpose(1, 2)
    q, k, v = split(q), split(k), split(v)
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores + mask
    return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)


class Attention(nn.Module):
    """Self-attention with the three input projections in one matrix, in the order q, k, v."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x, mask):
        q, k, v = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, -1)
        return self.out_proj(attend(q, k, v, self.heads, mask))


class Block(nn.Module):
    """A transformer block with the norms before its two branches."""

    def __init__(self, width, heads, activation):
        super().__init__()
        self.attn = Attention(width, heads)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(width, 4 * width))
        self.mlp.add_module("gelu", activation())
        self.mlp.add_module("c_proj", nn.Linear(4 * width, width))
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x, mask=None):
        x = x + self.attn(self.ln_1(x), mask)
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    def __init__(self, width, layers, heads, activation):
        super().__init__()
        self.resblocks = nn.ModuleList(Block(width, heads, activation) for _ in range(layers))

    def forward(self, x, mask=None):
        for block in self.resblocks:
            x = block(x, mask)
        return x


class VisionTransformer(nn.Module):
    """[n, 3, size, size] (normalised by MEAN and STD) to [n, embedding], not normalised."""

    def __init__(self, size, patch, width, layers, embedding, heads=None, activation=QuickGELU):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty((size // patch) ** 2 + 1, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Transformer(width, layers, heads or width // 64, activation)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(torch.empty(width, embedding))

    def forward(self, x):
        x = self.conv1(x).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(x.shape[0], 1, -1)
        x = torch.cat([first, x], 1) + self.positional_embedding
        x = self.transformer(self.ln_pre(x))
        return self.ln_post(x[:, 0]) @ self.proj


class Bottleneck(nn.Module):
    """A ResNet bottleneck whose strides are average pools, placed before the 1x1 convolutions."""

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        if stride > 1 or inputs != 4 * width:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width))
        else:
            self.downsample = nn.Identity()

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(self.pool(y)))
        return F.relu(y + self.downsample(self.pool(x)))


class AttentionPool(nn.Module):
    """One attention whose query is the mean of all places; keys and values are the mean and the places."""

    def __init__(self, side, width, heads, embedding):
        super().__init__()
        self.heads = heads
        self.positional_embedding = nn.Parameter(torch.empty(side * side + 1, width))
        self.k_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.c_proj = nn.Linear(width, embedding)

    def forward(self, x):
        x = x.flatten(2).transpose(1, 2)
        x = torch.cat([x.mean(1, keepdim=True), x], 1) + self.positional_embedding
        y = attend(self.q_proj(x[:, :1]), self.k_proj(x), self.v_proj(x), self.heads)
        return self.c_proj(y[:, 0])


class ModifiedResNet(nn.Module):
    """[n, 3, size, size] (normalised by MEAN and STD) to [n, embedding], not normalised."""

    def __init__(self, size, width, layers, embedding, heads=None):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width // 2, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width // 2)
        self.conv2 = nn.Conv2d(width // 2, width // 2, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width // 2)
        self.conv3 = nn.Conv2d(width // 2, width, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        inputs = width
        for index, count in enumerate(layers):
            inner = width * 2**index
            blocks = []
            for block in range(count):
                blocks.append(Bottleneck(inputs, inner, 2 if index and not block else 1))
                inputs = 4 * inner
            self.add_module(f"layer{index + 1}", nn.Sequential(*blocks))
        self.attnpool = AttentionPool(size // 32, inputs, heads or width * 32 // 64, embedding)

    def forward(self, x):
        for conv, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)):
            x = F.relu(norm(conv(x)))
        x = F.avg_pool2d(x, 2)
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        return self.attnpool(x)


class CLIP(nn.Module):
    """An image tower (`visual`) and a text tower whose embeddings can be compared by their cosine."""

    def __init__(self, visual, width, layers, embedding, vocabulary=49408, context=77, heads=None, activation=QuickGELU):
        super().__init__()
        self.visual = visual
        self.transformer = Transformer(width, layers, heads or width // 64, activation)
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.empty(context, width))
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, embedding))
        self.logit_scale = nn.Parameter(torch.empty(()))

    def encode_image(self, x):
        return self.visual(x)

    def encode_text(self, ids, causal=True, shift=0):
        """[n, context] token ids to [n, embedding], not normalised. `causal` and `shift` are for tests that must fail."""
        count = ids.shape[1]
        mask = torch.full((count, count), -math.inf, dtype=self.text_projection.dtype).triu(1) if causal else None
        x = self.token_embedding(ids) + self.positional_embedding[:count]
        x = self.ln_final(self.transformer(x, mask))
        end = ids.argmax(-1) + shift  # The end token has the highest id.
        return x[torch.arange(x.shape[0]), end] @ self.text_projection


def vit_b32(**options):
    return CLIP(VisionTransformer(224, 32, 768, 12, 512, **options), 512, 12, 512, **options)


def vit_b16():
    return CLIP(VisionTransformer(224, 16, 768, 12, 512), 512, 12, 512)


def vit_l14():
    return CLIP(VisionTransformer(224, 14, 1024, 24, 768), 768, 12, 768)


def vit_l14_narrow():
    """As many patches, blocks and tokens as the large one has, an eighth as wide in pictures and a quarter in texts."""
    return CLIP(VisionTransformer(224, 14, 128, 24, 96), 192, 12, 96)


def rn50():
    return CLIP(ModifiedResNet(224, 64, (3, 4, 6, 3), 1024), 512, 12, 1024)


def rn101():
    return CLIP(ModifiedResNet(224, 64, (3, 4, 23, 3), 512), 512, 12, 512)


def small(**options):
    """Two layers, two heads, 4x4 patches of a picture of 32: fast enough for every test."""
    return CLIP(VisionTransformer(32, 8, 128, 2, 64, **options), 128, 2, 64, 1000, 24, **options)


def small_resnet():
    return CLIP(ModifiedResNet(64, 16, (2, 1, 1, 1), 64), 128, 2, 64, 1000, 24)


def spread(name, shape):
    """Scale and offset of a tensor's seeded values: signals keep about unit size through any depth."""
    last = name.rsplit(".", 1)[-1]
    if name == "logit_scale":
        return 0.0, 4.60517
    if last == "running_var":
        return 0.4, 1.0
    if last in ("running_mean", "bias", "in_proj_bias"):
        return 0.1, 0.0
    if last in ("class_embedding", "positional_embedding") or name == "token_embedding.weight":
        return 0.8, 0.0
    if len(shape) == 1:  # weights of norms
        return (0.1, 0.3) if ".bn3." in name and "layer" in name else (0.2, 1.0)
    inputs = shape[0] if last in ("proj", "text_projection") else math.prod(shape[1:])
    gain = 6 if len(shape) == 4 else 3  # He's rule before a ReLU; a uniform value has a third of its squared bound.
    return math.sqrt(gain / inputs), 0.0


def layout(model, line):
    """The lines of a layout (`line` of seeded.py) for a model's tensors; the counters of batch norms stay out."""
    shapes = ((name, tuple(value.shape)) for name, value in model.state_dict().items() if value.is_floating_point())
    return [line(name, shape, *spread(name, shape)) for name, shape in shapes]


def load(model, tensors):
    """Fills a model with the tensors of a layout and makes it ready for float64."""
    counters = {name: value for name, value in model.state_dict().items() if not value.is_floating_point()}
    model.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()} | counters)
    return model.double().eval()
