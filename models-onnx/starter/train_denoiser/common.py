"""What is shared with the other trainings: the renders, the words, and the loop."""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "train"))

import captions  # noqa: E402, F401
from dataset import ATTRIBUTES, NAMES, Heads, pixel_weights  # noqa: E402, F401
from run import Run, device, record  # noqa: E402, F401
from sheets import save_sheet  # noqa: E402, F401

