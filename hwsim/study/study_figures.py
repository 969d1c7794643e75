"""The figures of a run that formulas of studies may name, each with its unit."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, UnknownName
from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import prices_of
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import AnyRecipe, at_length, recipe_of, workload
from hwsim.passes.precision import in_precision
from hwsim.price.book import PriceBook
from hwsim.price.price import Tariff
from hwsim.quantities.noun import Name, sorted_pairs
from hwsim.quantities.precision import Precision, PrecisionPlan
from hwsim.results.figures import Areas, reachable_peak
from hwsim.results.measured import Measuring, Sources
from hwsim.results.paper_columns import COLUMNS, PaperColumn, Value
from hwsim.results.paper_table import PaperRow
from hwsim.results.result import OpResult, PartResult, Result
from hwsim.results.tiles_result import TilesOpResult, TilesResult
from hwsim.study.compare import TimedResult, comparison_row
from hwsim.study.efficiency import ATTO, areas, peak_energy, tera_ops_of
from hwsim.study.simulate import Request, run

if TYPE_CHECKING:
    from hwsim.hardware.analog.chip import AnalogChip
    from hwsim.inputs.chips import AnyChip

MEGA = 10**6
HEARD = 10**12
"""Picoseconds of audio that are computed, where cells are priced by the currents of values."""


@dataclass(frozen=True)
class StudiedRun:
    """A chip and a workload of a study, and what is known of them: each figure is made when it is asked for."""

    name: str
    chip: "AnyChip"
    workload: Workload | None
    precision: str | None
    files: Mapping[str, str]
    values: bool = False

    @cached_property
    def result(self) -> Result | TilesResult:
        """The run."""
        if not self.values:
            return run(self.chip, self.work, Request(), files=self.files)
        # Imported where it is asked for: few runs are on tiles.
        from hwsim.study.tiles import simulate_on_tiles

        tiles = self.tiles
        # What a chip draws in any case is nothing to its cells.
        quiet = replace(tiles, idle_power=Fraction(0), sources=())
        currents, read = _currents(quiet, recipe_of(self.work), self.work.precision)
        return simulate_on_tiles(
            tiles, self.work, {}, cells_per_vector_aj=dict(currents), files={**self.files, **dict(read)}
        )

    @property
    def tiles(self) -> "AnalogChip":
        """The chip, which has tiles; InvalidValue, if it has an array."""
        if isinstance(self.chip, Chip):
            raise InvalidValue(
                f"runs.{self.name}.values", True, "is for chips of analog tiles, whose cells take currents"
            )
        return self.chip

    @property
    def has_run(self) -> bool:
        """Whether somebody asked for the run: some figures need none."""
        return "result" in self.__dict__

    @property
    def work(self) -> Workload:
        """The workload; InvalidValue, if the run has none."""
        if self.workload is None:
            raise InvalidValue(f"runs.{self.name}.workload", None, "must be there, for a figure of a run")
        return self.workload

    @cached_property
    def row(self) -> PaperRow:
        """The run as a row of a paper's table; gains are not asked of it."""
        timed = TimedResult.of(self.result, self.chip, self.work)
        return PaperRow(
            chip=self.chip.name,
            workload=self.work.name,
            precision=self.precision or self.work.formats,
            figures=comparison_row(timed, timed),
            macs=self.result.summary.macs,
            audio_seconds=float(self.work.audio_seconds * self.work.utterances),
        )

    @cached_property
    def digital(self) -> Chip:
        """The chip, which has an array; InvalidValue, if it has tiles."""
        if not isinstance(self.chip, Chip):
            raise InvalidValue(f"runs.{self.name}", self.chip.name, "has no such peak: it is made of analog tiles")
        return self.chip

    @cached_property
    def tariff(self) -> Tariff:
        """The prices of the chip."""
        return Tariff.of(PriceBook(self.digital, prices_of(self.digital)))

    @cached_property
    def areas(self) -> Areas:
        """The silicon of the chip."""
        return areas(self.tariff)

    @property
    def mode(self) -> Precision:
        """The mode whose peak is asked for: that of most products, or without a workload the precision."""
        if self.workload is not None:
            result = self.result
            mode = result.efficiency.mode if isinstance(result, Result) else None
        else:
            mode = next((mode for mode in Precision if mode.value == self.precision), None)
        if mode is None:
            law = f"must say of which mode a peak is: {', '.join(mode.value for mode in self.digital.array.modes)}"
            raise InvalidValue(f"runs.{self.name}.precision", self.precision, law)
        return mode

    def part(self, name: str) -> PartResult | OpResult | TilesOpResult:
        """A part of the network, or one op."""
        entries: list[PartResult | OpResult | TilesOpResult] = [*self.result.parts, *self.result.ops]
        for entry in entries:
            if entry.name == name:
                return entry
        raise UnknownName(f"part of {self.name}", name, [entry.name for entry in self.result.parts])


