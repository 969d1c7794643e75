"""Each way in which a chip, workload or price table can be broken, with the exact line that it gives."""


def broken(text: str, old: str, new: str) -> str:
    """A text with its first `old` replaced, which must be there."""
    assert old in text
    return text.replace(old, new, 1)


POLICIES = (
    "bf16, fp16, fp32, w2a16, w2a2, w2a3, w2a4, w2a8, w3a16, w3a2, w3a3, w3a4, w3a8, w4a16, w4a2, w4a3, w4a4, w4a8, "
    "w8a16, w8a2, w8a3, w8a4, w8a8"
)

# Of each kind of file: what is replaced by what, and the line that hwsim answers.

BROKEN_CHIPS = [
    (
        "cols: 64",
        "colums: 64",
        "8: array.colums: unknown field; did you mean cols? known: kind, rows, cols, dataflow, weight_load, "
        "shadow_weights, drain, m_chunk, macs_per_pe, accumulator",
    ),
    ("rows: 64", "rows: 0", "7: array.rows = 0: must be at least 1"),
    ("rows: 64", "rows: 64.5", "7: array.rows = 64.5: must be a whole number"),
    ("rows: 64", "rows: '64'", "7: array.rows = '64': must be a whole number"),
    ("rows: 64", "rows: true", "7: array.rows = true: must be a whole number"),
    ("rows: 64", "rows: null", "7: array.rows = null: must be a whole number"),
    ("rows: 64", "rows: .nan", "7: '.nan' must be a finite number"),
    ("rows: 64", "rows: 1e999", "7: '1e999' must be a finite number"),
    ("rows: 64", "rows: " + "9" * 41, f"7: '{'9' * 41}' must have at most 40 digits"),
    ("rows: 64", "rows: !!int 64", "7: tag 'tag:yaml.org,2002:int' is not allowed"),
    ("rows: 64", "rows: 64\n  rows: 64", "8: key 'rows' is given twice, first on line 7"),
    ("dataflow: ws", "dataflow: wss", "9: array.dataflow = 'wss': did you mean ws? known: ws, is, os"),
    ("kind: systolic", "kind: crossbar", "6: array.kind = 'crossbar': known: systolic, temporal, bit_serial"),
    (
        "kind: systolic",
        "kind: analog",
        "4: cores: unknown field; did you mean copies? known: name, clock, vector, scratchpad, dram, energy, "
        "energy_override, node, voltage, memory_voltage, idle_power, power_gated, about, sources, array, tiles, chips, "
        "link, typical, dense, copies, digital",
    ),
    ("clock: 1 GHz", "clock: 1 parsec", "3: clock = '1 parsec': unknown unit 'parsec'; known: Hz, kHz, MHz, GHz"),
    ("clock: 1 GHz", "clock: -1 GHz", "3: clock = '-1 GHz': must be at least 1 Hz"),
    ("clock: 1 GHz", "clock: 1.5 Hz", "3: clock = '1.5 Hz': must be a whole number of Hz"),
    ("clock: 1 GHz", "clock: [1]", "3: clock = a list: must be a number with a unit, such as '1 GHz'"),
    ("clock: 1 GHz", "clock: fast", "3: clock = 'fast': must be a number with a unit, such as '1 GHz'"),
    ("clock: 1 GHz\n", "", "1: clock: is missing"),
    (
        "cores: 1",
        "cores: 2",
        "4: cores = 2: must be joined; give an interconnect with its rate, such as interconnect: {rate: 64 B/cycle}",
    ),
    ("cores: 1", "cores: 2048", "4: cores = 2048: must be at most 1024"),
    ("cores: 1", "cores: 4\ninterconnect: {latency: 20 ns}", "5: interconnect.rate: is missing"),
    (
        "cores: 1",
        "cores: 4\ninterconnect: {rate: 0 B/cycle}",
        "5: interconnect.rate = '0 B/cycle': must be at least 1 B/cycle",
    ),
    (
        "cores: 1",
        "cores: 4\ninterconnect: {rate: 64 B/cycle, hops: 3}",
        "5: interconnect.hops: unknown field; known: rate, latency, length",
    ),
    (
        "cores: 1",
        "cores: 4\ninterconnect: {rate: 64 B/cycle, length: 2}",
        "5: interconnect.length = 2: must be a number with a unit, such as '1 mm'",
    ),
    ("cores: 1", "interconnect: 64 B/cycle", "4: interconnect = '64 B/cycle': must be a mapping"),
    ("cores: 1", "arrays: 0", "4: arrays = 0: must be at least 1"),
    ("cores: 1", "arrays: 65", "4: arrays = 65: must be at most 64"),
    ("cores: 1", "launch: 100", "4: launch = 100: must be a number with a unit, such as '1 h'"),
    ("cores: 1", "launch: 25 h", "4: launch = '25 h': must be at most 24 h"),
    ("cores: 1", "dispatch: soon", "4: dispatch = 'soon': must be a number with a unit, such as '1 h'"),
    ("int4: 8}", "int4: many}", "14: array.macs_per_pe.int4 = 'many': must be a whole number or a mapping"),
    ("int4: 8}", "int4: {k: 8, m: 3}}", "14: array.macs_per_pe.int4.m: unknown field; known: k, n"),
    ("{fp16: 1, int8: 4, int4: 8}", "{}", "14: array.macs_per_pe = {}: must name at least one precision"),
    ("int4: 8}", "int4: 800}", "14: array.macs_per_pe.int4 = 800: must be at most 256"),
    ("int4: 8}", "int4: {k: lots}}", "14: array.macs_per_pe.int4.k = 'lots': must be a whole number"),
    ("entries: 1024", "entries: lots", "15: array.accumulator.entries = 'lots': must be a whole number"),
    (
        "{bits: 32, overflow: saturate, entries: 1024}",
        "{int8: {bits: 900}}",
        "15: array.accumulator.int8.bits = 900: must be at most 64",
    ),
    (
        "{bits: 32, overflow: saturate, entries: 1024}",
        "{int8: {bits: 32}, int5: {bits: 32}}",
        "15: array.accumulator.int5: unknown name; did you mean int8? known: int2, int3, int4, int8, int16, int32, "
        "uint2, uint3, uint4, uint8, uint16, uint32, fp8_e4m3, fp8_e5m2, fp16, bf16, fp32",
    ),
    ("entries: 1024", "entries: 0", "15: array.accumulator.entries = 0: must be at least 1"),
    (
        "lanes: 64",
        "lanes: 64\n  macs_per_lane: {fp16: 1}",
        "18: vector.macs_per_lane.fp16 = 1: adds floats, whose sums depend on their order, which is the array's; give "
        "formats of integers",
    ),
    ("lanes: 64", "lanes: 64\n  macs_per_lane: {int8: 17}", "18: vector.macs_per_lane.int8 = 17: must be at most 16"),
    ("lanes: 64", "lanes: 64\n  macs_per_lane: {int8: 0}", "18: vector.macs_per_lane.int8 = 0: must be at least 1"),
    ("lanes: 64", "lanes: 64\n  macs_per_lane: 4", "18: vector.macs_per_lane = 4: must be a mapping"),
    ("cycles: {add: 1", "cycles: {add: 0", "18: vector.cycles.add = 0: must be at least 1"),
    ("banks: 16", "banks: 7", "19: scratchpad.banks = 7: must divide the size of 2097152 bytes"),
    (
        "buffers: 2",
        "bank_width: 0 B, buffers: 2",
        "19: scratchpad.bank_width = '0 B': must divide the read port of 512 bytes a cycle",
    ),
    (
        "buffers: 2",
        "bank_width: 24 B, buffers: 2",
        "19: scratchpad.bank_width = '24 B': must divide the read port of 512 bytes a cycle",
    ),
    (
        "buffers: 2",
        "bank_width: 16 B, buffers: 2",
        "19: scratchpad.bank_width = '16 B': of 16 banks give 256 bytes a cycle, the read port takes 512; give wider "
        "words, or more banks",
    ),
    (
        "banks: 16",
        "banks: 65536, bank_width: 64 B",
        "19: scratchpad.bank_width = '64 B': must divide the 32 bytes of a bank",
    ),
    ("banks: 16", "banks: 0, bank_width: 32 B", "19: scratchpad.banks = 0: must be at least 1"),
    ("buffers: 2", "shared_port: maybe, buffers: 2", "19: scratchpad.shared_port = 'maybe': must be true or false"),
    (
        "device: lpddr4_3200",
        "device: lpddr4_320",
        "21: dram.device: unknown DRAM device 'lpddr4_320'; did you mean lpddr4_3200? "
        "known: ddr4_3200, hbm2_2000, lpddr4_3200, lpddr4_4266, lpddr5_6400",
    ),
    (
        "device: lpddr4_3200",
        "device: generic_7nm",
        "21: dram.device: generic_7nm: is a price table, where a DRAM device is wanted",
    ),
    ("device: lpddr4_3200", "device: 3", "21: dram.device = 3: must be a text or a mapping"),
    (
        "device: lpddr4_3200",
        "device: ddr4_3200",
        "21: dram.device = 'ddr4_3200': is ddr4, where the type is lpddr4; give both the same",
    ),
    ("device: lpddr4_3200, ", "", "21: dram.channels = 16: are those of a device; name that too"),
    ("channels: 16", "channels: 0", "21: dram.channels = 0: must be at least 1"),
    (
        "type: lpddr4,",
        "type: lpddr,",
        "21: dram.type = 'lpddr': did you mean lpddr5? known: lpddr4, lpddr5, ddr4, gddr6, hbm2",
    ),
    (
        "latency: 100 ns",
        "latency: 100 ns, weight_layout: tile",
        "21: dram.weight_layout = 'tile': did you mean tiles? known: compact, tiles",
    ),
    (
        "latency: 100 ns",
        "latency: 2 days",
        "21: dram.latency = '2 days': unknown unit 'days'; known: ps, ns, us, ms, s, µs, min, h",
    ),
    ("latency: 100 ns", "latency: 25 h", "21: dram.latency = '25 h': must be at most 24 h"),
    (
        "energy: generic_7nm",
        "energy: generic_7",
        "22: energy: unknown price table 'generic_7'; did you mean generic_7nm? "
        "known: aladdin_40nm, generic_7nm, horowitz_45nm, pcm_14nm",
    ),
    ("latency: 100 ns", "latency: 100", "21: dram.latency = 100: must be a number with a unit, such as '1 h'"),
    (
        "  clock: assumed",
        "  clok: assumed",
        "24: sources = 'clok': names no field; did you mean clock?",
    ),
    ("energy: generic_7nm", "energy: 3", "22: energy = 3: must be a text or a mapping"),
    ("name: int4_array", "name: ''", "1: name = '': must not be empty"),
    ("name: int4_array", "name: [a", "2: is not YAML: did not find expected ',' or ']'"),
    ("name: int4_array", "name: &n *n", "1: is not YAML: did not find expected key"),
    ("name: int4_array", "name: *n", "1: alias *n has no complete anchor before it"),
    ("name: int4_array", "? [a]\n: b", "1: key '...' must be a text"),
    ("name: int4_array", "1: a", "1: key 1 must be a text"),
]

