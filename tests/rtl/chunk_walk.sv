// Says of each addition to a result where it stands: chunks of `length` additions (0: one chunk), until the last one.
module chunk_walk
  import array_types::place_t;
(
    input  logic        clk,
    input  logic        reset,
    input  logic [15:0] length,
    input  logic        advance,
    input  logic        last,
    output place_t      place
);

  logic fresh;
  logic [15:0] count;

  assign place.opens = count == 0;
  assign place.closes = last || count + 1 == length;
  assign place.fresh = fresh;

  always_ff @(posedge clk) begin
    if (reset || (advance && last)) begin
      count <= '0;
      fresh <= 1'b1;
    end else if (advance) begin
      count <= place.closes ? '0 : count + 1;
      fresh <= fresh && !place.closes;
    end
  end

endmodule
