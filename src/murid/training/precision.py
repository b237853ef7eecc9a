"""Choose the number format of a training: bfloat16 where the hardware computes it, else float32."""

from __future__ import annotations

import logging
from functools import cache
from typing import Literal

import torch

Precision = Literal["bf16-mixed", "32-true"]

# Instructions that compute bfloat16: AVX-512 and AMX of x86, Neon and SVE of ARM. PyTorch emulates
# the format on other processors, where a step takes several times as long as in float32.
_CPU_FEATURES = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")

_LOGGER = logging.getLogger(__name__)


def choose_precision(bf16: bool) -> Precision:
    """Return the precision of Lightning for `TrainConfig.bf16` on this machine.

    Where bfloat16 is asked for and the hardware lacks it, this is float32, and a warning is logged
    once per process.
    """
    if not bf16:
        return "32-true"
    if has_bf16():
        return "bf16-mixed"
    _warn_once()
    return "32-true"


def has_bf16() -> bool:
    """Return whether the device that Lightning trains on computes bfloat16 in hardware."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if torch.backends.mps.is_available():
        # PyTorch does not tell which of Apple's GPUs have it.
        return False
    return _has_cpu_bf16()


def _has_cpu_bf16() -> bool:
    get_capabilities = getattr(torch.cpu, "get_capabilities", None)
    if get_capabilities is not None:
        capabilities = get_capabilities()
        return any(bool(capabilities.get(name, False)) for name in _CPU_FEATURES)
    # Older releases of PyTorch. Every processor with AMX tiles has AMX for bfloat16.
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


@cache
def _warn_once() -> None:
    _LOGGER.warning(
        "This machine does not compute bfloat16 in hardware, so training runs in float32. "
        "Set bf16 = false to hide this message."
    )
