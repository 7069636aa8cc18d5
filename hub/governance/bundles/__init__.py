"""The log with its proofs, for information governance to hand out."""
