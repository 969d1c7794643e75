"""How many products of a matrix product have a factor that is zero, counted from its integers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import InvalidValue


def zero_products(act: NDArray[Any], weight: NDArray[Any]) -> int:
    """The products act[m, k] · weight[k, n] of which at least one factor is zero; leading axes are batches.

    Of all m·n products over one k, those without a zero are the non-zero activations times the non-zero weights.

    >>> import numpy as np
    >>> zero_products(np.array([[0, 2], [3, 4]]), np.array([[1, 1, 0], [0, 5, 6]]))
    6
    """
    if act.ndim < 2 or weight.ndim < 2 or act.shape[-1] != weight.shape[-2]:
        raise InvalidValue(
            "act", f"{act.shape} and weight {weight.shape}", "the last axis of act is k, weight's last two k and n"
        )
    if weight.ndim == 2:
        act = act.reshape(-1, act.shape[-1])
    elif act.shape[:-2] != weight.shape[:-2]:
        raise InvalidValue("act", f"{act.shape} and weight {weight.shape}", "batches must agree")
    acts = np.count_nonzero(act, axis=-2).astype(np.int64)
    weights = np.count_nonzero(weight, axis=-1).astype(np.int64)
    batch = int(np.prod(weight.shape[:-2], dtype=np.int64))
    products: int = batch * act.shape[-2] * act.shape[-1] * weight.shape[-1]
    # Python's integers: a long utterance has more products than 63 bits count.
    return products - sum(int(a) * int(w) for a, w in zip(acts.ravel(), weights.ravel(), strict=True))
