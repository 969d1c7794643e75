"""The transfers of a run through the banks of its DRAM."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.chip import Chip
from hwsim.hardware.dram import DramDevice
from hwsim.inputs.chips import device_of
from hwsim.inputs.files import Kind, names
from hwsim.ir.workload import Workload
from hwsim.kernels import banks_code as c
from hwsim.mapping.planner import Planned
from hwsim.price import dram_commands as d
from hwsim.price.dram_commands import command_prices
from hwsim.quantities.noun import sorted_pairs
from hwsim.results.dram_banks import BankReplay, BusCycles, DramCommands, DramEnergy, Spread
from hwsim.timing.banks import Replayed, layout, replayed
from hwsim.timing.transfers import dram_transfers


def check_replay(chip: Chip, most_bursts: int) -> DramDevice:
    """The device whose banks are replayed; refused, if the chip names none."""
    if isinstance(most_bursts, bool) or not isinstance(most_bursts, int) or most_bursts < 1:
        raise InvalidValue("dram_bursts", most_bursts, "must be a whole number of at least 1")
    device = device_of(chip)
    if device is None:
        known = ", ".join(names(Kind.DRAM))
        raise Unsupported(f"{chip.name}: dram.device: is not given, so nothing is known of banks; known: {known}")
    return device


def replay_banks(chip: Chip, workload: Workload, planned: Planned, byte_aj: int, most_bursts: int) -> BankReplay:
    """The first transfers of a planned run through the banks of the chip's DRAM, until `most_bursts` are begun.

    `byte_aj` is the price table's price of a byte, beside which the energy of commands stands.
    """
    device, channels = check_replay(chip, most_bursts), chip.dram.channels
    cycles = planned.columns.cycles
    transfers = dram_transfers(planned.schedule, cycles, most_bursts * device.burst_bytes)
    known = {tensor.name: tensor.stored_bytes for tensor in workload.program.tensors}
    placed = layout(transfers, known, device, channels)

    def run(*, paced: bool) -> Replayed:
        return replayed(
            transfers,
            placed,
            device,
            channels,
            clock=chip.clock,
            latency=chip.dram_latency_cycles,
            most_bursts=most_bursts,
            paced=paced,
        )

    on_time, at_once = run(paced=True), run(paced=False)
    counts = on_time.counts.tolist()
    read, written = counts[c.BYTES : c.BYTES + 2]
    moved, busy = read + written, sum(counts[c.BUSY : c.BUSY + 2])
    commands = _commands(on_time)
    second = 1 / device.clock

    def rate(size: int, spent: int) -> float:
        return size * device.clock / spent if spent else 0.0

    return BankReplay(
        device=device.name,
        type=device.type,
        channels=channels,
        width=channels * device.width,
        data_rate=device.data_rate,
        clock=device.clock,
        peak_bandwidth=channels * device.peak,
        stated_read_bandwidth=chip.dram.read,
        stated_write_bandwidth=chip.dram.write,
        stated_latency_ns=chip.dram.latency / 1000,
        transfers=counts[c.TRANSFERS],
        all_transfers=transfers.all,
        read_bytes=read,
        write_bytes=written,
        burst_bytes=device.burst_bytes,
        seconds=counts[c.TOTAL] * second,
        busy_seconds=busy * second,
        late_seconds=counts[c.LATE] * second,
        bandwidth=rate(moved, busy),
        read_bandwidth=rate(read, counts[c.BUSY]) if read else None,
        write_bandwidth=rate(written, counts[c.BUSY + 1]) if written else None,
        flat_bandwidth=rate(moved, counts[c.FLAT_BUSY]),
        sustained_bandwidth=rate(moved, int(at_once.counts[c.TOTAL])),
        latency=_latency(on_time, device.clock),
        first_data=_first_data(on_time.first[on_time.first >= 0], device.clock),
        row_hits=counts[c.HITS],
        row_misses=counts[c.EMPTY],
        row_conflicts=counts[c.CONFLICTS],
        commands=commands,
        bus=BusCycles(
            **dict(
                zip(
                    ("data", "idle", "refresh", "turnaround", "group", "row"),
                    on_time.bus.sum(axis=0).tolist(),
                    strict=True,
                )
            )
        ),
        energy=_energy(commands, command_prices(device), moved * byte_aj),
        sources=sorted_pairs(dict(device.sources)),
    )


def _commands(run: Replayed) -> DramCommands:
    counts, channel = run.counts.tolist(), run.channel.sum(axis=0).tolist()
    return DramCommands(
        reads=counts[c.READS],
        writes=counts[c.WRITES],
        activates=channel[c.OPENED],
        precharges=counts[c.PRECHARGES],
        open_rows=channel[c.OPEN],
        refreshes=counts[c.REFRESHES],
        open_cycles=len(run.channel) * counts[c.TOTAL] - channel[c.CLOSED],
        closed_cycles=channel[c.CLOSED],
    )


def _energy(commands: DramCommands, prices: Mapping[str, int] | None, flat_aj: int) -> DramEnergy | None:
    if prices is None:
        return None
    return DramEnergy(
        unit_aj=sorted_pairs(prices),
        activate_aj=commands.activates * prices[d.ACTIVATE],
        read_aj=commands.reads * prices[d.READ],
        write_aj=commands.writes * prices[d.WRITE],
        refresh_aj=commands.refreshes * prices[d.REFRESH],
        standby_aj=commands.open_cycles * prices[d.OPEN_CYCLE] + commands.closed_cycles * prices[d.CLOSED_CYCLE],
        flat_aj=flat_aj,
    )


def _latency(run: Replayed, clock: int) -> Spread:
    """The latencies of bursts, of which the kernel kept how many there are of each."""
    counts = run.counts
    bursts, longest = int(counts[c.READS] + counts[c.WRITES]), int(counts[c.LONGEST])
    upto = np.cumsum(run.histogram)

    def at(share: float) -> int:
        """The latency that this share of the bursts keeps to."""
        place = int(np.searchsorted(upto, share * bursts))
        return longest if place >= run.histogram.size - 1 else place

    mean = int(counts[c.LATENCY]) / bursts if bursts else 0.0
    return _spread(mean, at(0.5) if bursts else 0, at(0.99) if bursts else 0, longest, clock)


def _first_data(cycles: NDArray[np.int64], clock: int) -> Spread:
    if not cycles.size:
        return _spread(0, 0, 0, 0, clock)
    ordered = np.sort(cycles)
    half, most = (int(ordered[-(-int(share * cycles.size) // 100) - 1]) for share in (50, 99))
    return _spread(float(cycles.mean()), half, most, int(ordered[-1]), clock)


def _spread(mean: float, p50: int, p99: int, longest: int, clock: int) -> Spread:
    nano = 10**9 / clock
    return Spread(mean_ns=mean * nano, p50_ns=p50 * nano, p99_ns=p99 * nano, longest_ns=longest * nano)
