"""The run of a workload's values: its parameters and inputs, its accumulators, and its trace."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.decode.greedy import MOST_SYMBOLS_PER_FRAME
from hwsim.engine.decode.stages import Leave, unheeded
from hwsim.engine.decode.symbol_feed import symbols_shape
from hwsim.engine.values.calibration import QuantParamsTable
from hwsim.engine.values.equalise import equalised
from hwsim.engine.values.evaluate import Given, evaluate
from hwsim.engine.values.npz import write_npz
from hwsim.engine.values.seeded import inputs_from, parameters_from, symbols_from
from hwsim.engine.values.spool import Spool
from hwsim.engine.values.trace import Trace
from hwsim.errors import FileProblem, InvalidValue, OutOfRange, Unsupported
from hwsim.hardware.chip import Chip
from hwsim.hardware.summation import Summation
from hwsim.inputs.model_input import ModelInput, fits, lengths, model_input, read_source, shapes_of_inputs
from hwsim.inputs.weights import read_parameters
from hwsim.ir.tensor import SymbolLoop
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import at_length, decoding_of, with_decoding
from hwsim.models.decoding import AlignmentLength, TimeSynchronous
from hwsim.quantities.plain_data import Progress, no_progress
from hwsim.quantities.precision import Precision
from hwsim.results.measured import Sources, WriteTrace
from hwsim.results.quality import Origin, Quality
from hwsim.tensor.backend import ExactProducts, OrderedProducts, ProductBackend
from hwsim.tensor.carried import Carried, NoValues, real_parameters

SEEDED_MOST_SYMBOLS = 2
"""Symbols per frame of a network that was never trained: it has no reason to stop (assumed)."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A workload as long as its input, with the values given to it and the hashes of their files.

    `workload` has room for every hypothesis; `declared` has the counts that its file declares, as a chip runs it.
    """

    workload: Workload
    declared: Workload
    given: Given
    files: Mapping[str, str]


def prepared(work: Workload, sources: Sources) -> Prepared:
    """Read or draw the parameters and inputs; a recording decides how long the workload is."""
    if isinstance(work.carried, NoValues):
        raise Unsupported(f"{work.name}: {work.carried.reason}")
    files: dict[str, str] = {}
    source_input: ModelInput | None = None
    if sources.input is not None:
        source_input = read_source(sources.input)
        files[str(sources.input)] = source_input.sha256
        work = as_long_as(source_input, work)
    declared, work = work, as_searched(work)
    inputs = inputs_from(work.trained, sources.seed)
    symbols = _symbols(work, sources.seed)
    if source_input is not None:
        given = model_input(source_input, work)
        fed = work.trained.search
        if isinstance(fed, SymbolLoop) and fed.symbol in given:
            symbols = given.pop(fed.symbol).astype(np.int32)
        inputs |= given
    carried = work.carried if isinstance(work.carried, Carried) else None
    if carried is not None and carried.stages and work.precision.in_turn:
        raise Unsupported(
            f"{work.name}: is several model files, whose weights are not rounded in turn; leave in_turn out"
        )
    if carried is not None and sources.weights is not None:
        raise FileProblem(str(sources.weights), f"has weights, but {work.name} carries its own; leave --weights out")
    if carried is not None:
        parameters: Mapping[str, NDArray[np.float32]] = real_parameters(carried, work.trained)
    elif sources.weights is None:
        parameters = parameters_from(work.trained, sources.seed)
    else:
        parameters, files[str(sources.weights)] = read_parameters(sources.weights, work.trained)
    parameters = prepared_parameters(work, parameters)
    most = SEEDED_MOST_SYMBOLS if sources.weights is None and carried is None else MOST_SYMBOLS_PER_FRAME
    return Prepared(
        work, declared, Given(parameters=parameters, inputs=inputs, symbols=symbols, most_symbols=most), files
    )


def prepared_parameters(
    work: Workload, parameters: Mapping[str, NDArray[np.float32]]
) -> Mapping[str, NDArray[np.float32]]:
    """The parameters as the plan of a workload has them quantised: equalised, if it says so."""
    if not work.precision.equalise:
        return parameters
    kept = [one.view.tensor for one in work.carried.leaving] if isinstance(work.carried, Carried) else []
    return equalised(work.trained if work.network is None else work.network, parameters, kept)


def as_long_as(source_input: ModelInput, work: Workload) -> Workload:
    """The workload with the length of its input, if some length fits."""
    return _as_large_as(source_input, _at_its_length(source_input, work))


def _at_its_length(source_input: ModelInput, work: Workload) -> Workload:
    for audio in lengths(source_input, work):
        if audio > 0:
            try:
                other = at_length(work, audio)
            except InvalidValue as error:
                raise FileProblem(str(source_input.path), f"{error} ({work.name})") from error
            if source_input.recording is not None or fits(source_input, other):
                return other
    return work


def _as_large_as(source_input: ModelInput, work: Workload) -> Workload:
    """The workload of a model file for as many invocations or frames as its input has, if nobody said how many."""
    carried = work.carried
    if not isinstance(carried, Carried) or carried.for_shapes is None:
        return work
    return carried.for_shapes(shapes_of_inputs(source_input, carried)) or work


def as_searched(work: Workload) -> Workload:
    """The workload with room for every hypothesis in each run of its networks: the search itself decides how many."""
    decoding = decoding_of(work.recipe)
    if not isinstance(decoding, TimeSynchronous | AlignmentLength):
        return work
    wide = replace(decoding, counts=None, cache_prediction=False, batch_prediction=True, batch_joint=True)
    return with_decoding(work, wide)


def _symbols(work: Workload, seed: int) -> NDArray[np.int32] | None:
    fed, shape = work.trained.search, symbols_shape(work.trained)
    if not isinstance(fed, SymbolLoop) or shape is None:
        return None
    return symbols_from(work.trained, seed, fed.table, shape[0] * shape[1]).reshape(shape)


def products_of(chip: Chip, threads: int = 1) -> ProductBackend:
    """Products as the chip's array makes them: every kind of array so far adds them in registers, in some order."""

    known: dict[tuple[Precision, Precision], Summation] = {}

    def order(op: str, act: Precision, weight: Precision) -> Summation:
        if (act, weight) not in known:
            mode = chip.array.mode(act, weight)
            if mode is None:
                raise Unsupported(f"{op} on {chip.name}: the array multiplies no {act.value} by {weight.value}")
            known[act, weight] = chip.array.summation(mode)
        return known[act, weight]

    return OrderedProducts(order, chip.name, threads)


