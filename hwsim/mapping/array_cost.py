"""What a step costs on the array: its tiles, the bytes that enter them, how long they take, what registers take."""

from dataclasses import dataclass

from hwsim.hardware.chip import Dataflow
from hwsim.mapping.blocks import TileShape, TilingConstraints, m_and_n
from hwsim.mapping.operands import Operands
from hwsim.mapping.target import Target
from hwsim.quantities.precision import Precision
from hwsim.schedule.steps import ArrayWork, Phase
from hwsim.timing.movement import tile_register_bits
from hwsim.timing.systolic import interval, tail


@dataclass(frozen=True, slots=True)
class ArrayCost:
    """Blocks of one matrix product on the array. `following` is the shortest stream that may come next, if that matters
    to the last step."""

    target: Target
    mode: Precision
    operands: Operands
    limits: TilingConstraints
    whole: TileShape
    following: int | None

    def tiles(self, block: TileShape) -> int:
        """The tiles of the array in a block: of results where these stay in the array, else of what stays there."""
        unit, across = self.limits.unit, self._across(block)
        outputs_stay = self.target.array.dataflow is Dataflow.OS
        return across * (-(-block.outer // unit.outer) if outputs_stay else -(-block.k // unit.k))

    def busy(self, outer: int) -> int:
        """How long the array takes for the whole product in blocks of so much of the outer dimension."""
        array, tiles = self.target.array, self.tiles(self.whole)
        if array.dataflow is Dataflow.OS:
            return tiles * interval(array, self._packed(self.whole.k))
        blocks = -(-self.whole.outer // outer)
        last = self.whole.outer - (blocks - 1) * outer
        return tiles * ((blocks - 1) * interval(array, outer) + interval(array, last))

    def work(self, block: TileShape, phase: Phase, entering: int, *, last: bool) -> ArrayWork:
        """The time of a step into which so many bytes enter; `last` says whether it is the product's last one."""
        array = self.target.array
        if array.dataflow is Dataflow.OS:
            stream, whole = self._packed(block.k), self._packed(self.whole.k)
            # A step that does not finish its K occupies just that K; the last one brings the rest of the interval.
            rest = interval(array, whole) - whole if phase.closes else 0
            cycles = self.tiles(block) * (stream + rest)
            latest = tail(array, whole)
            if last and self.following is not None:
                more = whole + max(0, array.rows - self.following) - interval(array, whole)
                cycles, latest = cycles + more, latest - more
        else:
            cycles = self.tiles(block) * interval(array, block.outer)
            latest = tail(array, block.outer)
        ports = -(-entering // self.target.scratchpad.read)
        return ArrayWork(
            cycles=max(cycles, ports),
            tail=latest if phase.closes else 0,
            port_bound=ports > cycles,
            hidden_cycles=min(cycles, ports),
        )

    def register_bits(self, block: TileShape, phase: Phase) -> int:
        """What the registers of the array take over in a step; a sum of OS leaves when its K is complete."""
        array = self.target.array
        stream = self._packed(block.k) if array.dataflow is Dataflow.OS else block.outer
        return self.tiles(block) * tile_register_bits(array, self.mode, stream, drains=phase.closes)

    def entering_bytes(self, block: TileShape) -> int:
        """Bytes that enter the array: what streams passes once for each tile across, what stays enters once."""
        m, n = m_and_n(self.target.array.dataflow, block)
        act = self.operands.act_stream_bytes(m, block.k)
        as_loaded = self.operands.weight_bytes if self.target.free_conversion else self.operands.weight_stream_bytes
        weight = as_loaded(block.k, n)
        across = self._across(block)
        match self.target.array.dataflow:
            case Dataflow.WS:
                return act * across + weight
            case Dataflow.IS:
                return weight * across + act
            case Dataflow.OS:
                return act * across + weight * -(-block.outer // self.limits.unit.outer)

    def _across(self, block: TileShape) -> int:
        return -(-block.inner // self.limits.unit.inner)

    def _packed(self, k: int) -> int:
        return -(-k // self.limits.packed_k)
