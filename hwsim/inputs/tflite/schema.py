"""What the published schema of TensorFlow Lite says of tables: slots of fields, names of operators and of types.

Source: schema.fbs, version 3 (github.com/tensorflow/tensorflow, tensorflow/compiler/mlir/lite/schema). The slot of a
field is its place in the table; a test holds all of this against the package `tflite`, which is made from that file.
"""

from collections.abc import Mapping

IDENTIFIER = b"TFL3"
VERSION = 3

_NAMES = """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
    FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION
    LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH
    CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER
    BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE
    BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM
    ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE
    TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK
    LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD
    RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N
    GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE
    NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL
    PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE
    HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE
    ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU
    DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2
    UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT
"""
OPERATORS = tuple(_NAMES.split())
"""Operators by their numbers; those behind them belong to StableHLO, or are newer."""

CUSTOM = OPERATORS.index("CUSTOM")

TYPES: Mapping[int, tuple[str, str]] = {
    0: ("float32", "f4"),
    1: ("float16", "f2"),
    2: ("int32", "i4"),
    3: ("uint8", "u1"),
    4: ("int64", "i8"),
    6: ("bool", "u1"),
    7: ("int16", "i2"),
    9: ("int8", "i1"),
    10: ("float64", "f8"),
    13: ("resource", ""),
    17: ("int4", "u1"),
}
"""Types of tensors that are read: their names here, and as numpy stores them; of int4 two share a byte."""

ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
PADDINGS = ("SAME", "VALID")

Fields = Mapping[str, tuple[int, str, int | float]]
"""Fields of a table of options: slot, code of the number (as `struct` has it), what one that is left out means. A code
of "text" or "axes" is a text or a vector of int32."""

_POOL: Fields = {
    "padding": (0, "b", 0), "stride_w": (1, "i", 0), "stride_h": (2, "i", 0), "filter_width": (3, "i", 0),
    "filter_height": (4, "i", 0), "activation": (5, "b", 0),
}  # fmt: skip
_SUM: Fields = {"activation": (0, "b", 0)}

OPTIONS: Mapping[str, tuple[int, Fields]] = {
    "CONV_2D": (1, {
        "padding": (0, "b", 0), "stride_w": (1, "i", 0), "stride_h": (2, "i", 0), "activation": (3, "b", 0),
        "dilation_w_factor": (4, "i", 1), "dilation_h_factor": (5, "i", 1), "quantized_bias_type": (6, "b", 0),
    }),
    "DEPTHWISE_CONV_2D": (2, {
        "padding": (0, "b", 0), "stride_w": (1, "i", 0), "stride_h": (2, "i", 0), "depth_multiplier": (3, "i", 0),
        "activation": (4, "b", 0), "dilation_w_factor": (5, "i", 1), "dilation_h_factor": (6, "i", 1),
    }),
    "AVERAGE_POOL_2D": (5, _POOL),
    "MAX_POOL_2D": (5, _POOL),
    "FULLY_CONNECTED": (8, {
        "activation": (0, "b", 0), "weights_format": (1, "b", 0), "keep_num_dims": (2, "?", 0),
        "quantized_bias_type": (4, "b", 0),
    }),
    "SOFTMAX": (9, {"beta": (0, "f", 0.0)}),
    "CONCATENATION": (10, {"axis": (0, "i", 0), "activation": (1, "b", 0)}),
    "ADD": (11, {**_SUM, "pot_scale_int16": (1, "?", 1)}),
    "RESHAPE": (17, {"new_shape": (0, "axes", 0)}),
    "MUL": (21, _SUM),
    "MEAN": (27, {"keep_dims": (0, "?", 0)}),
    "SUB": (28, {**_SUM, "pot_scale_int16": (1, "?", 1)}),
    "SQUEEZE": (30, {"squeeze_dims": (0, "axes", 0)}),
    "STRIDED_SLICE": (32, {
        "begin_mask": (0, "i", 0), "end_mask": (1, "i", 0), "ellipsis_mask": (2, "i", 0), "new_axis_mask": (3, "i", 0),
        "shrink_axis_mask": (4, "i", 0), "offset": (5, "?", 0),
    }),
    "SPLIT": (35, {"num_splits": (0, "i", 0)}),
    "PACK": (59, {"values_count": (0, "i", 0), "axis": (1, "i", 0)}),
    "UNPACK": (64, {"num": (0, "i", 0), "axis": (1, "i", 0)}),
    "SPLIT_V": (79, {"num_splits": (0, "i", 0)}),
    "CALL_ONCE": (103, {"init_subgraph_index": (0, "i", 0)}),
    "VAR_HANDLE": (111, {"container": (0, "text", 0), "shared_name": (1, "text", 0)}),
}  # fmt: skip
"""For operators with options: the number of their table in the union of all options, and its fields."""
