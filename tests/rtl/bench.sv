// Test bench, not hardware: reads one case, is its operand memories, counts cycles, collects and writes the results.
//   +case=FILE  settings, tile lengths, act and weight, row by row, as decimal integers; rtl/simulators.py writes it
//   +result=FILE  the two cycle counts, how often a result was written, and the results, row by row
module bench
  import array_types::*;
#(
    parameter int R       = 2,
    parameter int C       = 2,
    parameter int PKMAX   = 2,
    parameter int QMAX    = 2,
    parameter int OS      = 0,      // output stationary, else weight stationary
    parameter int WORDS   = 8192,   // of each operand and of the result
    parameter int ENTRIES = 128     // of each accumulator buffer
) (
    input logic clk
);

  // The run is over when nothing went in or out for longer than anything stays inside.
  localparam int QUIET = 4 * (R + C) + 8;

  int shadow, wavefront, drain, inner_bits, inner_saturate, chunked, outer_bits, outer_saturate, sum_chunk;
  int m, n, k, m_chunk, pk, qn, steps, tiles, value, file, read;
  logic [15:0] lengths[65536];  // as many as `tile` can name
  logic signed [7:0] act_memory[WORDS];
  logic signed [7:0] weight_memory[WORDS];
  logic signed [31:0] result_memory[WORDS];
  string path;

  initial begin
    if ($value$plusargs("case=%s", path) == 0) $fatal(1, "+case=FILE is missing");
    file = $fopen(path, "r");
    read = $fscanf(file, "%d %d %d", shadow, wavefront, drain);
    read += $fscanf(file, "%d %d %d", inner_bits, inner_saturate, chunked);
    read += $fscanf(file, "%d %d %d", outer_bits, outer_saturate, sum_chunk);
    read += $fscanf(file, "%d %d %d %d %d %d %d", m, n, k, m_chunk, pk, qn, tiles);
    steps = (k + pk - 1) / pk;
    for (int i = 0; i < tiles; i++) begin
      read += $fscanf(file, "%d", value);
      lengths[i] = value[15:0];
    end
    for (int i = 0; i < m * k; i++) begin
      read += $fscanf(file, "%d", value);
      act_memory[i] = value[7:0];
    end
    for (int i = 0; i < k * n; i++) begin
      read += $fscanf(file, "%d", value);
      weight_memory[i] = value[7:0];
    end
    $fclose(file);
    if (read != 16 + tiles + m * k + k * n) $fatal(1, "the case ends after %0d of its numbers", read);
  end

  logic reset = 1'b1;
  logic act_valid, weight_valid, corner_mac;
  logic [15:0] act_m, act_k, weight_k, weight_n;
  logic [R-1:0][PKMAX-1:0][7:0] act;
  logic [C-1:0][QMAX-1:0][PKMAX-1:0][7:0] weight;
  logic [C-1:0] result_valid;
  logic [C-1:0][15:0] result_m, result_n;
  logic [C-1:0][QMAX-1:0][31:0] result;
  registers_t registers;
  rule_t inner_rule, outer_rule;

  register_rule rule_of_inner (.bits(inner_bits[5:0]), .saturate(inner_saturate[0]), .rule(inner_rule));
  register_rule rule_of_outer (.bits(outer_bits[5:0]), .saturate(outer_saturate[0]), .rule(outer_rule));
  assign registers.inner = inner_rule;
  assign registers.outer = outer_rule;
  assign registers.chunked = chunked[0];

  if (OS != 0) begin : gen_os
    logic [15:0] tile, length;
    assign length = tiles != 0 ? lengths[tile] : steps[15:0];
    os_core #(.R(R), .C(C), .PKMAX(PKMAX), .QMAX(QMAX)) core (
        .clk(clk), .reset(reset), .registers(registers), .drain(drain[1:0]),
        .m(m[15:0]), .n(n[15:0]), .tile_n(16'(C * qn)), .pk(pk[15:0]), .sum_chunk(sum_chunk[15:0]),
        .tile(tile), .length(length),
        .operands_valid(act_valid), .act_m(act_m), .operand_k(act_k), .weight_n(weight_n), .act(act), .weight(weight),
        .corner_mac(corner_mac),
        .result_valid(result_valid), .result_m(result_m), .result_n(result_n), .result(result)
    );
    assign weight_valid = act_valid;
    assign weight_k = act_k;
  end else begin : gen_ws
    ws_core #(.R(R), .C(C), .PKMAX(PKMAX), .QMAX(QMAX), .ENTRIES(ENTRIES)) core (
        .clk(clk), .reset(reset), .registers(registers), .shadow(shadow[0]), .wavefront(wavefront[0]),
        .m(m[15:0]), .n(n[15:0]), .k(k[15:0]), .m_chunk(m_chunk[15:0]),
        .tile_n(16'(C * qn)), .tile_k(16'(R * pk)), .pk(pk[15:0]), .sum_chunk(sum_chunk[15:0]),
        .act_valid(act_valid), .act_m(act_m), .act_k(act_k), .act(act),
        .weight_valid(weight_valid), .weight_k(weight_k), .weight_n(weight_n), .weight(weight),
        .corner_mac(corner_mac),
        .result_valid(result_valid), .result_m(result_m), .result_n(result_n), .result(result)
    );
