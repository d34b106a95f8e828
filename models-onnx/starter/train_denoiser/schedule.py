"""The noise that the denoiser is trained to see through, and how pictures are drawn from it."""
import torch

STEPS, BETA_START, BETA_END = 1000, 0.00085, 0.012


def kept():
    """ᾱ of every step under Stable Diffusion's “scaled linear” schedule."""
    betas = torch.linspace(BETA_START**0.5, BETA_END**0.5, STEPS, dtype=torch.float64).square()
    return (1 - betas).cumprod(0).float()


ALPHAS = kept()


def noised(clean, noise, step):
    """xₜ = √ᾱ x₀ + √(1 − ᾱ) ε and the velocity √ᾱ ε − √(1 − ᾱ) x₀, for steps [n]."""
    alpha = ALPHAS.to(clean.device)[step][:, None, None, None]
    a, b = alpha.sqrt(), (1 - alpha).sqrt()
    return a * clean + b * noise, a * noise - b * clean


def drawn(velocity, states, empty, noise, steps=30, guidance=3.0):
    """Latents by DDIM (Song et al., 2021) under guidance without a classifier (Ho and Salimans, 2022).

    `velocity(sample, timestep, states)` is the denoiser; steps are spread evenly and end with the last (“trailing”).
    """
    x = noise
    times = torch.arange(STEPS, 0, -STEPS / steps).round().long() - 1
    # What is kept at each step, and in the end: everything.
    alphas = torch.cat([ALPHAS[times], torch.ones(1)]).to(noise.device)
    both = torch.cat([states, empty.expand_as(states)])
    for step, alpha, before in zip(times.to(noise.device), alphas, alphas[1:]):
        told, untold = velocity(torch.cat([x, x]), step[None].float(), both).chunk(2)
        v = untold + guidance * (told - untold)
        clean = alpha.sqrt() * x - (1 - alpha).sqrt() * v
        eps = (1 - alpha).sqrt() * x + alpha.sqrt() * v
        x = before.sqrt() * clean + (1 - before).sqrt() * eps
    return x
