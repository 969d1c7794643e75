"""Statistics of the float values of tensors and local values, from which static scales are taken."""

from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.values.refine import OperandStats
from hwsim.engine.values.tensor_store import index_tensors
from hwsim.ir.ops import Op
from hwsim.ir.program import Program
from hwsim.tensor.histogram import Histogram

_PORTION = 1 << 16
"""Values that are collected before they are counted, so that small arrays come cheap."""


@dataclass(slots=True, eq=False)
class _Collected:
    histogram: Histogram = field(default_factory=Histogram)
    waiting: list[NDArray[np.float32]] = field(default_factory=list)
    size: int = 0

    def add(self, values: NDArray[np.float32]) -> None:
        self.waiting.append(np.array(values, np.float32).reshape(-1))
        self.size += values.size
        if self.size >= _PORTION:
            self.counted()

    def counted(self) -> Histogram:
        if self.waiting:
            self.histogram.add(np.concatenate(self.waiting))
            self.waiting, self.size = [], 0
        return self.histogram


class CalibrationStats:
    """Histograms of tensors quantised to at most 8 bits, the largest magnitude of all other values."""

    def __init__(self, program: Program) -> None:
        self._indices = index_tensors(program)
        self._names = {tensor.name: tensor for tensor in program.tensors}
        self._tensors: dict[str, _Collected] = {}
        self._largest: dict[tuple[str, str], float] = {}
        self.operands: OperandStats | None = None
        """What products read, if that is wanted."""

    def see(self, op: Op, name: str, values: NDArray[Any]) -> None:
        """Take note of a result: `name` is a tensor, or a local value of the op's chain."""
        if name in self._names:
            self.see_tensor(name, values)
            return
        key = (op.name, name)
        self._largest[key] = max(self._largest.get(key, 0.0), largest(values))

    def see_tensor(self, name: str, values: NDArray[Any]) -> None:
        """Take note of values of a tensor."""
        tensor = self._names[name]
        if tensor.precision.floating or name in self._indices:
            return
        if tensor.precision.bits <= 8:
            self._tensors.setdefault(name, _Collected()).add(values)
        else:
            self._largest[name, ""] = max(self._largest.get((name, ""), 0.0), largest(values))

    def histogram(self, name: str) -> Histogram:
        """The histogram of a narrow tensor."""
        return self._tensors[name].counted() if name in self._tensors else Histogram()

    def largest_in(self, tensor: str) -> float:
        """The largest magnitude in a wide tensor."""
        return self._largest.get((tensor, ""), 0.0)

    def largest_of(self, op: str, local: str) -> float:
        """The largest magnitude of a local value."""
        return self._largest.get((op, local), 0.0)


def largest(values: NDArray[Any]) -> float:
    """The largest magnitude."""
    return float(max(-values.min(), values.max(), 0)) if values.size else 0.0
