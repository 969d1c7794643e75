"""Compression as papers count it: bytes of all parameters in single precision ÷ bytes as stored, scales counted.

Only the papers' abstracts were read, and they do not say which layer has which format: every plan here is an assumption
that is written down.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

from hwsim.errors import InvalidValue
from hwsim.inputs.load import load_workload
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import workload
from hwsim.models.conformer import Conformer, TransducerDecoder
from hwsim.models.tdnnf import Tdnnf
from hwsim.passes.precision import in_precision
from hwsim.quantities.precision import PrecisionPlan, Rule

CLOSE = Fraction(5, 100)
"""How far a computed factor may be from the published one to count as reproduced."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A model as it is stored: its network, and the plan that decides the formats."""

    model: Workload
    plan: PrecisionPlan


@dataclass(frozen=True, slots=True)
class Claim:
    """A published factor, the computed factor, and the change that would nearly give the published one."""

    system: str
    source: str
    published: Fraction
    baseline: str
    assumed: str
    computed: Fraction
    closing: str

    @property
    def error(self) -> Fraction:
        return self.computed / self.published - 1

    @property
    def reproduced(self) -> bool:
        return abs(self.error) <= CLOSE


def compression(baseline: Sequence[Workload], stored: Sequence[Stored]) -> Fraction:
    """Bytes of the baseline in single precision ÷ bytes of the stored models, which may be other networks."""
    whole = sum(in_precision(model, "fp32").program.model_bytes for model in baseline)
    return Fraction(whole, sum(in_precision(kept.model, kept.plan).program.model_bytes for kept in stored))


@cache
def claims() -> tuple[Claim, ...]:
    """All published factors that hwsim can be held against."""
    return (_transducer(), _conformer(), _mixed_conformer(), _factored())


def _plan(policy: str, **rules: str) -> PrecisionPlan:
    """A policy with rules for the parts named, all ops of each."""
    part_rules = tuple(Rule(match=f"{part}.*", policy=part_policy) for part, part_policy in rules.items())
    return PrecisionPlan(policy=policy, rules=part_rules)


def _transducer() -> Claim:
    model = load_workload("rnnt")
    directions, ops = ("forward", "backward"), ("input", "recurrent")
    products = [f"encoder.{layer}.{direction}.{op}" for layer in range(6) for direction in directions for op in ops]

    def at(count: int) -> Fraction:
        wide = tuple(Rule(match=product, policy="w8a8") for product in products[:count])
        return compression([model], [Stored(model, PrecisionPlan(policy="w4a4", rules=wide))])

    low = _first(range(len(products) + 1), lambda count: at(count) <= Fraction("7.6"))
    nearest = min((low - 1, low), key=lambda count: abs(at(count) - Fraction("7.6")))
    return Claim(
        system="RNN transducer with both language models",
        source="Fasoli et al., Interspeech 2022 (arXiv 2206.07882), abstract",
        published=Fraction("7.6"),
        baseline="`rnnt` in fp32, language models included",
        assumed="`w4a4` throughout; the sizes of the language models, and that the factor counts them",
        computed=at(0),
        closing=f"8-bit weights in the encoder's first {nearest} of 24 products give {_shown(at(nearest))}",
    )


def _conformer() -> Claim:
    base = load_workload("conformer_l")
    plan = _plan("w4a8", prediction="fp32", joint="fp32")

    def at(outputs: int) -> Fraction:
        model = _with_outputs(base, outputs)
        return compression([model], [Stored(model, plan)])

    exact = _first(range(1024, 4096, 16), lambda outputs: at(outputs) <= Fraction("5.8"))
    return Claim(
        system="Conformer (L), 4-bit encoder, decoder in fp32",
        source="Ding et al., Interspeech 2022 (arXiv 2203.15952v4), abstract",
        published=Fraction("5.8"),
        baseline="`conformer_l` in fp32, 1024 outputs",
        assumed="Conformer (L) and an encoder alone that is quantised; `w4a8`; the decoder's sizes and vocabulary",
        computed=at(1024),
        closing=f"a vocabulary of {exact} gives {_shown(at(exact))}",
    )


def _mixed_conformer() -> Claim:
    model = load_workload("conformer_l")
    feed_forward = "encoder.*.feed_forward_*"

    def at(layers: int) -> Fraction:
        wide = [feed_forward, "prediction.*", "joint.*"] if layers == 17 else ["prediction.*", "joint.*"]
        wide += [f"encoder.{layer}.feed_forward_*" for layer in range(layers if layers < 17 else 0)]
        rules = tuple(Rule(match=match, policy="w8a8") for match in wide)
        return compression([model], [Stored(model, PrecisionPlan(policy="w4a8", rules=rules))])

    layers = _first(range(17, 0, -1), lambda count: at(count) >= 5)
    return Claim(
        system="Conformer, mixed 4- and 8-bit weights",
        source="Ding et al., Interspeech 2022 (arXiv 2203.15952v4), abstract",
        published=Fraction(5),
        baseline="`conformer_l` in fp32; the network is not stated in the abstract, which is all that was read",
        assumed="that it is Conformer (L); feed-forwards, prediction and joint network in `w8a8`, all else in `w4a8`",
        computed=at(17),
        closing=f"8-bit feed-forwards in {layers} of 17 layers give {_shown(at(layers))}",
    )


def _factored() -> Claim:
    base, lm = load_workload("tdnnf_7q"), load_workload("transformer_lm")

    def at(bottleneck: int) -> Fraction:
        narrow = _with_bottleneck(base, bottleneck)
        return compression([base, lm], [Stored(narrow, _plan("w4a8")), Stored(lm, _plan("w2a8"))])

    exact = _first(range(192, 0, -1), lambda bottleneck: at(bottleneck) >= Fraction("13.6"))
    return Claim(
        system="TDNN-F with Transformer language model",
        source="Xu et al., Interspeech 2022 (arXiv 2206.11643), abstract",
        published=Fraction("13.6"),
        baseline="`tdnnf_7q` and `transformer_lm` in fp32",
        assumed="the recipe `run_tdnn_7q`; `w4a8` and `w2a8`, all bottlenecks left at 192; the language model's sizes",
        computed=at(192),
        closing=f"bottlenecks of {exact} in all layers, which the paper searches too, give {_shown(at(exact))}",
    )


def _with_outputs(model: Workload, outputs: int) -> Workload:
    recipe = model.recipe
    assert isinstance(recipe, Conformer)
    assert isinstance(recipe.decoder, TransducerDecoder)
    joint = replace(recipe.decoder.joint, outputs=outputs)
    return workload(replace(recipe, decoder=replace(recipe.decoder, joint=joint)))


def _with_bottleneck(model: Workload, bottleneck: int) -> Workload:
    recipe = model.recipe
    assert isinstance(recipe, Tdnnf)
    layers = tuple(replace(layer, bottleneck=bottleneck) for layer in recipe.encoder.layers)
    return workload(replace(recipe, encoder=replace(recipe.encoder, layers=layers)))


def _first(candidates: Sequence[int], holds: Callable[[int], bool]) -> int:
    """The first candidate that `holds`, found by halving: all later candidates hold as well."""
    low, high = 0, len(candidates) - 1
    if not holds(candidates[high]):
        raise InvalidValue("candidates", candidates[high], "does not close the gap")
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(candidates[middle]) else (middle + 1, high)
    return candidates[low]


def _shown(factor: Fraction) -> str:
    return f"{float(factor):.2f} ×"
