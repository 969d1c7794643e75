"""When a systolic array does what, in closed form.

R rows, C columns; a stationary tile meets a stream of S steps: S = M rows of activations (WS), N columns of weights
(IS) or K products (OS), after packing. Cycle 0 is the first in which an operand is presented; memory has no latency
here. `docs/model.md` derives each formula.
"""

from typing import TYPE_CHECKING

from hwsim.arrays.systolic.elements import Dataflow, Drain, WeightLoad
from hwsim.hardware.array import GemmCycles
from hwsim.quantities.precision import Precision

if TYPE_CHECKING:
    from hwsim.arrays.systolic.array import SystolicArray


def interval(array: "SystolicArray", stream: int) -> int:
    """Cycles from the start of a tile to the earliest start of the next one."""
    rows, cols = array.rows, array.cols
    if array.dataflow is Dataflow.OS:
        match array.drain:
            case Drain.SERIAL:
                return 2 * rows + cols + stream - 2
            case Drain.SHARED:
                return stream + rows - 1
            case Drain.SEPARATE:
                return max(stream, rows)
    broadcast = array.weight_load is WeightLoad.BROADCAST
    if array.shadow_weights:
        return max(stream, 2 * rows + cols - 2 if broadcast else rows)
    return 2 * rows + stream + cols - 2 if broadcast else stream + rows - 1


def tail(array: "SystolicArray", stream: int) -> int:
    """Cycles from the earliest start of a next tile until the results of this one are complete."""
    rows, cols = array.rows, array.cols
    drained = 2 * rows + cols - 2 + stream if array.dataflow is Dataflow.OS else 2 * rows + cols - 1 + stream
    return drained - interval(array, stream)


def gemm_cycles(
    array: "SystolicArray", mode: Precision, m: int, k: int, n: int, chunk: int | None = None
) -> GemmCycles:
    """Cycles of act[m, k] @ weight[k, n], the streamed dimension cut into chunks (None: as the array says).

    >>> from hwsim.arrays.systolic.array import SystolicArray
    >>> int8 = Precision.INT8
    >>> array = SystolicArray(rows=4, cols=4, macs_per_pe=((int8, 1),), weight_load=WeightLoad.WAVEFRONT)
    >>> gemm_cycles(array, int8, m=6, k=8, n=8)
    GemmCycles(mac=34, out=35, tiles=4)
    """
    rows, cols = array.rows, array.cols
    packed = array.packed(mode)
    if array.dataflow is Dataflow.OS:
        stream = -(-k // packed.k)
        tiles = -(-m // rows) * -(-n // (cols * packed.n))
        start_of_last = (tiles - 1) * interval(array, stream)
        return GemmCycles(start_of_last + stream + rows + cols - 2, start_of_last + stream + 2 * rows + cols - 2, tiles)
    streamed, spread = (m, n) if array.dataflow is Dataflow.WS else (n, m)
    tiles_of_chunk = -(-k // (rows * packed.k)) * -(-spread // (cols * packed.n))
    whole, rest = divmod(streamed, min(chunk or array.m_chunk or streamed, streamed))
    chunks = [(min(chunk or array.m_chunk or streamed, streamed), whole)] + ([(rest, 1)] if rest else [])
    last = chunks[-1][0]
    tiles = tiles_of_chunk * sum(times for _, times in chunks)
    starts = sum(interval(array, size) * times * tiles_of_chunk for size, times in chunks)
    mac = rows + starts - interval(array, last) + last + rows + cols - 2
    return GemmCycles(mac, mac + 1, tiles)
