"""The headline figures of a run by name, for whoever puts the figures of several runs side by side."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated

from hwsim.quantities.noun import Table

if TYPE_CHECKING:  # few runs are on tiles
    from hwsim.results.result import Result
    from hwsim.results.tiles_result import TilesResult


class Headline(Enum):
    """A headline figure: its key, its label in reports, and its unit; one without a unit is a ratio.

    >>> Headline("latency_ms").label, Headline("latency_ms").unit
    ('latency', 'ms')
    """

    LATENCY = "latency_ms", "latency", "ms"
    RTF = "rtf", "RTF", ""
    THROUGHPUT_RTF = "throughput_rtf", "throughput RTF", ""
    ENERGY = "energy_mj", "energy", "mJ"
    POWER = "average_power_w", "power", "W"
    ENERGY_PER_SECOND = "energy_per_audio_second_mj", "energy per second", "mJ"
    DRAM = "dram_bytes", "DRAM traffic", "B"
    UTILIZATION = "utilization", "array's share", ""
    TOPS = "tops", "TOPS", "TOPS"
    TOPS_PER_WATT = "tops_per_watt", "TOPS/W", "TOPS/W"
    UTTERANCES_PER_JOULE = "utterances_per_joule", "utterances per joule", "1/J"
    ENERGY_DELAY = "energy_delay_js", "energy × delay", "J·s"
    AREA = "area_mm2", "area", "mm²"
    MODEL = "model_bytes", "model", "B"
    CYCLES = "cycles", "cycles", "cycles"

    label: str
    unit: str

    def __new__(cls, key: str, label: str, unit: str) -> "Headline":
        figure = object.__new__(cls)
        figure._value_, figure.label, figure.unit = key, label, unit
        return figure


HeadlineFigures = Annotated[tuple[tuple[Headline, float], ...], Table()]
"""All headline figures of a run."""


def headline_of(result: "Result | TilesResult") -> dict[Headline, float]:
    """The headline figures of a run; where lengths are stated, the throughput is that over all of them."""
    summary, efficiency = result.summary, result.efficiency
    lengths = getattr(result, "lengths", None)
    return {
        Headline.LATENCY: summary.latency_ms,
        Headline.RTF: summary.rtf,
        Headline.THROUGHPUT_RTF: summary.throughput_rtf if lengths is None else lengths.throughput_rtf,
        Headline.ENERGY: summary.energy_mj,
        Headline.POWER: efficiency.average_power_w,
        Headline.ENERGY_PER_SECOND: efficiency.energy_per_audio_second_mj,
        Headline.DRAM: summary.dram_read_bytes + summary.dram_write_bytes,
        Headline.UTILIZATION: summary.utilization,
        Headline.TOPS: efficiency.tops,
        Headline.TOPS_PER_WATT: efficiency.tops_per_watt,
        Headline.UTTERANCES_PER_JOULE: efficiency.utterances_per_joule,
        Headline.ENERGY_DELAY: efficiency.energy_delay_js,
        Headline.AREA: result.area.total_mm2,
        Headline.MODEL: summary.model_bytes,
        Headline.CYCLES: summary.cycles,
    }
