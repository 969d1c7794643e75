"""Machine code of tiles for processors that need not be this one; that for ARM runs in an emulator."""

import re
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from hwsim.kernels import tile
from hwsim.kernels.lanes import I64, Lanes
from strategies.matrices import Array

ARGUMENTS = ("act", "act_stride", "weight", "groups", "group", "extra", "low", "high", "out", "out_stride")


@dataclass(frozen=True)
class Target:
    """A processor as LLVM names it, and how its assembly writes a place in the frame of the function."""

    triple: str
    processor: str
    features: str = ""

    @property
    def frame(self) -> str:
        return r"\[sp\b" if self.triple.startswith("aarch64") else r"\(%rsp"

    def machine(self) -> Any:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        target = llvm.Target.from_triple(self.triple)
        return target.create_target_machine(cpu=self.processor, features=self.features, opt=3)


def x86(processor: str) -> Target:
    return Target("x86_64-unknown-linux-gnu", processor)


def arm(processor: str, features: str = "") -> Target:
    return Target("aarch64-unknown-linux-gnu", processor, features)


def tile_ir(lanes: Lanes, rows: int, rule: int) -> str:
    """A function of addresses and sizes, int64 all of them, around one version of the tile; sums as they are."""
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(I64, [I64] * len(ARGUMENTS)), "tile")
    builder = ir.IRBuilder(function.append_basic_block())
    given = dict(zip(ARGUMENTS, function.args, strict=True))
    made = tile._Tile(builder, lanes, rows, rule)
    made.begin(given["extra"], given["low"], given["high"])
    made.run(given["act"], given["act_stride"], given["weight"], given["groups"], given["group"])
    made.end(given["out"], given["out_stride"], lanes.lane_bytes)
    builder.ret(builder.load(made.clamped))
    return str(module)


def optimised(source: str, machine: Any) -> Any:
    module = llvm.parse_assembly(source)
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    passes.getModulePassManager().run(module, passes)
    return module


def assembly(lanes: Lanes, rows: int, rule: int, target: Target) -> str:
    machine = target.machine()
    return str(machine.emit_assembly(optimised(tile_ir(lanes, rows, rule), machine)))


def loops(text: str) -> list[list[str]]:
    """The instructions of each innermost loop: from a label to the jump back to it, with no other such pair between."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    starts = {line[:-1]: at for at, line in enumerate(lines) if re.fullmatch(r"\.L\w+:", line)}
    backward = [
        (starts[label], at)
        for at, line in enumerate(lines)
        for label in re.findall(r"\.LBB\w+", line)
        if not line.endswith(":") and starts.get(label, at) < at
    ]
    inner = [(a, b) for a, b in backward if not any(a <= c and d < b for c, d in backward)]
    return [[line for line in lines[a : b + 1] if not line.endswith(":")] for a, b in inner]


def run_arm(lanes: Lanes, rows: int, rule: int, target: Target, operands: dict[str, Any]) -> tuple[Array, int]:
    """The sums, and how many additions were clamped, of ARM's own instructions, one after another in an emulator.

    `operands`: the arrays act, weight and extra by name, and the numbers of a tile.
    """
    import unicorn
    from unicorn import arm64_const as registers

    machine = target.machine()
    code = _text(machine.emit_object(optimised(tile_ir(lanes, rows, rule), machine)))
    emulator = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
    emulator.ctl_set_cpu_model(registers.UC_CPU_ARM64_MAX)
    size, places = 1 << 20, {}
    for number, name in enumerate(("code", "act", "weight", "extra", "out", "stack"), start=1):
        places[name] = number << 24
        emulator.mem_map(places[name], size)
        held = code if name == "code" else operands[name].tobytes() if name in operands else bytes(size)
        emulator.mem_write(places[name], held)
    out_stride = lanes.columns * lanes.lane_bytes
    given = {"out_stride": out_stride, **operands, **{name: at for name, at in places.items() if name in ARGUMENTS}}
    top = places["stack"] + size // 2
    for position, name in enumerate(ARGUMENTS):
        value = int(given[name]) & (1 << 64) - 1
        if position < 8:
            emulator.reg_write(getattr(registers, f"UC_ARM64_REG_X{position}"), value)
        else:
            emulator.mem_write(top + 8 * (position - 8), value.to_bytes(8, "little"))
    end = places["code"] + len(code)
    emulator.reg_write(registers.UC_ARM64_REG_SP, top)
    emulator.reg_write(registers.UC_ARM64_REG_LR, end)
    emulator.emu_start(places["code"], end)
    found = bytes(emulator.mem_read(places["out"], rows * out_stride))
    sums = np.frombuffer(found, np.int32).reshape(rows, lanes.columns)
    return sums, int(emulator.reg_read(registers.UC_ARM64_REG_X0))


def _text(binary: bytes) -> bytes:
    """The code of an object file, which must need nothing else."""
    sections = {section.name(): section.data() for section in llvm.ObjectFileRef.from_data(binary).sections()}
    assert not any(name and name.startswith((b".rela.text", b".rodata")) for name in sections)
    return bytes(sections[b".text"])
