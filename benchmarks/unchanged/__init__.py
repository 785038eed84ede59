"""What a rebuilding must not change: bits of the solvers and of their training, against an earlier release."""
