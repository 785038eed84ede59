"""The pharmacokinetic model is that of its SBML file."""

from __future__ import annotations

import torch

from hyperdsl.evaluation.scipy_methods import scipy_solve
from hyperdsl.evidence.kinetics import ICG

ROADRUNNER = (
    0.0105005392184745,
    0.010132625891727125,
    0.0034587345754136067,
    0.009829230551372636,
    0.00982662189624166,
    0.010077376551968928,
    0.010204468138065274,
    0.00482772242228734,
    0.023469195953613395,
    0.056412063884468386,
    0.0,
)
"""What libRoadRunner 2.10.0 makes of the file itself after 5 minutes, with the parameters of the test."""


def test_it_is_solved_as_by_the_program_for_such_files() -> None:
    dose = torch.zeros(1, 11, dtype=torch.float64)
    dose[0, -1] = 50
    person = torch.tensor(
        [[75.0, 0.2, 0.1, 0.8]], dtype=torch.float64
    )  # weight, shunts, loss of tissue, cardiac output
    found = scipy_solve(ICG.f, dose, (0.0, 5.0), person, method="lsoda", rtol=1e-8, atol=1e-12).z
    torch.testing.assert_close(found[0], torch.tensor(ROADRUNNER, dtype=torch.float64), rtol=1e-6, atol=1e-10)
