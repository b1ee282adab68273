import numpy as np
import pytest

from glassnet.errors import WrongValue
from glassnet.network import Layer, Network, map_parameters
from glassnet.optimizers import (
    OPTIMIZERS,
    SCHEDULES,
    SGD,
    Adam,
    AdamW,
    Constant,
    Cosine,
    OneCycle,
    RMSprop,
    StepDecay,
    WarmUp,
    as_optimizer,
    as_schedule,
    optimizer_from_data,
)
from glassnet.settings import to_data

STEPS = 100


def plus(parameters, step):
    return map_parameters(lambda p, s: p + s, parameters, step)


def gradients(parameters, rng):
    """A made-up gradient that depends on where we are, so that errors would add up."""
    return map_parameters(lambda p: 0.3 * p + rng.standard_normal(p.shape), parameters)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("ours", "theirs", "options"),
    [
        (SGD(0.1), "SGD", {"lr": 0.1}),
        (SGD(0.1, momentum=0.9), "SGD", {"lr": 0.1, "momentum": 0.9}),
        (SGD(0.1, momentum=0.9, nesterov=True), "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        (SGD(0.1, momentum=0.5, weight_decay=0.01), "SGD", {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.01}),
        (RMSprop(0.01), "RMSprop", {"lr": 0.01}),
        (RMSprop(0.01, momentum=0.9, weight_decay=0.1), "RMSprop", {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.1}),
        (Adam(0.01), "Adam", {"lr": 0.01}),
        (
            Adam(0.01, beta1=0.8, beta2=0.99, weight_decay=0.1),
            "Adam",
            {"lr": 0.01, "betas": (0.8, 0.99), "weight_decay": 0.1},
        ),
        (AdamW(0.01), "AdamW", {"lr": 0.01, "weight_decay": 0.01}),
        (AdamW(0.01, weight_decay=0.3), "AdamW", {"lr": 0.01, "weight_decay": 0.3}),
    ],
    ids=str,
)
def test_100_steps_as_pytorch_takes_them(ours, theirs, options):
    import torch

    rng, other_rng = np.random.default_rng(1), np.random.default_rng(1)
    parameters = Network.random((5, 4, 3), initializer="standard_normal", dtype=np.float64).layers
    tensors = [(torch.tensor(layer.weight), torch.tensor(layer.bias)) for layer in parameters]
    # biases do not decay here, so they are a group of their own there
    groups = [
        {"params": [weight for weight, _ in tensors]},
        {"params": [bias for _, bias in tensors], "weight_decay": 0.0},
    ]
    optimizer = getattr(torch.optim, theirs)(groups, **options)
    memory = ours.init(parameters)
    for _ in range(STEPS):
        step, memory = ours.update(gradients(parameters, rng), memory, parameters)
        parameters = plus(parameters, step)
        for weight, bias in tensors:
            weight.grad = 0.3 * weight + torch.tensor(other_rng.standard_normal(weight.shape))
            bias.grad = 0.3 * bias + torch.tensor(other_rng.standard_normal(bias.shape))
        optimizer.step()
    assert memory.step == STEPS
    for layer, pair in zip(parameters, tensors, strict=True):
        for mine, other in zip((layer.weight, layer.bias), pair, strict=True):
            assert np.abs(mine - other.numpy()).max() / np.abs(mine).max() <= 1e-12


@pytest.mark.torch
def test_cosine_as_pytorch_has_it():
    import torch

    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50, eta_min=0.01)
    for step in range(50):
        assert Cosine(0.3, final=0.01)(step, 50) == pytest.approx(schedule.get_last_lr()[0], rel=1e-9)
        optimizer.step()
        schedule.step()


def test_schedules_by_hand():
    assert [Constant(0.5)(step, 10) for step in (0, 9)] == [0.5, 0.5]
    # a third each at 1, 0.1, 0.01; the last step belongs to the last third
    assert [StepDecay(1.0)(step, 9) for step in (0, 2, 3, 5, 6, 8, 9)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01, 0.01]
    )
    # up over the first 4 of 8 steps
    assert [WarmUp(1.0, portion=0.5)(step, 8) for step in (0, 1, 3, 4, 7)] == pytest.approx([0.25, 0.5, 1, 1, 1])
    cycle = OneCycle(1.0, portion=0.5, start=10, end=100)
    assert [cycle(step, 8) for step in (0, 2, 4, 8)] == pytest.approx([0.1, 0.55, 1.0, 0.01])
    assert Cosine(2.0)(4, 8) == pytest.approx(1.0)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_stay_positive_and_below_their_rate(name):
    schedule = as_schedule(name)
    rates = [schedule(step, 100) for step in range(100)]
    assert min(rates) > 0
    assert max(rates) == pytest.approx(schedule.rate, rel=0.01)


