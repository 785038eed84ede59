"""`python -m hyperdsl` is `hyperdsl`, which imports nothing of the current folder: a stranger's files may lie there."""

import os
import sys

if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:
    del sys.path[0]  # where `python -m` has put it; what `train` and `evaluate` import from there, they ask for

from hyperdsl.cli import main

main()
