// The buffer under a column of the weight-stationary array: adds the sums of the tiles of K, entry by entry.
module ws_accumulator
  import array_types::*;
#(
    parameter int QN      = 1,
    parameter int ENTRIES = 16
) (
    input logic       clk,
    input logic       reset,
    input registers_t registers,

    input  sum_tag_t            tag,
    input  logic [QN-1:0][31:0] sum,
    output sum_tag_t            tag_right,

    output logic                result_valid,
    output logic [15:0]         result_m,
    output logic [15:0]         result_n,     // of the tile's first column
    output logic [QN-1:0][31:0] result
);

  localparam int ADDRESS_BITS = $clog2(ENTRIES) > 0 ? $clog2(ENTRIES) : 1;
  logic [ADDRESS_BITS-1:0] address;

  assign address = ADDRESS_BITS'(tag.entry);
  assign result_valid = tag.valid && tag.complete;
  assign result_m = tag.m;
  assign result_n = tag.n;

  always_ff @(posedge clk) tag_right <= reset ? '0 : tag;

  for (genvar q = 0; q < QN; q++) begin : gen_column
    logic signed [31:0] inner[ENTRIES];
    logic signed [31:0] outer[ENTRIES];
    logic signed [31:0] next_inner, next_outer;

    accumulate accumulate_tile (
        .registers(registers),
        .opens(tag.place.opens),
        .fresh(tag.place.fresh),
        .addend(34'($signed(sum[q]))),
        .inner(inner[address]),
        .outer(outer[address]),
        .next_inner(next_inner),
        .next_outer(next_outer),
        .result(result[q])
    );
    always_ff @(posedge clk) begin
      if (tag.valid) inner[address] <= next_inner;
      if (tag.valid && tag.place.closes) outer[address] <= next_outer;
    end
  end

endmodule
