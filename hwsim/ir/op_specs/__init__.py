"""What each kind of op reads, writes, must obey and costs; `ir/op_table.py` has the table."""
