"""Multistep formulas and predictor-corrector pairs."""
