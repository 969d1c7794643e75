"""SCALE-Sim's files for tests: the examples, two small topologies, and each way to break one."""

from data import ROOT

EXAMPLES = ROOT / "examples" / "scalesim"
SCALE = EXAMPLES / "scale.cfg"
CONFORMER = EXAMPLES / "conformer_m.csv"
SCALE_TEXT = SCALE.read_text()
GEMMS = "Layer, M, N, K,\nup, 200, 1024, 256,\ndown, 200, 256, 1024,\n"
CONVOLUTIONS = (
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
    "Conv1, 227, 227, 11, 11, 3, 96, 4,\n"
    "Conv2, 27, 27, 5, 5, 96, 256, 1,\n"
)

KNOWN_ARRAY = (
    "known: arrayheight, arraywidth, bandwidth, dataflow, filteroffset, filtersramszkb, ifmapoffset, ifmapsramszkb, "
    "memorybanks, ofmapoffset, ofmapsramszkb, onchipmemorybankports, onchipmemorybanks, readrequestbuffer, "
    "writerequestbuffer"
)
SPARSE = "sparse filters are not modelled; remove the column of the sparsity ratio to run the layer as a dense one"
CONV_COLUMNS = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides"

# What is replaced by what in scale.cfg, and the line that hwsim answers.
BROKEN_CONFIGS = [
    ("ArrayHeight:    32", "ArrayHeight:    0", "6: architecture_presets.ArrayHeight = '0': must be at least 1"),
    ("ArrayHeight:    32", "ArrayHeight: -4", "6: architecture_presets.ArrayHeight = '-4': must be at least 1"),
    ("ArrayHeight:    32", "ArrayHeight: 32.5", "6: architecture_presets.ArrayHeight = '32.5': must be a whole number"),
    ("ArrayHeight:    32", "ArrayHeight:", "6: architecture_presets.ArrayHeight = '': must be a whole number"),
    (
        "ArrayHeight:    32",
        "ArrayHeight: 65537",
        "6: architecture_presets.ArrayHeight = '65537': must be at most 65536",
    ),
    (
        "ArrayHeight:",
        "ArrayHieght:",
        f"6: architecture_presets.arrayhieght: unknown entry; did you mean arrayheight? {KNOWN_ARRAY}",
    ),
    ("ArrayWidth:     32", "ArrayHeight:    32", "7: ArrayHeight is given twice, first on line 6"),
    ("ArrayWidth:     32", "ArrayWidth", "7: 'ArrayWidth' must be key = value"),
    ("ArrayWidth:     32", "= 32", "7: '= 32' must be key = value"),
    ("ArrayWidth:", "  ArrayWidth:", "7: starts with a blank, which would go on with the value above"),
    ("SramSzkB:   64", "SramSzkB: 64 kB", "8: architecture_presets.IfmapSramSzkB = '64 kB': must be a whole number"),
    ("SramSzkB:   64", "SramSzkB: 0", "8: architecture_presets.IfmapSramSzkB = '0': must be at least 1"),
    ("Bandwidth : 10", "Bandwidth : 0", "14: architecture_presets.Bandwidth = '0': must be at least 1"),
    ("Bandwidth : 10", "Bandwidth : 10, x", "14: architecture_presets.Bandwidth = '10, x': must be a whole number"),
    ("Dataflow : ws", "Dataflow : rs", "15: architecture_presets.Dataflow = 'rs': known: ws, is, os"),
    (
        "InterfaceBandwidth: CALC",
        "InterfaceBandwidth: USR",
        "33: run_presets.InterfaceBandwidth = 'USR': did you mean USER? known: CALC, USER",
    ),
    (
        "SparsitySupport : false",
        "SparsitySupport : true",
        "30: sparsity.SparsitySupport = 'true': sparse filters are not modelled; every weight is taken as there",
    ),
    (
        "SparsitySupport : false",
        "SparsitySupport : maybe",
        "30: sparsity.SparsitySupport = 'maybe': must be true or false",
    ),
    (
        "[layout]",
        "[layuot]",
        "19: [layuot]: unknown section; did you mean layout? "
        "known: general, architecture_presets, layout, sparsity, network_presets, run_presets",
    ),
    ("[layout]", "[layout", "19: '[layout' must be [section]"),
    ("[layout]", "[general]", "19: [general] is given twice, first on line 2"),
    ("[general]\n", "", "2: 'run_name = scale_example_run_32x32_ws' stands before the first [section]"),
    ("scale_example_run_32x32_ws", "", "3: general.run_name = '': must not be empty"),
]

