"""A second model of the DRAM: the transfers of a run, in the timeline's order, through the banks of a device.

It changes no cycle of the run. Where tensors lie, and which bank a byte is in, is fixed here: tensors one after another
in the order in which the run first moves them, each from the first channel on, and bursts spread over channels first,
then over groups of banks, columns of a row, banks, and rows.
"""

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.hardware.dram import DramDevice
from hwsim.kernels import banks_code as c
from hwsim.kernels.banks import replay
from hwsim.timing.transfers import DramTransfers

Ints = NDArray[np.int64]
FARTHEST = 1 << 60
"""The largest time that is exact, in cycles of the memory."""

LATENCIES = 1 << 16
"""Latencies that are counted one by one; longer ones count as the longest."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Cycles of the chip in cycles of the memory, rounded up."""

    ratio: Fraction

    def of(self, cycles: Ints) -> Ints:
        """The first cycle of the memory that is not before these of the chip."""
        if int(cycles.max(initial=0)) * self.ratio.numerator >= FARTHEST:
            raise Unsupported("the run is too long for its transfers to be replayed; shorten the audio")
        whole: Ints = -(-cycles * self.ratio.numerator // self.ratio.denominator)
        return whole


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay counted: `counts`, and `bus` and `channel` by channel, by the columns of `kernels/banks_code.py`;
    bursts by latency; of each transfer the cycles until its first burst was there, -1 if it moves nothing."""

    counts: Ints
    bus: Ints
    channel: Ints
    histogram: Ints
    first: Ints
    log: Ints


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each tensor begins in the address space of all channels, and its bytes."""

    base: Ints
    length: Ints


def layout(transfers: DramTransfers, known: Mapping[str, int], device: DramDevice, channels: int) -> Layout:
    """Tensors one after another, each from the first channel on.

    A tensor has the bytes that are `known` of it, else as many as one run of an op moves; a prefix `name[:rows]` lies
    at the begin of its tensor.
    """
    stripe = channels * (device.interleave or device.burst_bytes)
    whole: dict[str, int] = {}
    for name, moved in zip(transfers.names, transfers.most_in_a_run.tolist(), strict=True):
        tensor = name.partition("[:")[0]
        whole[tensor] = max(whole.get(tensor, 1), known.get(tensor, moved))
    begins, at = {}, 0
    for tensor, size in whole.items():
        begins[tensor] = at
        at += -(-size // stripe) * stripe
    base = [begins[name.partition("[:")[0]] for name in transfers.names]
    length = [
        whole[name] if name in whole else max(1, moved)
        for name, moved in zip(transfers.names, transfers.most_in_a_run.tolist(), strict=True)
    ]
    return Layout(np.array(base, np.int64), np.array(length, np.int64))


def fixed_of(device: DramDevice, channels: int, most_bursts: int) -> Ints:
    """What the kernel is told of a memory."""
    timing, fixed = device.timing, np.zeros(c.FIXED, np.int64)
    fixed[: c.BURST] = (
        channels, device.bank_groups, device.banks, device.row // device.burst_bytes,
        (device.interleave or device.burst_bytes) // device.burst_bytes, device.burst_bytes, device.queue,
    )  # fmt: skip
    fixed[c.BURST : c.CCD] = (
        device.burst_cycles, timing.cl, timing.cwl, timing.rcd, timing.rp, timing.rp_all or timing.rp, timing.ras,
        timing.rc, timing.rrd, timing.rrd_long or timing.rrd, timing.faw,
    )  # fmt: skip
    fixed[c.CCD :] = (
        timing.ccd, timing.ccd_long or timing.ccd, timing.rtp, timing.wr, timing.wtr,
        timing.wtr if timing.wtr_long is None else timing.wtr_long, timing.rtw, timing.refi, timing.rfc, most_bursts,
    )  # fmt: skip
    return fixed


def replayed(
    transfers: DramTransfers,
    placed: Layout,
    device: DramDevice,
    channels: int,
    *,
    clock: int,
    latency: int,
    most_bursts: int,
    paced: bool = True,
    logged: int = 0,
) -> Replayed:
    """The first transfers through the banks, each begun at its time on the timeline, later if those before are late.

    `clock` and `latency`, in cycles, are those of the chip. If not `paced`, all transfers wait from the first cycle on.
    The first `logged` commands are written down.
    """
    clocks, moved = Clocks(Fraction(device.clock, clock)), transfers.starts.size
    whole = moved == transfers.all
    tensors = len(transfers.names)
    given = c.Transfers(
        starts=clocks.of(transfers.starts) if paced else np.zeros(moved, np.int64),
        promised=clocks.of(transfers.ends + latency) if paced else np.full(moved, FARTHEST, np.int64),
        kinds=transfers.stores.astype(np.int64),
        portion_at=transfers.portion_at,
        tensors=transfers.tensors,
        sizes=transfers.sizes,
        base=placed.base,
        length=placed.length,
        cursor=np.zeros((2, tensors), np.int64),
    )
    memory = fresh(device, channels, most_bursts, moved, logged)
    until = int(clocks.of(np.array([transfers.cycles]))[0]) if whole and paced else 0
    replay(given, memory, np.int64(until))
    return Replayed(memory.counts, memory.bus, memory.channel, memory.histogram, memory.first, memory.log)


def fresh(device: DramDevice, channels: int, most_bursts: int, transfers: int, logged: int = 0) -> c.Memory:
    """A memory before its first command: all rows closed, and nothing to wait for but the first refresh."""
    channel = np.zeros((channels, c.CHANNEL), np.int64)
    channel[:, [c.COLUMN, c.LAST_READ, c.LAST_WRITE, c.LAST_ACTIVATE]] = c.LONG_AGO
    channel[:, c.DUE] = device.timing.refi
    bank = np.full((channels, device.banks, c.BANK), c.LONG_AGO, np.int64)
    bank[:, :, c.B_ROW] = c.CLOSED_ROW
    return c.Memory(
        fixed=fixed_of(device, channels, most_bursts),
        channel=channel,
        bus=np.zeros((channels, c.BUS), np.int64),
        group=np.full((channels, device.bank_groups, c.GROUP), c.LONG_AGO, np.int64),
        bank=bank,
        activates=np.full((channels, c.FOUR), c.LONG_AGO, np.int64),
        queue=np.full((channels, device.queue), c.LONG_AGO, np.int64),
        histogram=np.zeros(LATENCIES, np.int64),
        first=np.full(transfers, -1, np.int64),
        counts=np.zeros(c.COUNTS, np.int64),
        log=np.zeros((logged, c.LOG), np.int64),
    )
