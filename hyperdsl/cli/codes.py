"""Exit codes; 0 is fine."""

SPEC_AT_FAULT, WRONG_USAGE, BUG = 1, 2, 3
INTERRUPTED = 130