def test_weight_decay_is_the_gradient_of_its_formula(rng):
    # C + ½ λ Σ w²: with C = 0 a step of SGD at rate η shrinks every weight by η λ, and leaves the biases.
    parameters = Network.random((3, 2), initializer="standard_normal", dtype=np.float64).layers
    nothing = map_parameters(np.zeros_like, parameters)
    for optimizer in (SGD(0.1, weight_decay=0.5), AdamW(0.1, weight_decay=0.5)):
        step, _ = optimizer.update(nothing, optimizer.init(parameters), parameters)
        assert step[0].weight == pytest.approx(-0.05 * parameters[0].weight)
        assert not step[0].bias.any()


def test_clipping_keeps_the_direction(rng):
    gradient = (Layer(np.array([[3.0, 0.0]]), np.array([4.0])),)  # length 5
    optimizer = SGD(1.0, clip=1.0)
    step, _ = optimizer.update(gradient, optimizer.init(gradient), gradient)
    assert step[0].weight[0] == pytest.approx([-0.6, 0])
    assert step[0].bias == pytest.approx([-0.8])
    short, _ = SGD(1.0, clip=6.0).update(gradient, optimizer.init(gradient), gradient)
    assert short[0].bias.tolist() == [-4.0]
    zero = map_parameters(np.zeros_like, gradient)
    still, _ = optimizer.update(zero, optimizer.init(zero), zero)
    assert not still[0].weight.any()


@pytest.mark.torch
def test_clipping_as_pytorch_clips(rng):
    import torch

    gradient = (Layer(rng.standard_normal((4, 3)), rng.standard_normal(4)),)
    optimizer = SGD(1.0, clip=0.7)
    step, _ = optimizer.update(gradient, optimizer.init(gradient), gradient)
    tensors = [torch.zeros(4, 3), torch.zeros(4)]
    for tensor, grad in zip(tensors, (gradient[0].weight, gradient[0].bias), strict=True):
        tensor.grad = torch.tensor(grad, dtype=tensor.dtype)
    torch.nn.utils.clip_grad_norm_(tensors, 0.7)
    assert -step[0].weight == pytest.approx(tensors[0].grad.numpy(), rel=1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_are_data(name):
    optimizer = as_optimizer(name).changed(learning_rate=Cosine(0.2), clip=1.0)
    assert optimizer_from_data(to_data(optimizer)) == optimizer
    parameters = Network.random((3, 2)).layers
    assert len(optimizer.init(parameters, 10).moments) <= len(optimizer.moments)
    assert optimizer.rate(optimizer.init(parameters, 10)) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: SGD(-1.0), "learning rate must be a finite number above 0, got -1.0"),
        (lambda: SGD(float("nan")), "learning rate must be a finite number above 0, got nan"),
        (lambda: SGD(1.0, momentum=1.0), "momentum of sgd must be a finite number at least 0 and below 1, got 1.0"),
        (lambda: SGD(1.0, nesterov=True), "nesterov"),
        (lambda: Adam(beta2=1.5), "beta2 of adam"),
        (lambda: AdamW(weight_decay=-1), "weight decay of adamw"),
        (lambda: RMSprop(rho=2), "rho of rmsprop"),
        (lambda: Cosine(0), "learning rate"),
        (lambda: as_schedule("linear"), "unknown schedule 'linear'"),
        (lambda: optimizer_from_data({"name": "lion"}), "unknown optimizer 'lion'"),
        (lambda: optimizer_from_data(["sgd"]), "expected the optimizer as a name"),
    ],
)
def test_wrong_settings_are_refused_by_name(make, says):
    with pytest.raises(WrongValue, match=says):
        make()


def test_a_schedule_needs_to_know_how_long():
    parameters = Network.random((3, 2)).layers
    optimizer = SGD(Cosine(1.0))
    with pytest.raises(WrongValue, match="how many steps"):
        optimizer.update(parameters, optimizer.init(parameters), parameters)
    assert SGD(Constant(0.5)).rate(optimizer.init(parameters)) == 0.5
    assert as_schedule(0.5) == Constant(0.5)