@lru_cache(maxsize=4)
def _currents(
    chip: "AnalogChip", recipe: AnyRecipe, precision: Name | PrecisionPlan
) -> tuple[tuple[tuple[str, Fraction], ...], tuple[tuple[str, str], ...]]:
    """What the cells of each op take for a vector, by the values of a network, and hashes of files that were read.

    Currents of the first second stand for all: they are averages over many vectors.
    """
    # Imported where it is asked for: it brings values.
    from hwsim.study.measure import measured_on_tiles

    whole = workload(recipe, precision)
    heard = at_length(whole, min(HEARD, whole.audio))
    _, values, read = measured_on_tiles(chip, heard, Measuring(sources=Sources()))
    return sorted_pairs(values.cells_per_vector_aj), sorted_pairs(read)


@dataclass(frozen=True, slots=True)
class StudyFigureKind:
    """A figure that a formula may name: its label, its unit, how it follows from a run; a `ratio` has a sign of
    multiplication behind it."""

    label: str
    unit: str
    of: Callable[[StudiedRun], Value]
    ratio: bool = False


def _peak_tops(studied: StudiedRun, *, reachable: bool = False) -> float:
    chip, mode = studied.digital, studied.mode
    peak = reachable_peak(chip, mode, mode.bits, mode.bits)
    per_cycle = peak.reachable_macs_per_cycle if reachable else peak.macs_per_cycle
    return float(tera_ops_of(chip) * Fraction(per_cycle))


def _peak_tops_per_watt(studied: StudiedRun) -> float:
    chip = studied.digital
    return peak_energy(chip, prices_of(chip), studied.mode).tops_per_watt


def _stored_fp32(studied: StudiedRun) -> float:
    return in_precision(studied.work, "fp32").program.model_bytes / MEGA


def _tiles(studied: StudiedRun) -> TilesResult:
    result = studied.result
    if not isinstance(result, TilesResult):
        raise InvalidValue(f"runs.{studied.name}", studied.chip.name, "has no tiles, so it has no such figure")
    return result


def tiles_alone(result: TilesResult) -> float:
    """TOPS/W of what tiles did, by cells, drivers, converters and additions alone."""
    on_tiles = [op for op in result.ops if op.tile_work.vectors]
    spent = sum(
        op.energy_by_component_aj.mac + op.energy_by_component_aj.converters + op.energy_by_component_aj.accumulators
        for op in on_tiles
    )
    return float(Fraction(2 * sum(op.macs for op in on_tiles) * 10**6, spent))


ON_CHIPS = ("cell", "adc", "dac", "addition of readings", "byte to another", "leakage of tiles")
"""How actions of analog chips begin; all others are those of the digital side beside them."""


def on_chips(result: TilesResult) -> float:
    """TOPS/W of what tiles did, by all that the chips take: tiles, their leakage at all times, and ways."""
    spent = sum(line.energy_aj for line in result.energy_lines if line.action.startswith(ON_CHIPS))
    macs = sum(op.macs for op in result.ops if op.tile_work.vectors)
    return float(Fraction(2 * macs * 10**6, spent))


def _of_row(column: PaperColumn) -> StudyFigureKind:
    """A column of a paper's table as a figure."""
    return StudyFigureKind(column.label, column.unit, lambda studied: column.value(studied.row), column.ratio)


