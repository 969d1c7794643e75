"""What folding changed of a workload, counted on the program before and on the program after."""

from math import prod

from hwsim.ir.folding import FoldedProduct, Folding
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Lookup
from hwsim.ir.program import Instance, Program
from hwsim.ir.workload import Workload
from hwsim.results.folding import Folded, FoldedOp


def folded_of(workload: Workload, folding: Folding) -> Folded:
    """What was precomputed of a workload."""
    program = workload.program
    names = {name for product in folding.products for name in (product.op, *product.ops)}
    before, after = (_instances(each, names) for each in (folding.program, program))
    products = tuple(_folded(product, folding, program, before, after) for product in folding.products)
    return Folded(
        products=products,
        macs_saved=sum(product.macs_saved for product in products),
        parameters_before=folding.program.parameters,
        parameters_after=program.parameters,
        model_bytes_before=folding.program.model_bytes,
        model_bytes_after=program.model_bytes,
    )


_Instances = dict[str, list[Instance]]


def _instances(program: Program, names: set[str]) -> _Instances:
    """Those ops of a program that have these names, with their sizes."""
    found: _Instances = {}
    for instance in program.instances():
        if instance.op.name in names:
            found.setdefault(instance.op.name, []).append(instance)
    return found


def _folded(
    product: FoldedProduct, folding: Folding, program: Program, before: _Instances, after: _Instances
) -> FoldedOp:
    tensor, runs = program.tensor(product.table), after.get(product.op, [])
    read = {
        view.tensor for name in product.ops for one in before.get(name, []) for view in op_spec(one.op).reads(one.op)
    }
    left = {each.name for each in (*program.tensors, *program.stored)}
    replaced = [each for each in map(folding.program.tensor, sorted(read - left)) if each.role.parameter]
    row_bytes = tensor.precision.row_bytes(tensor.row_elements)
    macs = sum(op_spec(one.op).macs(one.op, one.shape) * one.times for one in before.get(product.op, []))
    gathered = sum(prod(one.shape(one.op.index)) * one.times for one in runs if isinstance(one.op, Lookup))
    return FoldedOp(
        op=product.op,
        ops=product.ops,
        table=product.table,
        rows=tensor.rows,
        precision=tensor.precision,
        row_bytes=row_bytes,
        runs=sum(one.times for one in runs),
        gathered_bytes=gathered * row_bytes,
        macs_saved=macs,
        macs_at_load=tensor.rows * (macs // gathered) if gathered else 0,
        replaced_bytes=sum(each.stored_bytes for each in replaced),
        table_bytes=tensor.stored_bytes,
    )
