"""Every kind of network, and a workload from its recipe with any of its dimensions changed."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from hwsim.errors import InvalidValue, UnknownName, Unsupported
from hwsim.ir.program import Program
from hwsim.ir.workload import Recipe, Workload
from hwsim.models.beam import EXTERNAL_LM, SOURCE_LM
from hwsim.models.conformer import ChunkedAttention, Conformer, TransducerDecoder, extract_conformer
from hwsim.models.decoding import BeamSearch, Greedy
from hwsim.models.gemms import Gemms, extract_gemms
from hwsim.models.lstm_lm import LanguageModel, LstmLmAlone, extract_lstm_lm
from hwsim.models.model_file import KaldiFile, ModelFileRecipe, OnnxFile, TfliteFile
from hwsim.models.rnnt import Chunks, Rnnt, extract_rnnt
from hwsim.models.staged import Models
from hwsim.models.tdnnf import Tdnnf, extract_tdnnf
from hwsim.models.transformer_lm import TransformerLm, extract_transformer_lm
from hwsim.passes.precision import plan_of, workload_of
from hwsim.quantities.fields import PICOSECONDS
from hwsim.quantities.noun import kind_of, sorted_pairs, whole_fields
from hwsim.quantities.precision import PrecisionPlan
from hwsim.quantities.registry import EqualityCache

T = TypeVar("T")


def dimensions(recipe: Any, prefix: str = "") -> dict[str, int | None]:
    """All whole numbers of a recipe by their dotted names; numbers inside lists have no names."""
    sizes: dict[str, int | None] = {}
    whole = whole_fields(type(recipe))
    for field in fields(recipe):
        value = getattr(recipe, field.name)
        if field.name in whole:
            sizes[f"{prefix}{field.name}"] = value
        elif is_dataclass(value):
            sizes |= dimensions(value, f"{prefix}{field.name}.")
    return sizes


def with_dimensions(recipe: T, values: Mapping[str, int], given: str) -> T:
    """The recipe with other dimensions, changed all at once and checked again, with `given` as their source."""
    current = dimensions(recipe)
    for name in values:
        if name not in current:
            raise UnknownName("dimension", name, current)
    if not values:
        return recipe
    try:
        changed = _changed(recipe, values)
    except InvalidValue as error:
        if error.path in values:
            raise
        others = ", ".join(f"{name}={value}" for name, value in values.items())
        raise InvalidValue(error.path, error.value, f"{error.law}, with {others}") from error
    sources = {name: f"{given} {name}={value}" for name, value in values.items()}
    whole: T = replace(changed, sources=sorted_pairs({**dict(changed.sources), **sources}))
    return whole


def _changed(noun: Any, values: Mapping[str, int]) -> Any:
    inner: dict[str, dict[str, int]] = {}
    fresh: dict[str, Any] = {}
    for name, value in values.items():
        field, _, rest = name.partition(".")
        if rest:
            inner.setdefault(field, {})[rest] = value
        else:
            fresh[field] = value
    for field, inner_values in inner.items():
        try:
            fresh[field] = _changed(getattr(noun, field), inner_values)
        except InvalidValue as error:
            raise error.within(field) from error
    return replace(noun, **fresh)


AnyRecipe = Rnnt | Conformer | Tdnnf | TransformerLm | LstmLmAlone | Gemms | OnnxFile | TfliteFile | KaldiFile | Models
RECIPES: Mapping[str, type[AnyRecipe]] = {
    kind_of(recipe): recipe
    for recipe in (
        Rnnt,
        Conformer,
        Tdnnf,
        TransformerLm,
        LstmLmAlone,
        Gemms,
        OnnxFile,
        TfliteFile,
        KaldiFile,
        Models,
    )
}


def workload(recipe: AnyRecipe, precision: str | PrecisionPlan | None = None) -> Workload:
    """The workload of a recipe, under its own precision plan or under another one."""
    plan = plan_of(recipe.precision if precision is None else precision)
    utterances = 1 if isinstance(recipe, LanguageModel) else recipe.batch
    work = workload_of(
        _extract(recipe),
        plan,
        audio=recipe.audio,
        batch=recipe.batch,
        utterances=utterances,
        fold=isinstance(recipe, (Rnnt, Conformer, LanguageModel)) and recipe.fold,
    )
    decoding = decoding_of(recipe)
    fusion = decoding.fusion if isinstance(decoding, BeamSearch) else None
    return replace(
        work,
        recipe=recipe,
        fused=() if fusion is None else (SOURCE_LM, EXTERNAL_LM),
        host=0 if decoding is None else decoding.host,
        decoding_steps=recipe.decoding_steps if isinstance(recipe, (Rnnt, Conformer)) else 0,
        lengths=None if isinstance(recipe, Gemms | ModelFileRecipe | Models) else recipe.lengths,
        features=recipe.features if isinstance(recipe, (Rnnt, Conformer, Tdnnf)) else None,
        streaming=recipe.streamed if isinstance(recipe, (Rnnt, Conformer)) else None,
    )


def recipe_of(workload_: Workload) -> AnyRecipe:
    """The recipe of a workload from which other networks like its own can be made."""
    recipe = workload_.recipe
    if not isinstance(recipe, AnyRecipe):
        raise InvalidValue("workload", workload_.name, "is a program without a recipe; make a program of that size")
    return recipe


def decoding_of(recipe: Recipe | None) -> Greedy | BeamSearch | None:
    """The search that a recipe asks for; None if it has none."""
    match recipe:
        case Rnnt(decoding=decoding) | Conformer(decoder=TransducerDecoder(decoding=decoding)):
            return decoding
        case _:
            return None


def at_length(workload_: Workload, audio: int) -> Workload:
    """The same workload for utterances of that many picoseconds; counts of a search belong to one length alone.

    The last few are remembered: a distribution of lengths is checked when it is read, and before it is run.
    """
    return _AT_LENGTH.of((id(workload_), audio), keep=workload_, make=lambda: _at_length(workload_, audio))


_AT_LENGTH = EqualityCache[Workload](most=4)


def _at_length(workload_: Workload, audio: int) -> Workload:
    recipe = recipe_of(workload_)
    return workload(replace(_uncounted(recipe) if audio != recipe.audio else recipe, audio=audio), workload_.precision)


def with_batch(workload_: Workload, batch: int) -> Workload:
    """The same workload for so many utterances together; counts of a search belong to one batch alone."""
    recipe = recipe_of(workload_)
    if isinstance(recipe, LanguageModel):
        raise Unsupported(f"{recipe.name}: is a language model, whose batch are hypotheses of one utterance")
    if batch == recipe.batch:
        return workload_
    changed = with_dimensions(_uncounted(recipe), {"batch": batch}, "as many streams,")
    return workload(changed, workload_.precision)


def in_chunks(
    workload_: Workload, chunk: int | None = None, left_context: int | None = None, look_ahead: int | None = None
) -> Workload:
    """The same workload streamed in other chunks, or streamed at all; times are in picoseconds.

    What is not given stays; the attention of a Conformer that was not streamed needs `chunk` and `left_context`.
    """
    recipe = recipe_of(workload_)
    given = {"chunk": chunk, "left_context": left_context, "look_ahead": look_ahead}
    asked = {name: value for name, value in given.items() if value is not None}
    if not asked:
        return workload_
    match recipe:
        case Rnnt():
            for name in ("left_context", "look_ahead"):
                if name in asked:
                    law = "is of attention, and this encoder carries its states on; leave it out"
                    raise InvalidValue(f"streaming.{name}", PICOSECONDS.written(asked[name]), law)
            changed: AnyRecipe = replace(recipe, streaming=Chunks(**asked))
        case Conformer(streaming=None):
            for name in ("chunk", "left_context"):
                if name not in asked:
                    law = "is missing: the workload is not streamed; say how long it is"
                    raise InvalidValue(f"streaming.{name}", None, law)
            changed = replace(recipe, streaming=ChunkedAttention(**asked))
        case Conformer(streaming=ChunkedAttention() as streaming):
            changed = replace(recipe, streaming=replace(streaming, **asked))
        case _:
            raise Unsupported(f"{recipe.name}: workloads of kind {recipe.kind} are not streamed in chunks")
    sources = {**dict(recipe.sources), **{f"streaming.{name}": "given for this study" for name in asked}}
    return workload(replace(_uncounted(changed), sources=sorted_pairs(sources)), workload_.precision)


def at_once(workload_: Workload) -> Workload:
    """The same workload that hears each utterance as a whole, not in chunks."""
    recipe = recipe_of(workload_)
    if not isinstance(recipe, Rnnt | Conformer) or recipe.streaming is None:
        return workload_
    kept = tuple((path, source) for path, source in recipe.sources if path.partition(".")[0] != "streaming")
    return workload(_uncounted(replace(recipe, streaming=None, sources=kept)), workload_.precision)


def _uncounted(recipe: AnyRecipe) -> AnyRecipe:
    """The recipe with a search whose counts follow from its frames and symbols."""
    decoding = decoding_of(recipe)
    return recipe if decoding is None else _searched(recipe, replace(decoding, counts=None))


def with_decoding(workload_: Workload, decoding: Greedy | BeamSearch) -> Workload:
    """The same transducer with another search."""
    return workload(_searched(recipe_of(workload_), decoding), workload_.precision)


def _searched(recipe: AnyRecipe, decoding: Greedy | BeamSearch) -> AnyRecipe:
    match recipe:
        case Rnnt():
            return replace(recipe, decoding=decoding)
        case Conformer(decoder=TransducerDecoder() as decoder):
            return replace(recipe, decoder=replace(decoder, decoding=decoding))
        case _:
            raise AssertionError(f"{recipe.name} has no search")


def _extract(recipe: AnyRecipe) -> Program:
    """The network of a recipe, a program of floats."""
    match recipe:
        case Rnnt():
            return extract_rnnt(recipe)
        case Conformer():
            return extract_conformer(recipe)
        case Tdnnf():
            return extract_tdnnf(recipe)
        case TransformerLm():
            return extract_transformer_lm(recipe)
        case LstmLmAlone():
            return extract_lstm_lm(recipe)
        case Gemms():
            return extract_gemms(recipe)
        case ModelFileRecipe() | Models():
            law = "comes from a model file, whose sizes are its own; state others as dims in its workload file"
            raise InvalidValue("workload", recipe.name, law)
