"""What runs ask of a workload, whatever the chip: sizes, bits of operands, needed functions, tables for the planner.

All of it is remembered for the last few workloads.
"""

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.hardware.chip import Machine
from hwsim.ir.limits import MOST_OPS
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Function, Gemm
from hwsim.ir.program import Program
from hwsim.ir.workload import Size, Workload
from hwsim.mapping.analysed_program import AnalysedProgram, analyse
from hwsim.mapping.program_table import ProgramTable, program_table
from hwsim.mapping.target import UnsupportedOp
from hwsim.quantities.registry import IdentityCache
from hwsim.results.folding import Folded

OperandBits = tuple[int, int]
"""Bits of an activation and of a weight as they enter the array."""


@dataclass(frozen=True, eq=False)
class Facts:
    """Sizes by part, of the recogniser and of language models beside it; the bits of each matrix product, by name; what
    was precomputed."""

    sizes: dict[str, Size]
    size: Size
    fused_size: Size
    widths: dict[str, OperandBits]
    folded: Folded | None


def facts_of(workload: Workload) -> Facts:
    """The facts of a workload."""
    return _FACTS.of(workload, make=lambda: _facts(workload))


_FACTS = IdentityCache[Facts](most=16)


def _facts(workload: Workload) -> Facts:
    folded = None
    if workload.folding is not None:
        # Imported where it is asked for, because few workloads have anything precomputed.
        from hwsim.study.folding import folded_of

        folded = folded_of(workload, workload.folding)
    return Facts(workload.sizes, workload.size, workload.fused_size, _operand_bits(workload.program), folded)


def functions_of(program: Program) -> dict[Function, str]:
    """The functions that a program needs of a vector unit, each with the first op that needs it."""
    return _FUNCTIONS.of(program, make=lambda: _functions(program))


_FUNCTIONS = IdentityCache[dict[Function, str]](most=16)


def _functions(program: Program) -> dict[Function, str]:
    needed: dict[Function, str] = {}
    # All sizes of an op count: a function that one size does not need, another size may.
    for instance in program.instances():
        for function, elements in op_spec(instance.op).vector_work(instance.op, instance.shape).items():
            if elements:
                needed.setdefault(function, instance.op.name)
    return needed


def check_functions(program: Program, chip: Machine) -> None:
    """Refuse a chip whose vector unit lacks functions that a program needs, and name all of them."""
    has = dict(chip.vector.cycles)
    lacking = {function: op for function, op in functions_of(program).items() if function not in has}
    if lacking:
        first = next(iter(lacking.values()))
        missing, available = (", ".join(function.value for function in names) for names in (lacking, has))
        raise Unsupported(f"{first} on {chip.name}: the vector unit has no {missing}; it has {available}")


def table_of(program: Program) -> ProgramTable | AnalysedProgram:
    """The tables of a program, or only what is known of one that its planner refuses, who says why."""
    return _TABLES.of(program, make=lambda: _table(program))


def sizes_of(program: Program) -> int:
    """How often the ops of a program change their sizes."""
    table = table_of(program)
    return (table.analysed if isinstance(table, ProgramTable) else table).size


_TABLES = IdentityCache[ProgramTable | AnalysedProgram](most=4)


def _table(program: Program) -> ProgramTable | AnalysedProgram:
    analysed = analyse(program)
    if analysed.size > MOST_OPS:  # tables of so many ops take long to make
        return analysed
    try:
        return program_table(analysed)
    except UnsupportedOp:
        return analysed


def _operand_bits(program: Program) -> dict[str, OperandBits]:
    """Weights that are dequantised enter in the format of the activations."""
    bits = {}
    for placed in program.placed():
        if isinstance(placed.op, (Gemm, Conv)):
            act = program.tensor(placed.op.act.tensor).precision
            weight = program.tensor(placed.op.weight.tensor).precision
            bits[placed.op.name] = act.bits, act.bits if act.floating else weight.bits
    return bits
