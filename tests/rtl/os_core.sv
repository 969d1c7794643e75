// The output-stationary array with its controllers: out[m, n] = act[m, k] @ weight[k, n].
// Operand memories answer in the same cycle and pad with zeros; settings stand still from reset to the last result.
module os_core
  import array_types::*;
#(
    parameter int R     = 2,
    parameter int C     = 2,
    parameter int PKMAX = 1,
    parameter int QMAX  = 1
) (
    input logic       clk,
    input logic       reset,      // a run starts when it ends
    input registers_t registers,
    input drain_t     drain,

    input logic [15:0] m,
    input logic [15:0] n,
    input logic [15:0] tile_n,     // columns of a tile, C times those of a processing element
    input logic [15:0] pk,
    input logic [15:0] sum_chunk,  // cycles of a tile whose products the inner register takes; 0: all

    output logic [15:0] tile,    // the number of the tile that starts next
    input  logic [15:0] length,  // and how many cycles its operands take

    output logic                                   operands_valid,
    output logic [15:0]                            act_m,
    output logic [15:0]                            operand_k,
    output logic [15:0]                            weight_n,
    input  logic [R-1:0][PKMAX-1:0][7:0]           act,
    input  logic [C-1:0][QMAX-1:0][PKMAX-1:0][7:0] weight,

    output logic                         corner_mac,
    output logic [C-1:0]                 result_valid,
    output logic [C-1:0][15:0]           result_m,
    output logic [C-1:0][15:0]           result_n,      // of the tile's first column
    output logic [C-1:0][QMAX-1:0][31:0] result
);

  logic last, tiles_done, separate;
  logic [15:0] count;
  place_t place;
  step_t step;
  drain_tag_t tag_now, tag_of_first;
  drain_tag_t tags[C+1];
  logic [C-1:0] result_last;
  logic [C-1:0][R-1:0] shift;

  // verilator lint_off PINCONNECTEMPTY
  // K is not cut into tiles.
  tile_walk walk (
      .clk(clk), .reset(reset),
      .m(m), .n(n), .k(16'd1), .step_m(16'(R)), .step_n(tile_n), .step_k(16'd1),
      .advance(last), .m0(act_m), .n0(weight_n), .k0(), .last_k(), .done(tiles_done)
  );
  // verilator lint_on PINCONNECTEMPTY
  os_streamer #(.R(R)) streamer (
      .clk(clk), .reset(reset), .drain(drain), .tiles_left(!tiles_done), .length(length),
      .drain_starts(tag_of_first.valid), .drain_ends(result_valid[C-1] && result_last[C-1]),
      .valid(operands_valid), .last(last), .count(count)
  );
  assign operand_k = count * pk;
  always_ff @(posedge clk) tile <= reset ? '0 : tile + 16'(last);

  assign step.valid = operands_valid;
  assign step.last = last;
  assign step.place = place;
  assign separate = drain == SEPARATE;
  chunk_walk products_of_k (
      .clk(clk), .reset(reset), .length(sum_chunk), .advance(operands_valid), .last(last), .place(place)
  );
  os_array #(.R(R), .C(C), .PK(PKMAX), .QN(QMAX)) array (
      .clk(clk), .reset(reset), .registers(registers), .separate(separate),
      .step(step), .act(act), .weight(weight), .shift(shift), .sum(result), .corner_mac(corner_mac)
  );

  // The foot of column 0 is complete R cycles after the last operands enter, each further column one cycle later.
  assign tag_now.valid = last;
  assign tag_now.m = act_m;
  assign tag_now.n = weight_n;
  delay #(.WIDTH($bits(drain_tag_t)), .LENGTH(R)) delay_tag (
      .clk(clk), .reset(reset), .enter(tag_now), .leave(tag_of_first)
  );
  assign tags[0] = tag_of_first;
  for (genvar c = 0; c < C; c++) begin : gen_drain
    os_drain #(.R(R)) column (
        .clk(clk), .reset(reset), .tag(tags[c]), .tag_right(tags[c+1]), .shift(shift[c]),
        .result_valid(result_valid[c]), .result_last(result_last[c]), .result_m(result_m[c]), .result_n(result_n[c])
    );
  end

endmodule
