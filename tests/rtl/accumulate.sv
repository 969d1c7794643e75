// One addition to a running sum, and that of a finished chunk to the outer register, in the same cycle.
module accumulate
  import array_types::*;
(
    input  registers_t         registers,
    input  logic               opens,       // the inner register starts from zero
    input  logic               fresh,       // so does the outer one
    input  logic signed [33:0] addend,
    input  logic signed [31:0] inner,
    input  logic signed [31:0] outer,
    output logic signed [31:0] next_inner,
    output logic signed [31:0] next_outer,
    output logic signed [31:0] result       // what has been summed up so far, if the chunk ends here
);

  logic signed [33:0] inner_total, outer_total;

  assign inner_total = (opens ? 34'sd0 : 34'(inner)) + addend;
  assign outer_total = (fresh ? 34'sd0 : 34'(outer)) + 34'(next_inner);
  assign result = registers.chunked ? next_outer : next_inner;

  settle settle_inner (.rule(registers.inner), .total(inner_total), .settled(next_inner));
  settle settle_outer (.rule(registers.outer), .total(outer_total), .settled(next_outer));

endmodule
