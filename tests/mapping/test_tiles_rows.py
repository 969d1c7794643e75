"""Rows wait for exactly the rows that made what they read, as dictionaries of single elements say."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import hwsim
from hwsim.errors import Unsupported
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.inputs.files import TextFile, read_document
from hwsim.ir.ops import Skew
from hwsim.ir.program import Program
from hwsim.mapping.tiles.graph import BURST_BYTES, ProgramGraph, program_graph
from hwsim.mapping.tiles.homes import homes_of, parameters_of
from hwsim.mapping.tiles.placement import place
from hwsim.mapping.tiles.row_kinds import rows_of
from hwsim.mapping.tiles.task_list import Role
from hwsim.models.catalogue import AnyRecipe, workload
from strategies.analog_chips import analog_chip, analog_chips, in_integers
from strategies.chained import chained, deep, plain, relative
from strategies.programs import PROGRAMS, elementwise
from strategies.recipes import RECIPES
from witnesses.element_writers import ElementWriters, Task

DRAWN = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
ROOMY = replace(analog_chip().scratchpad, size=1 << 30)


def graph_of(program: Program, chip: AnalogChip) -> tuple[ProgramGraph, frozenset[str]]:
    placement = place(program, chip)
    homes = homes_of(program, placement)
    graph = program_graph(program, chip, placement, homes, parameters_of(program, chip, placement, homes))
    return graph, frozenset(op for matrix in placement.matrices for op in matrix.ops)


def waits(graph: ProgramGraph) -> dict[Task, set[Task]]:
    """Which tasks each task waits for, joins taken through."""
    tasks = graph.built.graph
    names: list[Task | None] = []
    counted: Counter[tuple[str, str]] = Counter()
    for op, role in zip(graph.built.op.tolist(), graph.built.role.tolist(), strict=True):
        if role == Role.JOIN:
            names.append(None)
            continue
        kind = {Role.TILES: "tiles", Role.VECTOR: "vector", Role.LOAD: "load", Role.STORE: "store"}[Role(role)]
        key = "" if kind == "load" else graph.ops[op], kind
        names.append((*key, counted[key]))
        counted[key] += 1
    sources: list[list[int]] = [[] for _ in names]
    for task in range(len(names)):
        for edge in range(int(tasks.first_edge[task]), int(tasks.first_edge[task + 1])):
            sources[int(tasks.target[edge])].append(task)

    def needed(task: int) -> set[Task]:
        return set[Task]().union(*(needed(one) if (name := names[one]) is None else {name} for one in sources[task]))

    return {name: needed(task) for task, name in enumerate(names) if name is not None}


def agree(program: Program, chip: AnalogChip) -> None:
    graph, on_tiles = graph_of(program, chip)
    truth = ElementWriters(program, lambda op, at: rows_of(op, program.shapes(at)).count, on_tiles, BURST_BYTES).run()
    rows = Counter[str]()
    for plan, times in graph.runs:
        rows[plan.op.name] += times * plan.rows.count
    assert truth.rows == rows
    found = waits(graph)
    skews = {placed.op.name for placed in program.placed() if isinstance(placed.op, Skew)}
    for task, needed in truth.needs.items():
        if task[0] in skews:  # a row waits for all of the row that it is a part of
            assert needed <= found[task]
        else:
            assert needed == found[task]
    rest = set(found) - set(truth.needs)
    assert {role for _, role, _ in rest} <= {"load", "store"}
    for task in rest:
        if task[1] == "store":
            assert len(found[task]) == 1


@DRAWN
@given(PROGRAMS, st.booleans())
def test_rows_of_one_op_wait_for_what_they_read(program: Program, on_tiles: bool) -> None:
    agree(in_integers(program), analog_chip(scratchpad=ROOMY, tiles=200, digital=() if on_tiles else ("*",)))


@DRAWN
@given(chained(), st.booleans())
def test_rows_of_chained_ops_wait_for_those_that_made_what_they_read(program: Program, on_tiles: bool) -> None:
    agree(in_integers(program), analog_chip(scratchpad=ROOMY, tiles=200, digital=() if on_tiles else ("*",)))


def test_rows_of_attention_and_of_feed_forwards_wait_for_those_that_made_what_they_read() -> None:
    for program in (relative(), plain(), deep()):
        agree(in_integers(program), analog_chip(scratchpad=ROOMY, tiles=200))


@DRAWN
@given(RECIPES, analog_chips())
def test_rows_of_networks_wait_for_those_that_made_what_they_read(recipe: AnyRecipe, chip: AnalogChip) -> None:
    program = in_integers(workload(recipe).program)
    assume(sum(tensor.elements for tensor in program.tensors) < 4000)
    assume(sum(instance.times for instance in program.instances()) < 400)
    try:
        place(program, chip)
    except Unsupported:
        assume(False)
    agree(program, replace(chip, scratchpad=ROOMY))


SEARCH = """
{kind: rnnt, name: small, audio: 240 ms, batch: BATCH, precision: w8a8,
 joint: {size: 2, combine: concatenate, outputs: 4},
 encoder: {features: 3, frame: 20 ms, layers: 1, cells: 2}, prediction: {embedding: 2, cells: 2, layers: 1, symbols: 3},
 decoding: {kind: greedy, symbols_per_second: 20}}
"""


@pytest.mark.parametrize("batch", [1, 2])
def test_a_greedy_search_takes_frames_as_they_come_and_predicts_between_evaluations(batch: int) -> None:
    document = read_document(TextFile("search", SEARCH.replace("BATCH", str(batch)), "")).plain()
    program = in_integers(hwsim.load_workload(document).program)
    chip = analog_chip(scratchpad=ROOMY, tiles=200)
    agree(program, chip)
    graph, _ = graph_of(program, chip)
    found, encoded = waits(graph), "encoder.0.forward.gates"
    frames = [
        sorted(row for op, _, row in needed if op == encoded) for task, needed in found.items() if task[0] == FETCH
    ]
    assert len({tuple(rows) for rows in frames}) > 3, "evaluations look at one frame after another"
    predicted = [needed for task, needed in found.items() if task[0] == "prediction.embed"]
    assert {op for needed in predicted[batch:] for op, _, _ in needed} == {"search.choose"}


FETCH = "joint.fetch"


def test_parameters_are_loaded_anew_when_the_last_but_one_op_that_loaded_some_is_done() -> None:
    small = analog_chip()
    graph, _ = graph_of(elementwise(1, 40, times=5), replace(small, scratchpad=replace(small.scratchpad, size=39)))
    tasks, role = graph.built.graph, graph.built.role
    rows = np.flatnonzero(role == Role.VECTOR).tolist()
    loads = [load for load in np.flatnonzero(role == Role.LOAD).tolist() if tasks.occupancy[load] == 40 // 8]
    sources = np.repeat(np.arange(tasks.tasks), np.diff(tasks.first_edge))
    waited = [sources[tasks.target == load].tolist() for load in loads[-5:]]
    assert waited == [[], [], *([row] for row in rows[:3])]


def test_a_row_that_reads_many_rows_joins_them_once() -> None:
    graph, _ = graph_of(in_integers(plain()), analog_chip(scratchpad=ROOMY, tiles=200))
    roles = Counter(graph.built.role.tolist())
    edges_per_task = graph.built.graph.edges / graph.built.graph.tasks
    assert roles[Role.JOIN] > 0
    assert edges_per_task < 4
    assert np.all(graph.built.graph.unit[graph.built.role == Role.JOIN] == -1)