`ifdef TRACE
    for (genvar c = 0; c < C; c++) begin : gen_trace
      always @(posedge clk) begin
        if (core.array.gen_column[c].column_load)
          $display("%0d weight %0d %0d", cycle, c, $signed(core.array.gen_column[c].gen_row[0].pe.weight_above[0][0]));
        if (core.gen_accumulator[c].accumulator.tag.valid)
          $display("%0d buffer %0d %0d", cycle, c, core.gen_accumulator[c].accumulator.gen_column[0].next_inner);
      end
      for (genvar r = 0; r < R; r++) begin : gen_row
        always @(posedge clk) begin
          if (core.array.gen_column[c].gen_row[r].pe.beat_left.valid)
            $display("%0d pe %0d %0d %0d %0d %0d", cycle, r, c,
                     $signed(core.array.gen_column[c].gen_row[r].pe.sum_above[0]),
                     $signed(core.array.gen_column[c].gen_row[r].pe.act_left[0]),
                     $signed(core.array.gen_column[c].gen_row[r].pe.used[0][0]));
        end
      end
    end
`endif
  end

  // Operand memories: row r of the array is a row of M (os) or its share of K (ws); beyond the operand lies zero.
  for (genvar r = 0; r < R; r++) begin : gen_act
    for (genvar i = 0; i < PKMAX; i++) begin : gen_k
      int row, col;
      assign row = int'(act_m) + (OS != 0 ? r : 0);
      assign col = int'(act_k) + (OS != 0 ? 0 : r * pk) + i;
      assign act[r][i] = i < pk && row < m && col < k ? act_memory[row*k+col] : '0;
    end
  end
  for (genvar c = 0; c < C; c++) begin : gen_weight
    for (genvar q = 0; q < QMAX; q++) begin : gen_n
      for (genvar i = 0; i < PKMAX; i++) begin : gen_k
        int row, col;
        assign row = int'(weight_k) + i;
        assign col = int'(weight_n) + c * qn + q;
        assign weight[c][q][i] = q < qn && i < pk && row < k && col < n ? weight_memory[row*n+col] : '0;
      end
    end
  end

  int cycle = 0;  // index of the cycle that the next clock edge ends
  int quiet = 0, mac_cycles = 0, out_cycles = 0, writes = 0;

  always @(posedge clk) begin
    reset <= 1'b0;
    if (!reset) begin
      if (cycle != 0 || act_valid || weight_valid) cycle <= cycle + 1;
      if (corner_mac) mac_cycles <= cycle + 1;
      if (result_valid != 0) out_cycles <= cycle + 1;
      quiet <= act_valid || weight_valid || result_valid != 0 ? 0 : quiet + 1;
      if (quiet == QUIET) finish;
    end
  end

  int result_row[C];
  int result_col[C];
  logic signed [31:0] results[C][QMAX];
  for (genvar c = 0; c < C; c++) begin : gen_result
    assign result_row[c] = int'(result_m[c]);
    assign result_col[c] = int'(result_n[c]) + c * qn;
    for (genvar q = 0; q < QMAX; q++) begin : gen_n
      assign results[c][q] = result[c][q];
    end
  end

  always @(posedge clk) begin
    for (int c = 0; c < C; c++) begin
      for (int q = 0; q < qn; q++) begin
        if (!reset && result_valid[c] && result_row[c] < m && result_col[c] + q < n) begin
          result_memory[result_row[c]*n+result_col[c]+q] <= results[c][q];
          writes = writes + 1;
        end
      end
    end
  end

  task finish;
    string to;
    int to_file;
    if ($value$plusargs("result=%s", to) == 0) $fatal(1, "+result=FILE is missing");
    to_file = $fopen(to, "w");
    $fdisplay(to_file, "%0d %0d %0d", mac_cycles, out_cycles, writes);
    for (int i = 0; i < m * n; i++) $fdisplay(to_file, "%0d", result_memory[i]);
    $fclose(to_file);
    $finish;
  endtask

endmodule
