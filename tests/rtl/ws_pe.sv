// A processing element of the weight-stationary array: weights and partial sums go down, activations go right.
module ws_pe
  import array_types::*;
#(
    parameter int PK = 1,  // products along K
    parameter int QN = 1   // neighbouring columns
) (
    input logic  clk,
    input logic  reset,
    input rule_t rule,
    input logic  shadow,

    input  logic                       load,
    input  logic [QN-1:0][PK-1:0][7:0] weight_above,
    output logic [QN-1:0][PK-1:0][7:0] weight,

    input  beat_t              beat_left,
    input  logic [PK-1:0][7:0] act_left,
    output beat_t              beat,
    output logic [PK-1:0][7:0] act,

    input  logic [QN-1:0][31:0] sum_above,
    output logic [QN-1:0][31:0] sum
);

  // With shadow weights, `weight` is the shadow. A tile's first activation swaps it in and already meets it, so from
  // the next cycle on it is free for the tile after.
  logic [QN-1:0][PK-1:0][7:0] swapped, used;

  assign used = shadow && !beat_left.first ? swapped : weight;

  always_ff @(posedge clk) begin
    if (load) weight <= weight_above;
    if (beat_left.valid && beat_left.first) swapped <= weight;
    beat <= reset ? '0 : beat_left;
    act  <= act_left;
  end

  for (genvar q = 0; q < QN; q++) begin : gen_column
    logic signed [33:0] products;
    logic signed [31:0] settled;
    dot #(.PK(PK)) dot_k (.act(act_left), .weight(used[q]), .products(products));
    settle settle_sum (.rule(rule), .total(34'($signed(sum_above[q])) + products), .settled(settled));
    always_ff @(posedge clk) if (beat_left.valid) sum[q] <= settled;
  end

endmodule
