// The weight-stationary array: R x C processing elements with their skews. Row r is delayed by r cycles; with
// `wavefront`, the weights of column c by c.
module ws_array
  import array_types::*;
#(
    parameter int R  = 2,
    parameter int C  = 2,
    parameter int PK = 1,
    parameter int QN = 1
) (
    input logic  clk,
    input logic  reset,
    input rule_t rule,
    input logic  shadow,
    input logic  wavefront,

    input logic                              load,       // for R cycles, the bottom row's weights first
    input logic                              load_last,
    input logic [C-1:0][QN-1:0][PK-1:0][7:0] weight,

    input beat_t                     beat,
    input logic [R-1:0][PK-1:0][7:0] act,

    output logic [C-1:0][QN-1:0][31:0] sum,    // one cycle later than the bottom row's products
    output beat_t                      corner  // what PE(R-1, C-1) works on in this cycle
);

  beat_t                      beats  [R  ][C+1];
  logic [PK-1:0][7:0]         acts   [R  ][C+1];
  logic [QN-1:0][PK-1:0][7:0] weights[R+1][C  ];
  logic [QN-1:0][31:0]        sums   [R+1][C  ];

  assign corner = beats[R-1][C-1];

  for (genvar r = 0; r < R; r++) begin : gen_skew
    delay #(.WIDTH($bits(beat_t) + PK * 8), .LENGTH(r)) delay_row (
        .clk(clk), .reset(reset), .enter({beat, act[r]}), .leave({beats[r][0], acts[r][0]})
    );
  end

  for (genvar c = 0; c < C; c++) begin : gen_column
    logic late_load, late_last, column_load;
    // verilator lint_off UNUSEDSIGNAL
    // An array of one row has no wave to stop.
    logic column_last;
    // verilator lint_on UNUSEDSIGNAL
    logic [QN-1:0][PK-1:0][7:0] late_weight;
    logic [R-1:0] wave;  // which rows load, with `wavefront`

    delay #(.WIDTH(2 + QN * PK * 8), .LENGTH(c)) delay_load (
        .clk(clk), .reset(reset), .enter({load, load_last, weight[c]}), .leave({late_load, late_last, late_weight})
    );
    assign column_load = wavefront ? late_load : load;
    assign column_last = wavefront ? late_last : load_last;
    assign weights[0][c] = wavefront ? late_weight : weight[c];
    assign sums[0][c] = '0;
    assign sum[c] = sums[R][c];

    // Row r joins r cycles after row 0; all rows stop together, when every weight has reached its row.
    assign wave[0] = column_load;
    for (genvar r = 1; r < R; r++) begin : gen_wave
      delay #(.WIDTH(1), .LENGTH(1)) delay_wave (
          .clk(clk), .reset(reset), .enter(wave[r-1] && !column_last), .leave(wave[r])
      );
    end

    for (genvar r = 0; r < R; r++) begin : gen_row
      ws_pe #(.PK(PK), .QN(QN)) pe (
          .clk(clk),
          .reset(reset),
          .rule(rule),
          .shadow(shadow),
          .load(wavefront ? wave[r] : column_load),
          .weight_above(weights[r][c]),
          .weight(weights[r+1][c]),
          .beat_left(beats[r][c]),
          .act_left(acts[r][c]),
          .beat(beats[r][c+1]),
          .act(acts[r][c+1]),
          .sum_above(sums[r][c]),
          .sum(sums[r+1][c])
      );
    end
  end

endmodule
