"""Lots of utterances, here or in several processes, each of which opens the files once."""

from collections.abc import Iterator, Sequence
from dataclasses import field

from hwsim.dataclass import dataclass
from hwsim.engine.values.calibration import QuantParamsTable
from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import AnyChip
from hwsim.inputs.datasets import Utterance
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.workload import Workload
from hwsim.mapping.tiles.placement import place
from hwsim.quantities.precision import Precision
from hwsim.study.recognise.hearing import Hearing
from hwsim.study.recognise.lots import Floats, Lot, lot_of
from hwsim.study.recognise.network import Network
from hwsim.study.recognise.session import Asked, Session, open_session
from hwsim.study.recognise.store import Heard, HeardLot
from hwsim.study.recognise.tiles import first_vector, products_on
from hwsim.study.recognise.variants import Variant
from hwsim.study.values import products_of
from hwsim.study.worker_processes import by_workers
from hwsim.tensor.analog.network import Samples, TileProducts
from hwsim.tensor.backend import ExactProducts, ProductBackend

AHEAD = 2
"""Lots that wait for each worker, so that none waits for one."""

MOST_LOTS = 32
"""Lots that are kept ready for the next variant: the first ones, since each variant hears them in the same order."""


@dataclass(frozen=True, slots=True, eq=False)
class Scales:
    """What is found before anything is heard: scales, and vectors by which converters of tiles are calibrated."""

    table: QuantParamsTable
    samples: Samples = field(default_factory=dict)


@dataclass(slots=True)
class Ears:
    """Hears lots in one precision after another."""

    session: Session
    threads: int
    _works: dict[str | None, Workload] = field(default_factory=dict)
    _networks: dict[Variant, Network] = field(default_factory=dict)
    _parameters: dict[str | None, Floats] = field(default_factory=dict)
    _lots: dict[tuple[str, ...], Lot] = field(default_factory=dict)
    """Lots, all in the precision `_of_lots`: variants of the chip hear the same ones."""
    _of_lots: str | None = None

    def work(self, precision: str | None) -> Workload:
        """The workload in a precision."""
        if precision not in self._works:
            self._works[precision] = self.session.in_precision(precision)
        return self._works[precision]

    def parameters(self, precision: str | None) -> Floats:
        """The parameters that are quantised in a precision."""
        if precision not in self._parameters:
            self._parameters[precision] = self.session.parameters_in(precision)
        return self._parameters[precision]

    def chip(self, variant: Variant) -> AnyChip:
        """The chip of a variant."""
        return variant.chip(self.session.chips, self.work(variant.precision))

    def on_tiles(self, variant: Variant) -> bool:
        """Whether its products are those of analog tiles."""
        analog = not isinstance(self.session.chips[variant.place], Chip)
        return analog and not is_reference(self.work(variant.precision))

    def accumulators(self, variant: Variant) -> str:
        """In what its products are added, in words."""
        if self.on_tiles(variant):
            return f"analog tiles of {self.chip(variant).name}"
        return self.products(variant, {}).accumulators

    def products(self, variant: Variant, samples: Samples) -> ProductBackend:
        """Products as the chip makes them; those of single precision, which is what others are held against, exact."""
        work = self.work(variant.precision)
        if is_reference(work):
            return ExactProducts(self.threads)
        chip = self.chip(variant)
        if isinstance(chip, Chip):
            return products_of(chip, self.threads)
        return products_on(chip, work, variant, samples, self.threads)

    def lacking(self, precisions: Sequence[str | None]) -> frozenset[tuple[int, str | None]]:
        """Where there are several chips, the places of those that lack a format, with the precision; a precision that
        none of them has is refused by the first one."""
        places = range(len(self.session.chips))
        found = set[tuple[int, str | None]]()
        for precision in precisions if len(places) > 1 else ():
            work = self.work(precision)
            without = {(place, precision) for place in places if not runs_on(self.session.chips[place], work)}
            found |= without if len(without) < len(places) and not is_reference(work) else set()
        return frozenset(found)

    def sums(self, variant: Variant) -> object:
        """How products are added in a variant: those in which it is the same hear the same. None on tiles, which are
        all different."""
        chip, work = self.chip(variant), self.work(variant.precision)
        if is_reference(work) or not isinstance(chip, Chip):
            return None
        modes = {formats: chip.array.mode(*formats) for formats in formats_of(work)}
        added = {formats: None if mode is None else chip.array.summation(mode) for formats, mode in modes.items()}
        return variant.precision, frozenset(added.items())

    def hear(self, variant: Variant, scales: Scales, lot: Sequence[Utterance], title: str) -> HeardLot:
        """What is heard of a lot."""
        session = self.session
        if variant not in self._networks:
            self._networks = {variant: Network(scales.table, self.products(variant, scales.samples))}
        network = self._networks[variant]
        if isinstance(network.products, TileProducts):
            network.products.begin(first_vector(lot[0].line))
        saturations, clipped = network.saturations, network.clipped
        ready = self._ready(variant.precision, lot)
        hearing = hearing_of(session)
        outcomes = network.run(ready)
        scores = tuple(outcome.scores for outcome in outcomes if outcome.scores is not None)
        heard = tuple(
            Heard(one.name, audio, hearing.heard(outcome), outcome.evaluations, outcome.predictions)
            for one, audio, outcome in zip(lot, ready.audio, outcomes, strict=True)
        )
        left = scores if session.asked.scores else ()
        return HeardLot(title, heard, network.saturations - saturations, network.clipped - clipped, left)

    def _ready(self, precision: str | None, lot: Sequence[Utterance]) -> Lot:
        """A lot, ready to run in a precision."""
        if precision != self._of_lots:
            self._lots, self._of_lots = {}, precision
        names = tuple(one.name for one in lot)
        known = self._lots.get(names)
        if known is not None:
            return known
        ready = lot_of(self.session.data, lot, self.work(precision), self.parameters(precision))
        if len(self._lots) < MOST_LOTS:
            self._lots[names] = ready
        return ready


