"""DRAM devices as their data sheets describe them: banks, rows, timings in clock cycles, currents of the supplies."""

from fractions import Fraction
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.hardware.prices import DramType
from hwsim.quantities.fields import Amperes, Bytes, Hertz, TransfersPerSecond, Volts
from hwsim.quantities.noun import Name, Noun, Remark, Whole
from hwsim.quantities.plain_data import Sources, check_sources

Clocks = Annotated[int, Whole(low=0, high=1_000_000)]
_Some = Annotated[int, Whole(low=1, high=1_000_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DramTiming(Noun):
    """Least distances between commands of one channel, in cycles of the device's clock, by the names of JEDEC.

    A read's data begin `cl` cycles after the command, a write's `cwl`. `ccd`, `rrd` and `wtr` hold for all banks, those
    called `long` for banks of one group, and are the same unless they are given. `rtw` is from a read to a write
    command, `wtr` and `wr` are counted from the end of a write's data. `rp_all` follows a precharge of all banks, with
    which each refresh begins, `rfc` long, every `refi`.
    """

    cl: _Some
    cwl: _Some
    rcd: _Some
    rp: _Some
    rp_all: _Some | None = None
    ras: _Some
    rc: _Some
    rrd: _Some
    rrd_long: _Some | None = None
    faw: Clocks
    ccd: _Some
    ccd_long: _Some | None = None
    rtp: Clocks
    wr: Clocks
    wtr: Clocks
    wtr_long: Clocks | None = None
    rtw: _Some
    refi: _Some
    rfc: _Some

    def check(self) -> None:
        for name, low, why in (
            ("rp_all", self.rp, "rp"),
            ("rrd_long", self.rrd, "rrd"),
            ("ccd_long", self.ccd, "ccd"),
            ("wtr_long", self.wtr, "wtr"),
            ("rc", self.ras, "ras"),
            ("faw", self.rrd, "rrd"),
        ):
            value = getattr(self, name)
            if value is not None and value < low:
                raise InvalidValue(name, value, f"must be at least {why}, {low} cycles")
        if self.rfc + (self.rp_all or self.rp) >= self.refi:
            raise InvalidValue("rfc", self.rfc, f"must leave time for data between refreshes, every {self.refi} cycles")


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply(Noun):
    """The currents that one supply of one device gives, by the names of JEDEC: `idd0` rows activated one after another,
    `idd2n` all banks closed, `idd3n` a bank open, `idd4r` and `idd4w` data without a gap, `idd5` refreshes without a
    gap."""

    voltage: Volts
    idd0: Amperes
    idd2n: Amperes
    idd3n: Amperes
    idd4r: Amperes
    idd4w: Amperes
    idd5: Amperes

    def check(self) -> None:
        if self.idd3n < self.idd2n:
            raise InvalidValue("idd3n", float(self.idd3n), "must be at least idd2n")
        for name, low in (("idd4r", "idd3n"), ("idd4w", "idd3n"), ("idd5", "idd2n")):
            if getattr(self, name) < getattr(self, low):
                raise InvalidValue(name, float(getattr(self, name)), f"must be at least {low}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DramDevice(Noun):
    """One channel of a memory: `devices` chips side by side that together move `width` bits at a time, `burst_length`
    times a burst, out of `banks` with one open row of `row` bytes each.

    The controller keeps `queue` bursts of a channel in view. `interleave` bytes lie in a channel before the next one
    goes on; one burst, unless it is given. Without currents in `supplies` no energy is computed.
    """

    name: Name
    about: Remark | None = None
    type: DramType
    data_rate: TransfersPerSecond
    clock: Hertz
    width: Annotated[int, Whole(low=1, high=4096)]
    burst_length: Annotated[int, Whole(low=1, high=256)]
    banks: Annotated[int, Whole(low=1, high=1024)]
    bank_groups: Annotated[int, Whole(low=1, high=64)] = 1
    row: Bytes
    timing: DramTiming
    queue: Annotated[int, Whole(low=1, high=1024)] = 32
    interleave: Bytes | None = None
    devices: Annotated[int, Whole(low=1, high=64)] = 1
    supplies: tuple[Supply, ...] = ()
    sources: Sources = ()

    def check(self) -> None:
        check_sources(self, self.sources)
        if self.width * self.burst_length % 8:
            raise InvalidValue("width", self.width, f"must give whole bytes in {self.burst_length} transfers")
        if self.banks % self.bank_groups:
            raise InvalidValue("bank_groups", self.bank_groups, f"must divide the {self.banks} banks")
        if self.row % self.burst_bytes:
            raise InvalidValue("row", self.row, f"must hold whole bursts of {self.burst_bytes} bytes")
        if self.interleave is not None and self.interleave % self.burst_bytes:
            raise InvalidValue("interleave", self.interleave, f"must be whole bursts of {self.burst_bytes} bytes")
        cycles = Fraction(self.burst_length * self.clock, self.data_rate)
        if cycles.denominator != 1:
            raise InvalidValue("clock", self.clock, f"must give a burst whole cycles, not {float(cycles):g}")
        timing = self.timing
        if timing.ccd < cycles:
            raise InvalidValue("timing.ccd", timing.ccd, f"must be at least the {cycles} cycles of a burst")
        if timing.rtw + timing.cwl < timing.cl + cycles:
            law = f"must be at least cl + {cycles} - cwl, else data of a write would meet those of a read"
            raise InvalidValue("timing.rtw", timing.rtw, law)

    @property
    def burst_bytes(self) -> int:
        return self.width * self.burst_length // 8

    @property
    def burst_cycles(self) -> int:
        """Cycles in which a burst keeps the channel's data bus."""
        return self.burst_length * self.clock // self.data_rate

    @property
    def peak(self) -> int:
        """Bytes per second of one channel, if its bus never rests."""
        return self.width * self.data_rate // 8

    @property
    def best_share(self) -> Fraction:
        """The largest share of the peak that refreshes leave."""
        timing = self.timing
        return 1 - Fraction(timing.rfc, timing.refi)