FIGURES: Mapping[str, StudyFigureKind] = {
    **{key: _of_row(column) for key, column in COLUMNS.items() if key not in ("speedup", "energy_gain")},
    "host": StudyFigureKind("Host", "ms", lambda studied: studied.result.summary.host_ms),
    "launch": StudyFigureKind("Launch", "ms", lambda studied: studied.result.summary.launch_ms),
    "macs": StudyFigureKind("Products", "10⁶", lambda studied: studied.result.summary.macs / MEGA),
    "stored": StudyFigureKind("Stored", "MB", lambda studied: studied.work.program.model_bytes / MEGA),
    "stored_fp32": StudyFigureKind("Stored in FP32", "MB", _stored_fp32),
    "clock": StudyFigureKind("Clock", "GHz", lambda studied: studied.chip.clock / 10**9),
    "peak_tops": StudyFigureKind("Peak", "TOPS", _peak_tops),
    "reachable_tops": StudyFigureKind("Reachable", "TOPS", lambda studied: _peak_tops(studied, reachable=True)),
    "peak_tops_per_watt": StudyFigureKind("Efficiency at peak", "TOPS/W", _peak_tops_per_watt),
    "area": StudyFigureKind("Cells", "mm²", lambda studied: studied.areas.total_mm2),
    "placed_area": StudyFigureKind("Chip", "mm²", lambda studied: studied.areas.placed_mm2),
    "samples_per_joule": StudyFigureKind(
        "Utterances a joule", "1/J", lambda studied: studied.result.efficiency.utterances_per_joule
    ),
    "tile_tops_per_watt": StudyFigureKind("Tiles", "TOPS/W", lambda studied: tiles_alone(_tiles(studied))),
    "chips_tops_per_watt": StudyFigureKind("Chips", "TOPS/W", lambda studied: on_chips(_tiles(studied))),
    "tiles_peak_tops": StudyFigureKind("Peak", "TOPS", lambda studied: _tiles(studied).efficiency.peak_tops),
    "full_tile_tops_per_watt": StudyFigureKind(
        "A full tile", "TOPS/W", lambda studied: _tiles(studied).efficiency.full_tile_tops_per_watt
    ),
}  # fmt: skip
"""All figures by the names that formulas have for them; `mode` is a text, and stands in columns alone."""


def interval_us(result: TilesResult, op: str) -> float:
    """Microseconds from one row of an op to the next, on average."""
    found = next((one for one in result.ops if one.name == op), None)
    if found is None:
        raise UnknownName(f"op of {result.summary.workload}", op, [one.name for one in result.ops])
    return (found.last_end - found.first_start) / found.rows / result.operation.clock * MEGA


FIGURES_OF_PARTS: Mapping[str, Callable[[StudiedRun, str], float]] = {
    "latency": lambda studied, part: 1000 * studied.part(part).cycles / studied.result.operation.clock,
    "energy": lambda studied, part: 1000 * studied.part(part).energy_aj / ATTO,
    "interval": lambda studied, op: interval_us(_tiles(studied), op),
}
"""What a formula may ask of a part of the network or an op: milliseconds, millijoules, microseconds a row."""


def figure_of(studied: StudiedRun, name: str, part: str | None = None) -> Value:
    """A figure of a run, or of a part of it."""
    if part is not None:
        if name not in FIGURES_OF_PARTS:
            raise UnknownName("figure of a part", name, list(FIGURES_OF_PARTS))
        return FIGURES_OF_PARTS[name](studied, part)
    if name not in FIGURES:
        raise UnknownName("figure", name, list(FIGURES))
    return FIGURES[name].of(studied)


def number_of(studied: StudiedRun, name: str, part: str | None = None) -> float:
    """A figure that a formula reckons with; InvalidValue, if there is none, or a text."""
    value = figure_of(studied, name, part)
    if value is None or isinstance(value, str):
        raise InvalidValue(f"{studied.name}.{name}", value, "is no number that a formula can reckon with")
    return float(value)
