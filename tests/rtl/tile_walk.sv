// Walks the tiles of a product: M outermost, then N, K innermost.
module tile_walk (
    input logic        clk,
    input logic        reset,
    input logic [15:0] m,
    input logic [15:0] n,
    input logic [15:0] k,
    input logic [15:0] step_m,
    input logic [15:0] step_n,
    input logic [15:0] step_k,
    input logic        advance,

    output logic [15:0] m0,       // where the tile begins
    output logic [15:0] n0,
    output logic [15:0] k0,
    output logic        last_k,
    output logic        done      // no tile is left
);

  logic last_m, last_n;

  assign last_k = 17'(k0) + 17'(step_k) >= 17'(k);
  assign last_n = 17'(n0) + 17'(step_n) >= 17'(n);
  assign last_m = 17'(m0) + 17'(step_m) >= 17'(m);

  always_ff @(posedge clk) begin
    if (reset) begin
      m0   <= '0;
      n0   <= '0;
      k0   <= '0;
      done <= 1'b0;
    end else if (advance) begin
      k0 <= last_k ? '0 : k0 + step_k;
      if (last_k) n0 <= last_n ? '0 : n0 + step_n;
      if (last_k && last_n) begin
        m0   <= m0 + step_m;
        done <= last_m;
      end
    end
  end

endmodule
