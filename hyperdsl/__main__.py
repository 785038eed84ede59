"""`python -m hyperdsl` is `hyperdsl`."""

from hyperdsl.cli import main

main()
