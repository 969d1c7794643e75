"""Small DRAM devices and streams of transfers, from a seed: every timing binds now and then."""

from random import Random
from typing import Any

import numpy as np

from hwsim.hardware.dram import DramDevice, DramTiming
from hwsim.hardware.prices import DramType
from hwsim.timing.banks import Layout
from hwsim.timing.transfers import DramTransfers
from witnesses.dram_banks import Move


def device(timing: DramTiming, **values: Any) -> DramDevice:
    """A channel of 16 bits with bursts of eight bytes that keep the bus two cycles, and rows of four bursts."""
    given: dict[str, Any] = {"banks": 4, "bank_groups": 2, "row": 32, "queue": 4}
    return DramDevice(
        name="drawn",
        type=DramType.LPDDR4,
        data_rate=2 * 10**9,
        clock=10**9,
        width=16,
        burst_length=4,
        timing=timing,
        **(given | values),
    )


def draw_device(rng: Random) -> DramDevice:
    """A device whose timings are a few cycles each."""

    def some(low: int, high: int = 9) -> int:
        return rng.randint(low, max(low, high))

    cl, cwl, ras, rp, rrd, ccd, wtr = some(1), some(1), some(1, 14), some(1), some(1, 6), some(2, 4), some(0, 5)
    groups = rng.choice((1, 2))
    timing = DramTiming(
        cl=cl,
        cwl=cwl,
        rcd=some(1),
        rp=rp,
        rp_all=rng.choice((None, some(rp, 12))),
        ras=ras,
        rc=some(ras, 25),
        rrd=rrd,
        rrd_long=rng.choice((None, some(rrd, 9))),
        faw=some(rrd, 30),
        ccd=ccd,
        ccd_long=rng.choice((None, some(ccd, 7))),
        rtp=some(0, 8),
        wr=some(0, 9),
        wtr=wtr,
        wtr_long=rng.choice((None, some(wtr, 9))),
        rtw=some(max(1, cl + 2 - cwl), 12),
        refi=some(60, 150),
        rfc=some(1, 30),
    )
    return device(
        timing,
        banks=groups * rng.choice((1, 2, 4)),
        bank_groups=groups,
        row=8 * rng.choice((1, 2, 4)),
        queue=rng.choice((1, 2, 5)),
        interleave=rng.choice((None, 8, 16)),
    )


def draw_moves(rng: Random, count: int, *, pause: int, memory: int = 600) -> list[Move]:
    """Transfers of a few bursts here and there, begun after pauses of up to so many cycles."""
    moves, now, at = [], 0, 0
    for _ in range(count):
        now += rng.randint(0, pause)
        pieces = []
        for _ in range(rng.randint(1, 2)):
            at = rng.randrange(memory) if rng.random() < 0.5 else (at + 8) % memory
            pieces.append((at, rng.randint(1, 30)))
        moves.append(Move(now, now + rng.randint(1, 60), rng.random() < 0.4, tuple(pieces)))
    return moves


def as_transfers(moves: list[Move], *, cycles: int | None = None) -> tuple[DramTransfers, Layout]:
    """The same transfers as columns: each piece is a tensor of its own, which lies where it lies."""
    pieces = [piece for move in moves for piece in move.pieces]
    sizes = np.array([size for _, size in pieces], np.int64)
    transfers = DramTransfers(
        names=tuple(f"piece {number}" for number in range(len(pieces))),
        starts=np.array([move.start for move in moves], np.int64),
        ends=np.array([move.promised for move in moves], np.int64),
        stores=np.array([move.write for move in moves], np.bool_),
        portion_at=np.cumsum([0, *(len(move.pieces) for move in moves)]).astype(np.int64),
        tensors=np.arange(len(pieces), dtype=np.int64),
        sizes=sizes,
        most_in_a_run=sizes,
        all=len(moves),
        cycles=max(move.promised for move in moves) if cycles is None else cycles,
    )
    return transfers, Layout(np.array([address for address, _ in pieces], np.int64), sizes)
