"""Arrays that are filled anew for each block of vectors: memory that was touched once is cheaper than new memory."""

from math import prod
from threading import local

import numpy as np

from hwsim.tensor.formats import Array


class Room(local):
    """Arrays by name, those of another thread apart; what they held before means nothing."""

    def __init__(self) -> None:
        self.kept: dict[str, Array] = {}

    def of(
        self, name: str, shape: tuple[int, ...], kind: type[np.generic] | np.dtype[np.generic] = np.float64
    ) -> Array:
        """An array of that shape, in the place of the one of that name before."""
        size, flat = prod(shape), self.kept.get(name)
        if flat is None or flat.size < size or flat.dtype != kind:
            flat = self.kept[name] = np.empty(size, kind)
        return flat[:size].reshape(shape)
