// The exact sum of a processing element's products of one cycle.
module dot #(
    parameter int PK = 1
) (
    input  logic        [PK-1:0][7:0] act,
    input  logic        [PK-1:0][7:0] weight,
    output logic signed [33:0]        products
);

  always_comb begin
    products = '0;
    for (int i = 0; i < PK; i++) products += 34'($signed(act[i])) * 34'($signed(weight[i]));
  end

endmodule
