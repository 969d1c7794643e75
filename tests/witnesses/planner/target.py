"""The target of a mapping: the units and memories of a chip on which it depends, and how long steps take there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache

import numpy as np

from hwsim.errors import Unsupported
from hwsim.hardware.array import ComputeArray
from hwsim.hardware.chip import Chip, Scratchpad, VectorUnit, WeightLayout
from hwsim.ir.ops import Function, VectorWork
from hwsim.kernels import timeline_code as c
from hwsim.kernels.timeline import walk
from hwsim.schedule.schedule import Ports
from hwsim.schedule.steps import Repeat, Ring, StepTree
from hwsim.timing.encode_steps import step_code
from witnesses.planner.encode_alone import encode_alone


@dataclass(frozen=True, eq=False)
class Target:
    """The units of one core, and what transfers need to know of its memories. Equal targets are one object."""

    array: ComputeArray
    vector: VectorUnit
    scratchpad: Scratchpad
    ports: Ports
    free_conversion: bool = False
    """Whether weights come to the format of the activations by themselves, to ask what conversion costs."""
    tiled_weights: bool = False
    """Whether weights lie in whole tiles of the array."""

    @property
    def slots(self) -> int:
        return self.ports.slots

    def ports_at(self, latency: int) -> Ports:
        """The ports, if the DRAM had that latency: one object for each latency, by whose identity codes are cached."""
        return self._ports_at.setdefault(latency, replace(self.ports, latency=latency))

    @cached_property
    def _ports_at(self) -> dict[int, Ports]:
        return {self.ports.latency: self.ports}

    @cached_property
    def vector_cycles(self) -> Mapping[Function, int]:
        return dict(self.vector.cycles)


@lru_cache(maxsize=256)
def _target(
    array: ComputeArray,
    vector: VectorUnit,
    scratchpad: Scratchpad,
    ports: Ports,
    free_conversion: bool,
    tiled_weights: bool,
) -> Target:
    return Target(array, vector, scratchpad, ports, free_conversion, tiled_weights)


def target_of(chip: Chip, slots: int | None = None, free_conversion: bool = False) -> Target:
    """The target of a chip, with as many slots as it has, or fewer."""
    slots = slots or chip.scratchpad.buffers
    ports = Ports(
        dram_read=chip.dram_read_bytes_per_cycle,
        dram_write=chip.dram_write_bytes_per_cycle,
        scratchpad_read=Fraction(chip.scratchpad.read),
        scratchpad_write=Fraction(chip.scratchpad.write),
        latency=chip.dram_latency_cycles,
        slots=slots,
        shared=chip.dram.shared_port,
        store_delay=slots,
        scratchpad_shared=chip.scratchpad.shared_port,
    )
    return _target(
        chip.array,
        chip.vector,
        replace(chip.scratchpad, size=1, banks=1, buffers=1),
        ports,
        free_conversion,
        chip.dram.weight_layout is WeightLayout.TILES,
    )


@dataclass(frozen=True, slots=True)
class VectorCost:
    """One step of the vector unit: its duration, what its lanes do, and the bytes on its ports."""

    cycles: int
    lane_cycles: int
    read_bytes: int
    write_bytes: int
    port_bound: bool = False
    """Whether a port of the scratchpad, not the lanes, sets the duration."""
    hidden_cycles: int = 0
    """The cycles of the shorter of the two, lanes and port."""


def vector_cost(work: VectorWork, read_bytes: int, write_bytes: int, target: Target) -> VectorCost:
    """The time of the functions one after another, all lanes at once, or of the ports if these take longer."""
    cycles_of = target.vector_cycles
    busy = lanes = 0
    for function, elements in work.items():
        cycles = cycles_of.get(function)
        if cycles is None:
            functions = ", ".join(f.value for f in cycles_of)
            raise Unsupported(f"the vector unit has no {function.value}; it has {functions}")
        busy += -(-elements // target.vector.lanes) * cycles
        lanes += elements * cycles
    ports = max(-(-read_bytes // target.scratchpad.read), -(-write_bytes // target.scratchpad.write))
    return VectorCost(max(busy, ports), lanes, read_bytes, write_bytes, ports > busy, min(busy, ports))


MOST_WALKED = 1 << 11
"""Steps whose units find no common period within so many iterations are taken to go on as fast as they went so far."""


def cycles_of(steps: tuple[StepTree, ...], ports: Ports, single: Ring | None = None) -> int:
    """The cycles of the steps, or about as many, only for the choice among cuts."""
    code, refs, touched, fixed, sizes, spaces = encode_alone(steps, ports, single).arrays
    fixed[c.MOST] = MOST_WALKED
    totals, _, now = walk(code, refs, touched, fixed, sizes, spaces, np.zeros((0, c.EVENT_COLUMNS), np.int64))
    if now[c.UNROLLED] <= MOST_WALKED:
        return int(now[c.FRONTIER])
    longest, busy = step_code(steps, ports).longest, _busy(steps, ports)
    unit = busy.index(max(busy))
    done = int(totals[0, c.BUSY + unit])
    if not done:
        return longest
    about = float(now[c.FRONTIER]) / float(done) * float(busy[unit])
    return int(max(float(busy[unit]), min(about, float(longest))))


def _busy(steps: tuple[StepTree, ...], ports: Ports) -> list[int]:
    """How long the steps keep each unit busy."""
    busy = [0, 0, 0, 0]
    for step in steps:
        if isinstance(step, Repeat):
            once = [step.times * cycles for cycles in _busy(step.body, ports)]
        else:
            fused = 0 if step.fused is None else step.fused.cycles
            once = [
                sum(ports.load_cycles(load.bytes) for load in step.loads),
                0 if step.array is None else step.array.cycles,
                (step.vector_cycles or 0) + fused,
                ports.store_cycles(step.store_bytes or 0),
            ]
        busy = list(map(sum, zip(busy, once, strict=True)))
    return busy
