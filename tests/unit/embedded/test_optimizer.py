"""The optimiser of the embedded model's denoiser, on a small module."""

import copy

import torch
from torch import nn

from compute.embedded.optimizer import Optimizer


def small():
    torch.manual_seed(0)
    return nn.ModuleDict({"conv": nn.Conv2d(3, 4, 3), "text": nn.Linear(5, 6), "conv_out": nn.Conv2d(4, 1, 1)})


def with_gradients(module):
    for index, value in enumerate(module.parameters()):
        value.grad = torch.randn(value.shape, generator=torch.Generator().manual_seed(index))
    return module


def test_every_parameter_moves_and_kernels_by_orthogonal_steps():
    module = with_gradients(small())
    before = copy.deepcopy(module)
    Optimizer(module, module["text"], 2.0).step(0.1)
    moved = {
        name: value - before.get_parameter(name) * (1 - 0.1 * 0.01 * (2 if name == "text.bias" else 1))
        for name, value in module.named_parameters()
    }
    assert all(step.abs().min() > 0 for step in moved.values())
    assert all(value.grad is None for value in module.parameters())
    sizes = torch.linalg.svdvals(moved["conv.weight"].detach().flatten(1))
    assert sizes.max() / sizes.min() < 2
    torch.testing.assert_close(moved["text.bias"].abs().mean(), torch.tensor(0.2), rtol=0.05, atol=0)


def test_a_loaded_state_goes_on_alike():
    straight, resumed = small(), small()
    first = Optimizer(straight, straight["text"], 2.0)
    with_gradients(straight), first.step(0.1)
    resumed.load_state_dict(straight.state_dict())
    second = Optimizer(resumed, resumed["text"], 2.0)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for module, optimizer in ((straight, first), (resumed, second)):
        with_gradients(module)
        optimizer.step(0.1)
    for one, other in zip(straight.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(one, other)
