"""Multi-head attention: heads are batches of matrix products, seen in the axes' other order and never copied.

Queries, keys and values are [batch, frames, heads, size of a head]; scores [batch, heads, queries, keys].
"""

from dataclasses import replace
from math import sqrt

from hwsim.dataclass import dataclass
from hwsim.ir.ops import Function, Gemm, Reduce, Reduction, Skew
from hwsim.ir.tensor import FormatOf, Role, Tensor
from hwsim.ir.view import Affine, View, Window, window
from hwsim.models.fragment import Fragment, chain, matrix, step, tensor
from hwsim.quantities.precision import Purpose

BY_HEAD = (0, 2, 1, 3)  # [batch, frames, heads, …] as [batch, heads, frames, …], and back


@dataclass(frozen=True, slots=True)
class Heads:
    """Sizes of an attention: heads, the numbers of one head, and how many queries and keys an utterance has."""

    batch: int
    heads: int
    head: int
    queries: int
    keys: int

    @property
    def size(self) -> int:
        return self.heads * self.head

    @property
    def scale(self) -> float:
        return 1 / sqrt(self.head)


@dataclass(frozen=True, slots=True)
class Cache:
    """Where an attention writes its new keys and values, and which ones it reads."""

    key: Tensor
    value: Tensor
    written: tuple[View, View]
    read: tuple[View, View]

    @classmethod
    def growing(cls, key: Tensor, value: Tensor, loop: str) -> "Cache":
        """One more entry in each iteration of a loop; those up to the new one are read."""
        new, so_far = window(1, loop=loop), so_far_in(loop, axis=1)
        views = [View(tensor=t.name, windows=(w,)) for w in (new, so_far) for t in (key, value)]
        return cls(key, value, (views[0], views[1]), (views[2], views[3]))


def so_far_in(loop: str, axis: int) -> Window:
    """The entries of an axis up to the one of this iteration."""
    return window(axis, count=Affine(base=1, terms=((loop, 1),)))


def all_frames(name: str, sizes: Heads) -> Cache:
    """Keys and values of the whole utterance, made anew."""
    key, value = cache_tensors(name, sizes, sizes.keys, Role.ACTIVATION)
    views = View(tensor=key.name), View(tensor=value.name)
    return Cache(key, value, views, views)


def cache_tensors(name: str, sizes: Heads, frames: int, role: Role) -> tuple[Tensor, Tensor]:
    """Keys and values of so many frames."""
    shape = (sizes.batch, frames, sizes.heads, sizes.head)
    return tensor(f"{name}.keys", shape, role), tensor(f"{name}.values", shape, role)


def relative_attention(
    name: str, x: View, positions: View, out: Tensor, sizes: Heads, cache: Cache
) -> tuple[Fragment, Fragment]:
    """Attention with relative positions as in Transformer-XL: (q + u) · k for content, (q + v) · p for position.

    `positions` are queries + keys - 1 rows, the largest distance first, which a projection without bias turns into p.
    That part comes first, since it does not depend on what is heard; then the attention itself, which makes `out`.
    """
    b, h, d, q, k = sizes.batch, sizes.heads, sizes.head, sizes.queries, sizes.keys
    rows = q + k - 1
    project, content, position = (f"{name}.{op}" for op in ("project", "content", "position"))
    projected = tensor(f"{name}.projected", (1, rows, h, d))
    hoisted = Fragment((projected,))
    hoisted += matrix(project, positions, sizes.size, sizes.size, View(tensor=projected.name), bias=False)

    query = tensor(f"{name}.queries", (b, q, h, d))
    # Both are as wide as a bias of the product with keys.
    wide = FormatOf(op=content, purpose=Purpose.BIAS)
    u, v = (tensor(f"{name}.{bias}", (sizes.size,), Role.BIAS, wide) for bias in ("u", "v"))
    for_content = tensor(f"{name}.queries.content", query.shape)
    for_position = tensor(f"{name}.queries.position", query.shape)
    by_content = tensor(f"{name}.content.scores", (b, h, q, k))
    by_distance = tensor(f"{name}.position.scores", (h, b, q, rows))
    by_position = tensor(f"{name}.shifted", (h, b, q, k))
    scores = tensor(f"{name}.scores", (b, h, q, k))
    biased = chain(
        f"{name}.biases",
        {"query": View(tensor=query.name), "u": View(tensor=u.name), "v": View(tensor=v.name)},
        (
            step("with u", Function.ADD, "query", "u"),
            step("content", Function.REQUANTIZE, "with u"),
            step("with v", Function.ADD, "query", "v"),
            step("position", Function.REQUANTIZE, "with v"),
        ),
        {"content": View(tensor=for_content.name), "position": View(tensor=for_position.name)},
    )
    by_key = _by_key(content, for_content, cache, View(tensor=by_content.name))
    # All utterances share the positions: one product for each head.
    by_row = Gemm(
        name=position,
        act=View(tensor=for_position.name, order=(2, 0, 1, 3)),
        weight=View(tensor=projected.name, order=BY_HEAD),
        out=View(tensor=by_distance.name),
        transposed=True,
    )
    shift = Skew(name=f"{name}.shift", read=View(tensor=by_distance.name), write=View(tensor=by_position.name))
    combined = chain(
        f"{name}.combine",
        {"content": View(tensor=by_content.name), "position": View(tensor=by_position.name, order=(1, 0, 2, 3))},
        (
            step("sum", Function.ADD, "content", "position"),
            step("scaled", Function.MUL, "sum", "scale"),
            step("scores", Function.REQUANTIZE, "scaled"),
        ),
        {"scores": View(tensor=scores.name)},
        {"scale": sizes.scale},
    )
    tensors = (query, u, v, for_content, for_position, by_content, by_distance, by_position, scores)
    products = Fragment(tensors) + _projections(name, x, View(tensor=query.name), sizes, cache)
    products += biased + Fragment(nodes=(by_key, by_row, shift)) + combined
    return hoisted, products + _weighted_values(name, View(tensor=scores.name), scores, sizes, cache, out)


