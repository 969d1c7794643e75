// What travels beside the data: how sums are kept, and where in the product an operand or a sum belongs.
package array_types;

  typedef struct packed {
    logic [31:0] highest;   // largest value of a register, 2^(bits-1) - 1; the lowest is its complement
    logic        saturate;  // clamp, or wrap
  } rule_t;

  // Sums are kept in the inner register; with `chunked`, each chunk's sum is added to the outer one.
  typedef struct packed {
    rule_t inner;
    rule_t outer;
    logic  chunked;
  } registers_t;

  // Where one addition stands in the order of additions.
  typedef struct packed {
    logic opens;   // the inner register starts from zero
    logic closes;  // its sum is complete and goes to the outer register
    logic fresh;   // the outer register starts from zero
  } place_t;

  // Beside the activations of a weight-stationary array.
  typedef struct packed {
    logic valid;
    logic first;  // of its tile
    logic last;
  } beat_t;

  // Beside the sums that leave a weight-stationary array.
  typedef struct packed {
    logic        valid;
    place_t      place;
    logic        complete;  // the last tile of K
    logic [15:0] entry;     // of the accumulator buffer
    logic [15:0] m;
    logic [15:0] n;         // of the tile's first column
  } sum_tag_t;

  // Beside the activations of an output-stationary array.
  typedef struct packed {
    logic   valid;
    place_t place;
    logic   last;  // of its tile
  } step_t;

  // Tells a column of an output-stationary array that a tile is complete.
  typedef struct packed {
    logic        valid;
    logic [15:0] m;  // of the tile's first row
    logic [15:0] n;  // of its first column
  } drain_tag_t;

  // How results leave an output-stationary array.
  typedef logic [1:0] drain_t;
  // verilator lint_off UNUSEDPARAM
  // The weight-stationary array has no drain.
  localparam drain_t SERIAL = 2'd0;    // after the last product, nothing else meanwhile
  localparam drain_t SHARED = 2'd1;    // the accumulator doubles as the drain register
  localparam drain_t SEPARATE = 2'd2;  // drain registers of their own
  // verilator lint_on UNUSEDPARAM

endpackage
