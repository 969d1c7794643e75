// The clock of a run in Verilator; prints how long the clocked part took, for benchmarks.
#include <ctime>
#include <cstdio>

#include "Vbench.h"
#include "verilated.h"

int main(int argc, char** argv) {
    VerilatedContext context;
    context.commandArgs(argc, argv);
    Vbench bench{&context};
    bench.clk = 0;
    bench.eval();  // reads the case
    const std::clock_t start = std::clock();
    while (!context.gotFinish()) {
        bench.clk = !bench.clk;
        bench.eval();
    }
    std::printf("%.9f\n", double(std::clock() - start) / CLOCKS_PER_SEC);
    bench.final();
    return 0;
}
