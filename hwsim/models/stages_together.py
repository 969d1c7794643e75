"""The program of several model files: their stages one after another, in loops and in a search."""

from collections.abc import Mapping

from hwsim.errors import InvalidValue
from hwsim.ir.program import Program
from hwsim.models.decoding import CHUNKS
from hwsim.models.fragment import Fragment
from hwsim.models.stage_parts import Part
from hwsim.models.stage_search import searched
from hwsim.models.stage_wiring import Wiring
from hwsim.models.staged import JOINER, PREDICTOR, SYMBOL, Models


def together(recipe: Models, parts: Mapping[str, Part]) -> Program:
    """The program of all stages."""
    for part in parts.values():
        _check_names(part, parts)
    in_search = () if recipe.decoding is None else (PREDICTOR, JOINER)
    chunked, whole = recipe.chunk is not None, Fragment()
    for stage in recipe.stages:
        if stage.name in in_search:
            continue
        loop = f"{stage.name}.runs" if stage.runs > 1 else None
        loops = (*(((CHUNKS, recipe.chunks),) if chunked else ()), *(((loop, stage.runs),) if loop else ()))
        wired = Wiring(parts[stage.name], parts, loops=loops, along=loop).wired()
        whole += wired if loop is None else wired.looped(loop, stage.runs)
    if recipe.decoding is not None:
        whole += searched(recipe, recipe.decoding, parts)
    return (whole.looped(CHUNKS, recipe.chunks) if chunked else whole).program(recipe.name)


def _check_names(part: Part, parts: Mapping[str, Part]) -> None:
    """Refuse inputs and results that a file has not."""
    for name in (*dict(part.stage.reads), *dict(part.stage.states)):
        _known(part, name, part.inputs, "input")
    for _, result in part.stage.states:
        _known(part, result, part.results, "result")
    for _, source in part.stage.reads:
        if source != SYMBOL:
            maker, _, result = source.partition(".")
            _known(parts[maker], result, parts[maker].results, "result")


def _known(part: Part, name: str, known: Mapping[str, object], what: str) -> None:
    if name not in known:
        law = f"is no {what} of {part.stage.file}; known: {', '.join(known) or 'none'}"
        raise InvalidValue(f"stages.{part.stage.name}", name, law)
