// The weight-stationary array with its controllers and accumulator buffers: out[m, n] = act[m, k] @ weight[k, n].
// Operand memories answer in the same cycle and pad with zeros; settings stand still from reset to the last result.
module ws_core
  import array_types::*;
#(
    parameter int R       = 2,
    parameter int C       = 2,
    parameter int PKMAX   = 1,
    parameter int QMAX    = 1,
    parameter int ENTRIES = 16
) (
    input logic       clk,
    input logic       reset,      // a run starts when it ends
    input registers_t registers,
    input logic       shadow,
    input logic       wavefront,

    input logic [15:0] m,
    input logic [15:0] n,
    input logic [15:0] k,
    input logic [15:0] m_chunk,
    input logic [15:0] tile_n,     // columns of a tile, C times those of a processing element
    input logic [15:0] tile_k,     // and its share of K, R times that of one
    input logic [15:0] pk,
    input logic [15:0] sum_chunk,  // tiles of K that the inner register takes; 0: all

    output logic                         act_valid,
    output logic [15:0]                  act_m,
    output logic [15:0]                  act_k,
    input  logic [R-1:0][PKMAX-1:0][7:0] act,

    output logic                                   weight_valid,
    output logic [15:0]                            weight_k,
    output logic [15:0]                            weight_n,
    input  logic [C-1:0][QMAX-1:0][PKMAX-1:0][7:0] weight,

    output logic                         corner_mac,
    output logic [C-1:0]                 result_valid,
    output logic [C-1:0][15:0]           result_m,
    output logic [C-1:0][15:0]           result_n,      // of the tile's first column
    output logic [C-1:0][QMAX-1:0][31:0] result
);

  beat_t beat, corner;
  logic load_last, load_done, stream_done, last_k;
  logic [15:0] load_k, load_row, stream_m, stream_n, stream_row, rows_left, rows;
  place_t place;
  sum_tag_t tag_now;
  sum_tag_t tags[C+1];
  logic [C-1:0][QMAX-1:0][31:0] sum;

  // verilator lint_off PINCONNECTEMPTY
  // The loader does not ask which row of M or which end of K its tile belongs to.
  tile_walk loader_walk (
      .clk(clk), .reset(reset),
      .m(m), .n(n), .k(k), .step_m(m_chunk), .step_n(tile_n), .step_k(tile_k),
      .advance(load_last), .m0(), .n0(weight_n), .k0(load_k), .last_k(), .done(load_done)
  );
  // verilator lint_on PINCONNECTEMPTY
  ws_loader #(.R(R)) loader (
      .clk(clk), .reset(reset), .shadow(shadow), .wavefront(wavefront),
      .tiles_left(!load_done), .feed(beat), .corner(corner),
      .load(weight_valid), .load_last(load_last), .row(load_row)
  );
  assign weight_k = load_k + load_row * pk;

  tile_walk streamer_walk (
      .clk(clk), .reset(reset),
      .m(m), .n(n), .k(k), .step_m(m_chunk), .step_n(tile_n), .step_k(tile_k),
      .advance(beat.valid && beat.last), .m0(stream_m), .n0(stream_n), .k0(act_k), .last_k(last_k), .done(stream_done)
  );
  assign rows_left = m - stream_m;
  assign rows = rows_left < m_chunk ? rows_left : m_chunk;
  ws_streamer streamer (
      .clk(clk), .reset(reset), .load_last(load_last), .tiles_left(!stream_done),
      .rows(rows), .beat(beat), .row(stream_row)
  );
  chunk_walk tiles_of_k (
      .clk(clk), .reset(reset), .length(sum_chunk), .advance(beat.valid && beat.last), .last(last_k), .place(place)
  );
  assign act_valid = beat.valid;
  assign act_m = stream_m + stream_row;

  ws_array #(.R(R), .C(C), .PK(PKMAX), .QN(QMAX)) array (
      .clk(clk), .reset(reset), .rule(registers.inner), .shadow(shadow), .wavefront(wavefront),
      .load(weight_valid), .load_last(load_last), .weight(weight),
      .beat(beat), .act(act), .sum(sum), .corner(corner)
  );
  assign corner_mac = corner.valid;

  // A sum leaves column 0 R cycles after its activations enter, and each further column one cycle later.
  assign tag_now.valid = beat.valid;
  assign tag_now.place = place;
  assign tag_now.complete = last_k;
  assign tag_now.entry = stream_row;
  assign tag_now.m = act_m;
  assign tag_now.n = stream_n;
  delay #(.WIDTH($bits(sum_tag_t)), .LENGTH(R)) delay_tag (
      .clk(clk), .reset(reset), .enter(tag_now), .leave(tags[0])
  );
  for (genvar c = 0; c < C; c++) begin : gen_accumulator
    ws_accumulator #(.QN(QMAX), .ENTRIES(ENTRIES)) accumulator (
        .clk(clk), .reset(reset), .registers(registers),
        .tag(tags[c]), .sum(sum[c]), .tag_right(tags[c+1]),
        .result_valid(result_valid[c]), .result_m(result_m[c]), .result_n(result_n[c]), .result(result[c])
    );
  end

endmodule
