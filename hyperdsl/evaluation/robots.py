"""Robots with the inputs that a controller holds from one of its instants to the next: a quadrotor and an arm.

Their fields are modules f(s, x, z), x being the input, whose constants follow the states' dtype.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hyperdsl.evaluation.problems import Problem, uniform

GRAVITY = 9.81


class Quadrotor(nn.Module):
    """The Crazyflie 2.0 with its loop of body rates closed on board.

    z: position [m], attitude as a quaternion (w, x, y, z), velocity [m/s], both in the world, and body rates [rad/s],
    13 numbers. x: thrust over mass [m/s²] and the three rates that are asked for. Mass, inertia and drag are those that
    Förster identified (System Identification of the Crazyflie 2.0 Nano Quadrocopter, ETH Zürich 2015), drag at hover's
    rotor speeds; the rate loop takes `RATE` from the error of the rates, without its integral part.
    """

    MASS, RATE = 0.027, (20.0, 20.0, 10.0)
    drag: Tensor
    rate: Tensor
    down: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("drag", torch.tensor((0.00834, 0.00834, 0.00937)) / self.MASS)
        self.register_buffer("rate", torch.tensor(self.RATE))
        self.register_buffer("down", torch.tensor((0.0, 0.0, -GRAVITY)))

    def forward(self, s: Tensor, x: Tensor, z: Tensor) -> Tensor:
        """z' [*batch, 13]; the quaternion's length is kept by a pull back to one."""
        quaternion, velocity, rates = z[..., 3:7], z[..., 7:10], z[..., 10:]
        w, vector = quaternion[..., :1], quaternion[..., 1:]
        turned = torch.cat((-(vector * rates).sum(-1, keepdim=True), w * rates + torch.linalg.cross(vector, rates)), -1)
        length = quaternion.square().sum(-1, keepdim=True)
        seen = _rotated(w, -vector, velocity)  # in the body's frame
        force = torch.cat((-self.drag[:2] * seen[..., :2], x[..., :1] - self.drag[2:] * seen[..., 2:]), -1)
        acceleration = _rotated(w, vector, force) + self.down
        pull = (1 - length) * quaternion
        return torch.cat((velocity, 0.5 * turned + pull, acceleration, self.rate * (x[..., 1:] - rates)), -1)


def _rotated(w: Tensor, axis: Tensor, vector: Tensor) -> Tensor:
    """The vector turned by the quaternion (w, axis) of length one."""
    twice: Tensor = 2 * torch.linalg.cross(axis, vector)
    turned: Tensor = vector + w * twice + torch.linalg.cross(axis, twice)
    return turned


_PANDA_LINKS = (
    (4.970684, (3.875e-3, 2.081e-3, -0.04762), (0.70337, 0.70661, 9.117e-3), (-1.39e-4, 6.772e-3, 1.9169e-2)),
    (0.646926, (-3.141e-3, -0.02872, 3.495e-3), (7.962e-3, 2.811e-2, 2.5995e-2), (-3.925e-3, 1.0254e-2, 7.04e-4)),
    (
        3.228604,
        (2.7518e-2, 3.9252e-2, -6.6502e-2),
        (3.7242e-2, 3.6155e-2, 1.083e-2),
        (-4.761e-3, -1.1396e-2, -1.2805e-2),
    ),
    (3.587895, (-5.317e-2, 0.104419, 2.7454e-2), (2.5853e-2, 1.9552e-2, 2.8323e-2), (7.796e-3, -1.332e-3, 8.641e-3)),
    (1.225946, (-1.1953e-2, 4.1065e-2, -3.8437e-2), (3.5549e-2, 2.9474e-2, 8.627e-3), (-2.117e-3, -4.037e-3, 2.29e-4)),
    (1.666555, (6.0149e-2, -1.4117e-2, -1.0517e-2), (1.964e-3, 4.354e-3, 5.433e-3), (1.09e-4, -1.158e-3, 3.41e-4)),
    (0.735522, (1.0517e-2, -4.252e-3, 6.1597e-2), (1.2516e-2, 1.0027e-2, 4.815e-3), (-4.28e-4, -1.196e-3, -7.41e-4)),
)
"""Mass [kg], centre of mass [m], and moments (xx, yy, zz) and products (xy, xz, yz) of inertia [kg m²] of each link."""

_PANDA_JOINTS = (
    ((0.0, 0.0, 0.333), 0),
    ((0.0, 0.0, 0.0), -1),
    ((0.0, -0.316, 0.0), 1),
    ((0.0825, 0.0, 0.0), 1),
    ((-0.0825, 0.384, 0.0), -1),
    ((0.0, 0.0, 0.0), 1),
    ((0.088, 0.0, 0.0), 1),
)
"""Where each joint is on the link before [m], and how many quarters of a turn about x its axis is turned."""


class Arm(nn.Module):
    """The seven joints of Franka Emika's Panda, whose gravity its own controller compensates.

    z: angles [rad] and speeds [rad/s], 14 numbers. x: torques [N m]. M(q) q'' = x − C(q, q') q' − D q'. Inertias are
    those of Gaz et al. (IEEE Robotics and Automation Letters 4, 2019); the rotors' inertia and the damping of each
    joint are MuJoCo Menagerie's .1 kg m² and 1 N m s.
    """

    JOINTS, ROTOR, DAMPING = 7, 0.1, 1.0
    mass: Tensor
    centre: Tensor
    inertia: Tensor
    offset: Tensor
    turn: Tensor
    beyond: Tensor
    unit: Tensor

    def __init__(self) -> None:
        super().__init__()
        numbers = torch.float64
        self.register_buffer("mass", torch.tensor([link[0] for link in _PANDA_LINKS], dtype=numbers))
        self.register_buffer("centre", torch.tensor([link[1] for link in _PANDA_LINKS], dtype=numbers))
        full = [((a, d, e), (d, b, f), (e, f, c)) for _, _, (a, b, c), (d, e, f) in _PANDA_LINKS]
        self.register_buffer("inertia", torch.tensor(full, dtype=numbers))
        self.register_buffer("offset", torch.tensor([place for place, _ in _PANDA_JOINTS], dtype=numbers))
        turns = [((1, 0, 0), (0, abs(q) ^ 1, -q), (0, q, abs(q) ^ 1)) for _, q in _PANDA_JOINTS]
        self.register_buffer("turn", torch.tensor(turns, dtype=numbers))
        beyond = torch.ones(self.JOINTS, self.JOINTS, dtype=numbers).triu()
        self.register_buffer("beyond", beyond.unsqueeze(-1))
        self.register_buffer("unit", torch.eye(self.JOINTS, dtype=numbers))
        self.float()

    def forward(self, s: Tensor, x: Tensor, z: Tensor) -> Tensor:
        """z' [*batch, 14], by Newton and Euler's equations of all links in the world's frame."""
        angles, speeds = z.chunk(2, -1)
        turned, joints = self._placed(angles)
        axes = turned[..., 2]
        arms = (turned @ self.centre.unsqueeze(-1)).squeeze(-1)
        inertia = turned @ self.inertia @ turned.mT
        spin = (axes * speeds.unsqueeze(-1)).cumsum(-2)
        before = torch.nn.functional.pad(spin[..., :-1, :], (0, 0, 1, 0))
        whirl = torch.linalg.cross(before, axes * speeds.unsqueeze(-1)).cumsum(-2)
        along = torch.nn.functional.pad(joints[..., 1:, :] - joints[..., :-1, :], (0, 0, 0, 1))
        moved = torch.nn.functional.pad(_carried(whirl, spin, along)[..., :-1, :].cumsum(-2), (0, 0, 1, 0))
        force = self.mass.unsqueeze(-1) * (moved + _carried(whirl, spin, arms))
        angular = (inertia @ spin.unsqueeze(-1)).squeeze(-1)
        torque = (inertia @ whirl.unsqueeze(-1)).squeeze(-1) + torch.linalg.cross(spin, angular)

        # rows of joints, columns of links: what a joint's turning does to the links beyond it
        reach = (joints + arms).unsqueeze(-3) - joints.unsqueeze(-2)
        turning = axes.unsqueeze(-2) * self.beyond
        pushing = torch.linalg.cross(turning, reach)
        weighed = (axes.unsqueeze(-3) @ inertia).transpose(-2, -3) * self.beyond
        moving = torch.cat((pushing, turning), -2).flatten(-2)
        carrying = torch.cat((pushing * self.mass.unsqueeze(-1), weighed), -2).flatten(-2)
        matrix = carrying @ moving.mT + self.ROTOR * self.unit
        bias = (moving @ torch.cat((force, torque), -2).flatten(-2).unsqueeze(-1)).squeeze(-1)
        driven = x - bias - self.DAMPING * speeds
        acceleration = torch.linalg.solve(matrix, driven)
        return torch.cat((speeds, acceleration), -1)

    def _placed(self, angles: Tensor) -> tuple[Tensor, Tensor]:
        """Each link's rotation [*batch, 7, 3, 3] and where its joint is [*batch, 7, 3]."""
        sin, cos = angles.sin(), angles.cos()
        zero, one = torch.zeros_like(sin), torch.ones_like(sin)
        about = torch.stack((cos, -sin, zero, sin, cos, zero, zero, zero, one), -1)
        about = about.reshape(*angles.shape, 3, 3)
        local = self.turn @ about
        turned, joints = [local[..., 0, :, :]], [self.offset[0].expand(*angles.shape[:-1], 3)]
        for j in range(1, self.JOINTS):
            joints.append(joints[-1] + (turned[-1] @ self.offset[j].unsqueeze(-1)).squeeze(-1))
            turned.append(turned[-1] @ local[..., j, :, :])
        return torch.stack(turned, -3), torch.stack(joints, -2)


def _carried(whirl: Tensor, spin: Tensor, place: Tensor) -> Tensor:
    """The acceleration of a place on a body that turns."""
    cross = torch.linalg.cross
    found: Tensor = cross(whirl, place) + cross(spin, cross(spin, place))
    return found


def _hovering(batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """States of flight with up to 70 degrees of tilt, and inputs."""
    place = uniform((-2.0,) * 3, (2.0,) * 3, batch, generator)
    axis = torch.randn(batch, 3, dtype=torch.float64, generator=generator) * torch.tensor((1.0, 1.0, 0.5))
    tilt = 0.6 * torch.rand(batch, 1, dtype=torch.float64, generator=generator)
    attitude = torch.cat((tilt.cos(), tilt.sin() * torch.nn.functional.normalize(axis)), -1)
    velocity = uniform((-4.0,) * 3, (4.0,) * 3, batch, generator)
    rates = uniform((-6.0,) * 3, (6.0,) * 3, batch, generator)
    x = uniform((0.0, -8.0, -8.0, -4.0), (20.0, 8.0, 8.0, 4.0), batch, generator)
    return torch.cat((place, attitude, velocity, rates), -1).float(), x.float()


TORQUES = (12.0, 12.0, 12.0, 12.0, 4.0, 4.0, 4.0)
"""Of the arm's joints, beyond those that bear its weight [N m]."""


def _reaching(batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Angles within the joints' limits, moderate speeds, and torques."""
    low, high = (-2.8, -1.7, -2.8, -3.0, -2.8, 0.0, -2.8), (2.8, 1.7, 2.8, -0.1, 2.8, 3.7, 2.8)
    angles = uniform(low, high, batch, generator)
    speeds = uniform((-1.5,) * 7, (1.5,) * 7, batch, generator)
    x = uniform([-most for most in TORQUES], TORQUES, batch, generator)
    return torch.cat((angles, speeds), -1).float(), x.float()


def quadrotor() -> Problem:
    """A twentieth of a second of flight, in which the input is held."""
    return Problem(
        Quadrotor(), _hovering, (0.0, 0.05), (13,), (4,), eps=(0.0125, 0.05), name="quadrotor", tolerance=1e-8
    )


def arm() -> Problem:
    """A tenth of a second of the arm's motion, in which the torques are held."""
    return Problem(Arm(), _reaching, (0.0, 0.1), (14,), (7,), eps=(0.025, 0.1), name="arm", tolerance=1e-8)


ROBOTS = {"quadrotor": quadrotor, "arm": arm}
"""What makes each problem, by its name."""
