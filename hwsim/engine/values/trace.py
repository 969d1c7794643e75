"""The trace of a quantised run: operands, accumulators and results of every op."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.values.floats import OPERANDS
from hwsim.engine.values.integers import IntegerOps
from hwsim.engine.values.spool import Spool
from hwsim.engine.values.tensor_store import TensorStore, outputs
from hwsim.ir.ops import Conv, Elementwise, Gemm, Lookup, Move, Op, Quantise, Reduce, Skew
from hwsim.ir.program import Program
from hwsim.quantities.precision import Precision
from hwsim.quantities.registry import KindTable
from hwsim.results.decoded import Decoded
from hwsim.tensor.carried import Named
from hwsim.tensor.formats import storage
from hwsim.tensor.packing import packed
from hwsim.tensor.quant_params import QuantParams

Array = NDArray[Any]

_NARROW_BITS = 4


class Trace:
    """Collects a run in a spool: for each op `OP/act`, `/weight`, `/acc` and `/out`, scales and zero points beside.

    Results of several runs are stacked along a new first axis. With `pack`, numbers of at most 4 bits are packed along
    their last axis and called `OP/act.packed`; else they have a byte each. `leaving` are the results of the program by
    other names and in other shapes.
    """

    def __init__(
        self, program: Program, spool: Spool, *, pack: bool = False, leaving: Sequence[Named] | None = None
    ) -> None:
        self.program, self.spool, self.pack, self.leaving = program, spool, pack, leaving
        self._ops: IntegerOps | None = None
        self._shapes: dict[str, tuple[int, ...]] = {}

    def watch(self, ops: IntegerOps) -> Any:
        """Begin with these ops, whose parameters are known."""
        self._ops = ops
        return self.see

    def see(self, op: Op, name: str, values: Array, runs: int = 1) -> None:
        """Take down a result, or an operand, of an op, or those of several runs."""
        TRACED_KINDS.of(op)(self, op, name, values, runs)

    def see_result(self, op: Op, name: str, values: Array, runs: int) -> None:
        """Of an op that is traced by its only result: `OP/out`."""
        self._numbers(f"{op.name}/out", name, values, runs)

    def see_chain(self, op: Elementwise, name: str, values: Array, runs: int) -> None:
        """Of a chain with several results each one by its name: `OP/out.NAME`."""
        several = len({view.tensor for _, view in op.writes}) > 1
        self._numbers(f"{op.name}/out" + (f".{name}" if several else ""), name, values, runs)

    def see_quantised(self, op: Quantise, name: str, values: Array, runs: int) -> None:
        """Rows and, beside them, their scales: `OP/out_scale`."""
        if name == op.scales.tensor:
            self.spool.add(f"{op.name}/out_scale", values)
        else:
            self.see_result(op, name, values, runs)

    def see_matrix(self, op: Gemm | Conv, name: str, values: Array, runs: int) -> None:
        """Operands, accumulators and result of a product: `OP/act`, `/weight`, `/acc` and `/out`, with their scales."""
        stacked = values.shape[: runs > 1]
        shape = values.shape[len(stacked) :]
        if isinstance(op, Gemm) and name in OPERANDS and shape[0] == 1:
            shape = shape[1:]
            values = values.reshape(*stacked, *shape)
        if name == "/acc":
            self._shapes[op.name] = shape
            wide = np.float32 if values.dtype.kind == "f" else np.int64 if values.dtype == np.int64 else np.int32
            self.spool.add(f"{op.name}/acc", values, np.dtype(wide), runs)
        elif name == "/act":
            self._numbers(f"{op.name}/act", op.act.tensor, values, runs)
            self._weight(op)
        elif name == "/act_scale":
            self.spool.add(f"{op.name}/act_scale", values)
        elif name == "/weight":
            self._numbers(f"{op.name}/weight", op.weight.tensor, values)
        else:
            flat = isinstance(op, Gemm) and prod(shape) == prod(self._shapes.get(op.name, (0,)))
            shape = self._shapes[op.name] if flat else shape
            self._numbers(f"{op.name}/out", name, values.reshape(*stacked, *shape), runs)

    def _weight(self, op: Gemm | Conv) -> None:
        """Take down a weight that is a parameter, once."""
        assert self._ops is not None
        if f"{op.name}/weight" in self.spool.streams or f"{op.name}/weight.packed" in self.spool.streams:
            return
        if self.program.tensor(op.weight.tensor).role.parameter:
            weight = self._ops.held[op.weight.tensor]
            turned = isinstance(op, Gemm) and op.transposed
            self._numbers(f"{op.name}/weight", op.weight.tensor, weight.swapaxes(-1, -2) if turned else weight)
            if op.bias is not None:
                self.spool.add(f"{op.name}/bias", self._ops.parameters[op.bias.tensor])

    def _numbers(self, key: str, tensor: str, values: Array, runs: int = 1) -> None:
        assert self._ops is not None
        precision, params = self.program.tensor(tensor).precision, self._ops.params_table.tensors.get(tensor)
        index = tensor in self._ops.indices
        if params is not None and not index and not precision.floating and f"{key}_scale" not in self.spool.streams:
            self._scales(key, params)
        if self.pack and not precision.floating and precision.bits <= _NARROW_BITS:
            if f"{key}.shape" not in self.spool.streams:
                self.spool.add(f"{key}.shape", np.array(values.shape[runs > 1 :], np.int64))
            self.spool.add(f"{key}.packed", packed(values, precision.bits), count=runs)
            return
        kind = np.dtype(np.float16 if precision is Precision.FP16 else storage(precision))
        self.spool.add(key, values, kind, runs)

    def _scales(self, key: str, params: QuantParams) -> None:
        self.spool.add(f"{key}_scale", np.asarray(params.scale, np.float32))
        self.spool.add(f"{key}_zero", np.asarray(params.zero, np.int32))

    def leave(self, one: Named, values: Array) -> None:
        """Take down what a stage leaves; results of several runs are stacked."""
        self._numbers(f"out_{one.name}", one.view.tensor, values)

    def finish(self, memory: TensorStore, decoded: Decoded | None) -> None:
        """Take down the outputs of the program."""
        for one in self.leaving or ():
            values = memory.read(one.view, {}).reshape(one.shape)
            self._numbers(f"out_{one.name}", one.view.tensor, values)
        for name in outputs(self.program) if self.leaving is None else ():
            self._numbers(f"out_{name}", name, memory[name])
        if decoded is not None:
            longest = max(decoded.longest, 1)
            rows = [[*symbols, *[-1] * (longest - len(symbols))] for symbols in decoded.symbols]
            self.spool.add("out_symbols", np.array(rows, np.int32))


TRACED_KINDS = KindTable[Callable[[Trace, Any, str, Array, int], None]](
    "traces",
    {
        Gemm: Trace.see_matrix,
        Conv: Trace.see_matrix,
        Elementwise: Trace.see_chain,
        Reduce: Trace.see_result,
        Lookup: Trace.see_result,
        Move: Trace.see_result,
        Skew: Trace.see_result,
        Quantise: Trace.see_quantised,
    },
)
"""Which arrays of a trace each kind has."""
