"""Banks of the scratchpad: how many cycles they take for the words that an array asks for."""

from collections.abc import Iterator
from fractions import Fraction
from random import Random

import pytest

from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.mapping.analysed_program import analyse
from hwsim.mapping.bank_conflicts import Lines, as_ratio, cycles_of, stretch
from hwsim.mapping.op_shapes import ProductShape
from hwsim.mapping.program_table import program_table
from hwsim.mapping.streams import Axis, Stream, Streams
from hwsim.mapping.target import Banks
from hwsim.quantities.precision import Precision
from strategies.banks import draw_banks, draw_conv, draw_gemm
from strategies.programs import program, tensor
from witnesses import scratchpad_banks as witness
from witnesses.scratchpad_banks import Asked, Matrix


def asked(lines: Lines, banks: Banks) -> Asked:
    return Asked(*lines, banks.count, banks.width, banks.port)


def operands(drawn: Program) -> Iterator[tuple[Stream, Matrix]]:
    """Each operand of a drawn product: as the planner has it, and address by address."""
    table = program_table(analyse(drawn)).with_streams
    (sized,), (shape,) = table.ops, table.shapes
    assert isinstance(shape, ProductShape)
    op, size = sized.op, shape.operands.size
    if isinstance(op, Conv):
        assert shape.streams.act is not None
        assert shape.streams.weight is None
        yield shape.streams.act, witness.windows_of_conv(op, drawn)
        return
    assert isinstance(op, Gemm)
    assert shape.streams.act is not None
    assert shape.streams.weight is not None
    yield shape.streams.act, witness.act_of_gemm(op, drawn, size.m, size.k)
    yield shape.streams.weight, witness.weight_of_gemm(op, drawn)


def drawn_operands(count: int) -> Iterator[tuple[Stream, Matrix, Random]]:
    for seed in range(count):
        rng = Random(seed)
        for stream, addresses in operands(draw_conv(rng) if seed % 3 == 0 else draw_gemm(rng)):
            yield stream, addresses, rng


