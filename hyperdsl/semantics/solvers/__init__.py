"""What declarations of solvers mean: their bases, controls, correctors and trainings."""
