// The output-stationary array: R x C processing elements with their skews. Row r is delayed by r cycles, column c by c.
module os_array
  import array_types::*;
#(
    parameter int R  = 2,
    parameter int C  = 2,
    parameter int PK = 1,
    parameter int QN = 1
) (
    input logic       clk,
    input logic       reset,
    input registers_t registers,
    input logic       separate,

    input step_t                             step,
    input logic [R-1:0][PK-1:0][7:0]         act,
    input logic [C-1:0][QN-1:0][PK-1:0][7:0] weight,

    input  logic [C-1:0][R-1:0]        shift,      // of each row of each column
    output logic [C-1:0][QN-1:0][31:0] sum,        // at the foot of each column
    output logic                       corner_mac  // PE(R-1, C-1) works in this cycle
);

  // verilator lint_off UNUSEDSIGNAL
  step_t corner;  // of which only one bit is asked
  // verilator lint_on UNUSEDSIGNAL
  step_t                      steps  [R  ][C+1];
  logic [PK-1:0][7:0]         acts   [R  ][C+1];
  logic [QN-1:0][PK-1:0][7:0] weights[R+1][C  ];
  logic [QN-1:0][31:0]        sums   [R+1][C  ];

  assign corner = steps[R-1][C-1];
  assign corner_mac = corner.valid;

  for (genvar r = 0; r < R; r++) begin : gen_row_skew
    delay #(.WIDTH($bits(step_t) + PK * 8), .LENGTH(r)) delay_row (
        .clk(clk), .reset(reset), .enter({step, act[r]}), .leave({steps[r][0], acts[r][0]})
    );
  end

  for (genvar c = 0; c < C; c++) begin : gen_column
    delay #(.WIDTH(QN * PK * 8), .LENGTH(c)) delay_column (
        .clk(clk), .reset(reset), .enter(weight[c]), .leave(weights[0][c])
    );
    assign sums[0][c] = '0;
    assign sum[c] = sums[R][c];

    for (genvar r = 0; r < R; r++) begin : gen_row
      os_pe #(.PK(PK), .QN(QN)) pe (
          .clk(clk),
          .reset(reset),
          .registers(registers),
          .separate(separate),
          .step_left(steps[r][c]),
          .act_left(acts[r][c]),
          .step(steps[r][c+1]),
          .act(acts[r][c+1]),
          .weight_above(weights[r][c]),
          .weight(weights[r+1][c]),
          .shift(shift[c][r]),
          .sum_above(sums[r][c]),
          .sum(sums[r+1][c])
      );
    end
  end

endmodule
