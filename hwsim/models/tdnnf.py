"""The factored time-delay network of Kaldi's chain recipes (egs/swbd/s5c/local/chain/tuning/run_tdnn_7q.sh).

Each layer is a linear map to a narrow bottleneck over frames t - s and t, then an affine map back over t and t + s,
with relu, batch norm, and a scaled bypass. What a batch norm makes is read by linear and affine maps only, so it is
folded into the maps around it; so is the fixed transform of the input. Each layer is computed from the first to the
last frame that an output needs: every third one behind the layer in which a subsampling of three begins, all before.
"""

from dataclasses import replace
from typing import Annotated, Literal

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.ir.lengths import Lengths
from hwsim.ir.ops import Apply, ConvAxis, Function
from hwsim.ir.program import Program
from hwsim.ir.tensor import FormatOf, Role, Tensor
from hwsim.ir.view import View, window
from hwsim.ir.workload import Features
from hwsim.models.blocks.convolution import convolution
from hwsim.models.decoding import Size
from hwsim.models.fragment import Fragment, chain, linear, matrix, relu, step, tensor
from hwsim.quantities.fields import FrameTime, Utterance
from hwsim.quantities.noun import Name, Noun, Number, Remark, Whole
from hwsim.quantities.plain_data import Sources, check_sources
from hwsim.quantities.precision import PrecisionPlan, Purpose