BROKEN_ENERGY_OF_CHIPS = [
    (
        "energy: generic_7nm",
        "energy: generic_7nm\nenergy_override: {multiply: {int4: {energy: 9 fJ}}}",
        "23: energy_override.multiply.int4.source: is missing",
    ),
    (
        "energy: generic_7nm",
        "energy: generic_7nm\nenergy_override: {multiplies: {}}",
        "23: energy_override.multiplies: unknown field; did you mean multiply? known: multiply, add, gate, register, "
        "sram, sram_area, dram, wire, adc, dac, cell, leakage, clock_tree, control, cell_density, uncore, "
        "multiply_width",
    ),
    (
        "energy: generic_7nm",
        "energy: generic_7nm\noperating_points: {low: {clock: 500 MHz}}",
        "23: operating_points.low.voltage: is missing",
    ),
    (
        "energy: generic_7nm",
        "energy: generic_7nm\nenergy_override: {sram: [{capacity: 1 KiB, price: {energy: 0 J, bits: 8, source: a, "
        "sure: read}}, {capacity: 1 MiB, price: {energy: 1 pJ, bits: 8, source: a, sure: read}}]}",
        "23: energy_override.sram = '0 J at 1024 bytes': no curve of relative errors goes through it and the others; "
        "give its energy, or leave the entry out",
    ),
    ("energy: generic_7nm", "energy: generic_7nm\nidle_power: -1 W", "23: idle_power = '-1 W': must be at least 0 W"),
]

