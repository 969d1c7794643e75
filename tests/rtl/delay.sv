// A row of registers: what enters leaves LENGTH cycles later.
module delay #(
    parameter int WIDTH  = 1,
    parameter int LENGTH = 1
) (
    // verilator lint_off UNUSEDSIGNAL
    // A delay of no cycles is a wire.
    input  logic             clk,
    input  logic             reset,
    // verilator lint_on UNUSEDSIGNAL
    input  logic [WIDTH-1:0] enter,
    output logic [WIDTH-1:0] leave
);

  if (LENGTH == 0) begin : gen_wire
    assign leave = enter;
  end else begin : gen_registers
    logic [WIDTH-1:0] stage[LENGTH];
    always_ff @(posedge clk) begin
      for (int i = 0; i < LENGTH; i++) stage[i] <= reset ? '0 : i == 0 ? enter : stage[i-1];
    end
    assign leave = stage[LENGTH-1];
  end

endmodule
