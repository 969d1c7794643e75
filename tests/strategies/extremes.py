"""Draws chips and workloads that are legal and absurd; `cli/extreme_runs.py` runs them.

    python strategies/extremes.py NUMBER      # one case, as the YAML of its two files, and what is made least

Sizes are drawn from their ends, because there sums overflow and loops never end: arrays of one element, a byte a cycle,
a clock of 1 Hz, scratchpads of TiB, hours of audio, one row, millions of columns.
"""

import sys
from random import Random
from typing import Any

Mapping = dict[str, Any]
FUNCTIONS = ("add", "sub", "mul", "max", "equal", "sigmoid", "tanh", "exp", "log", "reciprocal", "rsqrt", "requantize",
             "dequantize")  # fmt: skip
POLICIES = ("w4a4", "w4a8", "w8a8", "fp16", "w2a2", "w3a3", "w2a8", "w8a4", "w4a16", "w4a16g32", "w8a16g3", "bf16",
            "fp32")  # fmt: skip
DRAWN = {"source": "drawn", "sure": "assumed"}
MODES: tuple[Mapping, ...] = (
    {"fp16": 1, "int8": 4, "int4": 8, "bf16": 1, "fp32": 1},
    {"fp16": 1, "int8": 4, "int4": 8, "bf16": 1, "fp32": 1},
    {"fp32": 1, "bf16": 1, "fp16": 2, "int8": {"k": 2, "n": 3}},
    {"fp32": 256, "bf16": 2, "fp16": 256, "int8": {"k": 256, "n": 256}, "int4": 1, "int2": 1},
    {"fp32": 1, "bf16": 1, "fp16": {"k": 1, "n": 256}, "int8": {"k": 256, "n": 1}},
    {"int8": 1},
)


def chip(draw: Random) -> Mapping:
    """A chip, some of whose sizes are at their ends."""
    pick = draw.choice
    overflow = pick(["saturate", "wrap"])
    bits = pick([8, 16, 24, 32, 32, 32, 33, 64])
    accumulator: Mapping = {"bits": bits, "overflow": overflow, "entries": pick([None, 1, 2, 64, 1024, 2**30])}
    array: Mapping = {
        "kind": "systolic",
        "rows": pick([1, 1, 2, 3, 16, 64, 255, 1024, 65_536]),
        "cols": pick([1, 1, 2, 5, 16, 64, 256, 1000, 65_536]),
        "dataflow": pick(["ws", "is", "os"]),
        "weight_load": pick(["broadcast", "wavefront"]),
        "shadow_weights": pick([True, False]),
        "drain": pick(["serial", "shared", "separate"]),
        "m_chunk": pick([None, None, 1, 3, 1000, 2**40]),
        "macs_per_pe": pick(MODES),
        "accumulator": accumulator,
    }
    port = [1, 2, 16, 128, 128, 4096, 2**30]
    size = pick([1000, 2**18, 2**21, 2**21, 2**22, 2**24, 2**26, 2**28, 2**30, 6 * 2**30, 12 * 2**30, 2**40, 2**50])
    made: Mapping = {
        "name": "drawn",
        "clock": pick([1, 1, 1000, 32_768, 10**6, 10**9, 10**9, 10**9, 10**9, 3 * 10**9, 10**12]),
        "cores": 1 if draw.random() < 0.97 else 65_536,
        "array": array,
        "vector": {
            "lanes": pick([1, 1, 3, 64, 1000, 2**20]),
            "cycles": {name: pick([1, 1, 1, 2, 2, 10_000]) for name in FUNCTIONS},
        },
        "scratchpad": {
            "size": size,
            "banks": pick([1, 1, 2, 4, size if size < 65_536 else 16]),
            "read": pick(port),
            "write": pick(port),
            "buffers": pick([1, 2, 2, 3, 16]),
            "shared_port": pick([True, False]),
        },
        "dram": {
            "type": pick(["lpddr4", "ddr4", "hbm2", "gddr6"]),
            "read": pick([1, 10**6, 10**9, 64 * 10**9, 64 * 10**9, 10**12, 10**15]),
            "write": pick([1, 10**6, 10**9, 64 * 10**9, 64 * 10**9, 10**12, 10**15]),
            "latency": pick(["0 s", "1 ps", "100 ns", "100 ns", "1 us", "1 ms", "24 h"]),
            "shared_port": pick([True, False]),
            "weight_layout": pick(["compact", "tiles"]),
        },
        "energy": pick(["generic_7nm", "generic_7nm", "horowitz_45nm", "aladdin_40nm"]),
        # A memory of any size has a price, and so has a multiplier that no table lists with its area.
        "energy_override": {
            "sram": [
                {"capacity": 2**50, "price": {"energy": pick(["0 J", "1 pJ", "1 J"]), "bits": pick([1, 64]), **DRAWN}}
            ],
            "multiply": {"bf16": {"energy": "1 fJ", "area": "1 mm2", **DRAWN}},
        },
    }
    if draw.random() < 0.1:
        made["node"] = pick(["1 nm", "7 nm", "5 um"])
    if draw.random() < 0.1:
        made["voltage"] = pick(["0.6 V", "1.1 V", "5 V"])
    return made


