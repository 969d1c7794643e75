// A processing element of the output-stationary array: activations go right, weights and finished sums go down.
module os_pe
  import array_types::*;
#(
    parameter int PK = 1,  // products along K
    parameter int QN = 1   // neighbouring columns
) (
    input logic       clk,
    input logic       reset,
    input registers_t registers,
    input logic       separate,

    input  step_t                      step_left,
    input  logic [PK-1:0][7:0]         act_left,
    output step_t                      step,
    output logic [PK-1:0][7:0]         act,
    input  logic [QN-1:0][PK-1:0][7:0] weight_above,
    output logic [QN-1:0][PK-1:0][7:0] weight,

    input  logic                shift,
    input  logic [QN-1:0][31:0] sum_above,
    output logic [QN-1:0][31:0] sum
);

  always_ff @(posedge clk) begin
    step   <= reset ? '0 : step_left;
    act    <= act_left;
    weight <= weight_above;
  end

  for (genvar q = 0; q < QN; q++) begin : gen_column
    logic signed [33:0] products;
    logic signed [31:0] inner, outer, drain, next_inner, next_outer, result;

    dot #(.PK(PK)) dot_k (.act(act_left), .weight(weight_above[q]), .products(products));
    accumulate accumulate_step (
        .registers(registers),
        .opens(step_left.place.opens),
        .fresh(step_left.place.fresh),
        .addend(products),
        .inner(inner),
        .outer(outer),
        .next_inner(next_inner),
        .next_outer(next_outer),
        .result(result)
    );

    // Without drain registers a finished sum goes down through the register that it was summed up in.
    always_ff @(posedge clk) begin
      if (step_left.valid) inner <= next_inner;
      else if (shift && !separate) inner <= sum_above[q];
      if (step_left.valid && step_left.place.closes) outer <= next_outer;
      else if (shift && !separate) outer <= sum_above[q];
      if (step_left.valid && step_left.last) drain <= result;
      else if (shift) drain <= sum_above[q];
    end
    assign sum[q] = separate ? drain : registers.chunked ? outer : inner;
  end

endmodule
