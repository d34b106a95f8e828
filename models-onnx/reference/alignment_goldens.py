"""FFHQ's square of random faces, by the formula of FFHQ's published program in numpy:

    python reference/alignment_goldens.py        ../tests/golden/alignment.json

Each case has 68 points in dlib's order, counted in pixels, and the corners upper left, lower left, lower right, upper
right.
"""

import json
from pathlib import Path

import numpy as np


def quad(points: np.ndarray) -> np.ndarray:
    eye_left, eye_right = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    eye_avg = (eye_left + eye_right) * 0.5
    eye_to_eye = eye_right - eye_left
    mouth_avg = (points[48] + points[54]) * 0.5
    eye_to_mouth = mouth_avg - eye_avg
    x = eye_to_eye - np.flipud(eye_to_mouth) * [-1, 1]
    x /= np.hypot(*x)
    x *= max(np.hypot(*eye_to_eye) * 2.0, np.hypot(*eye_to_mouth) * 1.8)
    y = np.flipud(x) * [-1, 1]
    c = eye_avg + eye_to_mouth * 0.1
    return np.stack([c - x - y, c - x + y, c + x + y, c + x - y])


def face(random: np.random.Generator) -> np.ndarray:
    """Points around those of an upright face, turned, scaled, moved and disturbed."""
    points = random.uniform(-1, 1, (68, 2))
    points[36:42] = random.normal([-0.5, -0.3], 0.08, (6, 2))
    points[42:48] = random.normal([0.5, -0.3], 0.08, (6, 2))
    # Narrow faces and far mouths, so that either distance decides about the size.
    points[:, 0] *= random.uniform(0.2, 1.5)
    points[48], points[54] = random.normal([[-0.3, 0.6], [0.3, 0.6]], 0.1)
    angle = random.uniform(-np.pi, np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points @ turn.T * random.uniform(10, 800) + random.uniform(-200, 4000, 2)).round(3)


random = np.random.default_rng(3)
faces = [face(random) for _ in range(12)]
cases = [{"points": points.tolist(), "quad": quad(points).tolist()} for points in faces]
target = Path(__file__).resolve().parent.parent / "tests/golden/alignment.json"
target.write_text(json.dumps(cases) + "\n")
