"""numba decorators of the compiled functions.

numba caches the machine code of each function, including the functions that it calls, and checks
only the file of the function itself for changes. After a change in this folder, or of a constant
that it imports, delete its ``__pycache__``.
"""

from __future__ import annotations

import numba

jit = numba.njit(cache=True, nogil=True, error_model="numpy")

# May reorder sums, which lets the compiler vectorise dot products of embeddings. Not for costs of
# boxes, which must equal those of the reference implementation.
jit_fastmath = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=True)

# For short functions in inner loops.
jit_inline = numba.njit(inline="always", error_model="numpy")
