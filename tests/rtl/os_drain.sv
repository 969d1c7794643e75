// Empties a column of the output-stationary array: the foot is out at once, row r follows R - 1 - r cycles later.
module os_drain
  import array_types::drain_tag_t;
#(
    parameter int R = 2
) (
    input  logic         clk,
    input  logic         reset,
    input  drain_tag_t   tag,        // valid in the first cycle in which all sums of the column are complete
    output drain_tag_t   tag_right,
    output logic [R-1:0] shift,
    output logic         result_valid,
    output logic         result_last,
    output logic [15:0]  result_m,
    output logic [15:0]  result_n    // of the tile's first column
);

  // Row r takes the sums of the r rows above it and is then free, one cycle later than row r - 1: a next tile, whose
  // sums are complete one row after the other, can follow at that distance.
  logic [R:0] moves;
  logic [R-1:0] moved;
  logic [15:0] row, kept_row, kept_m, kept_n;

  assign moves[0] = 1'b0;
  for (genvar r = 1; r <= R; r++) begin : gen_move
    assign moves[r] = tag.valid || moved[r-1];
  end
  assign shift = moves[R-1:0];

  assign row = tag.valid ? 16'(R - 1) : kept_row;
  assign result_valid = moves[R];
  assign result_last = row == 0;
  assign result_m = (tag.valid ? tag.m : kept_m) + row;
  assign result_n = tag.valid ? tag.n : kept_n;

  always_ff @(posedge clk) begin
    moved     <= reset ? '0 : moves[R-1:0];
    tag_right <= reset ? '0 : tag;
    kept_row  <= row - 1;
    if (tag.valid) begin
      kept_m <= tag.m;
      kept_n <= tag.n;
    end
  end

endmodule
