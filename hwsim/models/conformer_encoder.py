"""The Conformer's encoder: two strided convolutions, a projection, and blocks, on whole utterances or in chunks."""

from hwsim.dataclass import dataclass
from hwsim.ir.ops import ConvAxis, Move
from hwsim.ir.tensor import Role, Tensor
from hwsim.ir.view import View, Window, window
from hwsim.models.blocks.attention import Cache, Heads, all_frames, cache_tensors
from hwsim.models.blocks.conformer import BlockSizes, Surroundings, conformer_block
from hwsim.models.blocks.convolution import convolution
from hwsim.models.blocks.norm import layer_norm
from hwsim.models.decoding import CHUNKS
from hwsim.models.fragment import Fragment, linear, positions_of, relu, tensor

STRIDE = 4
"""Frames of the input for one of the encoder: two convolutions of stride 2."""


def subsampled(size: int) -> int:
    """What two convolutions of kernel 3 and stride 2 leave of an axis, without padding.

    >>> subsampled(80), subsampled(1000)
    (19, 249)
    """
    return ((size - 3) // 2 + 1 - 3) // 2 + 1


def frames_under(frames: int) -> int:
    """How many frames of the input make so many of the encoder.

    >>> subsampled(frames_under(10))
    10
    """
    return STRIDE * (frames - 1) + 7


@dataclass(frozen=True, slots=True)
class Stream:
    """Frames of the encoder in each step: new frames, and some frames after and before them."""

    chunks: int
    chunk: int
    look_ahead: int
    left: int

    @property
    def seen(self) -> int:
        """Frames on which a step works: those of the look-ahead are computed again as part of the next chunk."""
        return self.chunk + self.look_ahead


@dataclass(frozen=True, slots=True)
class EncoderSizes:
    """Sizes of an encoder, and of the audio that it is given at once."""

    batch: int
    mels: int
    frames: int  # of the encoder, in one utterance
    layers: int
    size: int
    heads: int
    kernel: int
    feed_forward: int
    stream: Stream | None

    @property
    def queries(self) -> int:
        return self.frames if self.stream is None else self.stream.seen

    @property
    def keys(self) -> int:
        return self.frames if self.stream is None else self.stream.left + self.stream.seen

    @property
    def block(self) -> BlockSizes:
        head = self.size // self.heads
        return BlockSizes(Heads(self.batch, self.heads, head, self.queries, self.keys), self.feed_forward)


def encoder(sizes: EncoderSizes) -> tuple[Fragment, Fragment, View]:
    """What does not depend on the audio; the layers; and the encoded frames, those of the look-ahead left out."""
    given, part, x = _front_end(sizes)
    once = given
    size = sizes.size
    rows = sizes.queries + sizes.keys - 1
    positions = positions_of("encoder.positions", rows, size)
    once += Fragment((positions,))
    seen, hoist = View(tensor=positions.name), sizes.stream is not None
    if not hoist:
        # All layers read them: brought in once, they may stay.
        fetched = tensor("encoder.positions.fetched", positions.shape)
        fetch = Move(name="encoder.positions.fetch", read=seen, write=View(tensor=fetched.name))
        part, seen = part + Fragment((fetched,), (fetch,)), fetch.write
    for layer in range(sizes.layers):
        name = f"encoder.{layer}"
        around = _around(name, sizes)
        hoisted, block, x = conformer_block(name, x, seen, around, sizes.block, hoist=hoist)
        once += Fragment(around.made) + hoisted
        part += block
    out = tensor("encoder.out", x.shape)
    part += layer_norm("encoder.norm", View(tensor=x.name), out)
    kept = () if sizes.stream is None else (window(1, count=sizes.stream.chunk),)
    return once, part, View(tensor=out.name, windows=kept)


_FRONT = ("convolution_1", "convolution_2", "linear")


def _front_end(sizes: EncoderSizes) -> tuple[Fragment, Fragment, Tensor]:
    """Features [batch, frames, mels, 1] → [batch, frames / 4, size]. The scale of the embedding is in the weights."""
    b, size, stream, names = sizes.batch, sizes.size, sizes.stream, [f"encoder.subsampling.{op}" for op in _FRONT]
    input_frames = frames_under(sizes.queries)
    total = input_frames if stream is None else frames_under(stream.chunks * stream.chunk + stream.look_ahead)
    features = tensor("features", (b, total, sizes.mels, 1), Role.INPUT)
    moving = () if stream is None else (window(1, count=input_frames, loop=CHUNKS, step=STRIDE * stream.chunk),)
    read, extent, channels, part = View(tensor=features.name, windows=moving), (input_frames, sizes.mels), 1, Fragment()
    for name in names[:-1]:
        axes = tuple(ConvAxis(size=entries, kernel=3, stride=2) for entries in extent)
        extent = axes[0].outputs, axes[1].outputs
        sums = tensor(f"{name}.sums", (b, *extent, size))
        kept = tensor(f"{name}.out", sums.shape)
        part += convolution(name, read, channels, axes, sums) + Fragment((kept,))
        part += relu(f"{name}.relu", View(tensor=sums.name), View(tensor=kept.name))
        read, channels = View(tensor=kept.name), size
    out = tensor("encoder.subsampling.out", (b, extent[0], size))
    return Fragment((features,)), part + linear(names[-1], read, extent[1] * size, out), out


def _around(name: str, sizes: EncoderSizes) -> Surroundings:
    """The whole utterance, zeros beyond its ends; or rings that hold what a chunk needs of those before it."""
    heads, stream = sizes.block.heads, sizes.stream
    attention, gated = f"{name}.attention", f"{name}.convolution.gated"
    if stream is None:
        cache = all_frames(attention, heads)
        gated_frames = tensor(gated, (sizes.batch, sizes.frames, sizes.size))
        side = (sizes.kernel - 1) // 2
        axis = ConvAxis(size=sizes.frames, kernel=sizes.kernel, before=side, after=side)
        view = View(tensor=gated)
        return Surroundings(cache, view, view, axis, (cache.key, cache.value, gated_frames))
    # Look-ahead frames are written at the end of a ring, and overwritten when they are heard in earnest.
    keys, values = cache_tensors(attention, heads, heads.keys, Role.STATE)
    past = sizes.kernel - 1
    gated_frames = tensor(gated, (sizes.batch, past + stream.seen, sizes.size), Role.STATE)

    def new(ring: Tensor, before: int) -> View:
        return View(tensor=ring.name, windows=(_ring(before, stream.seen, stream.chunk),))

    def whole(ring: Tensor) -> View:
        return View(tensor=ring.name, windows=(_ring(0, ring.shape[1], stream.chunk),))

    cache = Cache(keys, values, (new(keys, stream.left), new(values, stream.left)), (whole(keys), whole(values)))
    axis = ConvAxis(size=past + stream.seen, kernel=sizes.kernel)
    return Surroundings(cache, new(gated_frames, past), whole(gated_frames), axis, (keys, values, gated_frames))


def _ring(start: int, count: int, step: int) -> Window:
    return window(1, start=start, count=count, loop=CHUNKS, step=step, wraps=True)
