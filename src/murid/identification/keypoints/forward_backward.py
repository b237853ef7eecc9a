"""The forward-backward algorithm of a chain of two states, compiled by numba.

States are alike or different from frame to frame with some log-likelihood ratio (Rabiner,
Proceedings of the IEEE 1989).
"""

from __future__ import annotations

import numpy as np

from murid.tracking.compiled.jit import jit


@jit
def run_forward_backward(llrs, link_llrs):
    """Return the log-odds of the first state in each frame.

    Parameters
    ----------
    llrs : ndarray
        ``(n,)`` float64 log-likelihood ratio of the first state, of each frame by itself.
    link_llrs : ndarray
        ``(n - 1,)`` float64 log-likelihood ratio that consecutive frames are in the same state.

    Returns
    -------
    forward : ndarray
        ``(n,)`` float64: given this frame and all before.
    both : ndarray
        ``(n,)`` float64: given all frames.
    """
    n = len(llrs)
    forward = np.empty(n)
    both = np.empty(n)
    passed = 0.0
    for k in range(n):
        if k > 0:
            passed = 2 * np.arctanh(np.tanh(forward[k - 1] / 2) * np.tanh(link_llrs[k - 1] / 2))
        forward[k] = passed + llrs[k]
    passed = 0.0
    for k in range(n - 1, -1, -1):
        if k < n - 1:
            later = passed + llrs[k + 1]
            passed = 2 * np.arctanh(np.tanh(later / 2) * np.tanh(link_llrs[k] / 2))
        both[k] = forward[k] + passed
    return forward, both
