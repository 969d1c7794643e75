"""Small recipes of every kind, and strategies that draw them."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from hwsim.models.catalogue import AnyRecipe
from hwsim.models.conformer import ChunkedAttention, Conformer, ConformerEncoder, CtcHead, TransducerDecoder
from hwsim.models.decoding import (
    AlignmentLength,
    BeamSearch,
    Combination,
    DensityRatio,
    Greedy,
    Joint,
    LstmLm,
    Prediction,
    TimeSynchronous,
)
from hwsim.models.gemms import Gemms, GemmSize
from hwsim.models.lstm_lm import LstmLmAlone
from hwsim.models.rnnt import Chunks, Encoder, Rnnt, TimeStacking
from hwsim.models.tdnnf import FactoredEncoder, FactoredLayer, Outputs, Tdnnf
from hwsim.models.transformer_lm import TransformerLm, TransformerSizes
from hwsim.quantities.precision import PrecisionPlan
from hwsim.quantities.quantisation import ActivationQuantiser, Mode, Quantisation

MS = 10**9
FEW, BATCH = st.integers(1, 4), st.integers(1, 3)
RATE = st.sampled_from([Fraction(5), Fraction(40)])
DYNAMIC = PrecisionPlan(policy="w8a8", quantise=Quantisation(activations=ActivationQuantiser(mode=Mode.DYNAMIC)))
POLICIES: st.SearchStrategy[str | PrecisionPlan] = st.sampled_from(["fp16", "w4a4", "w4a8", "w4a16", "w8a8", DYNAMIC])
FUSIONS = st.builds(
    DensityRatio,
    source=st.builds(LstmLm, embedding=FEW, cells=FEW, layers=st.just(1)),
    external=st.builds(LstmLm, embedding=FEW, cells=FEW, layers=st.integers(1, 2)),
)
_COMMON: dict[str, st.SearchStrategy[Any]] = {
    "beam": FEW,
    "symbols_per_second": RATE,
    "cache_prediction": st.booleans(),
    "batch_prediction": st.booleans(),
    "batch_joint": st.booleans(),
    "fusion": st.none() | FUSIONS,
}
GREEDY = st.builds(Greedy, symbols_per_second=RATE)
BEAMS: st.SearchStrategy[BeamSearch] = st.one_of(
    st.builds(AlignmentLength, **_COMMON),
    st.builds(TimeSynchronous, expansions=st.integers(1, 3), **_COMMON),
)
PREDICTIONS = st.builds(Prediction, embedding=FEW, cells=FEW, layers=st.integers(1, 2), symbols=st.none() | FEW)
JOINTS = st.builds(Joint, size=FEW, combine=st.sampled_from(Combination), outputs=st.integers(4, 7))


@st.composite
def rnnts(draw: st.DrawFn) -> Rnnt:
    layers, both = draw(st.integers(1, 3)), draw(st.booleans())
    stacking = draw(st.none() | st.builds(TimeStacking, after=st.integers(1, 2), factor=st.integers(2, 3)))
    if stacking is not None and stacking.after >= layers:
        stacking = None
    encoder = Encoder(
        features=draw(FEW), frame=20 * MS, layers=layers, cells=draw(FEW), bidirectional=both, stacking=stacking
    )
    chunk = 20 * MS * encoder.factor * draw(st.integers(1, 3))
    return Rnnt(
        name="tiny",
        audio=draw(st.integers(1, 150)) * MS,
        batch=draw(BATCH),
        precision=draw(POLICIES),
        encoder=encoder,
        prediction=draw(PREDICTIONS),
        joint=draw(JOINTS),
        decoding=draw(GREEDY | BEAMS),
        streaming=Chunks(chunk=chunk) if not both and draw(st.booleans()) else None,
    )


@st.composite
def conformers(draw: st.DrawFn) -> Conformer:
    heads = draw(st.integers(1, 3))
    frames = st.integers(0, 3).map(lambda n: n * 40 * MS)
    chunked = st.builds(ChunkedAttention, chunk=st.integers(1, 3).map(lambda n: n * 40 * MS), left_context=frames,
                        look_ahead=frames)  # fmt: skip
    return Conformer(
        name="tiny",
        audio=draw(st.integers(70, 300)) * MS,
        batch=draw(BATCH),
        precision=draw(POLICIES),
        encoder=ConformerEncoder(
            mels=draw(st.integers(7, 12)),
            frame=10 * MS,
            layers=draw(st.integers(1, 2)),
            size=heads * draw(st.integers(1, 3)),
            heads=heads,
            kernel=draw(st.sampled_from([1, 3, 5])),
            feed_forward=draw(st.none() | FEW),
        ),
        decoder=draw(
            st.builds(CtcHead, outputs=FEW)
            | st.builds(TransducerDecoder, prediction=PREDICTIONS, joint=JOINTS, decoding=GREEDY | BEAMS)
        ),
        streaming=draw(st.none() | chunked),
    )


@st.composite
def tdnnfs(draw: st.DrawFn) -> Tdnnf:
    factor = draw(st.sampled_from([1, 2, 3]))
    early = draw(st.lists(st.integers(1, 4), min_size=1, max_size=2).filter(lambda s: s[-1] % factor or factor == 1))
    late = draw(st.lists(st.integers(0, 2).map(lambda n: n * factor), min_size=1, max_size=3))
    return Tdnnf(
        name="tiny",
        audio=draw(st.integers(10, 120)) * MS,
        batch=draw(BATCH),
        precision=draw(POLICIES),
        encoder=FactoredEncoder(
            features=draw(FEW),
            frame=10 * MS,
            splice=draw(st.integers(0, 2)),
            ivector=draw(st.integers(0, 3)),
            size=draw(FEW),
            layers=tuple(FactoredLayer(stride=s, bottleneck=draw(FEW)) for s in early + late),
            subsampling=factor,
        ),
        outputs=Outputs(bottleneck=draw(FEW), states=draw(FEW), training_branch=draw(st.booleans())),
    )


TRANSFORMERS = st.builds(
    TransformerLm,
    name=st.just("tiny"),
    audio=st.integers(1, 200).map(lambda n: n * MS),
    batch=BATCH,
    precision=POLICIES,
    symbols_per_second=st.sampled_from([Fraction(10), Fraction(30)]),
    model=st.builds(
        TransformerSizes,
        layers=st.integers(1, 2),
        size=st.sampled_from([2, 4, 6]),
        heads=st.sampled_from([1, 2]),
        feed_forward=FEW,
        context=st.just(64),
    ),
    outputs=st.integers(2, 5),
)
LSTMS = st.builds(
    LstmLmAlone,
    name=st.just("tiny"),
    audio=st.integers(1, 200).map(lambda n: n * MS),
    batch=BATCH,
    precision=POLICIES,
    symbols_per_second=RATE,
    model=st.builds(LstmLm, embedding=FEW, cells=FEW, layers=st.integers(1, 2)),
    outputs=FEW,
)
PRODUCTS = st.builds(GemmSize, name=st.just("one"), m=FEW, k=FEW, n=FEW, times=st.integers(1, 3))
LISTS = st.builds(Gemms, name=st.just("tiny"), batch=BATCH, precision=POLICIES, products=st.tuples(PRODUCTS))
RECIPES: st.SearchStrategy[AnyRecipe] = st.one_of(rnnts(), conformers(), tdnnfs(), TRANSFORMERS, LSTMS, LISTS)


def shallow(recipe: AnyRecipe) -> AnyRecipe:
    """The recipe at its real sizes and lengths, with one or two layers, so that it is planned in a second or two."""
    match recipe:
        case Rnnt(encoder=encoder):
            kept = 1 if encoder.stacking is None else encoder.stacking.after + 1
            return replace(recipe, encoder=replace(encoder, layers=kept))
        case Conformer(encoder=stack):
            return replace(recipe, encoder=replace(stack, layers=1))
        case Tdnnf(encoder=factored):
            return replace(recipe, encoder=replace(factored, layers=factored.layers[:2] + factored.layers[-1:]))
        case TransformerLm(model=sizes):
            return replace(recipe, model=replace(sizes, layers=1))
        case _:
            return recipe