def run_values(
    ready: Prepared,
    sources: Sources,
    *,
    chip: Chip | None = None,
    write: WriteTrace | None = None,
    progress: Progress = no_progress,
) -> Quality:
    """The quality of a workload's values, in exact accumulators or in those of a chip.

    `write` is called with a function that writes the trace into a file.
    """
    threads = os.cpu_count() or 1
    products = ExactProducts(threads) if chip is None else products_of(chip, threads)
    with naming_weights(sources):
        return evaluated(ready, sources, products, write=write, progress=progress)


@contextmanager
def naming_weights(sources: Sources) -> Iterator[None]:
    """Numbers that leave a format are those of the file of weights, if there is one."""
    try:
        yield
    except OutOfRange as error:
        if sources.weights is None:
            raise
        raise FileProblem(str(sources.weights), str(error)) from error


def origin(file: Path | None) -> Origin:
    """Where values come from that this file gives, if there is one."""
    return Origin.DRAWN if file is None else Origin.FILE


def evaluated(
    ready: Prepared,
    sources: Sources,
    products: ProductBackend,
    *,
    integers: Callable[[QuantParamsTable], ProductBackend] | None = None,
    write: WriteTrace | None = None,
    progress: Progress = no_progress,
) -> Quality:
    """The quality of a workload's values by these products, or in integers by others, once their scales are known."""
    carried = ready.workload.carried if isinstance(ready.workload.carried, Carried) else None
    own = sources.weights is not None or carried is not None
    seed = None if own and sources.input is not None else sources.seed

    def run(watch: Any = None, leave: Leave = unheeded, finish: Any = None) -> Quality:
        quality = evaluate(
            ready.workload, ready.given, products, integers=integers, seed=seed, watch=watch, leave=leave,
            finish=finish, progress=progress,
        )  # fmt: skip
        return replace(quality, weights_from=Origin.FILE if own else Origin.DRAWN, input_from=origin(sources.input))

    if write is None:
        return run()
    with TemporaryDirectory(prefix="hwsim-trace-") as folder:
        spool = Spool(Path(folder))
        named = None if carried is None else carried.outputs
        trace = Trace(ready.workload.program, spool, pack=sources.packed, leaving=named)
        quality = run(trace.watch, trace.leave, trace.finish)
        write(lambda file: write_npz(spool, file))
        return quality
