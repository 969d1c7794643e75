"""Every burst begins at the first cycle that all timings allow: held against a table of rules, and by hand."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from hwsim.hardware.dram import DramDevice, DramTiming
from hwsim.inputs.files import Kind, names
from hwsim.inputs.load import load_device
from hwsim.kernels import banks_code as c
from hwsim.timing.banks import Replayed, replayed
from strategies.dram import as_transfers, device, draw_device, draw_moves
from witnesses import dram_banks as witness
from witnesses.dram_banks import ACT, CLOSE_ALL, PRE, READ, REFRESH, WRITE, Channel, Command, Move

KINDS = {
    c.READ: READ, c.WRITE: WRITE, c.ACTIVATE: ACT, c.PRECHARGE: PRE, c.PRECHARGE_ALL: CLOSE_ALL, c.REFRESH: REFRESH
}  # fmt: skip
NO_END = 10**9


def run(memory: DramDevice, moves: list[Move], channels: int = 1, *, cycles: int | None = None) -> Replayed:
    transfers, placed = as_transfers(moves, cycles=cycles)
    return replayed(
        transfers, placed, memory, channels, clock=memory.clock, latency=0, most_bursts=10**6, logged=100_000
    )


def commands(found: Replayed, memory: DramDevice, channel: int = 0) -> list[Command]:
    """The logged commands to a channel, in the order in which the kernel found them."""
    in_group = memory.banks // memory.bank_groups
    log = found.log[: int(found.counts[c.LOGGED])].tolist()
    return [
        Command(time, KINDS[kind])
        if kind in (c.PRECHARGE_ALL, c.REFRESH)
        else Command(time, KINDS[kind], bank // in_group, bank % in_group, row)
        for time, kind, of, bank, row in log
        if of == channel
    ]


def reads(*addresses: int, start: int = 0, write: Sequence[int] = ()) -> list[Move]:
    """Transfers of one burst each, all begun at once; those numbered in `write` are written."""
    return [Move(start, NO_END, n in write, ((address, 1),)) for n, address in enumerate(addresses)]


@pytest.mark.parametrize("seed", range(20))
def test_a_replay_is_that_of_rules_tried_cycle_by_cycle(seed: int) -> None:
    rng = Random(seed)
    memory, channels = draw_device(rng), rng.randint(1, 3)
    moves = draw_moves(rng, 30, pause=rng.choice((0, 5, 40)))
    until = moves[-1].promised + rng.choice((0, 300))
    seen, found = witness.replay(memory, channels, moves, until), run(memory, moves, channels, cycles=until)
    for number, channel in enumerate(seen.channels):
        assert Counter(commands(found, memory, number)) == Counter(channel.issued)
    counts = found.counts
    assert found.first.tolist() == seen.first
    assert (counts[c.LATE], counts[c.TOTAL]) == (seen.late, seen.total)
    assert (counts[c.LATENCY], counts[c.LONGEST]) == (sum(seen.latencies), max(seen.latencies))
    assert [counts[c.HITS], counts[c.EMPTY], counts[c.CONFLICTS]] == [
        seen.found[how] for how in ("hit", "miss", "conflict")
    ]
    assert found.histogram[: max(seen.latencies) + 1].tolist() == [
        seen.latencies.count(cycles) for cycles in range(max(seen.latencies) + 1)
    ]
    under_way = {at for begun, end in zip(seen.begins, seen.ends, strict=True) for at in range(begun, end)}
    assert counts[c.BUSY] + counts[c.BUSY + 1] == len(under_way)
    flat = {at for move in moves for at in range(move.start, move.promised)}
    assert counts[c.FLAT_BUSY] == len(flat)


FREE = DramTiming(
    cl=1, cwl=1, rcd=1, rp=1, ras=1, rc=2, rrd=1, faw=1, ccd=2, rtp=0, wr=0, wtr=0, rtw=2, refi=100_000, rfc=1
)
ROW_OF_ALL = 4 * 32
"""Rows of a bank lie as many bytes apart as all banks have in a row."""

# Of each timing: a longer value, the bursts of which a command waits for it, which command, and further values that it
# needs. Addresses 0 and 8 lie in the two groups, 0 and 64 in the two banks of one. `cwl in wr` is the timing `cwl`,
# from which the rule of `wr` counts the end of a write's data.
BINDING = [
    ("rcd", 17, reads(0), READ, 0, {}),
    ("rp", 17, reads(0, ROW_OF_ALL), ACT, 1, {}),
    ("ras", 17, reads(0, ROW_OF_ALL), PRE, 0, {"rc": 18}),
    ("rc", 29, reads(0, ROW_OF_ALL), ACT, 1, {}),
    ("rrd", 17, reads(0, 8), ACT, 1, {"faw": 18}),
    ("rrd_long", 17, reads(0, 64), ACT, 1, {}),
    ("faw", 37, reads(0, 8, 64, 72, ROW_OF_ALL), ACT, 4, {}),
    ("ccd", 17, reads(0, 8), READ, 1, {}),
    ("ccd_long", 17, reads(0, 16), READ, 1, {}),
    ("rtp", 17, reads(0, ROW_OF_ALL), PRE, 0, {}),
    ("wr", 17, reads(0, ROW_OF_ALL, write=(0,)), PRE, 0, {}),
    ("wtr", 17, reads(0, 8, write=(0,)), READ, 0, {}),
    ("wtr_long", 17, reads(0, 16, write=(0,)), READ, 0, {}),
    ("cwl in wr", 17, reads(0, ROW_OF_ALL, write=(0,)), PRE, 0, {}),
    ("cwl in wtr", 17, reads(0, 8, write=(0,)), READ, 0, {}),
    ("cwl in wtr_long", 17, reads(0, 16, write=(0,)), READ, 0, {"wtr_long": 1}),
    ("rtw", 17, reads(0, 8, write=(1,)), WRITE, 0, {}),
    ("rfc", 57, reads(0, start=1003), ACT, 0, {"refi": 1000}),
    ("rp_all", 17, [*reads(0), *reads(0, start=1003)], REFRESH, 0, {"refi": 1000}),
]


@pytest.mark.parametrize(("name", "cycles", "moves", "kind", "number", "others"), BINDING, ids=[b[0] for b in BINDING])
def test_a_command_is_blocked_one_cycle_before_it_comes(
    name: str, cycles: int, moves: list[Move], kind: str, number: int, others: dict[str, int]
) -> None:
    """By that timing alone; and the timing's next cycle is the command's."""
    timed, _, rule = name.partition(" in ")

    def issued(longer: int) -> tuple[DramDevice, list[Command], Command]:
        timing = replace(FREE, **{**others, timed: longer})
        memory = device(timing)
        ordered = sorted(commands(run(memory, moves, cycles=0), memory), key=lambda command: command.time)
        return memory, ordered, [command for command in ordered if command.kind == kind][number]

    memory, ordered, watched = issued(cycles)
    channel = Channel(memory)
    for command in ordered:
        if command == watched:
            assert channel.blocked_by(command._replace(time=command.time - 1)) == {rule or timed}
            assert not channel.blocked_by(command)
        channel.issue(command)
    assert issued(cycles + 1)[2].time == watched.time + 1


def after_data(*, write: bool) -> list[Move]:
    """A burst promised a cycle after it was asked for, and a read of the other group, put off by as much as that is
    late."""
    return [Move(0, 1, write, ((0, 1),)), Move(1, NO_END, False, ((8, 1),))]


# Timings that no pair of commands keeps: a longer value, the bursts, which command waits for it, further values, and
# when that command comes, by hand. Rows open in cycle 0 and are read or written in cycle 1, unless they are asked for
# later; a burst keeps the bus for 2 cycles.
BY_HAND = [
    # The data come in cycles 18 and 19, 19 cycles after the promise: the next burst is asked for in 1 + 19.
    ("cl", 17, after_data(write=False), ACT, 1, {"rtw": 19}, 1 + 17 + 2),
    ("cwl", 17, after_data(write=True), ACT, 1, {}, 1 + 17 + 2),
    # All banks are closed in the cycle in which a refresh is due.
    ("refi", 500, [*reads(0), *reads(0, start=600)], CLOSE_ALL, 0, {}, 500),
    # Without an open row it begins then, and the next one is counted from when it was due.
    ("refi", 500, reads(0, start=600), REFRESH, 0, {}, 500),
    # A row that opens one cycle before a refresh is due, in 499, would be read in 500, too late: it stays closed, the
    # refresh takes 500 and 501, and then it opens.
    ("rfc", 2, reads(0, start=499), ACT, 0, {"refi": 500}, 500 + 2),
    # One cycle earlier it is read before the refresh, for which it is closed again.
    ("refi", 500, [*reads(0, start=498), *reads(0, start=600)], CLOSE_ALL, 0, {}, 500),
]


@pytest.mark.parametrize(
    ("name", "cycles", "moves", "kind", "number", "others", "time"), BY_HAND, ids=[f"{b[0]}-{b[3]}" for b in BY_HAND]
)
def test_a_command_waits_for_data_and_for_refreshes(
    name: str, cycles: int, moves: list[Move], kind: str, number: int, others: dict[str, int], time: int
) -> None:
    """It comes in the cycle that was worked out by hand, not in the one before, though no distance from any earlier
    command forbids that; and a cycle later where the timing is one longer."""
    for longer in (cycles, cycles + 1):
        memory = device(replace(FREE, **{**others, name: longer}))
        ordered = sorted(commands(run(memory, moves, cycles=0), memory), key=lambda command: command.time)
        watched = [command for command in ordered if command.kind == kind][number]
        assert watched.time == time + longer - cycles
        channel = Channel(memory)
        for command in ordered[: ordered.index(watched)]:
            channel.issue(command)
        if name in ("cl", "cwl", "refi"):
            assert not channel.blocked_by(watched._replace(time=watched.time - 1))


def test_a_read_in_the_cycle_of_a_refresh_comes_after_it_and_one_before_does_not_wait() -> None:
    """Asked for in 499, a row would be read in 500, when a refresh of a cycle is due: so that is first, the row opens
    in 501 and is read in 502. Where it is due in 501, the row is read in 500."""
    for refi, expected in (
        (500, [(500, REFRESH), (501, ACT), (502, READ)]),
        (501, [(499, ACT), (500, READ), (501, CLOSE_ALL), (502, REFRESH)]),
    ):
        memory = device(replace(FREE, refi=refi))
        found = sorted(commands(run(memory, reads(0, start=499), cycles=0), memory), key=lambda command: command.time)
        assert [(command.time, command.kind) for command in found] == expected


@pytest.mark.parametrize("seed", range(40))
def test_nothing_is_lost_in_the_banks(seed: int) -> None:
    rng = Random(1000 + seed)
    memory, channels = draw_device(rng), rng.randint(1, 4)
    moves = draw_moves(rng, 300, pause=rng.choice((0, 20, 200)), memory=20_000)
    found = run(memory, moves, channels)
    counts, refi = found.counts.tolist(), memory.timing.refi
    size = sum(len(list(witness.bursts(memory, *piece))) for move in moves for piece in move.pieces)
    assert counts[c.READS] + counts[c.WRITES] == size == found.histogram.sum()
    for kind in (False, True):
        assert counts[c.BYTES + kind] == sum(n for move in moves if move.write is kind for _, n in move.pieces)
    assert counts[c.HITS] + counts[c.EMPTY] + counts[c.CONFLICTS] == size
    opened, still_open = found.channel[:, c.OPENED].sum(), found.channel[:, c.OPEN].sum()
    assert opened == counts[c.EMPTY] + counts[c.CONFLICTS] == counts[c.PRECHARGES] + still_open
    assert counts[c.REFRESHES] == channels * ((counts[c.TOTAL] - 1) // refi)
    assert (found.bus.sum(axis=1) == counts[c.TOTAL]).all()
    assert found.bus[:, c.DATA].sum() == size * memory.burst_cycles
    assert (found.bus >= 0).all()
    assert ((found.channel[:, c.CLOSED] >= 0) & (found.channel[:, c.CLOSED] <= counts[c.TOTAL])).all()
    assert counts[c.BUSY] + counts[c.BUSY + 1] <= counts[c.TOTAL]


def test_a_replay_ends_with_the_transfer_that_has_the_last_of_so_many_bursts() -> None:
    memory = device(FREE)
    transfers, placed = as_transfers([Move(0, NO_END, False, ((n * 40, 40),)) for n in range(10)])
    found = replayed(transfers, placed, memory, 1, clock=10**9, latency=0, most_bursts=11)
    assert found.counts[c.TRANSFERS] == 3
    assert found.counts[c.READS] == 15


@pytest.mark.parametrize("name", names(Kind.DRAM))
def test_a_stream_is_as_fast_as_the_bus_but_for_refreshes(name: str) -> None:
    """Rows are opened ahead of their turn, so that only the first of each group wait; a refresh costs its time, and
    these rows."""
    memory = load_device(name)
    t, ccd = memory.timing, memory.burst_cycles
    rows = t.rcd + (memory.bank_groups - 1) * max(0, t.rrd - ccd)
    count = 40_000
    stream = [Move(0, NO_END, False, ((0, count * memory.burst_bytes),))]
    calm = replace(memory, timing=replace(t, refi=1_000_000, rfc=1))
    assert run(calm, stream, cycles=0).counts[c.TOTAL] == rows + t.cl + count * ccd
    total = int(run(memory, stream, cycles=0).counts[c.TOTAL])
    refreshes = (total - t.rcd - t.cl - ccd) // t.refi
    data = count * ccd
    longest = t.rfc + ccd + t.rtp + (t.rp_all or t.rp) + rows
    assert data + refreshes * t.rfc <= total <= data + rows + t.cl + refreshes * longest
    assert data / total < float(memory.best_share)


def test_rows_of_one_bank_come_as_fast_as_it_can_be_opened_again() -> None:
    """LPDDR4: a row a tRC, 97 cycles, longer than the 29 to the read, 12 to the precharge and 29 to the next row."""
    memory = load_device("lpddr4_3200")
    bank = memory.row * memory.banks
    found = run(
        replace(memory, timing=replace(memory.timing, refi=1_000_000)), reads(*range(0, 50 * bank, bank)), cycles=0
    )
    assert found.counts[c.CONFLICTS] == 49
    assert commands(found, memory)[-1].time == 49 * 97 + 29


def test_rows_of_many_banks_come_four_a_window() -> None:
    """DDR4: each fourth row waits for the window of 48 cycles, while two rows of two groups are 9 cycles apart."""
    memory = load_device("ddr4_3200")
    group, bank, row = memory.burst_bytes, 2 * memory.row, memory.row * memory.banks
    addresses = [r * row + b * bank + g * group for r in range(5) for b in range(4) for g in range(2)]
    found = run(replace(memory, timing=replace(memory.timing, refi=1_000_000)), reads(*addresses), cycles=0)
    opened = [command.time for command in commands(found, memory) if command.kind == ACT]
    assert opened == [48 * (n // 4) + 9 * (n % 4) for n in range(40)]


def test_transfers_without_pauses_all_wait_from_the_first_cycle_on() -> None:
    memory = device(FREE)
    transfers, placed = as_transfers([Move(1000 * n, 1000 * n + 5, False, ((8 * n, 8),)) for n in range(6)])
    found = replayed(transfers, placed, memory, 1, clock=10**9, latency=0, most_bursts=100, paced=False)
    assert found.counts[c.TOTAL] == FREE.rcd + FREE.cl + 6 * FREE.ccd
    assert found.counts[c.LATE] == 0
