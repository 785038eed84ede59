"""The latent ODE of a recording: what it reads, and that it learns."""

from __future__ import annotations

import torch

from hyperdsl.evaluation.neuron import (
    LATENT,
    SEEN,
    WINDOW,
    NeuronRecipe,
    neuron_states,
    recording,
    train_neuron,
    windows,
)


def test_windows_are_of_the_recording_and_tests_come_after_training() -> None:
    signal, train, test = recording(), windows(), windows(test=True)
    assert signal.shape == (12_000,)
    assert train.shape[1] == test.shape[1] == WINDOW
    assert torch.equal(train[0], signal[2000:2360:4])
    assert torch.equal(test[-1], signal[7200 - 360 : 7200 : 4])
    assert abs(float(signal[2000:7200].mean())) < 1e-5


def test_the_future_is_not_seen_and_the_model_learns() -> None:
    model = train_neuron(0, NeuronRecipe(iterations=2, batch=8, steps=3), progress=False)
    data = windows(test=True)[:4].clone()
    z = model.encode(data, torch.arange(SEEN))
    assert z.shape == (4, LATENT)
    data[:, SEEN:] = 7
    assert torch.equal(model.encode(data, torch.arange(SEEN)), z)
    data[:, 0] += 1
    assert not torch.equal(model.encode(data, torch.arange(SEEN)), z)
    assert neuron_states(model).shape == (len(windows()), LATENT)