BROKEN_WORKLOADS = [
    (
        "kind: rnnt",
        "kind: rntt",
        "5: unknown kind 'rntt'; did you mean rnnt? "
        "known: conformer, gemms, kaldi, lstm_lm, models, onnx, rnnt, tdnnf, tflite, transformer_lm",
    ),
    (
        "kind: rnnt\n",
        "",
        "1: kind: is missing; known: rnnt, conformer, tdnnf, transformer_lm, lstm_lm, gemms, onnx, tflite, kaldi, "
        "models",
    ),
    (
        "precision: w4a4",
        "precision: w4b4",
        f"8: precision: unknown precision policy 'w4b4'; did you mean w4a4? known: {POLICIES}",
    ),
    (
        "precision: w4a4",
        "precision: {policy: w4a4, rules: [{match: 'encodre.*', policy: w8a8}]}",
        "8: precision.rules = 'encodre.*': matches no op with weights, such as encoder.0.forward.input; "
        "did you mean encoder.*?",
    ),
    (
        "precision: w4a4",
        "precision: {policy: w4a4, rules: [{match: '*.gates', policy: w8a8}]}",
        "8: precision.rules = '*.gates': matches no op with weights, such as encoder.0.forward.input",
    ),
    (
        "precision: w4a4",
        "precision: {policy: w4a4, rule: []}",
        "8: precision.rule: unknown field; did you mean rules? known: policy, rules, cache, quantise, "
        "equalise, in_turn",
    ),
    (
        "precision: w4a4",
        "precision: {policy: w4a4, rules: [{match: 'encoder.*', policy: 5}]}",
        "8: precision.rules[0].policy = 5: must be a text",
    ),
    (
        "precision: w4a4",
        "precision: {policy: w4a4, rules: [{match: 'encoder.*', policy: w4b4}]}",
        f"8: precision.rules[0].policy = 'w4b4': did you mean w4a4? known: {POLICIES}",
    ),
    (
        "precision: w4a4",
        "precision: {policy: w44}",
        f"8: precision.policy = 'w44': did you mean w4a4? known: {POLICIES}",
    ),
    ("precision: w4a4", "precision: w4a4\nfold: 1", "9: fold = 1: must be true or false"),
    ("precision: w4a4", "precision: w4a4\nfold: yes", "9: fold = 'yes': must be true or false"),
    (
        "precision: w4a4",
        "precision: w4a4\nfolded: true",
        "9: folded: unknown field; did you mean fold? known: kind, name, audio, batch, lengths, precision, fold, "
        "encoder, prediction, joint, decoding, streaming, about, sources",
    ),
    ("precision: w4a4", "precision: {policy: w4a4, rules: 5}", "8: precision.rules = 5: must be a list"),
    ("precision: w4a4", "precision: ''", f"8: precision: unknown precision policy ''; known: {POLICIES}"),
    ("audio: 10 s", "audio: 25 h", "6: audio = '25 h': must be at most 24 h"),
    ("cells: 768", "cells: 65537", "10: prediction.cells = 65537: must be at most 65536"),
    (
        "combine: multiply",
        "combine: divide",
        "11: joint.combine = 'divide': known: multiply, add, concatenate",
    ),
    (
        "symbols_per_second: 14",
        "symbols_per_second: 14 /m",
        "15: decoding.symbols_per_second = '14 /m': unknown unit '/m'; known: /s",
    ),
    (
        "kind: alignment_length",
        "kind: alignment",
        "13: decoding.kind = 'alignment': did you mean alignment_length? "
        "known: greedy, time_synchronous, alignment_length",
    ),
    (
        "  kind: alignment_length\n",
        "",
        "13: decoding.kind: is missing; known: greedy, time_synchronous, alignment_length",
    ),
    (
        "  beam: 16",
        "  expansions: 16",
        "14: decoding.expansions: unknown field; known: beam, symbols_per_second, cache_prediction, batch_prediction, "
        "batch_joint, fusion, counts, host, kind",
    ),
    ("  beam: 16", "  beam: 1.5", "14: decoding.beam = 1.5: must be a whole number"),
    ("cells: 2048, layers: 2", "cells: 2048, layers: 0", "19: decoding.fusion.external.layers = 0: must be at least 1"),
    (
        "joint:",
        "streaming: {chunk: 100 ms}\njoint:",
        "11: streaming = '100 ms': cannot be: a bidirectional encoder needs the whole utterance; "
        "set encoder.bidirectional to false",
    ),
    (
        "bidirectional: true}",
        "bidirectional: true, stacking: {after: 6, factor: 2}}",
        "9: encoder.stacking.after = 6: must leave some of the 6 layers",
    ),
]

