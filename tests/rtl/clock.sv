// Test bench, not hardware: the clock of a run in Icarus. In Verilator main.cpp is the clock.
module clock #(
    parameter int R     = 2,
    parameter int C     = 2,
    parameter int PKMAX = 2,
    parameter int QMAX  = 2,
    parameter int OS    = 0
);

  logic clk = 1'b0;
  always #1 clk = !clk;
  bench #(.R(R), .C(C), .PKMAX(PKMAX), .QMAX(QMAX), .OS(OS)) bench (.clk(clk));

endmodule
