"""One reading of one tile: the currents of its columns while inputs stand on its rows, as codes if it has a converter.

| cells | currents |
|---|---|
| linear, still | sums in order; with a plain converter sums by bytes, and in order where those leave the code open |
| linear, white noise | the same, and one deviate an output, of variance Σ x² σ²: sums of normal deviates are normal |
| clipped at 0, or asked for | a deviate a cell |
| under wires with resistance | the circuit's, of conductances that are drawn for each vector if they are noisy |
"""

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.hardware.analog.conversion import Accumulate, Rounding
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.wires import Circuit, ClosedForm, Pulses
from hwsim.kernels.crossbar import add_deviates, add_sums, convert_near
from hwsim.kernels.normals import add_noisy_sums
from hwsim.quantities.precision import Precision
from hwsim.tensor.analog.cells import Cells
from hwsim.tensor.analog.circuit import Network, closed_form, currents, network
from hwsim.tensor.analog.converter import Converter
from hwsim.tensor.analog.draws import Purpose, key_of, of_cells, of_outputs, padded, word
from hwsim.tensor.analog.inputs import Pass
from hwsim.tensor.analog.layout import Read
from hwsim.tensor.analog.pulses import charges, pulsed
from hwsim.tensor.analog.room import Room
from hwsim.tensor.exact import exact_sums
from hwsim.tensor.formats import Array