def test_banks_take_as_long_as_a_queue_for_each_bank_word_by_word() -> None:
    compared = slower = 0
    for stream, addresses, rng in drawn_operands(400):
        lines, banks = draw_banks(rng)
        found = cycles_of(stream, lines, banks)
        assert found == witness.served(addresses, stream.bits, asked(lines, banks))
        least = -(-stream.bytes // banks.port_bytes)
        compared, slower = compared + 1, slower + (found > least)
        assert stream.bytes == witness.bytes_of(addresses, stream.bits)
    assert compared > 600
    assert slower > 200


def test_long_streams_are_counted_by_their_periods_word_by_word() -> None:
    """Many rows of few bytes, and few rows of much K, on banks whose round is short: periods come up in both loops."""
    for seed in range(40):
        rng = Random(seed)
        m, k = rng.choice(((rng.randint(200, 900), rng.randint(1, 9)), (rng.randint(1, 5), rng.randint(200, 900))))
        stream = Stream(8, (Axis(m, 8 * (k + rng.randrange(4))),), (Axis(k, 8),))
        if rng.random() < 0.3:
            stream = Stream(8, (Axis(m, 8),), (Axis(k, 8 * m),))
        rows = [[i * stream.rows[0].stride + j * stream.ks[0].stride for j in range(k)] for i in range(m)]
        lines, banks = draw_banks(rng)
        assert cycles_of(stream, lines, banks) == witness.served(rows, 8, asked(lines, banks))


@pytest.mark.parametrize("lines", [Lines(True, 64), Lines(False, 16)])
def test_a_stream_of_any_length_takes_as_long_as_its_periods(lines: Lines) -> None:
    """Twice the rows, twice the cycles: rows of 144 bytes come round to the same banks of 64 bytes after 4 rows."""
    banks, rows = Banks(8, 8, 8), 1 << 20
    of = [cycles_of(Stream(8, (Axis(count, 8 * 144),), (Axis(64, 8),)), lines, banks) for count in (rows, 2 * rows)]
    assert of[1] == 2 * of[0]
    most = cycles_of(Stream(8, (Axis(1 << 40, 8 * 144),), (Axis(64, 8),)), lines, banks)
    assert most == of[0] << 20


def words_apart(words: int, count: int, lanes: int) -> tuple[Stream, Lines]:
    """A stream that asks for one word of 8 bytes a row, the rows so many words apart."""
    return Stream(64, (Axis(count, 64 * words),), (Axis(1, 64),)), Lines(False, lanes)


@pytest.mark.parametrize("count", [2, 4, 8, 16])
def test_a_stride_coprime_to_the_banks_has_no_conflicts(count: int) -> None:
    for words in range(1, 64, 2):
        stream, lines = words_apart(words, 97, 16)
        assert cycles_of(stream, lines, Banks(count, 8, count)) == -(-97 // count)
        assert stretch(stream, lines, Banks(count, 8, count)) == 1


@pytest.mark.parametrize("count", [2, 3, 4, 8, 16])
def test_a_stride_that_is_a_multiple_of_the_banks_serialises(count: int) -> None:
    for times in range(1, 5):
        stream, lines = words_apart(count * times, 97, 16)
        assert cycles_of(stream, lines, Banks(count, 8, count)) == 97


def test_neighbours_take_exactly_as_long_as_the_port() -> None:
    """Rows behind each other, all of K at once, from one byte up: no cycle is lost."""
    for seed in range(200):
        rng = Random(seed)
        bits, k, m = rng.choice((4, 8, 16)), rng.randint(1, 70), rng.randint(1, 70)
        k += k % 2  # so that no row ends within a byte
        stream = Stream(bits, (Axis(m, k * bits),), (Axis(k, bits),))
        port = rng.choice((1, 2, 4, 8))
        banks = Banks(port * rng.choice((1, 2)), rng.choice((2, 4, 8)), port)
        assert cycles_of(stream, Lines(True, k), banks) == -(-stream.bytes // banks.port_bytes)
        assert stretch(stream, Lines(True, k), banks) == 1


def test_banks_never_make_a_stream_faster_and_more_of_them_never_make_it_slower() -> None:
    gained = 0
    for stream, _, rng in drawn_operands(300):
        lines, banks = draw_banks(rng)
        before = stretch(stream, lines, banks)
        assert before >= 1
        for times in (2, 4, 8):
            after = stretch(stream, lines, Banks(banks.count * times, banks.width, banks.port))
            assert 1 <= after <= before
            gained, before = gained + (after < before), after
    assert gained > 100


def test_a_whole_stream_takes_whole_cycles() -> None:
    """What kernels make of a stretch is what the banks take: bytes times it, over the port's."""
    for stream, _, rng in drawn_operands(100):
        lines, banks = draw_banks(rng)
        numerator, denominator = as_ratio(stretch(stream, lines, banks))
        if numerator:
            passed = -(-stream.bytes * numerator // denominator)
            assert -(-passed // banks.port_bytes) == cycles_of(stream, lines, banks)


def test_a_ratio_beyond_64_bits_is_rounded_up() -> None:
    assert as_ratio(Fraction(1)) == (0, 1)
    assert as_ratio(Fraction(7, 3)) == (7, 3)
    numerator, denominator = as_ratio(Fraction(2**40 + 1, 2**40 - 1))
    assert (numerator, denominator) == (2**20 + 1, 2**20)


def test_the_rows_of_a_head_lie_as_far_apart_as_those_of_all_heads() -> None:
    """Six rows of four heads of 8 numbers of 4 bits: those of a head are 16 bytes apart. Constants have no stream."""
    op = Gemm(
        name="gemm", act=View(tensor="x", order=(0, 2, 1, 3)), weight=View(tensor="w"), out=View(tensor="out")
    )  # fmt: skip
    tensors = [
        tensor("x", 1, 6, 4, 8, precision=Precision.INT4, role=Role.INPUT),
        tensor("w", 1, 4, 8, 5, role=Role.WEIGHT),
        tensor("out", 1, 4, 6, 5, role=Role.OUTPUT),
    ]
    (shape,) = program_table(analyse(program(op, tensors))).with_streams.shapes
    assert isinstance(shape, ProductShape)
    assert shape.streams == Streams(Stream(4, (Axis(6, 8 * 16),), (Axis(8, 4),)))
    (plain,) = program_table(analyse(program(op, tensors))).shapes
    assert isinstance(plain, ProductShape)
    assert plain.streams == Streams()
