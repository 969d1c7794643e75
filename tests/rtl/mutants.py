"""The faults that must not pass: each interval one cycle longer and shorter, and each rule of the integers broken."""

from hwsim.arrays.systolic.elements import Dataflow, Drain, WeightLoad
from rtl.grid import OUTPUT_STATIONARY, Mode
from rtl.mutant import Mutant

_BROADCAST = Mode(Dataflow.WS, WeightLoad.BROADCAST, shadow_weights=False)
_WAVEFRONT = Mode(Dataflow.WS, WeightLoad.WAVEFRONT, shadow_weights=False)
_SHADOW_BROADCAST = Mode(Dataflow.WS, WeightLoad.BROADCAST, shadow_weights=True)
_SHADOW_WAVEFRONT = Mode(Dataflow.WS, WeightLoad.WAVEFRONT, shadow_weights=True)
_SERIAL, _SHARED, _SEPARATE = OUTPUT_STATIONARY
assert [mode.drain for mode in OUTPUT_STATIONARY] == [Drain.SERIAL, Drain.SHARED, Drain.SEPARATE]


def _late(name: str, file: str, mode: Mode) -> Mutant:
    """A controller that learns one cycle later that a hazard is over."""
    late = "  logic sooner;\n  always_ff @(posedge clk) free_now <= !reset && sooner;\n  assign sooner ="
    return Mutant(name=f"late: {name}", file=file, old="  assign free_now =", new=late, modes=(mode,))


_LATE_STARTS = [
    _late("broadcast", "ws_loader.sv", _BROADCAST),
    _late("wavefront", "ws_loader.sv", _WAVEFRONT),
    _late("shadow, broadcast", "ws_loader.sv", _SHADOW_BROADCAST),
    _late("shadow, wavefront", "ws_loader.sv", _SHADOW_WAVEFRONT),
    _late("serial drain", "os_streamer.sv", _SERIAL),
    _late("shared drain", "os_streamer.sv", _SHARED),
    Mutant(
        name="late: separate drain",
        file="os_streamer.sv",
        old="drain_free_in <= 16'(R);",
        new="drain_free_in <= 16'(R + 1);",
        modes=(_SEPARATE,),
    ),
]

_EARLY_STARTS = [
    Mutant(  # this interval is one longer than its hazard asks for, so values stay right
        name="early: broadcast",
        file="ws_loader.sv",
        old="(free_now && (shadow || wavefront))",
        new="free_now",
        modes=(_BROADCAST,),
    ),
    Mutant(
        name="early: wavefront",
        file="ws_core.sv",
        old=".feed(beat)",
        new=".feed({beat.valid, beat.first, rows == 1 || stream_row == rows - 2})",
        modes=(_WAVEFRONT,),
        early=True,
    ),
    Mutant(
        name="early: shadow, broadcast",
        file="ws_core.sv",
        old=".feed(beat), .corner(corner)",
        new=".feed(beat), .corner(array.beats[R-1][C-2])",
        modes=(_SHADOW_BROADCAST,),
        early=True,
    ),
    Mutant(  # a load cannot begin before the one ahead of it has ended, so that one must end early
        name="early: shadow, wavefront, bound by loads",
        file="ws_loader.sv",
        old="count == 16'(R - 1)",
        new="count == 16'(R - 2)",
        modes=(_SHADOW_WAVEFRONT,),
        early=True,
    ),
    Mutant(  # nor can a stream
        name="early: shadow, wavefront, bound by streams",
        file="ws_streamer.sv",
        old="row == rows - 1",
        new="row == rows - (rows == 1 ? 1 : 2)",
        modes=(_SHADOW_WAVEFRONT,),
        early=True,
    ),
    Mutant(  # nothing is lost by it either: that is what the shared drain does
        name="early: serial drain",
        file="os_streamer.sv",
        old="default: may_start = free_before;",
        new="default: may_start = free_before || free_now;",
        modes=(_SERIAL,),
    ),
    Mutant(
        name="early: shared drain",
        file="os_streamer.sv",
        old="SHARED: may_start = free_before || free_now;",
        new="SHARED: may_start = drain_free_in <= 2;",
        modes=(_SHARED,),
        early=True,
    ),
    Mutant(
        name="early: separate drain, bound by drains",
        file="os_streamer.sv",
        old="drain_free_in <= length;",
        new="drain_free_in <= length + 1;",
        modes=(_SEPARATE,),
        early=True,
    ),
    Mutant(
        name="early: separate drain, bound by streams",
        file="os_streamer.sv",
        old="count == length - 1",
        new="count == length - (length == 1 ? 1 : 2)",
        modes=(_SEPARATE,),
        early=True,
    ),
]


def _clamped(rule: str) -> str:
    """The products of a processing element, brought into its register before they are added."""
    highest = f"$signed({{2'b00, {rule}.highest}})"
    return f"(products > {highest} ? {highest} : products < ~{highest} ? ~{highest} : products)"


_BROKEN_INTEGERS = [
    Mutant(
        name="no saturation",
        file="settle.sv",
        old="rule.saturate ? clamped : wrapped",
        new="wrapped",
        modes=(_SHADOW_WAVEFRONT, _SEPARATE),
    ),
    Mutant(
        name="weight zero-extended",
        file="dot.sv",
        old="$signed(weight[i])",
        new="$signed({1'b0, weight[i]})",
        modes=(_SHADOW_WAVEFRONT, _SEPARATE),
    ),
    Mutant(
        name="product clamped before the addition, weight stationary",
        file="ws_pe.sv",
        old="34'($signed(sum_above[q])) + products",
        new="34'($signed(sum_above[q])) + " + _clamped("rule"),
        modes=(_SHADOW_WAVEFRONT,),
    ),
    Mutant(
        name="product clamped before the addition, output stationary",
        file="os_pe.sv",
        old=".addend(products)",
        new=f".addend({_clamped('registers.inner')})",
        modes=(_SEPARATE,),
    ),
]

MUTANTS = [*_LATE_STARTS, *_EARLY_STARTS, *_BROKEN_INTEGERS]
