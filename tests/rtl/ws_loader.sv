// Presents the weights of one tile after another, each as soon as it harms no tile before it.
module ws_loader
  import array_types::beat_t;
#(
    parameter int R = 2
) (
    input  logic        clk,
    input  logic        reset,
    input  logic        shadow,
    input  logic        wavefront,
    input  logic        tiles_left,
    input  beat_t       feed,        // what enters PE(0, 0) in this cycle
    input  beat_t       corner,      // what PE(R-1, C-1) works on in this cycle
    output logic        load,
    output logic        load_last,
    output logic [15:0] row          // whose weights are presented
);

  // A weight may be overwritten at the end of the cycle that reads it last. A wavefront overwrites PE(0, 0) first and
  // then runs just behind the data; a broadcast overwrites all at once, so PE(R-1, C-1) decides. With shadow weights a
  // tile's first activation reads them last, without them its last one does.
  logic free_now, free_before, starts;
  logic [15:0] count;

  assign free_now = wavefront ? feed.valid && (shadow ? feed.first : feed.last)
                              : corner.valid && (shadow ? corner.first : corner.last);

  // Without either option the load waits one cycle longer than it must: the array then works on one tile at a time.
  assign starts = tiles_left && count == 0 && (free_before || (free_now && (shadow || wavefront)));
  assign load = starts || count != 0;
  assign load_last = load && count == 16'(R - 1);
  assign row = 16'(R - 1) - count;

  always_ff @(posedge clk) begin
    if (reset) begin
      count       <= '0;
      free_before <= 1'b1;
    end else begin
      if (load) count <= load_last ? '0 : count + 1;
      free_before <= (free_before || free_now) && !starts;
    end
  end

endmodule