Factor = Annotated[int, Whole(low=1, high=16)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactoredLayer(Noun):
    """One layer; a stride of 0 joins no frames."""

    stride: Annotated[int, Whole(low=0, high=1000)]
    bottleneck: Size


@dataclass(frozen=True, slots=True, kw_only=True)
class FactoredEncoder(Noun):
    """Frames of features with `splice` neighbours at each side and an utterance's i-vector; then factored layers."""

    features: Size
    frame: FrameTime
    splice: Annotated[int, Whole(low=0, high=100)] = 1
    ivector: Annotated[int, Whole(low=0, high=65_536)] = 0
    size: Size
    layers: tuple[FactoredLayer, ...]
    bypass: Annotated[float, Number(low=0, high=1)] = 0.66
    subsampling: Factor = 1

    def check(self) -> None:
        if not self.layers:
            raise InvalidValue("layers", [], "must name at least one layer")
        if self.subsampling > 1 and self.first_subsampled is None:
            strides = [layer.stride for layer in self.layers]
            raise InvalidValue("layers", strides, f"must end, and not begin, with multiples of {self.subsampling}")

    @property
    def first_subsampled(self) -> int | None:
        """The last layer that needs all frames, in which subsampling begins: all strides behind it are multiples."""
        first = len(self.layers)
        while first and self.layers[first - 1].stride % self.subsampling == 0:
            first -= 1
        return first - 1 if 0 < first < len(self.layers) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs(Noun):
    """What follows the last layer: a bottleneck, the encoder's size, the bottleneck again, then one output a state.

    `training_branch` is a second such branch that only training needs: its parameters are stored and never used.
    """

    bottleneck: Size
    states: Size
    training_branch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tdnnf(Noun):
    """A workload file of kind `tdnnf`: the acoustic model; the graph search after it is the host's."""

    kind: Literal["tdnnf"] = "tdnnf"
    name: Name
    audio: Utterance
    batch: Annotated[int, Whole(low=1, high=65_536)] = 1
    lengths: Lengths | None = None
    precision: Name | PrecisionPlan = "fp16"
    encoder: FactoredEncoder
    outputs: Outputs
    about: Remark | None = None
    sources: Sources = ()

    def check(self) -> None:
        check_sources(self, self.sources)

    @property
    def frames(self) -> int:
        """Frames for which there are outputs, the last one padded."""
        return -(-self.audio // (self.encoder.frame * self.encoder.subsampling))

    @property
    def features(self) -> Features:
        """How its features lie."""
        return Features(frames_axis=1, frame=self.encoder.frame, step=self.encoder.frame * self.encoder.subsampling)


@dataclass(frozen=True, slots=True)
class _Layer:
    """Frames of one layer's input and output, and how the outputs lie on the inputs."""

    stride: int  # in frames of its input
    keep: int  # of so many neighbouring frames one is computed
    outputs: int

    @property
    def middles(self) -> int:
        """Frames of the bottleneck."""
        return self.keep * (self.outputs - 1) + 1 + self.stride

    @property
    def inputs(self) -> int:
        return self.middles + self.stride


def _output(name: str, shape: tuple[int, ...]) -> Tensor:
    """What a layer leaves; the bypass of the next one reads it in the format of sums."""
    return tensor(f"{name}.out", shape, format_of=FormatOf(op=name, purpose=Purpose.STATE))


def _written(name: str, out: Tensor, reads: dict[str, View], steps: tuple[Apply, ...], **constants: float) -> Fragment:
    """A chain that ends with a layer's output, whose axes have the order of the first view; makes out."""
    write = View(tensor=out.name, order=next(iter(reads.values())).order)
    steps = (*steps, step("out", Function.REQUANTIZE, steps[-1].result))
    return Fragment((out,)) + chain(name, reads, steps, {"out": write}, constants)


def extract_tdnnf(recipe: Tdnnf) -> Program:
    """All frames of a layer at once, layer after layer; the input is padded by all the context that they need."""
    sizes, layers = recipe.encoder, _layers(recipe.encoder, recipe.frames)
    part, x = _first_layer(recipe, layers[0].inputs)
    for number, (layer, layer_sizes) in enumerate(zip(layers, sizes.layers, strict=True), 2):
        layer_part, x = _factored_layer(f"encoder.{number}", x, layer, layer_sizes.bottleneck, sizes)
        part += layer_part
    outputs, training = _outputs(recipe.outputs, x)
    return replace((part + outputs).program(recipe.name), stored=training)


def _layers(sizes: FactoredEncoder, frames: int) -> tuple[_Layer, ...]:
    """From the last layer backwards, since the outputs say which frames are needed."""
    layers: list[_Layer] = []
    first = sizes.first_subsampled
    for place, layer in reversed(list(enumerate(sizes.layers))):
        behind = first is not None and place > first
        stride = layer.stride // sizes.subsampling if behind else layer.stride
        layers.append(_Layer(stride, sizes.subsampling if place == first else 1, frames))
        frames = layers[-1].inputs
    return tuple(reversed(layers))


def _first_layer(recipe: Tdnnf, frames: int) -> tuple[Fragment, Tensor]:
    """relu(W · spliced features + W′ · i-vector), the second product once for an utterance."""
    sizes, batch, name = recipe.encoder, recipe.batch, "encoder.1"
    kernel = 2 * sizes.splice + 1
    features = tensor("features", (batch, frames + kernel - 1, sizes.features), Role.INPUT)
    sums = tensor(f"{name}.sums", (batch, frames, sizes.size))
    axis = ConvAxis(size=features.shape[1], kernel=kernel)
    part = Fragment((features,))
    part += convolution(name, View(tensor=features.name), sizes.features, (axis,), sums)
    reads = {"x": View(tensor=sums.name, order=(1, 0, 2))}
    steps: tuple[Apply, ...] = (step("kept", Function.MAX, "x", "zero"),)
    if sizes.ivector:
        ivector = f"{name}.ivector"
        given = tensor("ivector", (batch, sizes.ivector), Role.INPUT)
        projected = tensor(f"{ivector}.sums", (batch, sizes.size))
        view = View(tensor=projected.name)
        part += Fragment((given, projected))
        part += matrix(ivector, View(tensor=given.name), sizes.ivector, sizes.size, view, bias=False)
        reads["ivector"] = view
        steps = (step("sum", Function.ADD, "x", "ivector"), step("kept", Function.MAX, "sum", "zero"))
    out = _output(name, sums.shape)
    return part + _written(f"{name}.relu", out, reads, steps, zero=0.0), out


def _factored_layer(
    name: str,
    x: Tensor,
    layer: _Layer,
    bottleneck: int,
    sizes: FactoredEncoder,
) -> tuple[Fragment, Tensor]:
    """relu(affine(linear(x))) + bypass · x."""
    batch, size = x.shape[0], sizes.size
    narrow, wide = f"{name}.linear", f"{name}.affine"
    taps = {"kernel": 2, "dilation": layer.stride} if layer.stride else {"kernel": 1}
    middle = tensor(f"{narrow}.out", (batch, layer.middles, bottleneck))
    sums = tensor(f"{wide}.sums", (batch, layer.outputs, size))
    enter, leave = ConvAxis(size=layer.inputs, **taps), ConvAxis(size=layer.middles, stride=layer.keep, **taps)
    centre = window(1, start=layer.stride, count=layer.outputs, every=layer.keep)
    out = _output(name, sums.shape)
    steps = (
        step("kept", Function.MAX, "x", "zero"),
        step("passed", Function.MUL, "before", "bypass"),
        step("sum", Function.ADD, "kept", "passed"),
    )
    reads = {"x": View(tensor=sums.name), "before": View(tensor=x.name, windows=(centre,))}
    part = convolution(narrow, View(tensor=x.name), size, (enter,), middle, bias=False)
    part += convolution(wide, View(tensor=middle.name), bottleneck, (leave,), sums)
    part += _written(f"{name}.add", out, reads, steps, zero=0.0, bypass=sizes.bypass)
    return part, out


def _outputs(sizes: Outputs, x: Tensor) -> tuple[Fragment, tuple[Tensor, ...]]:
    """From the last layer to the states; and the parameters of the branch that only training needs."""
    *frames, size = x.shape
    narrow, affine, linear_, states = (f"output.{op}" for op in ("narrow", "affine", "linear", "states"))

    def output_of(name: str, columns: int) -> Tensor:
        return tensor(f"{name}.out", (*frames, columns))

    first, last = output_of(narrow, sizes.bottleneck), output_of(linear_, sizes.bottleneck)
    sums = tensor(f"{affine}.sums", (*frames, size))
    hidden = output_of(affine, size)
    scores = tensor("output.scores", (*frames, sizes.states))
    views = {t.name: View(tensor=t.name) for t in (x, first, sums, hidden, last)}
    branch = (
        linear(affine, views[first.name], sizes.bottleneck, sums)
        + relu("output.relu", views[sums.name], views[hidden.name])
        + matrix(linear_, views[hidden.name], size, sizes.bottleneck, views[last.name], bias=False)
        + linear(states, views[last.name], sizes.bottleneck, scores)
    )
    part = Fragment((first, hidden, last))
    part += matrix(narrow, views[x.name], size, sizes.bottleneck, views[first.name], bias=False) + branch
    if not sizes.training_branch:
        return part, ()
    return part, tuple(_stored(t) for t in branch.tensors if t.role.parameter)


def _stored(like: Tensor) -> Tensor:
    """The same parameter of the branch that only training needs, kept in the same format."""
    purpose = Purpose.WEIGHT if like.role is Role.WEIGHT else Purpose.BIAS
    owner = like.name.rpartition(".")[0]
    return replace(like, name=f"training.{like.name}", format_of=FormatOf(op=owner, purpose=purpose))
