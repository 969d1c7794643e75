"""One Conformer block (Gulati et al., Interspeech 2020): feed-forward, attention, convolution, feed-forward.

Each sub-block begins with a layer norm and is added to what it began with; a last layer norm ends the block. Whether a
block sees the whole utterance or a chunk, its `Surroundings` say: where keys, values and frames of the convolution are.
"""

from hwsim.dataclass import dataclass
from hwsim.ir.ops import ConvAxis
from hwsim.ir.tensor import FormatOf, Tensor
from hwsim.ir.view import View, window
from hwsim.models.blocks.attention import Cache, Heads, relative_attention
from hwsim.models.blocks.convolution import depthwise
from hwsim.models.blocks.norm import batch_norm_swish, layer_norm
from hwsim.models.blocks.residual import added, feed_forward, normalised
from hwsim.models.fragment import Fragment, gated_linear, linear, swish, tensor
from hwsim.quantities.precision import Purpose


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a block is given: its cache; the gated frames, where they are written, and which the kernel slides over."""

    cache: Cache
    gated_written: View
    gated_read: View
    axis: ConvAxis
    made: tuple[Tensor, ...]  # what keys, values and gated frames are kept in


@dataclass(frozen=True, slots=True)
class BlockSizes:
    """Sizes of a block: those of its attention, and the hidden units of its feed-forwards."""

    heads: Heads
    feed_forward: int

    def shape(self, size: int) -> tuple[int, int, int]:
        """So many numbers for each frame that the block works on."""
        return (self.heads.batch, self.heads.queries, size)


def conformer_block(
    name: str, x: Tensor, positions: View, around: Surroundings, sizes: BlockSizes, *, hoist: bool
) -> tuple[Fragment, Fragment, Tensor]:
    """x → out, both [batch, frames, size]; with `hoist` the part that does not depend on x stands apart.

    Else that part stands where it is needed, so that its result takes room no longer than that.
    """
    size = sizes.heads.size
    after_first, first = feed_forward(f"{name}.feed_forward_1", x, sizes.feed_forward, swish, 0.5)
    attention = f"{name}.attention"
    normed, norm = normalised(f"{attention}.norm", after_first)
    attended = tensor(f"{attention}.out", sizes.shape(size))
    once, products = relative_attention(
        attention, View(tensor=normed.name), positions, attended, sizes.heads, around.cache
    )
    after_attention, add = added(f"{attention}.add", after_first, attended)
    after_convolution, convolution = convolution_module(f"{name}.convolution", after_attention, around, sizes)
    after_second, second = feed_forward(f"{name}.feed_forward_2", after_convolution, sizes.feed_forward, swish, 0.5)
    out = tensor(f"{name}.out", x.shape)
    last = layer_norm(f"{name}.norm", View(tensor=after_second.name), out)
    hoisted, here = (once, Fragment()) if hoist else (Fragment(), once)
    return hoisted, first + norm + here + products + add + convolution + second + last, out


def convolution_module(name: str, x: Tensor, around: Surroundings, sizes: BlockSizes) -> tuple[Tensor, Fragment]:
    """x + pointwise(swish(batch norm(depthwise(GLU(pointwise(norm(x)))))))."""
    size, enter, slide, leave = sizes.heads.size, f"{name}.enter", f"{name}.slide", f"{name}.leave"
    normed, norm = normalised(f"{name}.norm", x)
    both = tensor(f"{enter}.sums", sizes.shape(2 * size))
    value, gate = (View(tensor=both.name, windows=(window(2, start=at, count=size),)) for at in (0, size))
    slid = tensor(f"{slide}.sums", x.shape)
    active = tensor(f"{name}.active", x.shape)
    out = tensor(f"{leave}.out", x.shape)
    result, add = added(f"{name}.add", x, out)
    part = norm + linear(enter, View(tensor=normed.name), size, both)
    part += gated_linear(f"{name}.gate", value, gate, around.gated_written)
    part += depthwise(slide, around.gated_read, around.axis, slid)
    wide = FormatOf(op=slide, purpose=Purpose.BIAS)
    part += batch_norm_swish(f"{name}.batch_norm", View(tensor=slid.name), active, wide)
    return result, part + linear(leave, View(tensor=active.name), size, out) + add