BROKEN_CONFORMERS = [
    ("heads: 4", "heads: 5", "9: encoder.heads = 5: must divide the size of 144"),
    ("kernel: 31", "kernel: 32", "9: encoder.kernel = 32: must be odd, so that it has a middle"),
    ("audio: 10 s", "audio: 50 ms", "6: audio = '50 ms': must be at least 70 ms, one encoded frame"),
    (
        "decoder:",
        "streaming: {chunk: 100 ms, left_context: 0}\ndecoder:",
        "10: streaming.chunk = '100 ms': must be a multiple of 40 ms, one encoded frame",
    ),
    ("kind: transducer", "kind: ctc", "12: decoder.prediction: unknown field; known: kind, outputs"),
    (
        "kind: greedy",
        "kind: ctc",
        "14: decoder.decoding.kind = 'ctc': known: greedy, time_synchronous, alignment_length",
    ),
    (
        "precision: w4a8",
        "precision: {policy: w4a8, rules: [{match: 'encoder.16.*', policy: w8a8}]}",
        "8: precision.rules = 'encoder.16.*': matches no op with weights, such as encoder.subsampling.convolution_1; "
        "did you mean encoder.6.*?",
    ),
]

BROKEN_FACTORED = [
    (
        "subsampling: 3",
        "subsampling: 7",
        "18: encoder.layers = [1, 1, 1, 0, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]: must end, and not begin, with multiples of 7",
    ),
    ("stride: 0, ", "stride: -1, ", "21: encoder.layers[3].stride = -1: must be at least 0"),
    (
        "ivector: 100",
        "ivektor: 100",
        "13: encoder.ivektor: unknown field; did you mean ivector? known: features, frame, "
        "splice, ivector, size, layers, bypass, subsampling",
    ),
]

