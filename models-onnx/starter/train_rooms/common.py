"""What is shared with the other trainings: the loop, the critic, and distances between sets of pictures."""
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "train"))

from critic import Adversary  # noqa: E402, F401
from distances import frechet, kernel_distance, standard  # noqa: E402, F401
from run import Run, arguments, device, record  # noqa: E402, F401