def is_reference(work: Workload) -> bool:
    """Whether a workload is in single precision throughout: what hwsim holds others against, and no chip's format."""
    tensors = work.program.tensors
    return all(tensor.precision in (Precision.FP32, Precision.INT32) for tensor in tensors)


def formats_of(work: Workload) -> set[tuple[Precision, Precision]]:
    """The formats of activations and weights that are multiplied."""
    tensors = {tensor.name: tensor.precision for tensor in work.program.tensors}
    products = [placed.op for placed in work.program.placed() if isinstance(placed.op, (Gemm, Conv))]
    return {(tensors[op.act.tensor], tensors[op.weight.tensor]) for op in products}


def runs_on(chip: AnyChip, work: Workload) -> bool:
    """Whether a chip has the formats of a workload: its array multiplies them, or its tiles have places for them."""
    if isinstance(chip, Chip):
        return all(chip.array.mode(act, weight) is not None for act, weight in formats_of(work))
    try:
        place(work.program, chip)
    except Unsupported:
        return False
    return True


def hearing_of(session: Session) -> Hearing:
    """What makes tokens of what the network of a session leaves."""
    return Hearing(session.symbols, session.lexicon, session.search, session.asked.searching)


Jobs = Sequence[tuple[Variant, Scales, Sequence[Utterance], str]]
"""Lots that are to be heard, each in a variant with its scales and its title."""


def heard_here(ears: Ears, jobs: Jobs) -> Iterator[HeardLot]:
    """What is heard of each lot, one after another."""
    for variant, scales, lot, title in jobs:
        yield ears.hear(variant, scales, lot, title)


def heard_by_workers(asked: Asked, jobs: Jobs, workers: int) -> Iterator[HeardLot]:
    """What is heard of each lot, in the order in which lots are done."""
    return by_workers("the recognition", jobs, _hear, _begin, (asked,), workers, AHEAD)


_HERE: list[Ears] = []
"""The ears of a worker process."""


def _begin(asked: Asked) -> None:
    _HERE[:] = [Ears(open_session(asked), threads=1)]


def _hear(variant: Variant, scales: Scales, lot: Sequence[Utterance], title: str) -> HeardLot:
    return _HERE[0].hear(variant, scales, lot, title)
