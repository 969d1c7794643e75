// Presents the operands of one tile after another, each as soon as it harms no tile before it.
module os_streamer
  import array_types::*;
#(
    parameter int R = 2
) (
    input  logic        clk,
    input  logic        reset,
    input  drain_t      drain,
    input  logic        tiles_left,
    input  logic [15:0] length,        // cycles in which this tile's operands enter
    input  logic        drain_starts,  // in column 0
    input  logic        drain_ends,    // in column C-1
    output logic        valid,
    output logic        last,
    output logic [15:0] count          // which of its cycles this is
);

  // `shared`: in the cycle in which a column begins to drain, row 0 gives its sum away and may take a new one; the
  // other rows follow at the pace of the data. `separate`: the same holds for the drain registers, and it is the last
  // product of a tile that overwrites them, so a tile may start when its last operands meet free ones.
  logic starts, may_start, free_now, free_before;
  logic [15:0] drain_free_in;  // cycles until the drain register of PE(0, 0) is free

  assign free_now = drain == SERIAL ? drain_ends : drain_starts;

  always_comb begin
    case (drain)
      SEPARATE: may_start = drain_free_in <= length;
      SHARED: may_start = free_before || free_now;
      default: may_start = free_before;
    endcase
  end
  assign starts = tiles_left && count == 0 && may_start;
  assign valid = starts || count != 0;
  assign last = valid && count == length - 1;

  always_ff @(posedge clk) begin
    if (reset) begin
      count         <= '0;
      free_before   <= 1'b1;
      drain_free_in <= '0;
    end else begin
      if (valid) count <= last ? '0 : count + 1;
      free_before <= (free_before || free_now) && !starts;
      if (last) drain_free_in <= 16'(R);
      else if (drain_free_in != 0) drain_free_in <= drain_free_in - 1;
    end
  end

endmodule
