"""Weights on their grid so that products of them, not they themselves, come nearest to what they were.

What is made least is Σ (x·w - x·q)² over vectors x that a product read, one column w at a time: a closest point of a
lattice. Babai's nearest plane rounds the last entry, lets those before it make up for its error as far as they can, and
goes on with the last of these; GPTQ (Frantar et al., arXiv 2210.17323) is the same in the other order.
"""

import numpy as np
from numpy.typing import NDArray

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
    left = gram.astype(np.float64)
    mean = float(np.diag(left).mean())
    if mean <= 0:
        return None
    left[np.diag_indices(len(left))] += DAMPING * mean
    found = np.zeros_like(left)
    for place in range(len(left)):
        row = left[place, place:] / np.sqrt(left[place, place])
        found[place, place:] = row
        left[place + 1 :, place + 1 :] -= row[1:, None] * row[None, 1:]
    return found