def precision(draw: Random) -> Any:
    """A policy, or one with rare ways to quantise."""
    policy = draw.choice(POLICIES)
    if draw.random() < 0.75:
        return policy
    plan: Mapping = {"policy": policy}
    if draw.random() < 0.5:
        plan["cache"] = draw.choice(["int4", "int8", "fp16"])
    if draw.random() < 0.5:
        plan["quantise"] = {"activations": {"mode": "dynamic"}}
    return plan


def length(draw: Random) -> str:
    """From the shortest utterance to the longest."""
    return draw.choice(["20 ms", "333 ms", "1 s", "10 s", "10 s", "1 min", "10 min", "1 h", "24 h"])


def size(draw: Random) -> int:
    """The width of a layer."""
    return draw.choice([1, 2, 7, 64, 64, 512, 512, 1024, 4096, 65_536])


def decoding(draw: Random) -> Mapping:
    """A search."""
    pick = draw.choice
    made: Mapping = {"kind": pick(["greedy", "time_synchronous", "alignment_length"]),
                     "symbols_per_second": pick([0.001, 3, 14, 1000, 10**6])}  # fmt: skip
    if made["kind"] == "greedy":
        return made
    if made["kind"] == "time_synchronous":
        made["expansions"] = pick([1, 3, 64])
    made |= {"beam": pick([1, 4, 16, 1024]), "cache_prediction": pick([True, False]),
             "batch_prediction": pick([True, False]), "batch_joint": pick([True, False])}  # fmt: skip
    if draw.random() < 0.3:
        lm = {"embedding": size(draw), "cells": size(draw), "layers": pick([1, 2])}
        made["fusion"] = {"source": lm, "external": lm, "source_weight": 0.2, "external_weight": 0.5}
    return made


def transducer(draw: Random) -> Mapping:
    """Prediction, joint network and search."""
    return {
        "prediction": {"embedding": size(draw), "cells": size(draw), "layers": draw.choice([1, 2])},
        "joint": {"size": size(draw), "combine": "add", "outputs": draw.choice([1, 2, 46, 65_536])},
        "decoding": decoding(draw),
    }


def gemms(draw: Random) -> Mapping:
    """A list of products, thin, deep and huge."""
    sizes = [1, 1, 2, 3, 17, 64, 1000, 1000, 4096, 2**16, 2**20, 2**24]
    products = [
        {
            "name": f"p{place}",
            **{axis: draw.choice(sizes) for axis in "mkn"},
            "times": draw.choice([1, 1, 1, 2, 1000, 2**30]),
        }
        for place in range(draw.randint(1, 3))
    ]
    return {"kind": "gemms", "products": products}


def rnnt(draw: Random) -> Mapping:
    """A recurrent transducer."""
    pick = draw.choice
    encoder: Mapping = {
        "features": size(draw),
        "frame": pick(["1 ms", "10 ms", "20 ms", "1 s"]),
        "layers": pick([1, 2, 5, 100]),
        "cells": size(draw),
        "bidirectional": pick([True, False]),
    }
    made = {"kind": "rnnt", "encoder": encoder, **transducer(draw)}
    if not encoder["bidirectional"] and draw.random() < 0.5:
        made["streaming"] = {"chunk": pick(["1 s", "2 s", "60 s"])}
    return made