BROKEN_TRANSFORMERS = [
    (
        "audio: 10 s",
        "audio: 1000 s",
        "7: audio = '1000 s': makes 3500 symbols, more than the context of 512; shorten it",
    ),
    (
        "precision: w2a8",
        "precision: w2a8\nfold: true",
        "10: fold = True: finds nothing to precompute: no product reads rows of an embedding alone; leave it out",
    ),
    ("heads: 8", "heads: 7", "11: model.heads = 7: must divide the size of 512"),
    (
        "precision: w2a8",
        "precision: {policy: w2a8, cache: int5}",
        "9: precision.cache = 'int5': did you mean int8? known: "
        "int2, int3, int4, int8, int16, int32, uint2, uint3, uint4, uint8, uint16, uint32, fp8_e4m3, fp8_e5m2, fp16, "
        "bf16, fp32",
    ),
]

OTHER_WORKLOADS = {"conformer_s": BROKEN_CONFORMERS, "tdnnf_7q": BROKEN_FACTORED, "transformer_lm": BROKEN_TRANSFORMERS}

BROKEN_DEVICES = [
    ("  rcd: 15\n", "", "14: timing.rcd: is missing"),
    ("  rcd: 15", "  rcd: 0", "16: timing.rcd = 0: must be at least 1"),
    ("  rcd: 15", "  rcd: 15 ns", "16: timing.rcd = '15 ns': must be a whole number"),
    (
        "  rcd: 15",
        "  trcd: 15",
        "16: timing.trcd: unknown field; did you mean rcd? known: cl, cwl, rcd, rp, rp_all, ras, rc, rrd, "
        "rrd_long, faw, ccd, ccd_long, rtp, wr, wtr, wtr_long, rtw, refi, rfc",
    ),
    ("rp_all: 17", "rp_all: 14", "18: timing.rp_all = 14: must be at least rp, 15 cycles"),
    ("rc: 49", "rc: 33", "20: timing.rc = 33: must be at least ras, 34 cycles"),
    ("faw: 16", "faw: 3", "22: timing.faw = 3: must be at least rrd, 4 cycles"),
    ("ccd_long: 4", "ccd_long: 1", "24: timing.ccd_long = 1: must be at least ccd, 2 cycles"),
    ("wtr_long: 12", "wtr_long: 4", "28: timing.wtr_long = 4: must be at least wtr, 5 cycles"),
    ("  ccd: 2", "  ccd: 1", "23: timing.ccd = 1: must be at least the 2 cycles of a burst"),
    (
        "rtw: 12",
        "rtw: 9",
        "29: timing.rtw = 9: must be at least cl + 2 - cwl, else data of a write would meet those of a read",
    ),
    ("rfc: 168", "rfc: 3110", "31: timing.rfc = 3110: must leave time for data between refreshes, every 3125 cycles"),
    ("clock: 800 MHz", "clock: 700 MHz", "7: clock = '700 MHz': must give a burst whole cycles, not 1.75"),
    (
        "data_rate: 6400 MT/s",
        "data_rate: 6400 MHz",
        "6: data_rate = '6400 MHz': unknown unit 'MHz'; known: T/s, kT/s, MT/s, GT/s",
    ),
    ("width: 16", "width: 16\nbank_groups: 3", "12: key 'bank_groups' is given twice, first on line 9"),
    ("bank_groups: 4", "bank_groups: 3", "11: bank_groups = 3: must divide the 16 banks"),
    ("row: 2 KiB", "row: 2 kB", "12: row = '2 kB': must hold whole bursts of 32 bytes"),
    ("queue: 32", "interleave: 40 B", "32: interleave = '40 B': must be whole bursts of 32 bytes"),
    ("queue: 32", "queue: 0", "32: queue = 0: must be at least 1"),
    (
        "queue: 32",
        "supplies: [{voltage: 1 V, idd0: 1 mA, idd2n: 3 mA, idd3n: 2 mA, idd4r: 9 mA, idd4w: 9 mA, idd5: 9 mA}]",
        "32: supplies[0].idd3n = '2 mA': must be at least idd2n",
    ),
    (
        "queue: 32",
        "supplies: [{voltage: 1 V, idd0: 1 mA, idd2n: 1 mA, idd3n: 2 mA, idd4r: 1 mA, idd4w: 9 mA, idd5: 9 mA}]",
        "32: supplies[0].idd4r = '1 mA': must be at least idd3n",
    ),
    ("  timing: CMU", "  timings: CMU", "34: sources = 'timings': names no field; did you mean timing?"),
    (
        "type: lpddr5",
        "type: lpddr6",
        "5: type = 'lpddr6': did you mean lpddr5? known: lpddr4, lpddr5, ddr4, gddr6, hbm2",
    ),
]

