"""The energy of a DRAM's commands, from the currents that its data sheet gives."""

from collections.abc import Callable, Mapping
from fractions import Fraction

from hwsim.hardware.dram import DramDevice, Supply

ATTO = 10**18
ACTIVATE, READ, WRITE, REFRESH, OPEN_CYCLE, CLOSED_CYCLE = (
    "activate", "read burst", "write burst", "refresh", "open cycle", "closed cycle",
)  # fmt: skip


def command_prices(device: DramDevice) -> Mapping[str, int] | None:
    """Whole attojoules of each command in one channel, and of a cycle with a row open, and with none; None if nothing
    is known of its currents.

    A command costs what flows more than in standby: of a row opened and closed again during `rc`, of data during a
    burst, of a refresh during `rfc`, beside closed banks.
    """
    if not device.supplies:
        return None
    timing, burst = device.timing, device.burst_cycles

    def of(charge: Callable[[Supply], Fraction]) -> int:
        """Volts times amperes times cycles, over all supplies of all chips of a channel."""
        drawn = sum((supply.voltage * charge(supply) for supply in device.supplies), Fraction(0))
        return round(device.devices * drawn * ATTO / device.clock)

    def row(supply: Supply) -> Fraction:
        standby = supply.idd3n * timing.ras + supply.idd2n * (timing.rc - timing.ras)
        return max(Fraction(0), supply.idd0 * timing.rc - standby)

    return {
        ACTIVATE: of(row),
        READ: of(lambda supply: (supply.idd4r - supply.idd3n) * burst),
        WRITE: of(lambda supply: (supply.idd4w - supply.idd3n) * burst),
        REFRESH: of(lambda supply: (supply.idd5 - supply.idd2n) * timing.rfc),
        OPEN_CYCLE: of(lambda supply: supply.idd3n),
        CLOSED_CYCLE: of(lambda supply: supply.idd2n),
    }
