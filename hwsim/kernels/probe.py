"""Whether code for an ARM processor may have `sdot`: LLVM knows it by the processor's name, but does not list it."""

import llvmlite.binding

_PRODUCT = """
define i32 @product(<16 x i8> %a, <16 x i8> %b) {
  %x = sext <16 x i8> %a to <16 x i32>
  %y = sext <16 x i8> %b to <16 x i32>
  %xy = mul <16 x i32> %x, %y
  %sum = call i32 @llvm.vector.reduce.add.v16i32(<16 x i32> %xy)
  ret i32 %sum
}
declare i32 @llvm.vector.reduce.add.v16i32(<16 x i32>)
"""


def lowers_to_signed_dot(triple: str, processor: str, features: str) -> bool:
    """Whether LLVM itself takes `sdot` for a dot product of bytes.

    To ask for the instruction by name where it is not known would end the process.
    """
    if not triple.startswith(("aarch64", "arm64")):
        return False
    target = llvmlite.binding.Target.from_triple(triple)
    machine = target.create_target_machine(cpu=processor, features=features, opt=3)
    return "sdot" in machine.emit_assembly(llvmlite.binding.parse_assembly(_PRODUCT))
