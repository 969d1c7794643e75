// The clock of a run in Verilator; prints how long the clocked part took, for benchmarks.
#include <chrono>
#include <cstdio>

#include "Vbench.h"
#include "verilated.h"

int main(int argc, char** argv) {
    VerilatedContext context;
    context.commandArgs(argc, argv);
    Vbench bench{&context};
    bench.clk = 0;
    bench.eval();  // reads the case
    const auto start = std::chrono::steady_clock::now();
    while (!context.gotFinish()) {
        bench.clk = !bench.clk;
        bench.eval();
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    std::printf("%.9f\n", taken.count());
    bench.final();
    return 0;
}