def attention(name: str, x: View, out: Tensor, sizes: Heads, cache: Cache, keys: tuple[Window, ...] = ()) -> Fragment:
    """Attention without positions; the window over keys, if given, says which of `sizes.keys` there are so far.

    The scale of the scores is folded into the weights of the queries. Makes `out`.
    """
    content = f"{name}.content"
    query = tensor(f"{name}.queries", (sizes.batch, sizes.queries, sizes.heads, sizes.head))
    scores = tensor(f"{name}.scores", (sizes.batch, sizes.heads, sizes.queries, sizes.keys))
    score_view = View(tensor=scores.name, windows=keys)
    by_key = _by_key(content, query, cache, score_view)
    products = Fragment((query, scores)) + _projections(name, x, View(tensor=query.name), sizes, cache)
    return products + Fragment(nodes=(by_key,)) + _weighted_values(name, score_view, scores, sizes, cache, out)


def _weighted_values(name: str, score_view: View, scores: Tensor, sizes: Heads, cache: Cache, out: Tensor) -> Fragment:
    """Softmax of the scores, the values so weighted, and the output projection."""
    context, last = f"{name}.context", f"{name}.output"
    shares = tensor(f"{name}.shares", scores.shape)
    heads = tensor(f"{name}.heads", (sizes.batch, sizes.queries, sizes.heads, sizes.head))
    share_view = View(tensor=shares.name, windows=score_view.windows)
    softmax = Reduce(name=f"{name}.softmax", reduction=Reduction.SOFTMAX, read=score_view, write=share_view)
    gather = Gemm(
        name=context,
        act=share_view,
        weight=replace(cache.read[1], order=BY_HEAD),
        out=View(tensor=heads.name, order=BY_HEAD),
    )
    part = Fragment((shares, heads, out), (softmax, gather))
    return part + matrix(last, View(tensor=heads.name), sizes.size, sizes.size, View(tensor=out.name))


def _by_key(name: str, query: Tensor, cache: Cache, scores: View) -> Gemm:
    """Products of queries and keys, one matrix for each head."""
    return Gemm(
        name=name,
        act=View(tensor=query.name, order=BY_HEAD),
        weight=replace(cache.read[0], order=BY_HEAD),
        out=scores,
        transposed=True,
    )


def _projections(name: str, x: View, query: View, sizes: Heads, cache: Cache) -> Fragment:
    """Queries, keys and values of the frames of x."""
    part = Fragment()
    for what, out in (("query", query), ("key", cache.written[0]), ("value", cache.written[1])):
        part += matrix(f"{name}.{what}", x, sizes.size, sizes.size, out)
    return part
