"""The consumer's formula, for evaluation: a text direction applied to style vectors."""
import numpy as np


def style_direction(relevance, style_std, text_direction, disentanglement):
    r = relevance @ text_direction
    r = np.where(np.abs(r) < disentanglement, 0, r)
    largest = np.abs(r).max()
    return np.zeros_like(r) if largest == 0 else r / largest * style_std
