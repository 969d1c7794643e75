"""Whole networks compute what their papers' formulas say: the interpreter beside plain NumPy, on small recipes."""

from fractions import Fraction
from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.models.catalogue import workload
from hwsim.models.conformer import ChunkedAttention, Conformer, ConformerEncoder, CtcHead
from hwsim.models.tdnnf import Tdnnf
from hwsim.models.transformer_lm import TransformerLm
from strategies.recipes import MS, TRANSFORMERS, tdnnfs
from witnesses.interpreter import Array, interpreted


@settings(max_examples=25)
@given(tdnnfs())
def test_a_factored_network_is_its_formula_at_each_frame(recipe: Tdnnf) -> None:
    """From the outputs backwards, frame by frame: Kaldi computes what is asked for, at the times asked for."""
    done = interpreted(workload(recipe).program).values
    e = recipe.encoder
    strides = [layer.stride for layer in e.layers]
    # Time 0 is that of the first output; the first feature lies before it by all the context.
    context = e.splice + sum(strides)

    @cache
    def layer(number: int, t: int) -> Array:
        if number == 1:
            place = t + context - e.splice
            seen = done["features"][:, place : place + 2 * e.splice + 1].reshape(recipe.batch, -1)
            sums = seen @ done["encoder.1.weight"][0] + done["encoder.1.bias"]
            if e.ivector:
                sums = sums + done["ivector"] @ done["encoder.1.ivector.weight"]
            return np.asarray(np.maximum(sums, 0))
        s, own = strides[number - 2], f"encoder.{number}"
        taps = [0, s] if s else [0]

        def narrow(at: int) -> Array:
            joined = np.concatenate([layer(number - 1, at - s + tap) for tap in taps], axis=-1)
            return np.asarray(joined @ done[f"{own}.linear.weight"][0])

        middle = np.concatenate([narrow(t + tap) for tap in taps], axis=-1)
        wide = np.maximum(middle @ done[f"{own}.affine.weight"][0] + done[f"{own}.affine.bias"], 0)
        return np.asarray(wide + e.bypass * layer(number - 1, t))

    for frame in range(recipe.frames):
        x = layer(len(strides) + 1, frame * e.subsampling) @ done["output.narrow.weight"]
        x = np.maximum(x @ done["output.affine.weight"] + done["output.affine.bias"], 0) @ done["output.linear.weight"]
        scores = x @ done["output.states.weight"] + done["output.states.bias"]
        assert np.allclose(done["output.scores"][:, frame], scores)


def norm(x: Array, done: dict[str, Array], name: str) -> Array:
    scaled = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
    return np.asarray(scaled * done[f"{name}.gain"] + done[f"{name}.offset"])


def affine(x: Array, done: dict[str, Array], name: str) -> Array:
    return np.asarray(x @ done[f"{name}.weight"] + done[f"{name}.bias"])


@settings(max_examples=15)
@given(TRANSFORMERS)
def test_a_growing_cache_gives_causal_attention(recipe: TransformerLm) -> None:
    """All symbols at once under a mask, as in training. The symbol is always 0; positions tell the steps apart."""
    program = workload(recipe).program
    run = interpreted(program, watched=("lm.scores",))
    done, m, n, b = run.values, recipe.model, recipe.symbols, recipe.batch
    head = m.size // m.heads
    x = np.repeat((done["lm.embed.table"][0] + done["lm.positions"])[None], b, axis=0)
    for number in range(m.layers):
        own = f"lm.{number}.attention"
        normed = norm(x, done, f"{own}.norm")
        q, k, v = (
            affine(normed, done, f"{own}.{what}").reshape(b, n, m.heads, head) for what in ("query", "key", "value")
        )
        scores = np.einsum("bihd,bjhd->bhij", q, k) + np.where(np.tri(n), 0, -np.inf)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        heads = np.einsum("bhij,bjhd->bihd", shares / shares.sum(-1, keepdims=True), v)
        x = x + affine(heads.reshape(b, n, m.size), done, f"{own}.output")
        own = f"lm.{number}.feed_forward"
        inner = np.maximum(affine(norm(x, done, f"{own}.norm"), done, f"{own}.inner"), 0)
        x = x + affine(inner, done, f"{own}.outer")
    logits = affine(norm(x, done, "lm.norm"), done, "lm.output")
    expected = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    found = np.concatenate(run.seen["lm.scores"], axis=1)
    assert np.allclose(found, expected)


