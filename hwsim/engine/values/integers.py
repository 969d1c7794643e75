"""The ops of a quantised program: integers where its formats are integers, rounded floats where they are not."""

from collections.abc import Callable
from functools import cached_property, partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.values.calibration import in_integers
from hwsim.engine.values.floats import (
    along,
    chain_elements,
    from_rows,
    keeping,
    looked_up,
    matrices,
    moved,
    rows_of,
    skewed,
)
from hwsim.engine.values.formatted import FormattedOps
from hwsim.engine.values.strange import naming_operands, naming_weight
from hwsim.engine.values.tensor_store import TensorStore
from hwsim.engine.values.views import Indices, read
from hwsim.errors import Unsupported
from hwsim.ir.op_spec import Shape, repeated_shape
from hwsim.ir.op_table import is_depthwise
from hwsim.ir.ops import Apply, Conv, Elementwise, Gemm, Lookup, Move, Op, Quantise, Reduce, Reduction, Skew
from hwsim.ir.view import View
from hwsim.quantities.precision import Precision
from hwsim.quantities.registry import KindTable
from hwsim.tensor.batched import signed_bytes
from hwsim.tensor.chain import IntegerChain, prepared_chain
from hwsim.tensor.dynamic import quantised_rows, real_sums
from hwsim.tensor.products import Matrix, requantisers
from hwsim.tensor.quant_params import Ints, QuantParams, even
from hwsim.tensor.quantise import power_of_two_grid
from hwsim.tensor.reduce import NORM_SCALE, normalised, places, reduced
from hwsim.tensor.requantiser import Requantiser
from hwsim.tensor.single_rows import singly_reduced
from hwsim.tensor.windows import depthwise_results, depthwise_sums, laid_out, windows

Array = NDArray[Any]

_INT32 = (1 << 31) - 1


@dataclass(frozen=True, slots=True, eq=False)
class _Ready:
    """What a matrix product needs besides its activations."""

    matrices: tuple[Matrix, ...]
    requantisers: tuple[Requantiser, ...]


