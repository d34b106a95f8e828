"""Contact sheets: rows of small pictures, enlarged without smoothing."""
import numpy as np
from PIL import Image


def to_bytes(images):
    """f32 [n,3,h,w] in [-1,1] -> u8 [n,h,w,3]."""
    x = np.asarray(images, dtype=np.float32)
    x = np.rint((np.clip(x, -1, 1) + 1) * 127.5).astype(np.uint8)
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def save_sheet(images, path, columns):
    pixels = to_bytes(images.detach().numpy() if hasattr(images, "detach") else images)
    side = pixels.shape[1]
    zoom = max(1, 128 // side)
    rows = -(-len(pixels) // columns)
    sheet = Image.new("RGB", (columns * side, rows * side))
    for i, tile in enumerate(pixels):
        sheet.paste(Image.fromarray(tile), (i % columns * side, i // columns * side))
    sheet.resize((sheet.width * zoom, sheet.height * zoom), Image.NEAREST).save(path, optimize=True)
