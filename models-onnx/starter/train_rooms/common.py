"""What is shared with the other trainings: the loop."""
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "train"))

from run import Run, arguments, device  # noqa: E402, F401
