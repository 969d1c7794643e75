"""Number formats, their real packed sizes, and the policies that choose among them."""

import re
from collections.abc import Collection
from dataclasses import replace
from enum import Enum
from fnmatch import fnmatchcase
from functools import cache
from typing import Annotated, Self

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, UnknownName, suggestion
from hwsim.quantities.noun import Name, Noun, UnlessDefault
from hwsim.quantities.quantisation import Mode, Quantisation


class Precision(Enum):
    """A number format.

    >>> Precision.INT4.bits, Precision.INT4.lowest, Precision.INT4.highest
    (4, -8, 7)
    """

    INT2 = "int2"
    INT3 = "int3"
    INT4 = "int4"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    UINT2 = "uint2"
    UINT3 = "uint3"
    UINT4 = "uint4"
    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT32 = "uint32"
    FP8_E4M3 = "fp8_e4m3"
    FP8_E5M2 = "fp8_e5m2"
    FP16 = "fp16"
    BF16 = "bf16"
    FP32 = "fp32"

    bits: int
    floating: bool
    signed: bool

    def __init__(self, *name: object) -> None:
        written = str(name[0])
        self.bits = int(re.findall(r"(?:int|fp|bf)(\d+)", written)[0])
        self.floating, self.signed = "int" not in written, not written.startswith("uint")

    @property
    def lowest(self) -> int:
        """The smallest integer of an integer format."""
        self._must_be_integer()
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        """The largest integer of an integer format."""
        self._must_be_integer()
        return (1 << (self.bits - self.signed)) - 1

    @property
    def centred(self) -> "Precision":
        """The signed format of as many bits: what an array without unsigned operands takes of unsigned ones, which then
        stand half the range lower, as do their zero points.

        >>> Precision.UINT8.centred, Precision.FP16.centred
        (<Precision.INT8: 'int8'>, <Precision.FP16: 'fp16'>)
        """
        return self if self.signed else Precision(self.value.removeprefix("u"))

    def takes(self, other: Self) -> bool:
        """Whether hardware for this format takes operands of the other as they are: the same, or narrower integers.

        >>> Precision.INT8.takes(Precision.UINT4), Precision.UINT8.takes(Precision.INT4)
        (True, False)
        """
        if self.floating or other.floating:
            return self is other
        return self.lowest <= other.lowest and other.highest <= self.highest

    def row_bytes(self, elements: int) -> int:
        """Bytes of one addressable row: packed without gaps, rounded up once.

        >>> Precision.INT4.row_bytes(5), Precision.INT3.row_bytes(8), Precision.FP16.row_bytes(5)
        (3, 3, 10)
        """
        return -(-elements * self.bits // 8)

    def _must_be_integer(self) -> None:
        if self.floating:
            raise InvalidValue("precision", self.value, "must be an integer format")


class Purpose(Enum):
    """What a policy has formats for."""

    WEIGHT = "weight"
    ACTIVATION = "activation"
    STATE = "state"
    BIAS = "bias"
    CACHE = "cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(Noun):
    """Which formats a quantised layer uses.

    `state` is what the vector unit keeps between ops (LSTM cells, sums before an activation function): 16 bits
    for integer policies, as in TensorFlow Lite's integer LSTM. `bias` is added to the accumulator, so it is as
    wide as one: 32 bits for integers.

    >>> policy("w4a8").weight, policy("w4a8").activation, policy("fp16").state
    (<Precision.INT4: 'int4'>, <Precision.INT8: 'int8'>, <Precision.FP16: 'fp16'>)
    """

    name: str
    weight: Precision
    activation: Precision
    state: Precision
    bias: Precision
    group: int | None = None
    """How many weights of a column share a scale; None: all of them."""
    rows: Precision | None = None
    """The integers to which a product brings each row that it reads, by a scale of its own; None: it does not."""

    def format(self, purpose: Purpose) -> Precision:
        """The format that values of that purpose have.

        >>> policy("w4a8").format(Purpose.BIAS)
        <Precision.INT32: 'int32'>
        """
        match purpose:
            case Purpose.WEIGHT:
                return self.weight
            case Purpose.ACTIVATION | Purpose.CACHE:
                return self.activation
            case Purpose.STATE:
                return self.state
            case Purpose.BIAS:
                return self.bias

    @property
    def dynamic(self) -> Self:
        """The same integers, but for activations only inside products; between them half precision.

        >>> policy("w4a8").dynamic.activation, policy("w4a8").dynamic.rows
        (<Precision.FP16: 'fp16'>, <Precision.INT8: 'int8'>)
        """
        if self.activation.floating:
            return self
        half = Precision.FP16
        return replace(self, activation=half, state=half, bias=half, rows=self.activation)


_FLOATS = {p.value: p for p in (Precision.FP16, Precision.BF16, Precision.FP32)}
_INTEGER_POLICY = re.compile(r"w(2|3|4|8)a(?:(2|3|4|8)|16(?:g([1-9][0-9]{0,4}))?)")
WEIGHT_ONLY_GROUP = 128
"""Weights that share a scale under a weight-only policy that names no number (assumed; a usual choice)."""

POLICIES = (
    *_FLOATS,
    *(f"w{weight}a{act}" for weight in (2, 3, 4, 8) for act in (2, 3, 4, 8, 16)),
)
"""All policies; those that are weight-only (a16) take another group as in `w4a16g32`."""


@cache
def policy(name: str) -> Policy:
    """The policy of that name: w<bits>a<bits> for integers, w<bits>a16 weight-only with fp16, or a float format.

    Weight-only policies have a scale for each group of weights along a column, as many as `g` says.

    >>> policy("w4a16").group, policy("w4a16g32").group, policy("w4a4").group
    (128, 32, None)
    """
    if name in _FLOATS:
        float_format = _FLOATS[name]
        return Policy(name=name, weight=float_format, activation=float_format, state=float_format, bias=float_format)
    match = _INTEGER_POLICY.fullmatch(name)
    if match is None:
        raise UnknownName("precision policy", name, POLICIES)
    weight = Precision(f"int{match[1]}")
    if match[2] is None:
        half, group = Precision.FP16, int(match[3] or WEIGHT_ONLY_GROUP)
        return Policy(name=name, weight=weight, activation=half, state=half, bias=half, group=group)
    activation = Precision(f"int{match[2]}")
    return Policy(name=name, weight=weight, activation=activation, state=Precision.INT16, bias=Precision.INT32)


def _must_be_policy(name: str) -> None:
    try:
        policy(name)
    except UnknownName as error:
        raise InvalidValue("policy", name, suggestion(name, sorted(POLICIES))) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Noun):
    """Another policy, and other quantisers, for the ops whose names match a pattern, such as `encoder.0.*`."""

    match: Name
    policy: Name
    quantise: Quantisation | None = None

    def check(self) -> None:
        _must_be_policy(self.policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionPlan(Noun):
    """A policy for the whole model, and rules for parts of it; the last rule that matches wins.

    `cache` is the format in which attention keeps keys and values; without it that of the op that reads them. With
    `equalise` channels between two products get weights of equal ranges on both sides before anything is quantised.
    With `in_turn` weights that are rounded by what products read are rounded one product after another, each on what
    those before it leave.

    >>> plan = PrecisionPlan(policy="w4a4", rules=(Rule(match="joint.*", policy="w8a8"),))
    >>> plan.of("encoder.0.forward.input").name, plan.of("joint.output").name
    ('w4a4', 'w8a8')
    """

    policy: Name
    rules: tuple[Rule, ...] = ()
    cache: Precision | None = None
    quantise: Quantisation = Quantisation()
    equalise: Annotated[bool, UnlessDefault()] = False
    in_turn: Annotated[bool, UnlessDefault()] = False

    def check(self) -> None:
        _must_be_policy(self.policy)
        if self.in_turn and not any(each.weights.looks_at_operands for each in self._quantisers()):
            law = "is how weights are rounded by what products read; ask for weights.rounding or weights.correct_bias"
            raise InvalidValue("in_turn", self.in_turn, law)

    def _quantisers(self) -> tuple[Quantisation, ...]:
        return self.quantise, *(rule.quantise for rule in self.rules if rule.quantise is not None)

    @property
    def title(self) -> str:
        """The name of the plan in a few words.

        >>> PrecisionPlan(policy="w4a4", rules=(Rule(match="joint.*", policy="w8a8"),)).title
        'w4a4 with 1 rule'
        """
        rules = len(self.rules)
        title = f"{self.policy} dynamic" if self.quantise.activations.mode is Mode.DYNAMIC else self.policy
        title = f"{title} with {rules} rule{'s' * (rules > 1)}" if rules else title
        return title if self.cache is None else f"{title}, cache in {self.cache.value}"

    def of(self, op: str) -> Policy:
        """The policy of an op."""
        matching = [rule.policy for rule in self.rules if fnmatchcase(op, rule.match)]
        chosen = policy(matching[-1] if matching else self.policy)
        return chosen.dynamic if self.quantisation(op).activations.mode is Mode.DYNAMIC else chosen

    def quantisation(self, op: str) -> Quantisation:
        """The quantisers of an op: those of the last rule that matches and has some, else those of the plan."""
        ruled = [rule.quantise for rule in self.rules if rule.quantise is not None and fnmatchcase(op, rule.match)]
        return ruled[-1] if ruled else self.quantise

    def format(self, op: str, purpose: Purpose) -> Precision:
        """The format of what an op reads or writes for that purpose."""
        if purpose is Purpose.CACHE and self.cache is not None:
            return self.cache
        return self.of(op).format(purpose)

    def idle_rules(self, ops: Collection[str]) -> tuple[Rule, ...]:
        """The rules that match none of the ops."""
        return tuple(rule for rule in self.rules if not any(fnmatchcase(op, rule.match) for op in ops))
