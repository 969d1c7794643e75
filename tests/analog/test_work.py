"""Counts of what tiles do are those of loops over tiles, passes, readings and cells, and of the codes that come out."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.hardware.analog.tile import AnalogTile, Split
from hwsim.hardware.analog.weights import Mapping, OffsetRemoval, Subtract
from hwsim.hardware.analog.work import matrix_work, parts, tiles_of
from hwsim.schedule.tile_work import TileWork
from hwsim.tensor.analog.product import multiply
from hwsim.tensor.analog.programmed import program
from strategies.analog_tiles import tiles

SIZES = st.integers(1, 11)


def counted(tile: AnalogTile, k: int, n: int) -> TileWork:
    """One vector, event by event."""
    rows, cols = parts(tile, k, n)
    weights, inputs = tile.weights, tile.input
    signs = ["+", "-"] if weights.mapping is Mapping.DIFFERENTIAL else ["."]
    apart = weights.subtract is Subtract.DIGITAL and len(signs) == 2
    middle = weights.offset_removal is OffsetRemoval.COLUMN
    drives = cell_passes = conversions = additions = 0
    results: dict[int, int] = {}  # a column of the matrix: how many tiles gave it a sum
    summed_inputs = set()
    for held_cols in cols:
        for held_rows in rows:
            columns = [*(["middle"] if middle else []), *range(held_cols.start, held_cols.stop)]
            readings = dict.fromkeys(columns, 0)
            for pass_ in range(inputs.passes):
                for _ in range(tile.phases.repeats if tile.phases else 1):
                    for _ in range(held_rows.start, held_rows.stop):
                        drives += 1
                        cell_passes += len(columns) * len(signs) * weights.slices * len(weights.significance)
                if inputs.accumulate.value == "analog" and pass_ < inputs.passes - 1:
                    continue
                for column in columns:
                    for _ in range(weights.slices):
                        for _ in signs if apart else [signs]:
                            conversions += tile.adc is not None
                            additions += readings[column] > 0
                            readings[column] += 1
            for column in columns:
                if column != "middle":
                    additions += len(signs) == 1  # a middle is taken off
                    additions += results.get(column, 0) > 0
                    results[column] = results.get(column, 0) + 1
            if len(signs) == 1 and not middle and held_rows.start not in summed_inputs:
                summed_inputs.add(held_rows.start)
                additions += held_rows.stop - held_rows.start - 1
    return TileWork(vectors=1, drives=drives, cell_passes=cell_passes, conversions=conversions, additions=additions)


@given(tile=tiles(), k=SIZES, n=SIZES)
@settings(max_examples=300, deadline=None)
def test_work_is_that_of_loops_over_everything(tile: AnalogTile, k: int, n: int) -> None:
    assert matrix_work(tile, k, n) == counted(tile, k, n)


@given(tile=tiles(), k=SIZES, n=SIZES, m=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_conversions_are_the_codes_and_cells_the_cells_of_a_product(tile: AnalogTile, k: int, n: int, m: int) -> None:
    matrix = program(tile, np.ones((k, n)) / 4)
    made, work = multiply(matrix, np.full((m, k), 0.5)), matrix_work(tile, k, n)
    assert (work * m).conversions == sum(codes.size for codes in made.adc_codes)
    held = sum(array.size for part in matrix.parts for array in part.held)
    repeats = tile.phases.repeats if tile.phases else 1
    assert work.cell_passes == held * tile.input.passes * repeats
    assert len(matrix.parts) == tiles_of(tile, k, n)


@given(size=st.integers(1, 200), most=st.integers(1, 40), split=st.sampled_from(Split))
def test_every_row_and_column_lies_on_one_part_that_fits(size: int, most: int, split: Split) -> None:
    tile = replace(AnalogTile(), rows=most, cols=most, split=split)
    rows, cols = parts(tile, size, 2 * size)
    for cuts, length in ((rows, size), (cols, 2 * size)):
        assert [index for cut in cuts for index in range(cut.start, cut.stop)] == list(range(length))
        assert all(0 < cut.stop - cut.start <= most for cut in cuts)
        assert len(cuts) == -(-length // most)
