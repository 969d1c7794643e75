"""The result of a run on analog tiles. The JSON that programs read is exactly these fields, by these names."""

from collections import Counter
from dataclasses import fields
from typing import Annotated, Any

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.hardware.prices import UnitPrice
from hwsim.quantities.noun import Name, Noun, Whole
from hwsim.quantities.offered import as_html
from hwsim.quantities.plain_data import flat
from hwsim.results.band import Band, ChangedRun
from hwsim.results.figures import AnalogAreas, AttojouleCount, Components, EnergyLine, Operation
from hwsim.results.quality import Quality
from hwsim.results.result import PartResult, Provenance, RunResult, StreamingResult, Summary
from hwsim.schedule.counters import Count, Work
from hwsim.schedule.tile_work import TileWork
from hwsim.schedule.tiles import Placement
from hwsim.schedule.tiles_run import Place, RowTimes, UnitTime

PLACE_NAMES = {Place.TILES: "tiles", Place.VECTOR: "vector unit", Place.LOAD: "DRAM read", Place.STORE: "DRAM write"}
LINKS = "links"


@dataclass(frozen=True, slots=True, kw_only=True)
class TilesEfficiency(Noun):
    """What a run did for its energy. An operation is half a multiplication with addition.

    `full_tile_tops_per_watt` is a tile of which each row and column is in use: cells, drivers, converters.
    `tiles_tops_per_watt` is what tiles did in the run for what they and the links took; `tops_per_watt` all that was
    done for all that was spent. `peak_tops` are all tiles, full, one vector after another. While audio is waited for,
    all but `duty_cycle` of the time, chips draw `standby_per_audio_second_mj`, which is not in the energy of the run.
    """

    average_power_w: float
    tops: float
    peak_tops: float
    full_tile_tops_per_watt: float
    tiles_tops_per_watt: float
    tops_per_watt: float
    energy_per_audio_second_mj: float
    standby_per_audio_second_mj: float
    duty_cycle: float
    utterances_per_joule: float
    energy_delay_js: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TilesOpResult(Noun):
    """One op over all its runs: where its rows were worked on, what it did, and what the whole run waited for it."""

    name: Name
    kind: Name
    place: Place
    chip: Annotated[int, Whole()]
    times: Count
    rows: Count
    macs: Count
    cycles: Count
    first_start: Count
    last_end: Count
    places: tuple[RowTimes, ...]
    work: Work
    tile_work: TileWork
    energy_aj: AttojouleCount
    energy_by_component_aj: Components


@dataclass(frozen=True, slots=True, kw_only=True)
class TilesResult(RunResult):
    """A run on analog tiles: headline figures, where weights stand, one entry a part, an op and a unit, the energy with
    its unit prices.

    The `cycles` of ops are those in which the whole run waited for them, and sum to the run's.
    `cells_measured` says that the energy of the cells is that of the values' currents, not of typical ones.
    """

    summary: Summary
    efficiency: TilesEfficiency
    placement: Placement
    parts: tuple[PartResult, ...]
    ops: tuple[TilesOpResult, ...]
    units: tuple[UnitTime, ...]
    kept_bytes: tuple[Count, ...]
    streamed: tuple[Name, ...]
    energy_by_component_aj: Components
    cells_measured: bool
    prices: tuple[UnitPrice, ...]
    energy_lines: tuple[EnergyLine, ...]
    area: AnalogAreas
    operation: Operation
    streaming: StreamingResult | None = None
    provenance: Provenance
    explained: Name | None = None
    quality: Quality | None = None
    band: Band | None = None
    changed: tuple[ChangedRun, ...] = ()

    def check(self) -> None:
        sums = {
            "cycles": (self.summary.cycles, sum(op.cycles for op in self.ops)),
            "energy_aj": (self.summary.energy_aj, sum(op.energy_aj for op in self.ops)),
            "macs": (self.summary.macs, sum(op.macs for op in self.ops)),
        }
        for name, (whole, parts) in sums.items():
            if whole != parts:
                raise InvalidValue(f"ops.{name}", parts, f"must sum to {whole}")

    @property
    def waits_most(self) -> tuple[str, int]:
        """What the whole run waits for longest, units or links, and for how many cycles."""
        return max(self.waits.items(), key=lambda entry: entry[1])

    @property
    def waits(self) -> dict[str, int]:
        """The cycles in which the whole run waits for each kind of unit, and for links between them."""
        cycles: Counter[str] = Counter()
        for op in self.ops:
            for place in op.places:
                cycles[PLACE_NAMES[place.place]] += place.cycles - place.link_cycles
                cycles[LINKS] += place.link_cycles
        return dict(cycles)

    def __repr__(self) -> str:
        summary = self.summary
        return (
            f"<TilesResult {summary.workload} in {summary.precision} on {summary.chip}: {summary.cycles:,} cycles, "
            f"{summary.latency_ms:.4g} ms, {summary.energy_mj:.4g} mJ, {sum(self.placement.tiles_used)} tiles>"
        )

    def _repr_html_(self) -> str:
        return as_html(self)


def flat_op(op: TilesOpResult) -> dict[str, Any]:
    """An op as one row of a table, with the times of its rows in each place, 0 where it has none."""
    row, times = flat(op), {place.place: flat(place) for place in op.places}
    del row["places"]
    fields_of_place = [f.name for f in fields(RowTimes) if f.name != "place"]
    for place in Place:
        row |= {f"{place.value}.{name}": times.get(place, {}).get(name, 0) for name in fields_of_place}
    return row