class IntegerOps(FormattedOps):
    """Runs the ops of a quantised program. What does not change from run to run is made ready once."""

    @cached_property
    def _ready(self) -> dict[str, _Ready]:
        return {} if self.like is None else self.like._ready

    @cached_property
    def _chains(self) -> dict[tuple[str, tuple[Apply, ...], tuple[tuple[str, float], ...]], IntegerChain]:
        # Constants may depend on the length, such as one over the frames of a mean.
        return {} if self.like is None else self.like._chains

    @cached_property
    def _shapes_of_chains(self) -> dict[str, tuple[int, tuple[Shape | None, ...]]]:
        return {}

    @cached_property
    def _in_integers_by_op(self) -> dict[str, bool]:
        return {}

    def run(self, op: Op, memory: TensorStore, indices: Indices) -> None:
        """Run one op."""
        INTEGER_KINDS.of(op)(self, op, memory, indices)

    def chain(self, op: Elementwise) -> IntegerChain:
        """The chain of an op that works in integers."""
        key = op.name, op.chain, op.constants
        if key not in self._chains:
            with naming_operands(op):
                self._chains[key] = prepared_chain(op, self.params_table.locals[op.name])
        return self._chains[key]

    def ready(self, op: Gemm | Conv, weight: Array, memory: TensorStore) -> _Ready:
        """The weight[b, k, n] of an op in integers, with the requantisers of its sums; kept if it is a parameter."""
        if self.fixed(op) and op.name in self._ready:
            return self._ready[op.name]
        params = self.params_table.tensors[op.weight.tensor]
        scales, zeros = (self._along(op, entries, len(weight)) for entries in (params.scale, params.zero))
        prepared = []
        for place, matrix in enumerate(weight):
            matrix_params = QuantParams(params.precision, scales[place], zeros[place], params.symmetric, params.group)
            prepared.append(Matrix.of(matrix, matrix_params))
        if isinstance(op, Gemm) and op.row_scales is not None:
            return self._stored_if_fixed(op, _Ready(tuple(prepared), ()))
        bias = None if op.bias is None else read(self.parameters[op.bias.tensor], op.bias, {}).reshape(-1)
        act, target = self.params_table.tensors[op.act.tensor], self.params_table.tensors.get(op.out.tensor)
        if target is None:
            raise Unsupported(f"{op.name}: integers become {self.tensors[op.out.tensor].precision.value}")
        columns = weight.shape[2]
        parts = [None if bias is None else bias[i * columns : (i + 1) * columns] for i in range(len(prepared))]
        if isinstance(op, Gemm):
            parts = [bias] * len(prepared)
        with naming_weight(op, self.parameters.get(op.weight.tensor)):
            per_matrix = tuple(requantisers([m], act, part, target)[0] for m, part in zip(prepared, parts, strict=True))
        return self._stored_if_fixed(op, _Ready(tuple(prepared), per_matrix))

    def _stored_if_fixed(self, op: Gemm | Conv, ready: _Ready) -> _Ready:
        if self.fixed(op):
            self._ready[op.name] = ready
        return ready

    def _along(self, op: Gemm | Conv, entries: Array, batch: int) -> Array:
        """Scales or zero points of a weight as [batch, groups, n]."""
        shape = self.tensors[op.weight.tensor].shape
        if entries.size == 1:
            return np.broadcast_to(entries.reshape(1, 1, 1), (batch, 1, 1))
        if isinstance(op, Gemm) and (op.transposed or op.weight.order is not None):
            raise Unsupported(f"{op.name}: turns a weight with a scale for each column; use one scale for the tensor")
        spread_entries = np.broadcast_to(entries, (*shape[:-2], entries.shape[-2], shape[-1]))
        along_k = [window for window in op.weight.windows if window.axis == len(shape) - 2]
        if along_k and entries.shape[-2] > 1:
            raise Unsupported(f"{op.name}: reads a part of a weight with scales for groups of rows")
        columns = View(tensor=op.weight.tensor, windows=tuple(w for w in op.weight.windows if w not in along_k))
        return read(spread_entries, columns, {}).reshape(batch, entries.shape[-2], -1)

    def gemm(self, op: Gemm, memory: TensorStore, indices: Indices) -> None:
        """A matrix product, in integers or in floating point."""
        act, weight = memory.read(op.act, indices), memory.read(op.weight, indices)
        if op.row_scales is not None:
            self._dynamic(op, op.row_scales, memory, indices)
            return
        if not self._in_integers(op):
            acts, _ = matrices(op, self._float(op, op.act, act), weight)
            self._float_product(op, acts, memory, indices)
            return
        acts, weights = matrices(op, act, weight)
        out, acc = self._together(op, acts, weights) or self._products(op, acts, self.ready(op, weights, memory))
        self.seen(op, "/act", acts)
        if not self.tensors[op.weight.tensor].role.parameter:
            self.seen(op, "/weight", weights)
        self.seen(op, "/acc", acc)
        self.keep(op, op.out, memory, indices, out)

    def _together(self, op: Gemm, acts: Array, weights: Array) -> tuple[Ints, Array] | None:
        """Several products of activations, if they are made together and all sums become integers in one way."""
        act, weight = (self.params_table.tensors[view.tensor] for view in (op.act, op.weight))
        one_way = act.offset == 0 and not weight.zero.any() and weight.scale.size == 1 and weight.group is None
        target = self.params_table.tensors.get(op.out.tensor)
        if len(acts) == 1 or op.bias is not None or self.fixed(op) or not one_way or target is None:
            return None
        if not signed_bytes(act.precision, weight.precision):
            return None
        acc = self.products.together(op.name, acts, weights)
        if acc is None:
            return None
        factors = np.full(acc.shape[2], weight.scale.astype(np.float64).reshape(-1)[0])
        requantise = Requantiser.of(act.single * factors / target.single, target)
        out, clipped = requantise(acc.reshape(-1, acc.shape[2]))
        count = self.clipped[op.name]
        count.result += clipped
        count.results += out.size
        return out.reshape(acc.shape), acc

    def _products(self, op: Gemm | Conv, acts: Array, ready: _Ready) -> tuple[Ints, Array]:
        params, outs, accs = self.params_table.tensors[op.act.tensor], [], []
        count = self.clipped[op.name]
        for rows, matrix, requantise in zip(acts, ready.matrices, ready.requantisers, strict=True):
            acc, sums = self._sums(op, rows, matrix, params)
            out, clipped = requantise(sums)
            count.result += clipped
            count.results += out.size
            outs.append(out)
            accs.append(acc)
        return _stacked(outs), _stacked(accs)

    def _sums(self, op: Gemm | Conv, rows: Array, matrix: Matrix, params: QuantParams) -> tuple[Array, Array]:
        """What the accumulators hold, and the sums of whole columns without zero points."""
        narrow: NDArray[np.integer] = rows.astype(
            np.int16 if params.precision.bits > 8 else np.int8 if params.precision.signed else np.uint8
        )
        product = matrix.sums(narrow, params, partial(self.products.product, op.name))
        self.clipped[op.name].accumulator += product.saturations
        return product.acc, matrix.combined(narrow, params, product.acc)

    def quantise(self, op: Quantise, memory: TensorStore, indices: Indices) -> None:
        """Rows of floats as integers."""
        values, scales = memory.read(op.read, indices), op.scales.shape_in(memory[op.scales.tensor].shape, indices)
        rows = values.reshape(prod(scales), -1)
        integers, row_scales = quantised_rows(rows, self.tensors[op.write.tensor].precision)
        self.clipped[op.name].results += integers.size
        self.keep(op, op.scales, memory, indices, row_scales)
        self.keep(op, op.write, memory, indices, integers)

    def _dynamic(self, op: Gemm, row_scales: View, memory: TensorStore, indices: Indices) -> None:
        """A product of rows that have scales of their own: sums are integers, results are floats."""
        act, weight = memory.read(op.act, indices), memory.read(op.weight, indices)
        acts, weights = matrices(op, act, weight)
        scales = memory.read(row_scales, indices).reshape(len(acts), -1)
        params = even(self.tensors[op.act.tensor].precision, 1.0)
        outs, accs = [], []
        for rows, scales_of_rows, matrix in zip(acts, scales, self.ready(op, weights, memory).matrices, strict=True):
            acc, sums = self._sums(op, rows, matrix, params)
            outs.append(real_sums(sums, scales_of_rows, matrix.column_scales))
            accs.append(acc)
        self.seen(op, "/act_scale", scales)
        self.seen(op, "/act", acts)
        self.seen(op, "/acc", _stacked(accs))
        results = self._biased(op, _stacked(outs), self.tensors[op.out.tensor].precision)
        self.keep(op, op.out, memory, indices, self._stored(op, op.out, results))

    def conv(self, op: Conv, memory: TensorStore, indices: Indices) -> None:
        """A convolution."""
        act, weight = memory.read(op.act, indices), memory.read(op.weight, indices)
        shape = self.shapes(indices)
        if not self._in_integers(op):
            rows = windows(op, self._float(op, op.act, act), 0)
            self._float_product(op, rows, memory, indices)
            return
        params = self.params_table.tensors[op.act.tensor]
        ready = self.ready(op, weight, memory)
        if is_depthwise(op, shape):
            out, acc = self._depthwise(op, act, weight, ready, params)
        else:
            out, acc = self._products(op, windows(op, act, params.offset), ready)
        self.seen(op, "/act", act)
        self.seen(op, "/acc", laid_out(op, acc, shape(op.out)))
        self.keep(op, op.out, memory, indices, laid_out(op, out, shape(op.out)))

    def _depthwise(self, op: Conv, act: Array, weight: Array, ready: _Ready, params: QuantParams) -> tuple[Ints, Array]:
        """Products of the vector unit, exact in 32 bits; one requantiser for all channels."""
        whole, furthest = len(ready.matrices[0].blocks) == 1, max(-params.lowest, params.highest)
        largest = max(sum(block.measures.magnitudes for block in matrix.blocks) for matrix in ready.matrices)
        if whole and furthest * largest <= _INT32 and not any(matrix.zeros.any() for matrix in ready.matrices):
            sums = depthwise_results(op, act, params.offset, weight[:, :, 0].T, zero=0).T
            acc = sums.astype(np.int64)
        elif not whole:
            acc, sums = self._depthwise_by_groups(windows(op, act, params.offset), ready, params)
        else:
            rows = windows(op, act, params.offset)
            acc = depthwise_sums(rows, weight)
            zeros = np.array([matrix.zeros[0, 0] for matrix in ready.matrices])
            sums = acc - zeros[:, None] * rows.astype(np.int64).sum(axis=2)
        channels = ready.requantisers
        joined = Requantiser(
            np.concatenate([channel.offsets for channel in channels]),
            np.concatenate([channel.multipliers for channel in channels]),
            np.concatenate([channel.shifts for channel in channels]),
            channels[0].target,
        )
        out, clipped = joined(np.ascontiguousarray(sums.T))
        count = self.clipped[op.name]
        count.result += clipped
        count.results += out.size
        return np.ascontiguousarray(out.T)[:, :, None], acc[..., None]

    def _depthwise_by_groups(self, rows: Array, ready: _Ready, params: QuantParams) -> tuple[Array, Array]:
        """For each channel the sums of the groups of its kernel entries, and the same sums at one scale, added."""
        accs, sums = [], []
        for channel_rows, matrix in zip(rows.astype(np.int16), ready.matrices, strict=True):
            acc = matrix.sums(channel_rows, params, self.products.exact).acc
            accs.append(acc[:, :, 0])
            sums.append(matrix.combined(channel_rows, params, acc)[:, 0])
        return np.stack(accs), np.stack(sums)

    def _in_integers(self, op: Gemm | Conv | Elementwise) -> bool:
        """Whether an op works in integers: a chain if all that it touches are, a product if operands and result are."""
        if op.name not in self._in_integers_by_op:
            views = (op.act, op.weight, op.out) if isinstance(op, (Gemm, Conv)) else ()
            formats = [self.tensors[view.tensor].precision for view in views]
            all_integers = not any(precision.floating for precision in formats)
            self._in_integers_by_op[op.name] = all_integers if views else in_integers(op, self.program)
        return self._in_integers_by_op[op.name]

    def _chain_shapes(self, op: Elementwise, indices: Indices) -> tuple[int, tuple[Shape | None, ...]]:
        """The elements of a chain, and the shapes along which what it reads is repeated: those of the steps of a loop
        are worked out once, if its index changes none of them."""
        known = self._shapes_of_chains.get(op.name)
        if known is None:
            shape = self.shapes(indices)
            known = chain_elements(op, shape), tuple(repeated_shape(op, view, shape) for _, view in op.reads)
            if not any(view.loops for _, view in (*op.reads, *op.writes)):
                self._shapes_of_chains[op.name] = known
        return known

    def elementwise(self, op: Elementwise, memory: TensorStore, indices: Indices) -> None:
        """A chain."""
        if not self._in_integers(op):
            self._float_elementwise(op, memory, indices)
            return
        elements, wholes = self._chain_shapes(op, indices)
        chain, params = self.chain(op), self.params_table.locals[op.name]
        reads = {
            local: along(memory.read(view, indices), whole) - params[local].offset
            for (local, view), whole in zip(op.reads, wholes, strict=True)
        }
        values, clipped = chain(reads, elements, self.products.threads)
        count = self.clipped[op.name]
        count.result += int(clipped.sum())
        count.results += len(op.chain) * elements
        for local, view in op.writes:
            self.keep(op, view, memory, indices, values[chain.places[local]] + params[local].offset)

    def reduce(self, op: Reduce, memory: TensorStore, indices: Indices) -> None:
        """A function of whole rows."""
        values = memory.read(op.read, indices)
        rows = rows_of(op, values)
        if op.reduction in (Reduction.ARGMAX, Reduction.TOP):
            self.keep(op, op.write, memory, indices, places(op.reduction, rows, op.count))
            return
        source, target = self.params_table.tensors.get(op.read.tensor), self.params_table.tensors.get(op.write.tensor)
        parameters = tuple(read(self.parameters[v.tensor], v, {}).reshape(-1) for v in op.parameters)
        if source is None or target is None:
            rounded_parameters = tuple(self._parameter(v, p) for v, p in zip(op.parameters, parameters, strict=True))
            reals = rows_of(op, self.real_view(op.read, values))
            stored = self._stored(op, op.write, singly_reduced(op.reduction, reals, rounded_parameters, op.epsilon))
            self.keep(op, op.write, memory, indices, from_rows(op, stored, values.shape))
            return
        centred = rows - source.offset
        if op.reduction is Reduction.LAYER_NORM:
            gain, offset = parameters or (np.ones(rows.shape[1], np.float32), np.zeros(rows.shape[1], np.float32))
            gains = power_of_two_grid(float(np.abs(gain).max()), Precision.INT16)
            offsets = np.rint(offset / (NORM_SCALE * gains.single)).astype(np.int64)
            affine = gains.quantised(gain), offsets, gains.single
            result = normalised(centred, source, *affine, target, op.epsilon)
        else:
            with naming_operands(op):
                result = reduced(op.reduction, centred, source, target)
        count = self.clipped[op.name]
        count.result += result.clipped
        count.results += result.out.size
        self.keep(op, op.write, memory, indices, from_rows(op, result.out, values.shape))


def _stacked(parts: list[Array]) -> Array:
    """The parts along a new first axis; one part is not copied."""
    return parts[0][None] if len(parts) == 1 else np.stack(parts)


INTEGER_KINDS = KindTable[Callable[[IntegerOps, Any, TensorStore, Indices], None]](
    "values in integers",
    {
        Gemm: IntegerOps.gemm,
        Conv: IntegerOps.conv,
        Elementwise: IntegerOps.elementwise,
        Reduce: IntegerOps.reduce,
        Lookup: keeping(looked_up),
        Move: keeping(moved),
        Skew: keeping(skewed),
        Quantise: IntegerOps.quantise,
    },
)
"""What each kind computes in the formats of a quantised program."""
