"""The critic of the adversarial part of a training: a residual discriminator as in StyleGAN2 (Karras et al., 2020).

The generator is supervised to the end, so the critic only has to tell how a render looks, not which one it is.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

from generator import EqualLinear
from layers import EqualConv, Residual, activate

PENALTY = 1.0  # γ of R1
PENALTY_EVERY = 16  # steps: lazy regularisation
GROUP = 4  # pictures whose spread the critic sees at once


class Critic(nn.Module):
    """Picture [n, 3, side, side] -> how real it looks [n]; n is a multiple of `GROUP`."""

    WIDTHS = {128: 32, 64: 64, 32: 128, 16: 192, 8: 256, 4: 256}

    def __init__(self, side):
        super().__init__()
        widths = [w for s, w in self.WIDTHS.items() if s <= side]
        self.stem = EqualConv(3, widths[0], 1)
        self.blocks = nn.ModuleList(Residual(a, b) for a, b in zip(widths, widths[1:]))
        self.last = EqualConv(widths[-1] + 1, widths[-1], 3)
        self.hidden, self.out = EqualLinear(widths[-1] * 16, widths[-1]), EqualLinear(widths[-1], 1)

    def forward(self, x):
        x = activate(self.stem(x))
        for block in self.blocks:
            x = block(x)
        x = torch.cat([x, spread(x)], 1)
        return self.out(activate(self.hidden(activate(self.last(x)).flatten(1))))[:, 0].float()


def spread(x):
    """The mean deviation within groups of pictures, as one more map: shows when all pictures are alike."""
    groups = x.float().unflatten(0, (GROUP, -1))
    deviation = (groups.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
    return deviation.repeat(GROUP)[:, None, None, None].expand(-1, 1, *x.shape[2:]).to(x.dtype)


class Adversary:
    """A critic, how it learns, and what it has to say to a generator."""

    def __init__(self, side, device, half):
        self.critic = Critic(side).to(device, memory_format=torch.channels_last)
        self.adam = torch.optim.Adam(self.critic.parameters(), betas=(0.0, 0.99))
        self.half, self.steps = half, 0

    def learn(self, real, made, rate):
        """One step of the logistic loss, with R1 (Mescheder et al., 2018) now and then."""
        with self.half:
            loss = F.softplus(-self.critic(real)).mean() + F.softplus(self.critic(made.detach())).mean()
        if self.steps % PENALTY_EVERY == 0:
            real = real.detach().requires_grad_(True)
            (slope,) = torch.autograd.grad(self.critic(real).sum(), real, create_graph=True)
            loss = loss + PENALTY / 2 * PENALTY_EVERY * slope.square().sum((1, 2, 3)).mean()
        self.adam.param_groups[0]["lr"] = rate
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        self.steps += 1
        return loss.detach()

    def slope(self, made, supervised, share):
        """The gradient at the pictures `made`: that of the supervised loss, and the critic's, scaled to `share` of it
        (the adaptive weight of VQGAN, Esser et al., 2021, taken at the picture)."""
        (wanted,) = torch.autograd.grad(supervised, made, retain_graph=True)
        with self.half:
            loss = F.softplus(-self.critic(made)).mean()
        (critical,) = torch.autograd.grad(loss, made)
        weight = share * wanted.norm() / critical.norm().clamp_min(1e-12)
        return wanted + weight * critical

    def state_dict(self):
        return {"critic": self.critic.state_dict(), "adam": self.adam.state_dict(), "steps": self.steps}

    def load_state_dict(self, state):
        self.critic.load_state_dict(state["critic"])
        self.adam.load_state_dict(state["adam"])
        self.steps = state["steps"]
