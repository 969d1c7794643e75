"""A slow interpreter of quantised programs: integers by the oracle, formats rounded number by number.

It is told the scales; every integer it makes itself.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.values.calibration import QuantParamsTable
from hwsim.hardware.summation import Overflow, Summation
from hwsim.ir.ops import Conv, Elementwise, Gemm, Lookup, Move, Op, Quantise, Reduce, Reduction, Skew
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.oracle import vector
from hwsim.oracle.quantise import dynamic_result, dynamic_row, quantise
from hwsim.oracle.sums import Width, exact, floating, output_stationary, weight_stationary
from hwsim.quantities.precision import Precision
from hwsim.tensor.quant_params import QuantParams, even
from witnesses.integer_elements import counts, element, float_step, nearest, per_group, quantised, spread, zero_of
from witnesses.interpreter import Interpreter

Array = NDArray[Any]
HIGH, LOW = 2**31 - 1, -(2**31)


class IntegerInterpreter(Interpreter):
    """Runs the plain loop tree. `values` holds integers (as int64), or floats that their format has."""

    def __init__(
        self,
        program: Program,
        parameters: Mapping[str, Array],
        inputs: Mapping[str, Array],
        grids: QuantParamsTable,
        summation: Summation | None = None,
    ) -> None:
        super().__init__(program)
        self.grids, self.parameters, self.summation = grids, parameters, summation
        self.saturations = 0
        for tensor in program.tensors:
            grid = grids.tensors.get(tensor.name)
            given = parameters.get(tensor.name, inputs.get(tensor.name))
            if tensor.precision.floating:
                held = np.zeros(tensor.shape) if given is None else nearest(given, tensor.precision)
            elif given is None:
                state = grid is not None and tensor.role is Role.STATE
                held = np.full(tensor.shape, zero_of(grid) if state else 0, np.int64)
            elif grid is None:
                held = np.asarray(given)
            else:
                held = quantised(given, grid)
            self.values[tensor.name] = held

    def integer(self, *views: View) -> bool:
        return not any(self.program.tensor(view.tensor).precision.floating for view in views)

    def real(self, view: View, at: dict[str, int]) -> Array:
        grid = self.grids.tensors.get(view.tensor)
        if grid is None or self.program.tensor(view.tensor).precision.floating:
            return np.asarray(self.read(view, at), np.float32)
        whole = self.values[view.tensor]
        scale, zero = spread(grid, whole.shape)
        mine, self.values[view.tensor] = whole, ((whole - zero) * scale).astype(np.float32)
        found = self.read(view, at)
        self.values[view.tensor] = mine
        return np.asarray(found, np.float32)

    def stored(self, view: View, values: Array) -> Array:
        tensor, grid = self.program.tensor(view.tensor), self.grids.tensors.get(view.tensor)
        if tensor.precision.floating:
            return nearest(values, tensor.precision)
        assert grid is not None
        return np.asarray(values, np.int64) if counts(grid) else quantised(values, grid)

    def _op(self, op: Op, at: dict[str, int]) -> None:
        match op:
            case Quantise():
                self._dynamic_rows(op, at)
            case Gemm(row_scales=View()):
                self._dynamic_product(op, at)
            case Gemm() | Conv() if self.integer(op.act, op.weight, op.out):
                self._integer_product(op, at)
            case Gemm() | Conv():
                self._float_product(op, at)
            case Elementwise() if self.integer(*(view for _, view in (*op.reads, *op.writes))):
                self._integer_chain(op, at)
            case Elementwise():
                self._float_chain(op, at)
            case Reduce():
                self._rows(op, at)
            case Lookup() | Move() | Skew():
                super()._op(op, at)

    def _operands(self, op: Gemm | Conv, act: Array, weight: Array, filling: Any) -> list[tuple[Array, Array]]:
        """Pairs of act[m, k] and weight[k, n]."""
        if isinstance(op, Gemm):
            turned = weight.swapaxes(-1, -2) if op.transposed else weight
            flat = turned.reshape(-1, *turned.shape[-2:])
            return list(zip(act.reshape(len(flat), -1, flat.shape[1]), flat, strict=True))
        edges = [(0, 0), *((axis.before, axis.after) for axis in op.axes), (0, 0)]
        padded, rows = np.pad(act, edges, constant_values=filling), []
        for batch in padded:
            for place in np.ndindex(*(axis.outputs for axis in op.axes)):
                taps = [
                    batch[tuple(p * a.stride + t * a.dilation for p, a, t in zip(place, op.axes, tap, strict=True))]
                    for tap in np.ndindex(*(axis.kernel for axis in op.axes))
                ]
                rows.append(np.stack(taps).reshape(len(taps), op.groups, -1))
        whole = np.stack(rows)
        return [(whole[:, :, g].reshape(len(whole), -1), weight[g]) for g in range(op.groups)]

    def _integer_product(self, op: Gemm | Conv, at: dict[str, int]) -> None:
        source, target = self.grids.tensors[op.act.tensor], self.grids.tensors[op.out.tensor]
        own = self.grids.tensors[op.weight.tensor]
        act, weight = self.read(op.act, at), self.read(op.weight, at)
        bias = None if op.bias is None else np.asarray(self.parameters[op.bias.tensor], np.float64).ravel()
        pairs, outs = self._operands(op, act, weight, zero_of(source)), []
        depthwise = isinstance(op, Conv) and op.groups == act.shape[-1] == self.read(op.out, at).shape[-1]
        for g, (a, w) in enumerate(pairs):
            scales, zeros = per_group(own, g, w.shape)
            columns = w.shape[1]
            mine = None if bias is None else bias[g * columns :][:columns] if isinstance(op, Conv) else bias
            outs.append(self._requantised(a, w, source, scales, zeros, own.group, mine, target, depthwise))
        self._place(op, at, outs)

    def _dynamic_rows(self, op: Quantise, at: dict[str, int]) -> None:
        rows = self.read(op.read, at).reshape(self.read(op.scales, at).size, -1)
        made = [dynamic_row(row.tolist(), self.program.tensor(op.write.tensor).precision.highest) for row in rows]
        self.write(op.write, at, np.array([row for row, _ in made]))
        self.write(op.scales, at, np.array([scale for _, scale in made], np.float32))

    def _dynamic_product(self, op: Gemm, at: dict[str, int]) -> None:
        assert op.row_scales is not None
        own, source = self.grids.tensors[op.weight.tensor], even(Precision.INT8, 1.0)
        pairs = self._operands(op, self.read(op.act, at), self.read(op.weight, at), 0)
        row_scales, outs = self.read(op.row_scales, at).reshape(len(pairs), -1), []
        for g, (a, w) in enumerate(pairs):
            scales, zeros = per_group(own, g, w.shape)
            total, fine = self._centred(a, w, source, scales, zeros, own.group, depthwise=False)
            outs.append([
                [dynamic_result(vector.clamp(int(x), -(2**63), 2**63 - 1), row_scales[g, i], fine[j])
                 for j, x in enumerate(row)]
                for i, row in enumerate(total)
            ])  # fmt: skip
        made = np.array(outs, np.float32)
        if op.bias is not None:
            bias = nearest(self.parameters[op.bias.tensor], self.program.tensor(op.bias.tensor).precision)
            made = made + bias.ravel()
        self.write(op.out, at, self.stored(op.out, made))

    def _place(self, op: Gemm | Conv, at: dict[str, int], outs: list[Array]) -> None:
        self.write(op.out, at, np.stack(outs) if isinstance(op, Gemm) else np.concatenate(outs, axis=1))

    def _requantised(self, a: Array, w: Array, source: QuantParams, scales: Array, zeros: Array, group: int | None,
                     bias: Array | None, target: QuantParams, depthwise: bool) -> Array:  # fmt: skip
        total, fine = self._centred(a, w, source, scales, zeros, group, depthwise)
        k = len(w)
        out = np.zeros(total.shape, np.int64)
        for j in range(w.shape[1]):
            scale = float(np.float64(source.single) * fine[j])
            offset = 0 if bias is None else vector.clamp(round(float(np.float32(bias[j])) / scale), LOW, HIGH)
            if (group or k) >= k:
                offset -= zero_of(source) * int(w[:, j].sum() - k * zeros[0][j])
            for i in range(len(total)):
                acc = vector.clamp(vector.clamp(int(total[i, j]), LOW, HIGH) + offset, LOW, HIGH)
                out[i, j] = vector.rescale(acc, scale / target.single, zero_of(target), target.lowest, target.highest)
        return out

    def _centred(self, a: Array, w: Array, source: QuantParams, scales: Array, zeros: Array, group: int | None,
                 depthwise: bool) -> tuple[Array, Array]:  # fmt: skip
        """Sums of whole columns without the zero points of the weights, and their scales."""
        k, n = w.shape
        size, fine = group or k, scales.max(axis=0)
        blocks = range(0, k, size)
        if len(blocks) > 1:
            bound = max(sum(int(np.abs(w[s : s + size]).sum(axis=0).max()) for s in blocks), 1)
            fine = fine * 2.0 ** -max(0, 30 - 8 - bound.bit_length())
        total = np.zeros((len(a), n), object)
        for g, s in enumerate(blocks):
            centred = self._sums(a[:, s : s + size], w[s : s + size], depthwise)
            rows, columns = a[:, s : s + size].sum(axis=1)[:, None], w[s : s + size].sum(axis=0)
            taps = w[s : s + size].shape[0]
            if len(blocks) > 1:
                za = zero_of(source)
                centred = centred - zeros[g] * rows - za * columns + taps * za * zeros[g]
                factors = scales[g] / fine
                total += [[vector.rescale(vector.clamp(int(x), LOW, HIGH), float(factors[j])) for j, x in enumerate(r)]
                          for r in centred]  # fmt: skip
            else:
                total += centred - zeros[0] * rows
        return total, fine

    def _sums(self, a: Array, w: Array, depthwise: bool) -> Array:
        if self.summation is None or depthwise:
            return exact(a, w)
        s = self.summation
        inner = Width(s.register.bits, s.register.overflow is Overflow.SATURATE)
        outer = None if s.outer is None else Width(s.outer.bits, s.outer.overflow is Overflow.SATURATE)
        if s.tile is None:
            made = output_stationary(a, w, inner, packed=s.packed, chunk=s.chunk, outer=outer)
        else:
            tiles = None if s.chunk is None else s.chunk // s.tile
            made = weight_stationary(
                a, w, inner, rows=s.tile // s.packed, packed=s.packed, tiles_of_chunk=tiles, outer=outer
            )
        self.saturations += inner.clamped + (0 if outer is None else outer.clamped)
        return made.astype(object)

    def _float_product(self, op: Gemm | Conv, at: dict[str, int]) -> None:
        formats = [self.program.tensor(view.tensor).precision for view in (op.act, op.weight)]
        wide = max((p for p in formats if p.floating), key=lambda p: p.bits, default=Precision.FP32)
        act, weight = (nearest(self.real(view, at), wide) for view in (op.act, op.weight))
        tile = None if self.summation is None else self.summation.tile
        outs = [floating(a, w, tile) for a, w in self._operands(op, act, weight, 0.0)]
        if op.bias is not None:
            precision = self.program.tensor(op.bias.tensor).precision
            bias = nearest(self.parameters[op.bias.tensor], precision if precision.floating else wide).ravel()
            if isinstance(op, Gemm):
                outs = [out + bias for out in outs]
            else:
                columns = outs[0].shape[1]
                outs = [out + bias[g * columns :][:columns] for g, out in enumerate(outs)]
        self._place(op, at, [self.stored(op.out, out) for out in outs])

    def _integer_chain(self, op: Elementwise, at: dict[str, int]) -> None:
        grids = self.grids.locals[op.name]
        local = {name: [int(x) - zero_of(grids[name]) for x in self.read(view, at).ravel()] for name, view in op.reads}
        local |= {n: [quantise(v, grids[n].single, 0, grids[n].lowest, grids[n].highest)] for n, v in op.constants}
        most = max(map(len, local.values()))
        for step in op.chain:
            target, args = grids[step.result], step.args
            low, high = target.lowest - zero_of(target), target.highest - zero_of(target)
            columns = [(local[arg] * (most // len(local[arg])), grids[arg].single) for arg in args]
            local[step.result] = [
                element(step.function, [(c[i], s) for c, s in columns], target.single, low, high) for i in range(most)
            ]
        for name, view in op.writes:
            self.write(view, at, np.array(local[name]) + zero_of(grids[name]))

    def _float_chain(self, op: Elementwise, at: dict[str, int]) -> None:
        views = [view for _, view in (*op.reads, *op.writes)]
        formats = [self.program.tensor(view.tensor).precision for view in views]
        wide = max((p for p in formats if p.floating), key=lambda p: p.bits)
        local = {name: self.real(view, at).ravel() for name, view in op.reads}
        local |= {name: nearest(np.array([value]), wide) for name, value in op.constants}
        most = max(value.size for value in local.values())
        for step in op.chain:
            args = [np.tile(local[arg], most // local[arg].size).astype(np.float32) for arg in step.args]
            made = float_step(step.function, args)
            local[step.result] = nearest(made, wide)
        for name, view in op.writes:
            self.write(view, at, self.stored(view, np.broadcast_to(local[name], (most,))))

    def _rows(self, op: Reduce, at: dict[str, int]) -> None:
        if op.reduction in (Reduction.ARGMAX, Reduction.TOP) or not self.integer(op.read, op.write):
            self._float_rows(op, at)
            return
        source, target = self.grids.tensors[op.read.tensor], self.grids.tensors[op.write.tensor]
        moved = np.moveaxis(self.read(op.read, at), op.axis, -1)
        rows = [[int(x) - zero_of(source) for x in row] for row in moved.reshape(-1, moved.shape[-1])]
        limits = (zero_of(target), target.lowest, target.highest)
        s, t = source.single, target.single
        match op.reduction:
            case Reduction.SOFTMAX:
                out = [vector.softmax(row, s, t, *limits) for row in rows]
            case Reduction.LOG_SOFTMAX:
                out = [vector.log_softmax(row, s, t, *limits) for row in rows]
            case Reduction.MAX:
                out = [[vector.rescale(max(row), s / t, *limits)] for row in rows]
            case Reduction.MEAN:
                out = [[vector.rescale(sum(row), s / len(row) / t, *limits)] for row in rows]
            case _:
                gains, offsets = (np.asarray(self.parameters[v.tensor], np.float64).ravel() for v in op.parameters)
                exponent = 0
                while 2.0**exponent < np.abs(gains).max():
                    exponent += 1
                while 2.0 ** (exponent - 1) >= np.abs(gains).max():
                    exponent -= 1
                unit = 2.0 ** (exponent - 15)
                unit = 2 * unit if np.abs(gains).max() > 32767 * unit else unit
                whole = [quantise(g, unit, 0, -32767, 32767) for g in gains]
                added = [round(float(np.float32(o)) / (2.0**-10 * unit)) for o in offsets]
                out = [vector.layer_norm(row, s, whole, unit, added, t, limits) for row in rows]
        made = np.array(out)
        if not op.reduction.narrows:
            made = np.moveaxis(made.reshape(moved.shape), -1, op.axis)
        self.write(op.write, at, made)

    def _float_rows(self, op: Reduce, at: dict[str, int]) -> None:
        places = op.reduction in (Reduction.ARGMAX, Reduction.TOP)
        whole = self.read(op.read, at).astype(float) if places else self.real(op.read, at).astype(np.float64)
        moved = np.moveaxis(whole, op.axis, -1)
        rows = moved.reshape(-1, moved.shape[-1])
        if places:
            self.write(
                op.write, at, np.array([sorted(range(len(r)), key=lambda i: (-r[i], i))[: op.count] for r in rows])
            )
            return
        match op.reduction:
            case Reduction.SOFTMAX:
                made = np.array([np.exp(r - r.max()) / np.exp(r - r.max()).sum() for r in rows])
            case Reduction.LOG_SOFTMAX:
                made = np.array([r - r.max() - np.log(np.exp(r - r.max()).sum()) for r in rows])
            case Reduction.LAYER_NORM:
                gain, offset = (self._parameter(view) for view in op.parameters)
                made = np.array([(r - r.mean()) / np.sqrt(r.var() + 1e-5) * gain + offset for r in rows])
            case Reduction.MAX:
                made = rows.max(axis=1, keepdims=True)
            case _:
                made = rows.mean(axis=1, keepdims=True)
        made = self.stored(op.write, made.astype(np.float32))
        if not op.reduction.narrows:
            made = np.moveaxis(made.reshape(moved.shape), -1, op.axis)
        self.write(op.write, at, made)

    def _parameter(self, view: View) -> Array:
        precision = self.program.tensor(view.tensor).precision
        values = self.parameters[view.tensor].ravel()
        return nearest(values, precision) if precision.floating else values