PLACED = """name: placed
kind: gemms
precision: fp16
products: [{name: only, m: 32, k: 64, n: 64, place: {m: 4}}]
"""
"""A product that is split over four cores."""

BROKEN_PLACES = [
    ("{m: 4}", "{m: 0}", "4: products[0].place.m = 0: must be at least 1"),
    ("{m: 4}", "{k: 2}", "4: products[0].place.k: unknown field; known: m, n, batch"),
    ("{m: 4}", "4", "4: products[0].place = 4: must be a mapping"),
    ("{m: 4}", "{n: 1025}", "4: products[0].place.n = 1025: must be at most 1024"),
    ("{m: 4}", "{batch: 1.5}", "4: products[0].place.batch = 1.5: must be a whole number"),
]

BROKEN_PRICES = [
    ("share: 25 %", "share: 25", "91: clock_tree.share = 25: must be a number with a unit, such as '1 %'"),
    ("share: 25 %", "share: -1 %", "91: clock_tree.share = '-1 %': must be at least 0 %"),
    ("share: 70 %", "share: 0 %", "99: cell_density.share = '0 %': must be above 0 and at most 100 %"),
    ("share: 33 %", "share: 100 %", "101: uncore.share = '100 %': must be below 100 %"),
    ("low: 4 pJ", "low: 9 pJ", "46: dram.lpddr4.low = '9 pJ': must be at most the energy"),
    ("high: 14 pJ", "high: 7 pJ", "47: dram.lpddr4.high = '7 pJ': must be at least the energy"),
    ("energy: 0.07 pJ", "energy: -0.07 pJ", "14: multiply.int8.energy = '-0.07 pJ': must be at least 0 J"),
    (
        "energy: 0.07 pJ",
        "energy: 0.07 pj",
        "14: multiply.int8.energy = '0.07 pj': unknown unit 'pj'; known: aJ, fJ, pJ, nJ, uJ, mJ, J",
    ),
    ("sure: recalled}", "sure: very}", "14: multiply.int8.sure = 'very': known: read, recalled, assumed"),
    (", bits: 64", "", "29: sram[0].price.bits = None: an access moves a stated number of bits"),
    ("voltage: 0.75 V", "voltage: 0.75", "6: voltage = 0.75: must be a number with a unit, such as '1 V'"),
    ("voltage: 0.75 V", "voltage: 7.5 V", "6: voltage = '7.5 V': must be at most 5 V"),
    (
        "[horowitz_45nm, aladdin_40nm]",
        "[horowitz_45nm, aladdin]",
        "9: filled_from: unknown price table 'aladdin'; did you mean aladdin_40nm? "
        "known: aladdin_40nm, generic_7nm, horowitz_45nm, pcm_14nm",
    ),
    ("sources: {voltage:", "sources: {volts:", "7: sources = 'volts': names no field; did you mean voltage?"),
    ("capacity: 8 KiB", "capacity: 64 KiB", "28: sram = [65536, 32768, 1048576]: must list each once, smallest first"),
    (
        "energy: 7.5 pJ",
        "energy: 0 pJ",
        "28: sram = '0 J at 8192 bytes': no curve of relative errors goes through it and the others; give its energy, "
        "or leave the entry out",
    ),
]

TEMPORAL_CHIP = """\
name: counting
clock: 400 MHz
array:
  kind: temporal
  rows: 16
  cols: 8
  formats: [int4, fp8_e4m3]
  products: pipelined
  accumulator: {bits: 24}
vector: {lanes: 8, cycles: {add: 1, requantize: 1}}
scratchpad: {size: 64 KiB, read: 16 B/cycle, write: 16 B/cycle}
dram: {read: 4 GB/s, write: 4 GB/s}
energy: generic_7nm
"""

