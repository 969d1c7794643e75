"""What a paper's table can show of a row: each column with its name, its unit, and how it follows from the row."""

from collections.abc import Callable, Iterable

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.results.paper_table import PaperRow
from hwsim.results.result import ComparisonRow

Value = float | str | None


@dataclass(frozen=True, slots=True)
class PaperColumn:
    """A column: as a table heads it, the unit of all its figures, empty for those without, and a row's value.

    A `ratio` is a gain, which stands with a sign of multiplication behind it.
    """

    label: str
    unit: str
    of: Callable[[PaperRow, ComparisonRow], Value]
    ratio: bool = False

    def value(self, row: PaperRow) -> Value:
        """The value of a row; None where there is none."""
        return None if row.figures is None else self.of(row, row.figures)


def _watts(figures: ComparisonRow) -> float | None:
    return figures.energy_mj / figures.latency_ms if figures.latency_ms else None


def _tops(row: PaperRow, figures: ComparisonRow) -> float | None:
    """A product of two numbers and its addition are two operations."""
    return 2 * row.macs / figures.latency_ms / 1e9 if figures.latency_ms else None


def _per_audio(row: PaperRow, figures: ComparisonRow) -> float | None:
    return figures.energy_mj / row.audio_seconds if row.audio_seconds else None


def _tops_per_watt(row: PaperRow, figures: ComparisonRow) -> float | None:
    return 2 * row.macs / figures.energy_mj / 1e9 if figures.energy_mj else None


COLUMNS = {
    "latency": PaperColumn("Latency", "ms", lambda _, figures: figures.latency_ms),
    "rtf": PaperColumn("RTF", "", lambda _, figures: figures.rtf),
    "throughput_rtf": PaperColumn("Throughput RTF", "", lambda _, figures: figures.throughput_rtf),
    "speedup": PaperColumn("Speed-up", "", lambda _, figures: figures.speedup, ratio=True),
    "cycles": PaperColumn("Cycles", "10⁶", lambda _, figures: figures.cycles / 1e6),
    "energy": PaperColumn("Energy", "mJ", lambda _, figures: figures.energy_mj),
    "energy_gain": PaperColumn("Energy gain", "", lambda _, figures: figures.energy_gain, ratio=True),
    "energy_per_second": PaperColumn("Energy per second of audio", "mJ", _per_audio),
    "power": PaperColumn("Power", "W", lambda _, figures: _watts(figures)),
    "dram": PaperColumn("DRAM traffic", "MB", lambda _, figures: figures.dram_bytes / 1e6),
    "model": PaperColumn("Model", "MB", lambda _, figures: figures.model_bytes / 1e6),
    "compression": PaperColumn("Smaller than FP32", "", lambda _, figures: figures.compression_vs_fp32, ratio=True),
    "utilization": PaperColumn("Array busy", "%", lambda _, figures: 100 * figures.utilization),
    "reachable": PaperColumn("Of reachable peak", "%", lambda _, figures: 100 * figures.reachable_utilization),
    "tops": PaperColumn("Throughput", "TOPS", _tops),
    "tops_per_watt": PaperColumn("Efficiency", "TOPS/W", _tops_per_watt),
    "mode": PaperColumn("Products in", "", lambda _, figures: None if figures.mode is None else figures.mode.value),
}

USUAL = ("latency", "rtf", "speedup", "energy", "energy_gain", "dram", "model")
"""The columns of a table for which nobody says any."""


def check_columns(columns: Iterable[str]) -> None:
    """Refuse names of columns that there are not."""
    for column in columns:
        if column not in COLUMNS:
            raise InvalidValue("columns", column, f"is no column; there are {', '.join(COLUMNS)}")
