"""All extractors, by the kind that a workload file names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import cast

from hwsim.errors import InvalidValue
from hwsim.ir.ops import Conv, Gemm, Lookup, Op
from hwsim.ir.program import Program
from hwsim.ir.workload import Workload
from hwsim.models.beam import EXTERNAL_LM, SOURCE_LM
from hwsim.models.conformer import Conformer, TransducerDecoder, extract_conformer
from hwsim.models.decoding import BeamSearch, Greedy
from hwsim.models.dynamic import with_dynamic_rows
from hwsim.models.gemms import Gemms, extract_gemms
from hwsim.models.lstm_lm import LanguageModel, LstmLmAlone, extract_lstm_lm
from hwsim.models.rnnt import Rnnt, extract_rnnt
from hwsim.models.scaling import with_scalings
from hwsim.models.tdnnf import Tdnnf, extract_tdnnf
from hwsim.models.transformer_lm import TransformerLm, extract_transformer_lm
from hwsim.quantities.noun import kind_of
from hwsim.quantities.precision import PrecisionPlan, policy

AnyRecipe = Rnnt | Conformer | Tdnnf | TransformerLm | LstmLmAlone | Gemms
RECIPES: Mapping[str, type[AnyRecipe]] = {
    kind_of(recipe): recipe for recipe in (Rnnt, Conformer, Tdnnf, TransformerLm, LstmLmAlone, Gemms)
}


def workload(recipe: AnyRecipe, precision: str | PrecisionPlan | None = None) -> Workload:
    """The workload of a recipe, under its own precision plan or under another one."""
    plan = _plan(recipe.precision if precision is None else precision)
    program = with_dynamic_rows(with_scalings(_extract(recipe, plan), plan), plan)
    ruled = [placed.op.name for placed in program.placed() if takes_rules(placed.op, recipe)]
    idle = plan.idle_rules(ruled)
    if idle:
        raise InvalidValue("precision.rules", idle[0].match, _idle_law(idle[0].match, ruled))
    decoding = _decoding(recipe)
    fusion = decoding.fusion if isinstance(decoding, BeamSearch) else None
    return Workload(
        name=recipe.name,
        audio=recipe.audio,
        batch=recipe.batch,
        precision=plan,
        program=program,
        recipe=recipe,
        utterances=1 if isinstance(recipe, LanguageModel) else recipe.batch,
        fused=() if fusion is None else (SOURCE_LM, EXTERNAL_LM),
        host=0 if decoding is None else decoding.host,
        streaming=recipe.streamed if isinstance(recipe, (Rnnt, Conformer)) else None,
    )


def _idle_law(match: str, ruled: Sequence[str]) -> str:
    """What is wrong with a pattern that matches no op, with the nearest one that does."""
    parts = [name.split(".")[:end] for name in ruled for end in range(1, name.count(".") + 1)]
    near = get_close_matches(match, dict.fromkeys([*ruled, *(".".join([*part, "*"]) for part in parts)]), n=1)
    return f"matches no op with weights, such as {ruled[0]}" + (f"; did you mean {near[0]}?" if near else "")


def in_precision(workload_: Workload, precision: str) -> Workload:
    """The same workload under one policy for all of it."""
    return workload(cast(AnyRecipe, workload_.recipe), precision)


def takes_rules(op: Op, recipe: AnyRecipe) -> bool:
    """Whether rules may name an op: products, and a Transformer's embedding; other tables follow their readers."""
    return isinstance(op, (Gemm, Conv)) or (isinstance(op, Lookup) and isinstance(recipe, TransformerLm))


def _decoding(recipe: AnyRecipe) -> Greedy | BeamSearch | None:
    match recipe:
        case Rnnt():
            return recipe.decoding
        case Conformer(decoder=TransducerDecoder(decoding=decoding)):
            return decoding
        case _:
            return None


def at_length(workload_: Workload, audio: int) -> Workload:
    """The same workload for utterances of that many picoseconds; counts of a search belong to one length alone."""
    recipe = cast(AnyRecipe, workload_.recipe)
    decoding = _decoding(recipe)
    if decoding is not None and audio != recipe.audio:
        recipe = with_decoding(recipe, replace(decoding, counts=None))
    return workload(replace(recipe, audio=audio), workload_.precision)


def with_decoding(recipe: AnyRecipe, decoding: Greedy | BeamSearch) -> AnyRecipe:
    """The same transducer with another search."""
    match recipe:
        case Rnnt():
            return replace(recipe, decoding=decoding)
        case Conformer(decoder=TransducerDecoder() as decoder):
            return replace(recipe, decoder=replace(decoder, decoding=decoding))
        case _:
            raise AssertionError(f"{recipe.name} has no search")


def _plan(precision: str | PrecisionPlan) -> PrecisionPlan:
    if not isinstance(precision, (str, PrecisionPlan)):
        raise InvalidValue("precision", precision, "must be a text or a precision plan")
    return precision if isinstance(precision, PrecisionPlan) else PrecisionPlan(policy=policy(precision).name)


def _extract(recipe: AnyRecipe, plan: PrecisionPlan) -> Program:
    match recipe:
        case Rnnt():
            return extract_rnnt(recipe, plan)
        case Conformer():
            return extract_conformer(recipe, plan)
        case Tdnnf():
            return extract_tdnnf(recipe, plan)
        case TransformerLm():
            return extract_transformer_lm(recipe, plan)
        case LstmLmAlone():
            return extract_lstm_lm(recipe, plan)
        case Gemms():
            return extract_gemms(recipe, plan)
