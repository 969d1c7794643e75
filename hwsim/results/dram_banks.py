"""What the replay of a run's transfers through the banks of its DRAM found out."""

from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.hardware.prices import DramType
from hwsim.quantities.noun import Name, Noun, Table, Whole
from hwsim.results.figures import AttojouleCount

_Count = Annotated[int, Whole(low=0, high=2**62)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread(Noun):
    """A distribution of times: its mean, what half of them and 99 % of them keep to, and the longest."""

    mean_ns: float
    p50_ns: float
    p99_ns: float
    longest_ns: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BusCycles(Noun):
    """What the data buses of all channels did in each cycle of the memory: moved data, had nothing to do, or waited for
    a refresh, between reads and writes, for banks of one group, or for a row and its first data."""

    data: _Count
    idle: _Count
    refresh: _Count
    turnaround: _Count
    group: _Count
    row: _Count

    @property
    def total(self) -> int:
        return self.data + self.idle + self.refresh + self.turnaround + self.group + self.row


@dataclass(frozen=True, slots=True, kw_only=True)
class DramCommands(Noun):
    """What was counted of all channels. Each row that is opened is closed once: by a precharge of its own, with all
    others before a refresh, or not before the end (`open_rows`). `open_cycles` and `closed_cycles` are those in which
    some bank of a channel has an open row, and in which none has."""

    reads: _Count
    writes: _Count
    activates: _Count
    precharges: _Count
    open_rows: _Count
    refreshes: _Count
    open_cycles: _Count
    closed_cycles: _Count


@dataclass(frozen=True, slots=True, kw_only=True)
class DramEnergy(Noun):
    """Energy by command: counts times whole unit prices. A row's price is that of opening and closing it; standby is
    that of all cycles. `flat_aj` is what the same bytes cost at the price table's price of a byte."""

    unit_aj: Annotated[tuple[tuple[Name, AttojouleCount], ...], Table()]
    activate_aj: AttojouleCount
    read_aj: AttojouleCount
    write_aj: AttojouleCount
    refresh_aj: AttojouleCount
    standby_aj: AttojouleCount
    flat_aj: AttojouleCount

    @property
    def total_aj(self) -> int:
        return self.activate_aj + self.read_aj + self.write_aj + self.refresh_aj + self.standby_aj


@dataclass(frozen=True, slots=True, kw_only=True)
class BankReplay(Noun):
    """The first `transfers` of a run's `all_transfers` through the banks of a device; it changes nothing of the run.

    A bandwidth is bytes ÷ the time in which transfers were under way; `flat_bandwidth` is the same of the bandwidth
    model, and `sustained_bandwidth` that of the same transfers without a pause between them. `late_seconds` is by how
    much the last transfer is later than on the timeline, if nothing catches up. `latency` is of a burst, from when the
    queue of its channel takes it; `first_data` of a transfer, from its begin until its first burst is there.
    """

    device: Name
    type: DramType
    channels: int
    width: int
    data_rate: int
    clock: int
    peak_bandwidth: int
    stated_read_bandwidth: int
    stated_write_bandwidth: int
    stated_latency_ns: float
    transfers: int
    all_transfers: int
    read_bytes: int
    write_bytes: int
    burst_bytes: int
    seconds: float
    busy_seconds: float
    late_seconds: float
    bandwidth: float
    read_bandwidth: float | None
    write_bandwidth: float | None
    flat_bandwidth: float
    sustained_bandwidth: float
    latency: Spread
    first_data: Spread
    row_hits: _Count
    row_misses: _Count
    row_conflicts: _Count
    commands: DramCommands
    bus: BusCycles
    energy: DramEnergy | None
    sources: Annotated[tuple[tuple[str, str], ...], Table()]

    @property
    def bytes(self) -> int:
        """What the transfers move; whole bursts are more."""
        return self.read_bytes + self.write_bytes

    @property
    def bursts(self) -> int:
        return self.commands.reads + self.commands.writes

    @property
    def hit_rate(self) -> float:
        """The share of bursts that find their row open."""
        return self.row_hits / self.bursts if self.bursts else 0.0
