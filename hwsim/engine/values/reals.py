"""What the results of a quantised run stand for, as observers of it see them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.values.floats import OPERANDS
from hwsim.engine.values.integers import IntegerOps
from hwsim.engine.values.spool import Spool
from hwsim.ir.ops import Op, Quantise
from hwsim.ir.program import Program

Array = NDArray[Any]


class Reals:
    """Turns the integers of one run into what they stand for, by the scales of their tensors or of their rows."""

    def __init__(self, program: Program, ops: IntegerOps) -> None:
        self.program, self.ops = program, ops
        self._row_scales: dict[str, Array] = {}

    def of(self, op: Op, name: str, values: Array) -> Array | None:
        """A result in one row: real numbers, or indices as they are; None of operands, and of scales of rows."""
        if name in OPERANDS:
            return None
        if isinstance(op, Quantise):
            if name == op.scales.tensor:
                self._row_scales[op.write.tensor] = values.reshape(-1, 1)
                return None
            scales = self._row_scales[name]
            return np.asarray(values.reshape(len(scales), -1) * scales).reshape(-1)
        if name in self.ops.indices:
            return values.reshape(-1)
        return self.ops.real(name, values).reshape(-1)


class Recorder:
    """Sees the results of a quantised run and keeps them in a spool, as those of a float run are kept."""

    def __init__(self, program: Program, ops: IntegerOps, spool: Spool) -> None:
        self.spool, self._reals = spool, Reals(program, ops)
        self._tensors = {tensor.name for tensor in program.tensors}

    def see(self, op: Op, name: str, values: Array, runs: int = 1) -> None:
        """Keep one result, or those of several runs."""
        flat = self._reals.of(op, name, values) if name in self._tensors else None
        if flat is not None:
            whole = flat.dtype.kind in "iu"
            self.spool.add(f"{op.name} {name}", flat, np.dtype(np.int32 if whole else np.float32))
