"""Which products of a program the vector unit may do, which of them it does faster, and the program that says so.

An array takes as long to load a tile of weights for one row of activations as for many; lanes add products at the same
pace whatever the sizes are. Which unit is faster alone is estimated here; what it is worth in the whole program, the
timeline says.

Both units must make the same integers. A lane adds in an order of its own, so it does only products whose sums the
array's registers hold in any order: K times the largest products of both formats.
"""

from collections import Counter
from dataclasses import replace

from hwsim.ir.nodes import rewritten
from hwsim.ir.op_table import matrix_size
from hwsim.ir.ops import Gemm, Op
from hwsim.ir.program import Program
from hwsim.mapping.analysed_program import AnalysedProgram
from hwsim.mapping.lower import SizedOp, sized_runs
from hwsim.mapping.target import Target, array_alone
from hwsim.quantities.precision import Precision
from hwsim.quantities.quantisation import Granularity


def faster_on_vector(analysed: AnalysedProgram, target: Target) -> tuple[frozenset[str], ...]:
    """Sets of products to try on the vector unit, each as large as its reason allows.

    These are all that it does faster alone; of these, those that it also does faster where their parameters are loaded
    for each run; those on whose tiles no op works as they are finished; and those of two activations, as in attention.
    """
    if not target.vector.macs_per_lane:
        return ()
    program, gained, gained_loading = analysed.program, Counter[str](), Counter[str]()
    barred, fused, given = set[str](), set[str](), set[str]()
    for sized, times in sized_runs(analysed.nodes):
        op = sized.op
        if not isinstance(op, Gemm) or op.on_vector:
            continue
        if not may_move(sized, program, target):
            barred.add(op.name)
            continue
        on_array, on_lanes = array_cycles(sized, program, target), vector_cycles(sized, program, target)
        loading = 0
        if program.tensor(op.weight.tensor).role.given:
            given.add(op.name)
            loading = target.ports.load_cycles(program.view_bytes(op.weight, sized.shape))
        gained[op.name] += times * (on_array - on_lanes)
        gained_loading[op.name] += times * (max(on_array, loading) - max(on_lanes, loading))
        if sized.epilogue is not None:
            fused.add(op.name)
    faster, loaded = (
        frozenset(name for name, cycles in gain.items() if cycles > 0 and name not in barred)
        for gain in (gained, gained_loading)
    )
    return tuple(dict.fromkeys(names for names in (faster, loaded, faster - fused, faster - given) if names))


def may_move(sized: SizedOp, program: Program, target: Target) -> bool:
    """Whether the vector unit makes the same integers of a product as the array, whatever the operands are."""
    op = sized.op
    assert isinstance(op, Gemm)
    act, weight = _formats(op, program)
    grouped = program.tensor(op.weight.tensor).scaling.granularity is Granularity.GROUP
    mode = None if act.floating or weight.floating else target.array.mode(act, weight)
    if mode is None or grouped or target.vector.products_a_cycle(act, weight) is None:
        return False
    # Lanes hold no weights: of several rows of activations each would read them again.
    if matrix_size(op, sized.shape).m > 1:
        return False
    summation = target.array.summation(mode)
    registers = (summation.register, summation.outer or summation.register)
    largest = max(-act.lowest, act.highest) * max(-weight.lowest, weight.highest)
    return matrix_size(op, sized.shape).k * largest <= min(register.highest for register in registers)


def array_cycles(sized: SizedOp, program: Program, target: Target) -> int:
    """The cycles of a product on the array, memory and vector unit never in the way."""
    op = sized.op
    assert isinstance(op, Gemm)
    mode, size = target.array.mode(*_formats(op, program)), matrix_size(op, sized.shape)
    assert mode is not None
    return array_alone(mode, size, target)


def vector_cycles(sized: SizedOp, program: Program, target: Target) -> int:
    """The cycles of a product's additions on the vector unit, or those in which its operands pass the port."""
    op = sized.op
    assert isinstance(op, Gemm)
    rate, size = target.vector.products_a_cycle(*_formats(op, program)), matrix_size(op, sized.shape)
    assert rate is not None
    added = size.batch * size.m * size.n * -(-size.k // rate)
    read = sum(program.view_bytes(view, sized.shape) for view in (op.act, op.weight))
    return max(-(-added // target.vector.lanes), -(-read // target.read_port))


def on_vector(program: Program, names: frozenset[str]) -> Program:
    """The program with these products on the vector unit."""

    def moved(op: Op) -> Op:
        return replace(op, on_vector=True) if isinstance(op, Gemm) and op.name in names else op

    return replace(program, body=rewritten(program.body, moved))


def on_vector_in(program: Program) -> frozenset[str]:
    """The products that a program has on the vector unit."""
    ops = (placed.op for placed in program.placed())
    return frozenset(op.name for op in ops if isinstance(op, Gemm) and op.on_vector)


def _formats(op: Gemm, program: Program) -> tuple[Precision, Precision]:
    act, weight = (program.tensor(view.tensor).precision for view in (op.act, op.weight))
    return act, weight
