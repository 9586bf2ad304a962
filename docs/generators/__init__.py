"""What pages say of the code, made from the code."""
