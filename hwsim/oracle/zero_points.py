"""Products of numbers with zero points, from their definition: Σ (a - za)(w - zw)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def centred_product(act: NDArray[Any], weight: NDArray[Any], act_zero: int, weight_zero: Any) -> NDArray[Any]:
    """In integers without bounds. `weight_zero` is a number, or one for each column."""
    return np.asarray((act.astype(object) - act_zero) @ (weight.astype(object) - np.asarray(weight_zero, object)))
