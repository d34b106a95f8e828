"""Sheets of small pictures, enlarged without smoothing, and blobs drawn over them."""
import numpy as np
from PIL import Image


def save(path, pictures, columns, zoom=2):
    """[n, 3, side, side] in [-1, 1], row by row."""
    pixels = np.rint((np.clip(pictures, -1, 1) + 1) * 127.5).astype(np.uint8).transpose(0, 2, 3, 1)
    side, rows = pixels.shape[1], -(-len(pixels) // columns)
    sheet = Image.new("RGB", (columns * side, rows * side))
    for i, tile in enumerate(pixels):
        sheet.paste(Image.fromarray(tile), (i % columns * side, i // columns * side))
    sheet.resize((sheet.width * zoom, sheet.height * zoom), Image.NEAREST).save(path, optimize=True)


def outlines(pictures, blobs):
    """The pictures, darker, with a line where each blob covers half of what lies below."""
    out = np.clip(pictures, -1, 1) * 0.5 - 0.3
    side = out.shape[-1]
    turn = np.linspace(0, 2 * np.pi, 6 * side)
    circle = np.stack([np.cos(turn), np.sin(turn)])
    colours = np.random.default_rng(3).uniform(-0.2, 1, (blobs["xs"].shape[1], 3))
    for n in range(len(out)):
        for k in range(blobs["xs"].shape[1]):
            size = blobs["sizes"][n, k]
            if not 0 < size < 1e3:
                continue
            root = np.linalg.cholesky(blobs["covs"][n, k])
            x, y = np.sqrt(size) * root @ circle + np.array([[blobs["xs"][n, k]], [blobs["ys"][n, k]]])
            x, y = np.floor(x * side).astype(int), np.floor(y * side).astype(int)
            inside = (x >= 0) & (x < side) & (y >= 0) & (y < side)
            out[n][:, y[inside], x[inside]] = colours[k][:, None]
    return out
