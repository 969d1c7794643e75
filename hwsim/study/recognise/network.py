"""A network that hears lots of utterances: parameters, scales and formats stay the same from one lot to the next."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.decode.greedy import GreedyDecoder
from hwsim.engine.values.calibration import QuantParamsTable
from hwsim.engine.values.calibration_stats import CalibrationStats
from hwsim.engine.values.evaluate import calibrate, given_scales, params_from, quantised_ops, run_search
from hwsim.engine.values.integers import IntegerOps
from hwsim.engine.values.tensor_store import TensorStore, index_tensors, outputs
from hwsim.ir.program import Program
from hwsim.ir.workload import Workload
from hwsim.quantities.precision import Precision
from hwsim.study.recognise.lots import Floats, Lot
from hwsim.tensor.backend import ExactProducts, ProductBackend
from hwsim.tensor.carried import Carried


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a network made of one utterance: symbols of its own search, or scores [frames, symbols].

    `evaluations` and `predictions` count runs of a transducer's joint and prediction network.
    """

    symbols: tuple[int, ...] | None
    scores: NDArray[np.float32] | None
    evaluations: int = 0
    predictions: int = 0


def needs_scales(work: Workload) -> bool:
    """Whether scales of activations must be found before the network can run: some are integers, and no file says
    what these stand for."""
    if given_scales(work) is not None:
        return False
    indices = index_tensors(work.trained)
    return any(
        not tensor.precision.floating and not tensor.role.parameter and tensor.name not in indices
        for tensor in work.trained.tensors
    )


def scales_of(work: Workload, parameters: Floats, lots: Iterable[Lot], threads: int) -> QuantParamsTable:
    """The scales of a workload, static ones from what these lots do to the float network."""
    carried = given_scales(work)
    if carried is not None:
        return QuantParamsTable(carried.grids, {})
    stats, heard = CalibrationStats(work.trained), []
    for lot in lots:
        calibrate(lot.work, lot.given, ExactProducts(threads), stats)
        if work.precision.in_turn:
            heard.append((lot.work.trained, lot.given.inputs))
    return params_from(work, parameters, stats, heard)


@dataclass(slots=True, eq=False)
class Network:
    """Runs lots; it counts what was cut off."""

    scales: QuantParamsTable
    products: ProductBackend
    saturations: int = 0
    clipped: int = 0
    _first: IntegerOps | None = None

    def run(self, lot: Lot) -> list[Outcome]:
        """What it makes of each utterance of a lot."""
        ops = quantised_ops(lot.work, lot.given, self.scales, self.products, like=self._first)
        self._first = self._first or ops
        memory = ops.memory(lot.given.inputs)
        search = run_search(lot.work, lot.given, ops, memory)
        self.saturations += sum(count.accumulator for count in ops.clipped.values())
        self.clipped += sum(count.result for count in ops.clipped.values())
        decoded = search.decoded()
        if decoded is None:
            return [Outcome(None, scores_in(ops, memory, lot.work))]
        evaluations = search.evaluations if isinstance(search, GreedyDecoder) else [0] * len(decoded.symbols)
        return [
            Outcome(symbols, None, count, len(symbols) + 1)
            for symbols, count in zip(decoded.symbols, evaluations, strict=True)
        ]


def scores_in(ops: IntegerOps, memory: TensorStore, work: Workload) -> NDArray[np.float32]:
    """The scores that a network leaves, [frames, symbols], as real numbers."""
    carried = work.carried if isinstance(work.carried, Carried) else None
    if carried is not None:
        (one,) = carried.outputs[:1]
        values, name, shape = memory.read(one.view, {}).reshape(one.shape), one.view.tensor, one.shape
    else:
        name = outputs(work.program)[0]
        values, shape = memory[name], memory[name].shape
    reals = values if _floats(work.program, name) else ops.real(name, values)
    return np.asarray(reals, np.float32).reshape(-1, shape[-1])


def _floats(program: Program, name: str) -> bool:
    return program.tensor(name).precision.floating or program.tensor(name).precision is Precision.INT32