# Likewise in the two topologies above.
BROKEN_GEMMS = [
    ("Layer, M, N, K,", "Layer, M, K, N,", "1: columns M, K, N: must be in the order M, N, K, in which they are read"),
    ("Layer, M, N, K,", "Layer, M, N, K, Sparsity,", f"1: column 'Sparsity': {SPARSE}"),
    ("Layer, M, N, K,", "Layer, M, N, K, Batch,", "1: column 'Batch': unknown column; the columns are Layer, M, N, K"),
    (
        "Layer, M, N, K,\n",
        "",
        f"1: 'up, 200, 1024, 256' must be a line of column names: Layer, M, N, K or {CONV_COLUMNS}",
    ),
    ("200, 1024, 256,", "200, 1024, 256, 2:4,", f"2: up: '2:4': {SPARSE}"),
    ("200, 1024, 256,", "200, 1024,", "2: 'up': must have 4 values, not 3: Layer, M, N, K"),
    ("200, 1024, 256,", "200, 1024, 256, 3,", "2: 'up': must have 4 values, not 5: Layer, M, N, K"),
    ("200, 1024, 256,", "200, 0, 256,", "2: up: N = 0: must be at least 1"),
    ("200, 1024, 256,", "200, -1, 256,", "2: up: N = -1: must be at least 1"),
    ("200, 1024, 256,", "200, 1e3, 256,", "2: up: N = '1e3': must be a whole number"),
    ("200, 1024, 256,", "200, , 256,", "2: up: N = '': must be a whole number"),
    ("down, 200, 256,", "down, 9999999999999, 256,", "3: down: M = 9999999999999: must be at most 1099511627776"),
    (
        "down, 200, 256,",
        "down, 999999999999, 256000,",
        "3: down: macs = 262143999999737856000: must be at most 72057594037927936 products",
    ),
    ("down,", ",", "3: layer without a name: Layer = '': must not be empty"),
    ("up, 200, 1024, 256,\ndown, 200, 256, 1024,\n", ",,,,\n", " has no layer below its line of column names"),
    (GEMMS, "", " is empty; a topology starts with a line of column names"),
]
BROKEN_CONVOLUTIONS = [
    (" 11, 11, 3, 96, 4,", " 228, 11, 3, 96, 4,", "2: Conv1: Filter Height = 228: the input has 227 rows"),
    (" 11, 11, 3, 96, 4,", " 11, 228, 3, 96, 4,", "2: Conv1: Filter Width = 228: the input has 227 columns"),
    (" 11, 11, 3, 96, 4,", " 11, 11, 3, 96, 0,", "2: Conv1: Strides = 0: must be at least 1"),
    (" 11, 11, 3, 96, 4,", " 11, 11, 3, 0, 4,", "2: Conv1: Num Filter = 0: must be at least 1"),
    (" 11, 11, 3, 96, 4,", " 11, 11, H, 96, 4,", "2: Conv1: Channels = 'H': must be a whole number"),
    (" 11, 11, 3, 96, 4,", " 11, 11, 3, 96,", f"2: 'Conv1': must have 8 values, not 7: {CONV_COLUMNS}"),
    (" 11, 11, 3, 96, 4,", " 11, 11, 3, 96, 4, 1:4,", f"2: Conv1: '1:4': {SPARSE}"),
    ("Strides,\n", "Strides, Sparsity,\n", f"1: column 'Sparsity': {SPARSE}"),
    ("Strides,\n", "\n", f"1: has 7 columns, must have 8: {CONV_COLUMNS}"),
    (
        "Conv1, 227, 227, 11, 11, 3,",
        "DP1, 227, 227, 11, 11, 0,",
        "2: DP1: Channels = 0: must be from 1 to 65536 layers of one channel",
    ),
]
