"""What several model files carry together: numbers and scales under the names of their stages, inputs and results."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from hwsim.dataclass import dataclass
from hwsim.inputs.onnx.workload import products_by_format
from hwsim.ir.nodes import Loop
from hwsim.ir.op_table import op_spec
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.models.decoding import BeamSearch
from hwsim.models.stage_parts import Part
from hwsim.models.stage_wiring import heard_in_all, kept_of
from hwsim.models.staged import JOINER, PREDICTOR, Models
from hwsim.quantities.precision import Precision
from hwsim.tensor.carried import Carried, Named, NoValues, StageMarks
from hwsim.tensor.quant_params import QuantParams


@dataclass(frozen=True, slots=True)
class _Read:
    """A stage with what its file carries."""

    part: Part
    carried: Carried

    def name(self, own: str) -> str:
        return f"{self.part.stage.name}.{own}"

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of inputs in the file."""
        return {one.name: one.shape for one in self.carried.inputs}


def carried_together(
    recipe: Models, program: Program, parts: Mapping[str, Part], files: Mapping[str, Carried], floats: bool
) -> Carried | NoValues:
    """What the files carry, for a program of all of them that is one of `floats`, or in the formats of files."""
    if isinstance(recipe.decoding, BeamSearch):
        return NoValues(
            f"its search, {recipe.decoding.kind}, is timed around model files, and its values are not computed; "
            "a greedy one's are"
        )
    read = [_Read(parts[name], files[name]) for name in parts]
    grids = {} if floats else _grids(program, read)
    if not floats and any(one.name not in grids for one in program.tensors if _scaled(one.precision, one.role)):
        return NoValues(
            "has stages quantised by their files beside stages that a plan quantises; take a plan of floats"
        )
    inputs, results = _by_name(_heard(recipe, program, read)), _by_name(_results(read))
    return Carried(
        numbers={one.name(name): values for one in read for name, values in one.carried.numbers.items()},
        grids=grids,
        inputs=tuple(named for _, named in inputs),
        outputs=(),
        told=tuple(f"{one.part.stage.name}: {told}" for one in read for told in one.carried.told),
        products=products_by_format(program),
        nodes={one.name(node): one.name(op) for one in read for node, op in one.carried.nodes.items()},
        rules={one.name(name): rule for one in read for name, rule in one.carried.rules.items()},
        stages=tuple(_marks(one, [named for stage, named in results if stage is one]) for one in read),
    )


def _scaled(precision: Precision, role: Role) -> bool:
    """Whether a tensor needs scales: biases have those of sums, and 32 bits hold sums, places and symbols."""
    return not precision.floating and precision is not Precision.INT32 and role is not Role.BIAS


def _grids(program: Program, read: Iterable[_Read]) -> dict[str, QuantParams]:
    """The scales of files; what holds an input in all runs, or keeps it from run to run, has those of the input."""
    grids = {one.name(name): grid for one in read for name, grid in one.carried.grids.items()}
    names = {tensor.name for tensor in program.tensors}
    for one in read:
        for inner in one.part.inputs.values():
            grid, beside = grids.get(inner), names.intersection((heard_in_all(inner), kept_of(inner)))
            grids |= {} if grid is None else dict.fromkeys(beside, grid)
    return grids


def _heard(recipe: Models, program: Program, read: Iterable[_Read]) -> list[tuple[_Read, Named]]:
    """The inputs that come from outside; those of a stage that runs several times have an axis more, its runs."""
    shapes = {tensor.name: tensor.shape for tensor in program.tensors}
    found = []
    for one in read:
        stage = one.part.stage
        if recipe.decoding is not None and stage.name in (PREDICTOR, JOINER):
            continue
        wired = {*dict(stage.reads), *dict(stage.states)}
        for name, inner in one.part.inputs.items():
            if name in wired:
                continue
            every, shape = heard_in_all(inner), one.shapes[name]
            if every in shapes:
                runs = shapes[every][0]
                inner, shape = every, (runs, *shape) if runs > 1 else shape
            found.append((one, Named(name, View(tensor=inner), shape)))
    return found


def _results(read: Iterable[_Read]) -> list[tuple[_Read, Named]]:
    """What each stage leaves."""
    return [
        (one, Named(result.name, one.part.results[result.name], result.shape))
        for one in read
        for result in one.carried.outputs
    ]


def _by_name(found: list[tuple[_Read, Named]]) -> list[tuple[_Read, Named]]:
    """The same values, with the names of their stages before names that several stages share."""
    count = Counter(named.name for _, named in found)
    return [
        (one, named if count[named.name] == 1 else replace(named, name=one.name(named.name))) for one, named in found
    ]


def _marks(one: _Read, results: list[Named]) -> StageMarks:
    fragment = one.part.fragment
    lasting = {one.name(name) for name in one.carried.lasting}
    states = (tensor.name for tensor in fragment.tensors if tensor.role is Role.STATE)
    ops = [node for node in fragment.nodes if not isinstance(node, Loop)]
    begin = (op.name for op in ops if any(view.tensor in lasting for view in op_spec(op).writes(op)))
    return StageMarks(
        first=fragment.nodes[0].name,
        last=fragment.nodes[-1].name,
        fresh=tuple(name for name in states if name not in lasting),
        once=tuple(begin),
        results=tuple(results),
    )
