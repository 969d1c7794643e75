// Presents the activations of a tile as soon as its weights are in place and the tile before it has ended.
module ws_streamer
  import array_types::beat_t;
(
    input  logic        clk,
    input  logic        reset,
    input  logic        load_last,  // in the next cycle the weights of one more tile are in place
    input  logic        tiles_left,
    input  logic [15:0] rows,       // of activations that meet this tile
    output beat_t       beat,
    output logic [15:0] row         // which of them is presented
);

  logic loaded;

  assign beat.valid = row != 0 || (loaded && tiles_left);
  assign beat.first = row == 0;
  assign beat.last = row == rows - 1;

  always_ff @(posedge clk) begin
    if (reset) begin
      row    <= '0;
      loaded <= 1'b0;
    end else begin
      if (beat.valid) row <= beat.last ? '0 : row + 1;
      loaded <= load_last || (loaded && !(beat.valid && beat.first));
    end
  end

endmodule
