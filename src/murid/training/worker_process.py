"""Set-up of the processes that make images for a training."""

from __future__ import annotations

import cv2
import torch


def use_one_thread() -> None:
    """Use one thread; several processes with several threads each would compete for the cores."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
