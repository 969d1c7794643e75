"""What of a chip the mapping of an op depends on; equal targets share their mappings."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from hwsim.core.chip import Chip, Scratchpad, SystolicArray, VectorUnit
from hwsim.core.schedule import Ports


@dataclass(frozen=True, slots=True)
class Target:
    """The units of one core, and what transfers need to know of its memories."""

    array: SystolicArray
    vector: VectorUnit
    scratchpad: Scratchpad
    ports: Ports

    @classmethod
    def of(cls, chip: Chip) -> Self:
        ports = Ports(
            dram_read=chip.dram_read_bytes_per_cycle,
            dram_write=chip.dram_write_bytes_per_cycle,
            scratchpad_read=Fraction(chip.scratchpad.read),
            scratchpad_write=Fraction(chip.scratchpad.write),
            latency=chip.dram_latency_cycles,
            slots=chip.scratchpad.buffers,
        )
        return cls(chip.array, chip.vector, chip.scratchpad, ports)