FRAMES = st.integers(0, 3)


@settings(max_examples=25)
@given(st.integers(1, 3), FRAMES, FRAMES, st.sampled_from([1, 3, 5]), st.integers(90, 500))
def test_a_chunk_sees_its_left_context_itself_and_its_look_ahead(
    chunk: int, left: int, ahead: int, kernel: int, length: int
) -> None:
    """Rings hold, in order, what was heard: keys of the left context, then chunk and look-ahead; zeros before all."""
    recipe = Conformer(
        name="tiny",
        audio=length * MS,
        batch=2,
        encoder=ConformerEncoder(mels=7, frame=10 * MS, layers=1, size=4, heads=2, kernel=kernel),
        decoder=CtcHead(outputs=3),
        streaming=ChunkedAttention(chunk=chunk * 40 * MS, left_context=left * 40 * MS, look_ahead=ahead * 40 * MS),
    )
    own, module = "encoder.0.attention", "encoder.0.convolution"
    watched = (f"{own}.norm.out", f"{own}.heads", f"{module}.gated", f"{module}.slide.sums", f"{module}.enter.sums")
    run = interpreted(workload(recipe).program, watched=watched)
    done, seen = run.values, run.seen
    positions = (done["encoder.positions"] @ done[f"{own}.project.weight"]).reshape(-1, 2, 2)
    kept = np.zeros((2, left, 4)), np.zeros((2, left, 4))
    frames = np.zeros((2, kernel - 1, 4))
    for normed, heads, sums, slid in zip(*(seen[watched[i]] for i in (0, 1, 4, 3)), strict=True):
        q, k, v = (affine(normed, done, f"{own}.{what}") for what in ("query", "key", "value"))
        keys, values = (np.concatenate([old, new], axis=1) for old, new in zip(kept, (k, v), strict=True))
        kept = keys[:, chunk : chunk + left], values[:, chunk : chunk + left]
        for i in range(chunk + ahead):
            for h in range(2):
                part = slice(2 * h, 2 * h + 2)
                distances = positions[[chunk + ahead - 1 - i + j for j in range(keys.shape[1])], h]
                u, w = done[f"{own}.u"][part], done[f"{own}.v"][part]
                scores = np.einsum("bd,bjd->bj", q[:, i, part] + u, keys[:, :, part])
                scores = (scores + (q[:, i, part] + w) @ distances.T) / np.sqrt(2)
                shares = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
                assert np.allclose(heads[:, i, h], np.einsum("bj,bjd->bd", shares, values[:, :, part]))
        value, gate = sums[..., :4], sums[..., 4:]
        history = np.concatenate([frames, value / (1 + np.exp(-gate))], axis=1)
        frames = history[:, chunk : chunk + kernel - 1]
        for i in range(chunk + ahead):
            taps = history[:, i : i + kernel]
            expected = np.einsum("bkc,ck->bc", taps, done[f"{module}.slide.weight"][:, :, 0])
            assert np.allclose(slid[:, i], expected + done[f"{module}.slide.bias"])


def test_a_chunk_of_the_whole_utterance_attends_as_the_whole() -> None:
    encoder = ConformerEncoder(mels=7, frame=10 * MS, layers=1, size=4, heads=2, kernel=1)
    whole = Conformer(name="tiny", audio=230 * MS, encoder=encoder, decoder=CtcHead(outputs=3))
    stream = ChunkedAttention(chunk=whole.frames * 40 * MS, left_context=0)
    chunked = Conformer(name="tiny", audio=230 * MS, encoder=encoder, decoder=CtcHead(outputs=3), streaming=stream)
    scores = [interpreted(workload(recipe).program).values["ctc.scores"] for recipe in (whole, chunked)]
    assert whole.frames == 5
    assert Fraction(scores[0].shape[1]) == 5
    assert np.allclose(scores[0], scores[1])
