"""Generated solvers inside other libraries, a module for each.

`torchdiffeq`: odeint and odeint_adjoint. `torchdyn`: a solver of its NeuralODE. `torchode`: its solve of a problem.
`scipy`: a method of solve_ivp. `saving`: SaveAt, as in diffrax. `lightning`: a module that trains g, and a callback
that keeps g in step with f. `sampling`: loops and schedulers of samplers.

Each imports its library where it is used, and needs nothing of the others. Solvers of one package are
interchangeable: each is given what decides its steps, `steps` or tolerances, and says so where it is given the other.
"""

from hyperdsl.adapters.fields import autonomous

__all__ = ["autonomous"]
