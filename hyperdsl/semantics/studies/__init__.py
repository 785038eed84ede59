"""What declarations of problems and sweeps mean."""
