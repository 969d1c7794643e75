"""What the replay of DRAM banks prints, and how far a chip's bandwidths are within the peak of its memory."""

from fractions import Fraction

from rich.table import Table
from rich.text import Text

from hwsim.hardware.chip import Machine
from hwsim.hardware.dram import DramDevice
from hwsim.quantities.fields import TRANSFERS
from hwsim.report.numbers import figure, joules, percent, scaled, seconds
from hwsim.report.tables import TIE, Screen, new_table, plain_table, render
from hwsim.results.dram_banks import BankReplay, BusCycles, DramEnergy, Spread


def dram_banks_text(replay: BankReplay, screen: Screen) -> str:
    """The figures of a replay beside those of the bandwidth model, what the bus did, and where the energy goes."""
    tables: list[Table | Text] = [Text(_title(replay), style="bold"), _headline(replay), _bus(replay.bus)]
    if replay.energy is not None:
        tables.append(_energy(replay, replay.energy))
    return render(tables, screen)


def memory_text(dram_type: str, channels: int, width: int, data_rate: int) -> str:
    """A memory in words.

    >>> memory_text("lpddr4", 16, 256, 3_200_000_000)
    '16 channels of lpddr4, 256 bits at 3200 MT/s'
    """
    rate = (
        f"{figure(data_rate / 10**6, 4).replace(',', '')} MT/s" if data_rate >= 10**6 else TRANSFERS.written(data_rate)
    )
    return f"{channels} channel{'s' * (channels > 1)} of {dram_type}, {width} bits at {rate}"


def needed_text(chip: Machine, device: DramDevice) -> str:
    """What the ports of a chip ask of its memory, and whether any memory of that kind can give it."""
    dram = chip.dram
    peak = dram.channels * device.peak
    memory = memory_text(device.type.value, dram.channels, dram.channels * device.width, device.data_rate)
    ports = "its DRAM port" if dram.shared_port else "its two DRAM ports together"
    share, best = Fraction(dram.needed, peak), device.best_share
    text = f"{ports} asks" if dram.shared_port else f"{ports} ask"
    text += f" for {scaled(dram.needed, 'B/s')}, {percent(float(share))} of the {scaled(peak, 'B/s')} of {memory}"
    if share > best:
        text += f"; refreshes alone leave {percent(float(best))} of it: lower the bandwidth, or give more channels"
    return text


def _title(replay: BankReplay) -> str:
    memory = memory_text(replay.type.value, replay.channels, replay.width, replay.data_rate)
    if replay.transfers == replay.all_transfers:
        part = f"all {replay.transfers:,} transfers"
    else:
        part = f"the first {replay.transfers:,} of {replay.all_transfers:,} transfers"
    return f"DRAM banks, {replay.device}: {memory}; {part}, {scaled(replay.bytes, 'B')} in {replay.bursts:,} bursts"


def _headline(replay: BankReplay) -> Table:
    peak, sustained = replay.peak_bandwidth, replay.sustained_bandwidth
    stated = dict.fromkeys((replay.stated_read_bandwidth, replay.stated_write_bandwidth))
    ways = [
        f"{scaled(rate, 'B/s')} {way}"
        for rate, way in ((replay.read_bandwidth, "reading"), (replay.write_bandwidth, "writing"))
        if rate is not None
    ]
    moved = replay.bursts * replay.burst_bytes
    rows = [
        (
            "bandwidth",
            scaled(replay.bandwidth, "B/s"),
            f"of transfers under way: {', '.join(ways)}; on the timeline {scaled(replay.flat_bandwidth, 'B/s')}",
        ),
        (
            "sustained",
            scaled(sustained, "B/s"),
            f"without pauses, {percent(sustained, peak)} of {scaled(peak, 'B/s')}; "
            f"stated {' and '.join(scaled(rate, 'B/s') for rate in stated)}",
        ),
        ("first data", _mean(replay.first_data), f"{_spread(replay.first_data)}; stated {_stated(replay)}"),
        ("latency", _mean(replay.latency), f"of a burst, {_spread(replay.latency)}"),
        (
            "late",
            seconds(replay.late_seconds) if replay.late_seconds else "0 s",
            f"{percent(replay.late_seconds, replay.seconds)} of {seconds(replay.seconds)}, if nothing catches up",
        ),
        (
            "open rows",
            percent(replay.hit_rate),
            f"of the bursts hit one, {percent(replay.row_misses, replay.bursts)} find none open, "
            f"{percent(replay.row_conflicts, replay.bursts)} another one",
        ),
        ("whole bursts", scaled(moved, "B"), f"{percent(moved - replay.bytes, moved)} of them nobody asked for"),
    ]
    table = plain_table()
    for row in rows:
        table.add_row(*row)
    return table


def _stated(replay: BankReplay) -> str:
    return f"{figure(replay.stated_latency_ns)} ns"


def _mean(spread: Spread) -> str:
    return f"{figure(spread.mean_ns)} ns"


def _spread(spread: Spread) -> str:
    return f"half within {figure(spread.p50_ns)} ns, 99{TIE}% within {figure(spread.p99_ns)} ns"


def _bus(bus: BusCycles) -> Table:
    table = new_table("data", "refresh", "turnaround", "bank group", "row", "idle", title="What the data buses do")
    shares = (bus.data, bus.refresh, bus.turnaround, bus.group, bus.row, bus.idle)
    table.add_row(*(percent(share, bus.total) for share in shares))
    table.columns[0].justify = "right"
    return table


def _energy(replay: BankReplay, energy: DramEnergy) -> Table:
    names = ("activate", "read", "write", "refresh", "standby")
    spent = (energy.activate_aj, energy.read_aj, energy.write_aj, energy.refresh_aj, energy.standby_aj)
    bits = 8 * replay.bytes * 10**6
    per_bit = f"{figure(energy.total_aj / bits)} pJ a bit" if bits else ""
    flat = f"{figure(energy.flat_aj / bits)} pJ" if bits else ""
    title = f"Energy by commands: {joules(energy.total_aj)}, {per_bit}; by the price of a byte {joules(energy.flat_aj)}"
    table = new_table(*names, title=f"{title}, {flat}")
    table.add_row(*map(joules, spent))
    table.add_row(*(percent(part, energy.total_aj) for part in spent))
    table.columns[0].justify = "right"
    return table