_NONE, _NONE_SINGLE = np.zeros((0, 0)), np.zeros((0, 0), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Which currents, of which pass, of vectors first, first + 1, …"""

    read: Read
    place: int
    inputs: Pass
    number: int
    first: int


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """Reads the cells of a tile."""

    tile: AnalogTile
    cells: Cells
    number: int
    seed: int
    per_cell: bool
    room: Room

    def read(
        self, reading: Reading, converter: Converter | None, limits: tuple[Array, Array] | None, clipped: Array
    ) -> tuple[Array, Array | None]:
        """Currents [m, column] in units of a cell at Gmax under full-scale input, or what their codes stand for, and
        the codes."""
        if limits is None or converter is None:
            return self._currents(reading), None
        if self._plain(reading):
            return self._near(reading, converter, limits, clipped)
        y = self._currents(reading)
        return y, converter.convert(
            y, *limits, clipped, tile=self.number, read=reading.place, pass_=reading.number, first=reading.first
        )

    # -- currents

    def _currents(self, reading: Reading) -> Array:
        wires, x = self.tile.wires, reading.inputs
        if isinstance(wires, Circuit):
            return self._through_circuit(wires, reading)
        if isinstance(wires, Pulses):
            column = self.cells.keep("pulses", reading.place, lambda: pulsed(self.tile, wires, *self.cells.arrays))
            return charges(column, x.values, x.divisor)
        g = self.cells.currents(reading.read, reading.place)
        if isinstance(wires, ClosedForm):
            return closed_form(wires, g, 1.0 - self.tile.device.g_min, x.values, x.divisor)
        variance = self.cells.variance(reading.read, reading.place)
        y = np.zeros((len(x.values), g.shape[1]))
        if variance is None:
            add_sums(x.values, g, y)
        elif self.per_cell or self._clips:
            self._add_noisy(reading, y, g, variance)
        else:
            add_sums(x.values, g, y)
            of_noise = np.zeros(y.shape)
            add_sums(x.values * x.values, variance, of_noise)
            add_deviates(y, of_noise, self._deviates(reading, y.shape))
        y /= x.divisor
        return y

    @property
    def _clips(self) -> bool:
        model = self.tile.device.strays
        return model is not None and model.clip

    def _deviates(self, reading: Reading, shape: tuple[int, ...]) -> Array:
        fourth = word(Purpose.OUTPUT, pass_=reading.number, array=reading.place)
        out = self.room.of("deviates", (shape[0], padded(shape[1])))
        return of_outputs(self.seed, self.number, fourth, reading.first, shape, out)

    def _add_noisy(self, reading: Reading, y: Array, g: Array, variance: Array) -> None:
        key, deviates = key_of(self.seed), np.empty(padded(y.shape[1]))
        if not self._clips:  # cells of a reading are linear: one deviate for all that share a place
            fourth, spread = word(Purpose.WHITE, pass_=reading.number, array=reading.place), np.sqrt(variance)
            add_noisy_sums(
                reading.inputs.values, g, spread, False, reading.first, self.number, fourth, *key, 1.0, deviates, y
            )
            return
        for array, factor in reading.read.arrays:
            fourth = word(Purpose.WHITE, pass_=reading.number, array=array)
            cells, wide = np.asarray(self.cells.arrays[array], float), self.cells.spreads[array]
            add_noisy_sums(
                reading.inputs.values, cells, np.asarray(wide, float), True, reading.first, self.number, fourth,
                *key, factor, deviates, y,
            )  # fmt: skip

    def _through_circuit(self, wires: Circuit, reading: Reading) -> Array:
        """Without noise one circuit serves all vectors."""
        x = reading.inputs.values / reading.inputs.divisor
        arrays = reading.read.arrays
        groups = [arrays] if wires.interleaved else [arrays[place : place + 1] for place in range(len(arrays))]
        noisy = self.cells.spreads[0] is not None
        out = np.zeros((len(x), self.cells.arrays[0].shape[1]))
        for group in groups:
            factor = 1.0 if wires.interleaved else group[0][1]
            if not noisy:
                made = self._network(wires, group)
                out += factor * currents(made, wires, x)
                continue
            for m in range(len(x)):
                drawn = [self._drawn(reading, array, m) for array, _ in group]
                out[m] += factor * currents(self._made(wires, drawn), wires, x[m : m + 1])[0]
        return out

    def _network(self, wires: Circuit, group: tuple[tuple[int, float], ...]) -> Network:
        return self.cells.keep(
            "network", group[0][0], lambda: self._made(wires, [self.cells.arrays[array] for array, _ in group])
        )

    def _made(self, wires: Circuit, arrays: list[Array]) -> Network:
        return network(wires, float(self.tile.device.g_max), arrays)

    def _drawn(self, reading: Reading, array: int, m: int) -> Array:
        """The conductances that one vector meets, none below 0."""
        cells, spread = self.cells.arrays[array], self.cells.spreads[array]
        assert spread is not None
        deviates = of_cells(
            self.seed, self.number, Purpose.WHITE, array, cells.shape, reading.first + m, pass_=reading.number
        )
        return np.asarray(np.maximum(cells + spread * deviates, 0.0))

    # -- sums by bytes, in order where they leave a code open

    def _plain(self, reading: Reading) -> bool:
        adc, inputs = self.tile.adc, self.tile.input
        assert adc is not None
        whole = inputs.bits is not None and inputs.bits <= 8 and inputs.accumulate is Accumulate.DIGITAL
        simple = adc.rounding is Rounding.HALF_EVEN and adc.imperfect is None and self.tile.wires is None
        still = self.cells.spreads[0] is None or not (self.per_cell or self._clips)
        return whole and simple and still

    def _near(
        self, reading: Reading, converter: Converter, limits: tuple[Array, Array], clipped: Array
    ) -> tuple[Array, Array]:
        inputs, adc = reading.inputs, converter.adc
        g = self.cells.currents(reading.read, reading.place)
        digits = self.cells.digits(reading.read, reading.place)
        kind = Precision.INT8 if self.tile.input.signed else Precision.UINT8
        wide = (len(inputs.small), digits.weights.n)
        sums = exact_sums(inputs.small, kind, digits.weights, out=self.room.of("sums", wide, np.int32))
        rounding = (len(g) + 8) * 2.0**-52 * (digits.largest + digits.error)
        radius = inputs.magnitudes * (digits.error + rounding)
        of_noise = self.cells.variance(reading.read, reading.place)
        variance, deviates, share, square = _NONE_SINGLE, _NONE, 0.0, _NONE
        shape = (len(inputs.values), g.shape[1])
        if of_noise is not None:
            single = self.cells.keep("single", reading.place, lambda: of_noise.astype(np.float32))
            squares = np.square(
                inputs.small, dtype=np.float32, out=self.room.of("squares", inputs.small.shape, np.float32)
            )
            variance = np.matmul(squares, single, out=self.room.of("variance", shape, np.float32))
            share = (len(g) + 8) * 2.0**-24  # of a root half of what n additions and two roundings do to a sum
            deviates = self._deviates(reading, shape)
            square = self.cells.keep("turned variance", reading.place, lambda: np.ascontiguousarray(of_noise.T))
        y, codes, room = np.empty(shape), np.empty(shape, np.int32), self.room.of("line", (2, shape[1]))
        low, high = limits
        turned = self.cells.keep("turned", reading.place, lambda: np.ascontiguousarray(g.T))
        convert_near(
            sums, digits.worth, radius, deviates, variance, share, inputs.values, turned, square, inputs.divisor, low,
            high, adc.steps / (high - low), float(adc.steps), room, codes, y, clipped,
        )  # fmt: skip
        return y, codes
