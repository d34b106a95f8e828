"""What the judges share with the training code: the shards, what their numbers mean, and how pictures are drawn."""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "train"), str(HERE.parent / "train_denoiser")]

import captions  # noqa: E402, F401
from dataset import ALONG, ATTRIBUTES, NAMES, Heads, shown, unit_range  # noqa: E402, F401
from direction import style_direction  # noqa: E402, F401
from distances import frechet, kernel_distance, standard  # noqa: E402, F401
from generator import CLASSES  # noqa: E402, F401
from run import Run, arguments, device  # noqa: E402, F401
from schedule import drawn  # noqa: E402, F401
from sentences import Sentences  # noqa: E402, F401
from sheets import save_sheet  # noqa: E402, F401

SIDE = 64  # of the pictures that judges see
# Columns of `params` that say whose head it is: all morphs but those of expressions, and the colour of the skin.
IDENTITY = [*range(181), 206, 207, 208]