BROKEN_TEMPORAL_CHIPS = [
    ("rows: 16", "rows: 0", "5: array.rows = 0: must be at least 1"),
    ("rows: 16", "rows: many", "5: array.rows = 'many': must be a whole number"),
    (
        "cols: 8",
        "cols: 9",
        "6: array.cols = 9: must be at most the 8 cycles of a window of int4: a row adds one column a cycle; give "
        "fewer columns, or leave the format out",
    ),
    ("cols: 8", "cols: 129", "6: array.cols = 129: must be at most 128"),
    ("formats: [int4, fp8_e4m3]", "formats: []", "7: array.formats = []: must name at least one format"),
    (
        "formats: [int4, fp8_e4m3]",
        "formats: [int4, int4]",
        "7: array.formats = ['int4', 'int4']: must name each format once",
    ),
    (
        "formats: [int4, fp8_e4m3]",
        "formats: [int4, int16]",
        "7: array.formats = 'int16': must be a signed integer of at most 8 bits, or fp8: int2, int3, int4, int8, "
        "fp8_e4m3, fp8_e5m2",
    ),
    (
        "formats: [int4, fp8_e4m3]",
        "formats: [uint4]",
        "7: array.formats = 'uint4': must be a signed integer of at most 8 bits, or fp8: int2, int3, int4, int8, "
        "fp8_e4m3, fp8_e5m2",
    ),
    (
        "formats: [int4, fp8_e4m3]\n",
        "macs_per_pe: {int4: 1}\n",
        "7: array.macs_per_pe: unknown field; known: kind, rows, cols, formats, products, accumulator",
    ),
    ("  formats: [int4, fp8_e4m3]\n", "", "4: array.formats: is missing"),
    (
        "products: pipelined",
        "products: shared",
        "8: array.products = 'shared': known: pipelined, broadcast",
    ),
    ("bits: 24", "bits: 4", "9: array.accumulator.bits = 4: must be at least 8"),
]

BIT_SERIAL_CHIP = """\
name: bits
clock: 1 GHz
array:
  kind: bit_serial
  rows: 8
  cols: 8
  lanes: 16
  serial: weights
  formats: [int2, int4, int8]
  parallel: int8
  accumulator: {bits: 24}
vector: {lanes: 8, cycles: {add: 1, requantize: 1}}
scratchpad: {size: 64 KiB, read: 160 B/cycle, write: 16 B/cycle}
dram: {read: 4 GB/s, write: 4 GB/s}
energy: generic_7nm
"""

BROKEN_BIT_SERIAL_CHIPS = [
    ("cols: 8", "cols: -1", "6: array.cols = -1: must be at least 1"),
    ("lanes: 16", "lanes: 0", "7: array.lanes = 0: must be at least 1"),
    ("lanes: 16", "lanes: 512", "7: array.lanes = 512: must be at most 256"),
    (
        "serial: weights",
        "serial: weight",
        "8: array.serial = 'weight': did you mean weights? known: weights, activations, both",
    ),
    (
        "serial: weights",
        "serial: both",
        "10: array.parallel = 'int8': must be left out where both operands are serial",
    ),
    (
        "  parallel: int8\n",
        "",
        "4: array.parallel = None: must be given: the format of the other operand",
    ),
    (
        "parallel: int8",
        "parallel: fp16",
        "10: array.parallel = 'fp16': must be a signed integer of at most 16 bits: int2, int3, int4, int8, int16",
    ),
    ("[int2, int4, int8]", "[]", "9: array.formats = []: must name at least one format"),
    (
        "[int2, int4, int8]",
        "[int2, int32]",
        "9: array.formats = 'int32': must be a signed integer of at most 16 bits: int2, int3, int4, int8, int16",
    ),
    (
        "energy: generic_7nm",
        "energy: generic_7nm\nenergy_override: {gate: {energy: -1 fJ, source: mine, sure: assumed}}",
        "16: energy_override.gate.energy = '-1 fJ': must be at least 0 J",
    ),
]

ANALOG_CHIP = """\
name: crossbars
clock: 1 GHz
array:
  kind: analog
  rows: 128
  cols: 128
  weights: {mapping: differential}
  input: {bits: 8}
  adc: {bits: 8, shared_by: 4}
  phases: {voltage: 0.2 V, tick: 1 ns, convert: 10 ns}
tiles: 8
typical: {input: 0.2, conductance: 0.1}
vector: {lanes: 64, cycles: {add: 1, mul: 1}}
scratchpad: {size: 64 KiB, read: 64 B/cycle, write: 64 B/cycle}
dram: {read: 16 GB/s, write: 16 GB/s}
energy: pcm_14nm
"""

