"""Cholesky factors of many matrices, in their place.

On a CPU torch first copies a triangle of every matrix, against the order in which it lies in the
memory, and then calls LAPACK; that takes 1.4 to 4 times as long as the call alone, most at powers
of 2 (as measured). So where matrices are large LAPACK is called for each of them: SciPy's, at the
address that it gives to Cython, since its own Python functions would keep the interpreter's lock
and other blocks of heads would wait.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

import torch
from scipy.linalg import cython_lapack
from threadpoolctl import ThreadpoolController
from torch import Tensor

# matrices of more rows are factored by LAPACK itself: fewer cost no more than its calls
SMALL = 64
# dpotrf(uplo, n, a, lda, info), with the int of C
SIGNATURE = b"void (char *, int *, __pyx_t_5scipy_6linalg_13cython_lapack_d *, int *, int *)"

Lapack = Callable[[bytes, ctypes.c_int, int, ctypes.c_int, int], None]


def factor(matrices: Tensor) -> Tensor:
    """Upper triangles U with Uᵀ U = A of symmetric matrices A, in their place.

    Parameters
    ----------
    matrices : (…, k, k)
        Contiguous; what is left below the diagonals is of no use.

    Returns
    -------
    (…) bool
        False where a matrix is not positive definite.
    """
    k = matrices.shape[-1]
    failed = torch.empty(matrices.shape[:-2], dtype=torch.int32, device=matrices.device)
    doubles = matrices.device.type == "cpu" and matrices.dtype == torch.float64
    lapack = _lapack() if doubles and k > SMALL else None
    # a lower triangle of columns, as LAPACK has them, is an upper one of rows
    if lapack is None:
        torch.linalg.cholesky_ex(matrices.mT, out=(matrices.mT, failed))
        return failed == 0
    size, matrix, info = ctypes.c_int(k), matrices.data_ptr(), failed.data_ptr()
    along, next_info = k * k * matrices.element_size(), failed.element_size()
    for number in range(failed.numel()):
        lapack(b"L", size, matrix + number * along, size, info + number * next_info)
    return failed == 0


@cache
def lapack_threads() -> ThreadpoolController:
    """The threads that LAPACK itself may use: one where blocks of heads have one each."""
    return ThreadpoolController().select(user_api="blas")


@cache
def _lapack() -> Lapack | None:
    """SciPy's dpotrf, called without the interpreter's lock; None where it takes other integers."""
    capsule = cython_lapack.__pyx_capi__["dpotrf"]
    named = ctypes.pythonapi.PyCapsule_GetName
    named.restype, named.argtypes = ctypes.c_char_p, [ctypes.py_object]
    address = ctypes.pythonapi.PyCapsule_GetPointer
    address.restype, address.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    signature = named(capsule)
    if signature != SIGNATURE:
        return None
    integer = ctypes.POINTER(ctypes.c_int)
    kind = ctypes.CFUNCTYPE(
        None, ctypes.c_char_p, integer, ctypes.c_void_p, integer, ctypes.c_void_p
    )
    return kind(address(capsule, signature))
