"""Weights on their grid so that products of them, not they themselves, come nearest to what they were.

What is made least is Σ (x·w - x·q)² over vectors x that a product read, one column w at a time: a closest point of a
lattice. Babai's nearest plane rounds the last entry, lets those before it make up for its error as far as they can, and
goes on with the last of these; GPTQ (Frantar et al., arXiv 2210.17323) is the same in the other order.
"""

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.grams import add_products, solve_with_triangle, upper_triangle
from hwsim.tensor.quant_params import QuantParams

Doubles = NDArray[np.float64]

DAMPING = 0.01
"""The share of the mean square of inputs that is added to each, so that inputs that never varied are rounded to the
nearest; the default of the authors' program for GPTQ."""


def nearest_plane(weight: Doubles, gram: Doubles, scale: Doubles, zero: Doubles, params: QuantParams) -> Doubles:
    """The values on the grid for a weight[k, n], whose inputs x have the sums Σ x·xᵀ = gram[k, k].

    Scales and zero points are given entry by entry, [k, n].
    """
    factor = triangle(gram)
    if factor is None:
        factor = np.eye(len(gram))
    error, found = np.zeros_like(weight), np.empty_like(weight)
    for place in reversed(range(len(weight))):
        # Not a library's product, which adds in another order for another number of threads.
        behind = factor[place, place + 1 :] / factor[place, place]
        wanted = weight[place] + (behind[:, None] * error[place + 1 :]).sum(axis=0)
        integers = np.clip(np.rint(wanted / scale[place]) + zero[place], params.lowest, params.highest)
        found[place] = (integers - zero[place]) * scale[place]
        error[place] = weight[place] - found[place]
    return found


def triangle(gram: Doubles) -> Doubles | None:
    """The upper triangle R with RᵀR = gram, damped; None where no input ever was anything but zero.

    >>> triangle(np.array([[4.0, 2.0], [2.0, 5.0]])).round(1).tolist()
    [[2.0, 1.0], [0.0, 2.0]]
    """
    damping = _damping(gram)
    if damping <= 0:
        return None
    found = gram.astype(np.float64)
    found[np.diag_indices(len(found))] += damping
    upper_triangle(found)
    return found


def moved_by_what_is_read(weight: Doubles, gram: Doubles, cross: Doubles) -> Doubles:
    """The t with Σ (x·w - y·t)² + λ (w - t)² least, for vectors y that are read in the place of x: their sums are
    Σ y·yᵀ = gram and Σ y·xᵀ = cross, and λ is the damping.

    >>> gram = np.array([[4.0, 0.0], [0.0, 1.0]])
    >>> moved_by_what_is_read(np.array([[1.0], [1.0]]), gram, 2 * gram).round(2).tolist()
    [[1.99], [1.98]]
    """
    factor = triangle(gram)
    if factor is None:
        return weight
    wanted = weight * _damping(gram)
    add_products(np.ascontiguousarray(cross.T), np.ascontiguousarray(weight), wanted)
    solve_with_triangle(factor, wanted)
    return wanted


def _damping(gram: Doubles) -> float:
    return DAMPING * float(np.diag(gram).mean())