BROKEN_ANALOG_CHIPS = [
    (
        "write: 64 B/cycle}",
        "write: 64 B/cycle, bank_width: 64 B}",
        "14: scratchpad.bank_width = '64 B': is for arrays that load their operands; leave it out",
    ),
    ("rows: 128", "rows: 0", "5: array.rows = 0: must be at least 1"),
    (
        "  phases: {voltage: 0.2 V, tick: 1 ns, convert: 10 ns}\n",
        "",
        "4: array.phases = None: must be given: a chip runs on the clock",
    ),
    ("tick: 1 ns", "tick: 0 s", "10: array.phases.tick = '0 s': must be above 0 s: a pulse has a length"),
    ("tick: 1 ns, ", "", "10: array.phases.tick: is missing"),
    (
        "convert: 10 ns",
        "convert: 10 ns, step: 0 s",
        "10: array.phases.step = '0 s': must be above 0 s; leave it out where nothing counts in steps",
    ),
    ("convert: 10 ns", "convert: 10 ns, repeats: 0", "10: array.phases.repeats = 0: must be at least 1"),
    ("shared_by: 4", "shared_by: 0", "9: array.adc.shared_by = 0: must be at least 1"),
    (
        "{bits: 8, shared_by: 4}",
        "{bits: 12}",
        "16: energy: price table pcm_14nm: adc: has no price for 12 bits; it has 6, 7, 8, 9, 10",
    ),
    (
        "input: {bits: 8}",
        "input: {bits: 6}",
        "16: energy: price table pcm_14nm: dac: has no price for 6 bits; it has 1, 8",
    ),
    (
        "input: {bits: 8}",
        "input: {bits: null}",
        "8: array.input.bits = None: must be given where energy is counted: a driver has a resolution",
    ),
    (
        "  adc: {bits: 8, shared_by: 4}\n",
        "",
        "4: array.adc = None: must be given where energy is counted: readings are converted",
    ),
    (
        "energy: pcm_14nm",
        "energy: generic_7nm",
        "16: energy: price table generic_7nm: dac: has no price (nor have horowitz_45nm, aladdin_40nm)",
    ),
    (
        "energy: pcm_14nm",
        "energy: pcm_14nm\nenergy_override: {cell: {area: 0 um2, source: mine, sure: assumed}}",
        "17: energy_override.cell.area = '0 um2': must be at least 1/1000000 um2",
    ),
    ("tiles: 8", "tiles: 0", "11: tiles = 0: must be at least 1"),
    ("tiles: 8", "tiles: 8\ncopies: {lstm: 0}", "12: copies.lstm = 0: must be at least 1"),
    (
        "tiles: 8",
        "tiles: 8\ndense: [lstm]",
        "12: dense = 'lstm': needs several cells a digit, in array.weights.significance",
    ),
    ("conductance: 0.1", "conductance: 1.1", "12: typical.conductance = 1.1: must be at most 1"),
    ("typical: {input: 0.2, conductance: 0.1}\n", "", "1: typical: is missing"),
    ("tiles: 8", "tiles: 8\nlink: {between_energy: -1 pJ}", "12: link.between_energy = '-1 pJ': must be at least 0 J"),
    (
        "lanes: 64, cycles: {add: 1, mul: 1}",
        "lanes: 64, cycles: {add: 1, mul: 1}, macs_per_lane: {int8: 16}",
        "16: energy: vector.macs_per_lane.int8 = 16: a lane's cycle is priced at horowitz_45nm:multiply.fp16 · 0.114 + "
        "horowitz_45nm:add.fp16 · 0.114, which pays for 5 int8 products; lower it, or give more lanes",
    ),
]

LENGTHS = "length,utterances\n2.5,3\n4 s,1\n"
BROKEN_LENGTHS = [
    ("length", "lenght", "1: 'lenght' is no column; did you mean length? known: length, utterances"),
    ("length,", "", "1: must begin with a line that names each column once: length, utterances"),
    ("length,utterances", "length,length", "1: must begin with a line that names each column once: length, utterances"),
    ("2.5,", "2.5 parsec,", "2: length = '2.5 parsec': unknown unit 'parsec'; known: ps, ns, us, ms, s, µs, min, h"),
    ("2.5,", "-2.5 s,", "2: length = '-2.5 s': must be at least 1 ms"),
    ("2.5,", "long,", "2: length = 'long': must be a number with a unit, such as '1 h'"),
    ("2.5,", "0,", "2: length = '0': must be at least 1 ms"),
    ("2.5,3", "2.5,0", "2: utterances = '0': must be a whole number from 1 to 1000000000"),
    ("2.5,3", "2.5,3.5", "2: utterances = '3.5': must be a whole number from 1 to 1000000000"),
    ("2.5,3", "2.5", "2: has 1 entries in 2 columns"),
    ("2.5,3", '"2.5,3', "is no CSV or TSV file: unexpected end of data"),
    ("\n2.5,3\n4 s,1", "", "has no rows; it needs at least one length"),
]
ARRIVALS = "arrival\n0\n1.5\n1500 ms\n2\n"
BROKEN_ARRIVALS = [
    ("arrival", "time", "1: 'time' is no column; known: arrival"),
    ("1.5\n", "soon\n", "3: arrival = 'soon': must be a number with a unit, such as '1 h'"),
    ("2\n", "1\n", "5: arrival = '1': comes before the line above; sort them"),
]
