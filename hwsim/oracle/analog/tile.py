"""A matrix on analog tiles, slowly: the same nouns, vectors and draws, none of the same code."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hwsim.oracle.analog.conversion import Place, convert
from hwsim.oracle.analog.devices import strayed
from hwsim.oracle.analog.draws import Array, cells, line
from hwsim.oracle.analog.pulses import charges


@dataclass
class Made:
    """The result [m, n], and the codes of each conversion."""

    out: Array
    codes: list[Array] = field(default_factory=list)


def multiply(
    tile: Any, weight: Array, x: Array, *, seed: int = 0, first: int = 0, seconds: float = 0.0, per_cell: bool = False
) -> Made:
    """x[m, k] @ weight[k, n] on as many tiles as it takes, all seeds the same."""
    limit = tile.weights.limit or float(np.abs(weight).max()) or 1.0
    rows, cols = _cut(weight.shape[0], tile.rows, tile.split), _cut(weight.shape[1], tile.cols, tile.split)
    out, columns = np.zeros((len(x), weight.shape[1])), []
    for m, vector in enumerate(x):
        codes: list[Array] = []
        for across, (left, right) in enumerate(cols):
            for down, (top, bottom) in enumerate(rows):
                one = _Tile(tile, weight[top:bottom, left:right], limit, across * len(rows) + down, seed, per_cell)
                out[m, left:right] += one.multiply(vector, slice(top, bottom), first + m, seconds, codes)
        columns.append(codes)
    return Made(out, [np.array(each) for each in zip(*columns, strict=True)])


def _cut(size: int, most: int, split: Any) -> list[tuple[int, int]]:
    count = math.ceil(size / most)
    each = int(np.round(size / count)) if split.value == "equal" else most
    if size - each * (count - 1) > most:
        each = math.ceil(size / count)
    return [(part * each, size if part == count - 1 else (part + 1) * each) for part in range(count)]


class _Tile:
    """One tile, for one vector."""

    def __init__(self, tile: Any, weight: Array, limit: float, number: int, seed: int, per_cell: bool) -> None:
        self.tile, self.limit, self.number, self.seed, self.per_cell = tile, limit, number, seed, per_cell
        self.weight = np.clip(weight, -limit, limit)
        self.model = tile.device.strays
        self.low = 0.0 if tile.device.on_off_ratio is None else 1 / tile.device.on_off_ratio
        self.span = 1 - self.low
        self.bits = tile.weights.bits
        self.pairs = tile.weights.mapping.value == "differential"
        self.column = tile.weights.offset_removal.value == "column"

    def multiply(self, vector: Array, rows: slice, mvm: int, seconds: float, codes: list[Array]) -> Array:
        steps, full, scale = self._steps(vector)
        steps = steps[rows]
        window = 0 if self.model is None or self.model.flicker is None else mvm // self.model.window
        arrays = [
            strayed(self.model, target, self.seed, self.number, array, seconds, window)
            for array, target in enumerate(self._targets())
        ]
        reads = self._reads()
        analog = self.tile.input.accumulate.value == "analog"
        sums: list[Any] = [0.0] * len(reads)
        for pass_, (values, divisor, coefficient) in enumerate(self._passes(steps, full)):
            for place, (members, _, digit) in enumerate(reads):
                y = self._currents(arrays, members, place, values, pass_, mvm) / divisor
                if self.tile.adc is not None and not analog:
                    y, code = self._convert(y, len(steps), digit, place, pass_, mvm)
                    codes.append(code)
                sums[place] = sums[place] + coefficient * y
        total: Any = 0.0
        for place, (_, coefficient, digit) in enumerate(reads):
            y = sums[place]
            if self.tile.adc is not None and analog:
                y, code = self._convert(y, len(steps), digit, place, 0, mvm)
                codes.append(code)
            total = total + coefficient * y
        total = total - self._middle() * (steps.sum() / full)
        if self.column:
            total = total[1:] - total[0]
        return np.asarray(total * self._gain() / scale)

    # -- inputs

    def _steps(self, vector: Array) -> tuple[Array, float, float]:
        inputs = self.tile.input
        low, high = inputs.range
        scale = (2 if inputs.signed else 1) / (high - low)
        if inputs.scaling.value == "largest":
            scale = 1 / (float(np.abs(vector).max()) or 1.0)
        relative = vector * scale
        if inputs.bits is None:
            return relative, 1.0, scale
        if inputs.signed:
            full = 2 ** (inputs.bits - 1) - 1
            return np.array([round((min(max(v, -1.0), 1.0) + 1) * full) - full for v in relative], float), full, scale
        full = 2**inputs.bits - 1
        return np.array([round(min(max(v, 0.0), 1.0) * full) for v in relative], float), full, scale

    def _passes(self, steps: Array, full: float) -> list[tuple[Array, float, float]]:
        inputs = self.tile.input
        if inputs.encoding.value == "pulse_width":
            return [(steps, full, 1.0)]
        magnitude, below = inputs.bits - inputs.signed, 0
        found = []
        while below < magnitude:
            each = inputs.slice_bits if below or inputs.first_bits is None else inputs.first_bits
            digits = [int(math.copysign((abs(int(step)) >> below) % 2**each, step)) for step in steps]
            found.append((np.array(digits, float), 2.0**each - 1, 2.0**below * (2**each - 1) / full))
            below += each
        return found

    # -- weights

    def _targets(self) -> list[Array]:
        weights, cells_each = self.tile.weights, len(self.tile.weights.significance)
        out = []
        for slice_arrays in self._slices():
            for _ in range(cells_each):
                out += [self._quantised(array) for array in slice_arrays]
        assert len(out) == weights.slices * cells_each * (2 if self.pairs else 1)
        return out

    def _slices(self) -> list[list[Array]]:
        kind = np.float32 if self.tile.weights.stored.value == "float32" else np.float64
        if self.bits is not None:
            digits = self._digits()
            most = 2 ** self._digit_bits() - 1
            if not self.pairs:
                return [[(self.low + digit / most * self.span).astype(kind)] for digit in digits]
            return [
                [(self.low + np.where(s * digit > 0, abs(digit) / most, 0) * self.span).astype(kind) for s in (1, -1)]
                for digit in digits
            ]
        if not self.pairs:
            lowest, width = self._offset_range()
            relative = self.weight / (2 * self.limit)
            if self.column:
                relative = np.concatenate([np.zeros((len(relative), 1)), relative], axis=1)
            return [[(width * (relative + 0.5) + lowest).astype(kind)]]
        relative, pair = self.weight / self.limit, []
        for s in (1, -1):
            if self.tile.weights.sides.value == "two":
                pair.append((self.low + self.span * (1 + s * relative) / 2).astype(kind))
                continue
            levels = self.tile.device.levels
            least = 0 if levels is None else 1 / (2 * levels)
            active = relative >= least if s == 1 else relative < -least
            pair.append(np.where(active, self.low + self.span * s * relative, self.low).astype(kind))
        return [pair]

    def _digit_bits(self) -> int:
        count = self.tile.weights.slices
        return int(self.bits // count if self.bits % count == 0 else math.ceil((self.bits - self.pairs) / count))

    def _digits(self) -> list[Array]:
        """Whole numbers, the lowest digits first, with the sign of the weight where pairs hold them."""
        bits, each = self.bits, self._digit_bits()
        whole = self.weight / (2 * self.limit) * 2**bits * ((2 ** (bits - 1) - 1) / 2 ** (bits - 1))
        whole = np.rint(whole if self.pairs else whole + 2 ** (bits - 1)).astype(np.int64)
        digits = []
        for place in range(self.tile.weights.slices):
            last = place == self.tile.weights.slices - 1
            digit = np.abs(whole) >> (place * each)
            digits.append(np.sign(whole) * (digit if last else digit % 2**each))
        return digits

    def _offset_range(self) -> tuple[float, float]:
        levels = self.tile.device.levels
        if levels is None:
            return self.low, self.span
        width = self.span * (levels - 2) / (levels - 1)
        return 1 - width, width

    def _quantised(self, array: Array) -> Array:
        levels = self.tile.device.levels
        if levels is None:
            return array
        per_level = array.dtype.type((levels - 1) / (1 - self.low))
        low = array.dtype.type(self.low)
        return np.asarray(np.rint((array - low) * per_level) / per_level + low)

    # -- readings

    def _reads(self) -> list[tuple[list[tuple[int, float]], float, int]]:
        weights = self.tile.weights
        shares = [one / sum(weights.significance) for one in weights.significance]
        reads: list[tuple[list[tuple[int, float]], float, int]] = []
        for digit in range(weights.slices):
            c = (
                1.0
                if self.bits is None
                else 2.0 ** (digit * self._digit_bits()) * (2 ** self._digit_bits() - 1) / self.span
            )
            at = [digit * len(shares) + cell for cell in range(len(shares))]
            if not self.pairs:
                reads.append((list(zip(at, shares, strict=True)), c, digit))
                continue
            plus = [(2 * a, share) for a, share in zip(at, shares, strict=True)]
            minus = [(2 * a + 1, share) for a, share in zip(at, shares, strict=True)]
            if weights.subtract.value == "analog":
                reads.append((plus + [(a, -share) for a, share in minus], c, digit))
            else:
                reads += [(plus, c, digit), (minus, -c, digit)]
        return reads

    def _gain(self) -> float:
        if self.bits is not None:
            return float(self.limit / (2 ** (self.bits - 1) - 1))
        if self.pairs:
            return float(self.limit / self.span)
        width = self._offset_range()[1] if self.tile.weights.offset_gain.value == "corrected" else self.span
        return float(2 * self.limit / width)

    def _middle(self) -> float:
        if self.pairs or self.column:
            return 0.0
        if self.bits is not None:
            return float(2 ** (self.bits - 1) + self.low * sum(coefficient for _, coefficient, _ in self._reads()))
        lowest, width = self._offset_range()
        return lowest + width / 2

    def _currents(
        self, arrays: list[Array], members: list[tuple[int, float]], place: int, values: Array, pass_: int, mvm: int
    ) -> Array:
        """Row by row, in ascending order."""
        if self.tile.wires is not None:
            assert self.tile.wires.kind == "pulses"
            return charges(self.tile, arrays[0], arrays[1], values, self._longest(pass_))
        white = 0.0 if self.model is None else self.model.white
        share = arrays[0].shape
        spreads = [
            white * (array if self.model is not None and self.model.white_is.value == "of_cell" else np.ones(share))
            for array in arrays
        ]
        g = sum((factor * np.asarray(arrays[array], float) for array, factor in members), np.zeros(share))
        variance = sum((factor**2 * spreads[array] ** 2 for array, factor in members), np.zeros(share))
        out = np.zeros(share[1])
        if white and self.model.clip:
            for array, factor in members:
                drawn = cells(share, mvm, self.number, 4 << 24 | pass_ << 12 | array, self.seed)
                for row, value in enumerate(values):
                    out += factor * value * np.maximum(arrays[array][row] + spreads[array][row] * drawn[row], 0)
            return out
        if white and self.per_cell:
            drawn = cells(share, mvm, self.number, 4 << 24 | pass_ << 12 | place, self.seed)
            for row, value in enumerate(values):
                out += value * (g[row] + np.sqrt(variance[row]) * drawn[row])
            return out
        of_noise = np.zeros(share[1])
        for row, value in enumerate(values):
            out += value * g[row]
            of_noise += value * value * variance[row]
        if white:
            out += np.sqrt(of_noise) * line(0, mvm, self.number, 5 << 24 | pass_ << 12 | place, self.seed, share[1])
        return out

    def _longest(self, pass_: int) -> int:
        """The longest pulse of a pass."""
        inputs = self.tile.input
        if inputs.encoding.value == "pulse_width":
            return int(2 ** (inputs.bits - 1) - 1)
        return int(2 ** (inputs.first_bits if pass_ == 0 and inputs.first_bits else inputs.slice_bits) - 1)

    # -- conversion

    def _limits(self, rows: int, digit: int) -> tuple[float, float]:
        adc, inputs = self.tile.adc, self.tile.input
        if adc.range.value == "limits":
            return adc.limits[min(digit, len(adc.limits) - 1)]  # type: ignore[no-any-return]
        if self.bits is None:
            return (0 if not inputs.signed and (not self.pairs or len(self._reads()) == 2) else -rows), rows
        if self.pairs and adc.range.value == "max":
            return -rows, rows
        magnitude = inputs.bits - inputs.signed
        step = 2**magnitude / (2**magnitude - 1) / (2 ** self._digit_bits() - 1)
        if adc.range.value == "granular":
            steps = 2 ** (adc.bits - 1) - 1 if self.pairs or inputs.signed else 2**adc.bits - 1
            return (-steps * step if self.pairs or inputs.signed else 0.0), steps * step
        most = 2 ** round(math.log2(rows)) * 2 ** self._digit_bits() * step
        return (
            (-most * (1 - 2.0 ** (1 - adc.bits)), most * (1 - 2.0 ** (1 - adc.bits)))
            if inputs.signed
            else (0.0, most * (1 - 2.0**-adc.bits))
        )

    def _convert(self, y: Array, rows: int, digit: int, place: int, pass_: int, mvm: int) -> tuple[Array, Array]:
        where = Place(self.number, place, pass_, mvm, self.seed)
        return convert(self.tile.adc, y, *self._limits(rows, digit), where)
