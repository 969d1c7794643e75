// The rule of a register of 8 to 32 bits.
module register_rule
  import array_types::rule_t;
(
    input  logic [5:0] bits,
    input  logic       saturate,
    output rule_t      rule
);

  assign rule.highest = 32'h7fff_ffff >> (6'd32 - bits);
  assign rule.saturate = saturate;

endmodule