def conformer(draw: Random) -> Mapping:
    """A Conformer."""
    pick = draw.choice
    heads = pick([1, 1, 4, 1024])
    decoder = {"kind": "ctc", "outputs": pick([1, 46, 65_536])} if draw.random() < 0.5 else {
        "kind": "transducer", **transducer(draw)}  # fmt: skip
    made = {"kind": "conformer", "encoder": {"mels": pick([7, 80, 1024]), "frame": "10 ms", "layers": pick([1, 2, 16]),
            "size": heads * pick([1, 4, 36]), "heads": heads, "kernel": pick([1, 31, 1023])},
            "decoder": decoder}  # fmt: skip
    if draw.random() < 0.4:
        left = pick(["0 s", "1200 ms", "60 s"])
        made["streaming"] = {
            "chunk": pick(["40 ms", "400 ms", "4 s"]),
            "left_context": left,
            "look_ahead": pick(["0 s", "80 ms"]),
        }
    return made


def tdnnf(draw: Random) -> Mapping:
    """A factored network."""
    pick = draw.choice
    layers = [{"stride": pick([0, 1, 3, 1000]), "bottleneck": size(draw)} for _ in range(draw.randint(1, 12))]
    encoder = {"features": size(draw), "frame": pick(["1 ms", "10 ms"]), "splice": pick([0, 1, 100]),
               "ivector": pick([0, 100, 65_536]), "size": size(draw), "layers": layers}  # fmt: skip
    outputs = {"bottleneck": size(draw), "states": size(draw), "training_branch": pick([True, False])}
    return {"kind": "tdnnf", "encoder": encoder, "outputs": outputs}


def lstm_lm(draw: Random) -> Mapping:
    """A recurrent language model."""
    return {"kind": "lstm_lm", "symbols_per_second": draw.choice([0.001, 14, 1000]), "outputs": size(draw),
            "model": {"embedding": size(draw), "cells": size(draw), "layers": draw.choice([1, 2, 100])}}  # fmt: skip


def transformer_lm(draw: Random) -> Mapping:
    """A language model with a cache that grows."""
    pick = draw.choice
    heads = pick([1, 8])
    return {"kind": "transformer_lm", "symbols_per_second": pick([0.001, 0.1, 3.5, 100]), "outputs": size(draw),
            "model": {"layers": pick([1, 6, 100]), "size": heads * pick([1, 64]), "heads": heads,
                      "feed_forward": size(draw), "context": pick([64, 512, 8192])}}  # fmt: skip


KINDS = (gemms, gemms, rnnt, conformer, tdnnf, lstm_lm, transformer_lm)


def workload(draw: Random) -> Mapping:
    """A network, some of whose sizes are at their ends."""
    made: Mapping = {"name": "drawn", "audio": length(draw), "batch": draw.choice([1, 1, 1, 3, 16, 1000, 65_536]),
                     "precision": precision(draw), **draw.choice(KINDS)(draw)}  # fmt: skip
    if made["kind"] != "gemms" and draw.random() < 0.1:
        few = sorted(draw.sample(range(200, 20_000), 3))
        shares = [{"length": f"{ms} ms", "utterances": draw.choice([1, 10**9])} for ms in few]
        made["lengths"] = {"shares": shares}
    return made


def case(number: int) -> tuple[Mapping, Mapping, str]:
    """Chip, workload and objective; from `WITH_CORES` on the chip has several cores or arrays, or times to start."""
    draw = Random(number)
    made, work, objective = chip(draw), workload(draw), draw.choice(["latency", "latency", "latency", "energy"])
    return made | (several_cores(draw) if number >= WITH_CORES else {}), work, objective


WITH_CORES = 3000


def several_cores(draw: Random) -> Mapping:
    """What a chip says of its cores, their arrays and interconnect, and of starting programs and ops."""
    pick = draw.choice
    return {
        "cores": pick([1, 2, 3, 64, 1024]),
        "interconnect": {
            "rate": pick(["1 B/cycle", "64 B/cycle", "1 GiB/cycle"]),
            "latency": pick(["0 s", "20 ns", "24 h"]),
        },
        "arrays": pick([1, 1, 2, 64]),
        "launch": pick(["0 s", "0 s", "100 us", "24 h"]),
        "dispatch": pick(["0 s", "0 s", "1 us", "24 h"]),
    }


if __name__ == "__main__":
    import yaml

    print(yaml.safe_dump_all(case(int(sys.argv[1])), sort_keys=False))
