// What a register holds after an addition with that exact result: add first, reduce second.
module settle
  import array_types::rule_t;
(
    input  rule_t              rule,
    input  logic signed [33:0] total,
    output logic signed [31:0] settled
);

  logic signed [33:0] highest;
  logic [31:0] sign, wrapped, clamped;

  assign highest = {2'b00, rule.highest};
  assign sign = ~rule.highest & {rule.highest[30:0], 1'b1};
  assign wrapped = |(total[31:0] & sign) ? total[31:0] | ~rule.highest : total[31:0] & rule.highest;
  assign clamped = total > highest ? rule.highest : total < ~highest ? ~rule.highest : total[31:0];
  assign settled = rule.saturate ? clamped : wrapped;

endmodule
