"""Who is measured: glassnet and its peers, each at its best, behind one small interface.

A contestant gives *trainers* (state of its own; shuffles, and trains on rows) and *answerers* (a function from a NumPy
array to a NumPy array). Where it has several ways to do the same, it gives all of them by name, and the worker takes the
one that is fastest here: a peer should not lose because we chose the wrong one.

Libraries are loaded when a contestant is made, never before: a worker first sets how many threads they may use.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, ClassVar, TypeAlias

from workloads import Workload

__all__ = ["CONTESTANTS", "OURS", "Contestant", "Entry", "Trainer", "entries", "make"]

Answerer: TypeAlias = Callable[[Any], Any]
Weights: TypeAlias = list[tuple[Any, Any]]
"""The weight (out, in) and the bias of each layer, in NumPy."""

EPSILON = 1e-8


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Entry:
    """A contestant with a number of threads; None leaves the choice to it."""

    name: str
    threads: int | None

    @property
    def key(self) -> str:
        """The name by which it is found in the results."""
        return self.name if self.threads is None else f"{self.name}/{self.threads}"

    @property
    def label(self) -> str:
        """The name that people read."""
        label = CONTESTANTS[self.name][0]
        return label if self.threads is None else f"{label}, {self.threads} thread{'s' * (self.threads > 1)}"

    @property
    def module(self) -> str:
        """The library that must be there."""
        return CONTESTANTS[self.name][1]

    @property
    def peer(self) -> bool:
        """Whether it is somebody else's."""
        return self.name != OURS

    def left_out(self, work: Workload) -> str | None:
        """Why it has no part in this workload; None if it has."""
        if self.name == "onnxruntime" and work.kind == "train":
            return "does not train"
        if self.name == "scikit-learn" and work.kind == "train" and not work.natural:
            return "trains no classifier by squared error"
        if self.name == "scikit-learn" and work.recipe and work.momentum:
            return "its momentum keeps the learning rates of earlier steps, so it takes others where they change"
        return None

    def environment(self) -> dict[str, str]:
        """The variables that must be set before its libraries are loaded."""
        quiet = {
            "CUDA_VISIBLE_DEVICES": "",  # everything is measured on the processor
            "JAX_PLATFORMS": "cpu",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "PYTHONWARNINGS": "ignore",
            "TORCHINDUCTOR_COMPILE_THREADS": "1",  # no helper processes that outlive the compilation
        }
        if self.threads is None or self.name == OURS:
            return quiet
        threads = str(self.threads)
        # PyTorch and JAX bring their own products. NumPy's would only turn idle threads over in the background.
        numpy_threads = threads if self.name == "scikit-learn" else "1"
        limits = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": numpy_threads}
        if self.name == "jax" and self.threads == 1:
            limits["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        return quiet | limits


OURS = "glassnet"
CONTESTANTS = {
    OURS: ("glassnet", "glassnet"),
    "torch-eager": ("PyTorch eager", "torch"),
    "torch-compile": ("PyTorch torch.compile", "torch"),
    "jax": ("JAX", "jax"),
    "scikit-learn": ("scikit-learn", "sklearn"),
    "onnxruntime": ("onnxruntime", "onnxruntime"),
}
"""The label of each contestant, and the library that it needs."""


def entries() -> list[Entry]:
    """Glassnet with its own choice of threads, and every peer with one thread and with one for each core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    peers = [name for name in CONTESTANTS if name != OURS]
    return [Entry(OURS, None), *(Entry(name, threads) for name in peers for threads in sorted({1, cores}))]


# ── The interface ────────────────────────────────────────────────────────────────────────────────────────────────────


class Trainer:
    """A network in training.

    Attributes:
        batches: how many minibatches make an epoch. Those who want minibatches of one size leave out the last short one.
    """

    def __init__(self, work: Workload, n: int, *, short: bool) -> None:
        self.work, self.n = work, n
        self.batches = -(-n // work.batch) if short else n // work.batch

    def shuffle(self) -> Any:
        """A new order of all examples."""
        import numpy as np

        return np.random.default_rng().permutation(self.n)

    @abstractmethod
    def train(self, rows: Any, rates: Any = None) -> None:
        """Train on these rows, a minibatch after the other, and be done with it.

        ``rates`` are the learning rates of the minibatches, where it is not the same for all.
        """

    def restart(self, network: Any) -> None:
        """Begin anew with this network, on the same examples; what was compiled stays."""
        raise NotImplementedError

    def run(self, batches: int) -> None:
        """The first so many minibatches of a newly shuffled epoch: all that an epoch needs is in here."""
        self.train(self.shuffle()[: batches * self.work.batch])

    @abstractmethod
    def weights(self) -> Weights:
        """What it has learned so far."""

    @abstractmethod
    def save(self) -> Any:
        """A copy of the state of the training (weights, and what the optimizer remembers), for :meth:`load`."""

    @abstractmethod
    def load(self, saved: Any) -> None:
        """Go back to a state that :meth:`save` copied, which stays as it is. What was compiled or learned about speed stays."""


class Contestant:
    """A library, loaded.

    Attributes:
        tries_all: whether its ways compete; if not, a way is only there in case those before it fail.
    """

    tries_all: ClassVar[bool] = True

    def versions(self) -> dict[str, str]:
        """Versions of what takes part."""
        from importlib.metadata import version

        return {name: version(name) for name in ("numpy", *self.packages())}

    def packages(self) -> tuple[str, ...]:
        """The packages, besides NumPy, whose version matters."""
        return ()

    def digits(self) -> tuple[Any, Any]:
        """The inputs and the targets of MNIST's 60,000 training images, as its users would read them in a new process."""
        return plain_digits()

    def network(self, work: Workload, layers: Weights) -> Any:
        """A network with these weights, for :meth:`trainers`: peers only look at its layers."""
        return SimpleNamespace(layers=[SimpleNamespace(weight=weight, bias=bias) for weight, bias in layers])

    @abstractmethod
    def trainers(
        self, work: Workload, inputs: Any, targets: Any, network: Any, steps: int | None = None
    ) -> dict[str, Callable[[], Trainer]]:
        """Ways to train this network on these examples, by name; the first is the one to take without looking.

        ``steps`` is how many there will be, where the learning rate depends on it.
        """

    @abstractmethod
    def answerers(self, work: Workload, network: Any) -> dict[str, Callable[[], Answerer]]:
        """Ways to ask this network: about a vector if the workload is about latency, else about the rows of a matrix."""


def plain_digits() -> tuple[Any, Any]:
    """The same, unzipped and read by NumPy in a few lines, as there are in many a tutorial, and nothing is checked."""
    import gzip
    from importlib.util import find_spec
    from pathlib import Path

    import numpy as np

    found = find_spec("glassnet")  # only to know where its files lie: glassnet is not loaded
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent / "data" / "mnist"
    with gzip.open(folder / "train-images-idx3-ubyte.gz") as images, gzip.open(
        folder / "train-labels-idx1-ubyte.gz"
    ) as labels:  # fmt: skip
        pixels = np.frombuffer(images.read(), np.uint8, offset=16).reshape(-1, 784)
        marks = np.frombuffer(labels.read(), np.uint8, offset=8)
    return np.divide(pixels, 255, dtype=np.float32), np.eye(10, dtype=np.float32)[marks]


def make(entry: Entry, engine: str) -> Contestant:
    """Load the library; ``engine`` is which of glassnet's own."""
    if entry.name == OURS:
        return Glassnet(entry.threads, engine)
    assert entry.threads is not None
    kinds = {
        "torch-eager": TorchEager,
        "torch-compile": TorchCompile,
        "jax": Jax,
        "scikit-learn": Sklearn,
        "onnxruntime": Onnx,
    }
    return kinds[entry.name](entry.threads)


def in_pieces(answer: Answerer, size: int) -> Answerer:
    """The same answers, asked for by ``size`` rows at a time: what lies between two layers then fits in a cache."""
    import numpy as np

    def pieces(x: Any) -> Any:
        return np.concatenate([answer(x[first : first + size]) for first in range(0, len(x), size)])

    return pieces


def whole_and_in_pieces(work: Workload, ways: dict[str, Callable[[], Answerer]]) -> dict[str, Callable[[], Answerer]]:
    """Every way as it is and, for throughput, in pieces too."""
    if work.kind == "latency":
        return ways
    pieces = {f"{name}, by 500": (lambda build=build: in_pieces(build(), 500)) for name, build in ways.items()}
    return ways | pieces


# ── glassnet ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Glassnet(Contestant):
    """Ours: the fused engine, or, to try the benchmark itself, the reference engine."""

    def __init__(self, threads: int | None, engine: str) -> None:
        self.reference = engine == "reference"
        self.read: Any = None
        if self.reference:
            from glassnet.engine import Reference

            self.engine: Any = Reference()
        else:
            from glassnet.engine.fused import Fused

            self.engine = Fused(threads=threads)
        self.threads = threads

    def packages(self) -> tuple[str, ...]:
        return ("glassnet",) if self.reference else ("glassnet", "numba")

    def trainers(
        self, work: Workload, inputs: Any, targets: Any, network: Any, steps: int | None = None
    ) -> dict[str, Callable[[], Trainer]]:
        from glassnet.data import Dataset

        data = self.read if self.read and self.read.inputs is inputs else Dataset(inputs, targets)
        return {"": lambda: GlassnetTrainer(self.engine, work, data, network, steps)}

    def digits(self) -> tuple[Any, Any]:
        from glassnet.data import load

        self.read = load("mnist", validation=0).train
        return self.read.inputs, self.read.targets

    def network(self, work: Workload, layers: Weights) -> Any:
        from glassnet.activations import as_activation
        from glassnet.network import Layer, Network

        activations = (work.hidden,) * (len(layers) - 1) + (work.output,)
        return Network(tuple(Layer(*each) for each in layers), tuple(map(as_activation, activations)))

    def answerers(self, work: Workload, network: Any) -> dict[str, Callable[[], Answerer]]:
        if self.reference:
            return {"": lambda: network}
        from glassnet.engine.fused import predictor

        return {"": lambda: predictor(network, threads=self.threads)}


class GlassnetTrainer(Trainer):
    """An engine and its state."""

    def __init__(self, engine: Any, work: Workload, data: Any, network: Any, steps: int | None = None) -> None:
        from glassnet.costs import as_cost
        from glassnet.optimizers import SGD, Adam
        from glassnet.runs.recipes import recipe

        super().__init__(work, len(data), short=True)
        self.engine, self.steps = engine, steps or self.batches
        self.data, self.cost = data, as_cost(work.cost)
        if work.recipe:  # its learning rates are its own to find
            self.optimizer: Any = recipe(work.recipe).settings.optimizer
        else:
            self.optimizer = SGD(work.rate) if work.optimizer == "sgd" else Adam(work.rate)
        self.restart(network)

    def restart(self, network: Any) -> None:
        self.epoch = 0
        self.state: Any = None  # gives back the memory of the last one first
        memory = self.optimizer.init(network.layers, total=self.steps)
        self.state = self.engine.start(network, self.data, self.cost, self.optimizer, memory)

    def shuffle(self) -> Any:
        from glassnet.training import order

        return order(self.n, 0, self.epoch)

    def train(self, rows: Any, rates: Any = None) -> None:
        from glassnet.engine import Batches

        self.state, _ = self.engine.advance(self.state, Batches(rows, self.work.batch, self.epoch))
        self.epoch += 1

    def weights(self) -> Weights:
        network, _ = self.engine.checkpoint(self.state)
        return [(layer.weight, layer.bias) for layer in network.layers]

    def save(self) -> Any:
        model = getattr(self.state, "model", None)  # the fused engine's, whose arrays are written in place
        arrays = None if model is None else [array.copy() for array in self._arrays()]
        return self.epoch, self.state.memory if arrays else self.state, arrays

    def load(self, saved: Any) -> None:
        self.epoch, kept, arrays = saved
        if arrays is None:  # the reference engine's states are values
            self.state = kept
            return
        # In place: a new state would have to find out anew how many threads pay, and list all inks.
        self.state.memory = kept
        self.state.turned = False
        for array, value in zip(self._arrays(), arrays, strict=True):
            array[...] = value

    def _arrays(self) -> list[Any]:
        model = self.state.model
        return [model.parameters, model.first, model.second]


# ── PyTorch ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def torch_forward(work: Workload) -> Callable[[Any, Any], Any]:
    """The network's last weighted sums, or its outputs where a natural cost does not do the last step itself.

    Plain functions: a module would cost some microseconds a layer more.
    """
    import torch
    from torch.nn.functional import linear

    hidden = torch.relu if work.hidden == "relu" else torch.sigmoid

    def forward(parameters: Any, x: Any) -> Any:
        last = len(parameters) - 2
        for i in range(0, last, 2):
            x = hidden(linear(x, parameters[i], parameters[i + 1]))
        z = linear(x, parameters[last], parameters[last + 1])
        return z if work.natural else torch.sigmoid(z)

    return forward


def torch_loss(work: Workload) -> Callable[[Any, Any, Any], Any]:
    """The mean cost of a minibatch, as one of PyTorch's own functions.

    Its squared error is the mean over outputs, too, instead of their sum; :func:`torch_rate` makes up for it.
    """
    from torch.nn import functional

    forward = torch_forward(work)
    cost = {
        "squared_error": functional.mse_loss,
        "cross_entropy": functional.cross_entropy,
        "binary_cross_entropy": functional.binary_cross_entropy_with_logits,
    }[work.cost]
    return lambda parameters, x, y: cost(forward(parameters, x), y)


def torch_rate(work: Workload) -> float:
    """The rate that makes the same steps as ours."""
    return work.rate * (work.sizes[-1] if work.cost == "squared_error" else 1)


class TorchBase(Contestant):
    """What both ways to use PyTorch share."""

    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)

    def packages(self) -> tuple[str, ...]:
        return ("torch",)


class TorchTrainer(Trainer):
    """Data and parameters as tensors."""

    def __init__(self, work: Workload, inputs: Any, targets: Any, network: Any, *, short: bool) -> None:
        import torch

        super().__init__(work, len(inputs), short=short)
        self.inputs = torch.from_numpy(inputs)
        self.targets = torch.from_numpy(targets.argmax(axis=1) if work.output == "softmax" else targets)
        self.loss = torch_loss(work)
        self.parameters = torch_parameters(network)
        self.rate = torch_rate(work)
        self.by_rate = self.rate / work.rate

    def restart(self, network: Any) -> None:
        import torch

        with torch.no_grad():
            for parameter, new in zip(self.parameters, torch_parameters(network), strict=True):
                parameter.copy_(new)

    def shuffle(self) -> Any:
        import torch

        return torch.randperm(self.n)

    def train(self, rows: Any, rates: Any = None) -> None:
        import torch

        rows = rows if isinstance(rows, torch.Tensor) else torch.from_numpy(rows)
        step = self.step
        if rates is None:
            for batch in rows.split(self.work.batch):
                step(batch)
            return
        for batch, rate in zip(rows.split(self.work.batch), self.rates(rates * self.by_rate), strict=True):
            step(batch, rate)

    def rates(self, rates: Any) -> Any:
        """The learning rates as they are taken one by one."""
        return rates.tolist()

    @abstractmethod
    def step(self, rows: Any, rate: Any = None) -> None:
        """One minibatch; ``rate`` where it is not the same for all."""

    def weights(self) -> Weights:
        arrays = [each.detach().numpy() for each in self.parameters]
        return list(zip(arrays[::2], arrays[1::2], strict=True))

    @abstractmethod
    def remembered(self) -> list[Any]:
        """The tensors that the optimizer keeps from step to step."""

    def save(self) -> Any:
        return [each.detach().clone() for each in (*self.parameters, *self.remembered())]

    def load(self, saved: Any) -> None:
        import torch

        with torch.no_grad():
            for each, value in zip((*self.parameters, *self.remembered()), saved, strict=True):
                each.copy_(value)


class TorchEager(TorchBase):
    """PyTorch, function after function."""

    def trainers(
        self, work: Workload, inputs: Any, targets: Any, network: Any, steps: int | None = None
    ) -> dict[str, Callable[[], Trainer]]:
        ways = {"step by hand": ByHand, "fused optimizer": ByOptimizer}
        return {
            name: (lambda kind=kind: kind(work, inputs, targets, network, short=True)) for name, kind in ways.items()
        }

    def answerers(self, work: Workload, network: Any) -> dict[str, Callable[[], Answerer]]:
        import torch

        parameters = torch_parameters(network)
        answer = torch_answer(work)

        def eager() -> Answerer:
            def ask(x: Any) -> Any:
                with torch.inference_mode():
                    return answer(parameters, torch.from_numpy(x)).numpy()

            return ask

        def traced() -> Answerer:
            class Net(torch.nn.Module):
                def forward(self, x: Any) -> Any:
                    return answer(parameters, x)

            shape = (work.sizes[0],) if work.kind == "latency" else (work.batch, work.sizes[0])
            with torch.inference_mode():
                net = torch.jit.freeze(torch.jit.trace(Net().eval(), torch.zeros(shape)))

            def ask(x: Any) -> Any:
                with torch.inference_mode():
                    return net(torch.from_numpy(x)).numpy()

            return ask

        return whole_and_in_pieces(work, {"eager": eager, "jit.trace": traced})


class ByOptimizer(TorchTrainer):
    """As its manual has it: an optimizer, ``backward``; the optimizer's own loop is the fused one."""

    def __init__(self, work: Workload, *arrays: Any, short: bool) -> None:
        super().__init__(work, *arrays, short=short)
        for each in self.parameters:
            each.requires_grad_()
        self._begin()

    def restart(self, network: Any) -> None:
        super().restart(network)
        self._begin()

    def _begin(self) -> None:
        import torch

        work = self.work
        self.optimizer: Any = (
            torch.optim.SGD(self.parameters, self.rate, work.momentum, nesterov=work.nesterov, fused=True)
            if work.optimizer == "sgd"
            else torch.optim.Adam(self.parameters, self.rate, (work.beta1, work.beta2), fused=True)
        )

    def step(self, rows: Any, rate: Any = None) -> None:
        if rate is not None:
            self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        self.loss(self.parameters, self.inputs.index_select(0, rows), self.targets.index_select(0, rows)).backward()
        self.optimizer.step()

    def remembered(self) -> list[Any]:
        import torch

        kept = [value for state in self.optimizer.state.values() for value in state.values()]
        return [each for each in kept if isinstance(each, torch.Tensor)]


class ByHand(TorchTrainer):
    """The optimizer's inner function alone, without its bookkeeping: a quarter faster where minibatches are small."""

    def __init__(self, work: Workload, *arrays: Any, short: bool) -> None:
        super().__init__(work, *arrays, short=short)
        self._begin()
        for each in self.parameters:
            each.requires_grad_()

    def restart(self, network: Any) -> None:
        super().restart(network)
        self._begin()

    def _begin(self) -> None:
        import torch

        self.mean = [torch.zeros_like(each, requires_grad=False) for each in self.parameters]
        self.square = [torch.zeros_like(each, requires_grad=False) for each in self.parameters]
        self.steps = [torch.zeros(()) for _ in self.parameters]

    def step(self, rows: Any, rate: Any = None) -> None:
        import torch

        work, rate = self.work, self.rate if rate is None else rate
        loss = self.loss(self.parameters, self.inputs.index_select(0, rows), self.targets.index_select(0, rows))
        gradient = torch.autograd.grad(loss, self.parameters)
        with torch.no_grad():
            if work.optimizer != "sgd":
                torch._foreach_add_(self.steps, 1)
                torch._fused_adam_(
                    self.parameters, list(gradient), self.mean, self.square, [], self.steps,
                    lr=rate, beta1=work.beta1, beta2=work.beta2, weight_decay=0.0, eps=EPSILON, amsgrad=False, maximize=False,
                )  # fmt: skip
                return
            if work.momentum:
                torch._foreach_mul_(self.mean, work.momentum)
                torch._foreach_add_(self.mean, gradient)
                ahead = torch._foreach_add(gradient, self.mean, alpha=work.momentum) if work.nesterov else self.mean
            else:
                ahead = gradient
            torch._foreach_add_(self.parameters, ahead, alpha=-rate)

    def remembered(self) -> list[Any]:
        return [*self.mean, *self.square, *self.steps]


class TorchCompile(TorchBase):
    """PyTorch with the whole step compiled into one function: gather, forward, backward, update.

    Called by way of C++ instead of Python, which for small minibatches saves a quarter. Compiling forward and loss alone
    takes three times as long a step on P1, and as long again to compile: it is only there if the whole step fails.
    """

    tries_all = False

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        import torch._inductor.config as config

        config.cpp_wrapper = True

    def trainers(
        self, work: Workload, inputs: Any, targets: Any, network: Any, steps: int | None = None
    ) -> dict[str, Callable[[], Trainer]]:
        return {
            "whole step": lambda: Compiled(work, inputs, targets, network, short=False),
            "forward and loss": lambda: CompiledLoss(work, inputs, targets, network, short=False),
        }

    def answerers(self, work: Workload, network: Any) -> dict[str, Callable[[], Answerer]]:
        import torch
        import torch._inductor.config as config

        parameters = torch_parameters(network)
        answer = torch_answer(work)

        def compiled() -> Answerer:
            config.freezing = True
            function = torch.compile(lambda x: answer(parameters, x), dynamic=False, fullgraph=True)

            def ask(x: Any) -> Any:
                with torch.inference_mode():
                    return function(torch.from_numpy(x)).numpy()

            return ask

        return whole_and_in_pieces(work, {"compiled": compiled})


class Compiled(TorchTrainer):
    """One compiled function a step. It wants minibatches of one size, so the last short one is left out."""

    def __init__(self, work: Workload, *arrays: Any, short: bool) -> None:
        import torch

        super().__init__(work, *arrays, short=short)
        constant, gradient_of = self.rate, torch.func.grad(torch_loss(work))
        beta1, beta2, momentum, nesterov = work.beta1, work.beta2, work.momentum, work.nesterov
        self.mean = [torch.zeros_like(each) for each in self.parameters]
        self.square = [torch.zeros_like(each) for each in self.parameters]
        self.taken = torch.zeros(())

        def sgd(
            parameters: Any, inputs: Any, targets: Any, rows: Any, mean: Any, square: Any, taken: Any, rate: Any
        ) -> None:  # fmt: skip
            gradient = gradient_of(parameters, inputs.index_select(0, rows), targets.index_select(0, rows))
            for parameter, change, velocity in zip(parameters, gradient, mean, strict=True):
                if momentum:
                    velocity.mul_(momentum).add_(change)
                    change = change + momentum * velocity if nesterov else velocity
                if rate is None:
                    parameter.sub_(change, alpha=constant)
                else:
                    parameter.sub_(rate * change)

        def adam(
            parameters: Any, inputs: Any, targets: Any, rows: Any, mean: Any, square: Any, taken: Any, rate: Any
        ) -> None:  # fmt: skip
            gradient = gradient_of(parameters, inputs.index_select(0, rows), targets.index_select(0, rows))
            taken.add_(1)
            rise, spread = 1 - torch.pow(beta1, taken), torch.sqrt(1 - torch.pow(beta2, taken))
            step = (constant if rate is None else rate) / rise
            for parameter, g, m, s in zip(parameters, gradient, mean, square, strict=True):
                m.mul_(beta1).add_(g, alpha=1 - beta1)
                s.mul_(beta2).addcmul_(g, g, value=1 - beta2)
                parameter.sub_(step * m / (s.sqrt() / spread + EPSILON))

        self.compiled = torch.compile(sgd if work.optimizer == "sgd" else adam, dynamic=False, fullgraph=True)

    def restart(self, network: Any) -> None:
        super().restart(network)
        for each in (*self.mean, *self.square, self.taken):
            each.zero_()

    def rates(self, rates: Any) -> Any:
        import torch

        return torch.from_numpy(rates).unbind()  # a number would be compiled into the function

    def train(self, rows: Any, rates: Any = None) -> None:
        import torch

        with torch.no_grad():
            super().train(rows, rates)

    def step(self, rows: Any, rate: Any = None) -> None:
        self.compiled(
            self.parameters, self.inputs, self.targets, rows, self.mean, self.square, self.taken, rate
        )  # fmt: skip

    def remembered(self) -> list[Any]:
        return [*self.mean, *self.square, self.taken]


class CompiledLoss(ByHand):
    """Forward and loss compiled, and with them the gradient; the optimizer as it is."""

    def __init__(self, work: Workload, *arrays: Any, short: bool) -> None:
        import torch

        super().__init__(work, *arrays, short=short)
        self.loss = torch.compile(self.loss, dynamic=False, fullgraph=True)


def torch_parameters(network: Any) -> list[Any]:
    """Weight, bias, weight, bias, … as tensors."""
    import torch

    return [torch.from_numpy(array.copy()) for layer in network.layers for array in (layer.weight, layer.bias)]


def torch_answer(work: Workload) -> Callable[[Any, Any], Any]:
    """The network's outputs."""
    import torch

    forward = torch_forward(work)
    if not work.natural:
        return forward
    last = torch.sigmoid if work.output == "sigmoid" else lambda z: torch.softmax(z, -1)
    return lambda parameters, x: last(forward(parameters, x))


# ── JAX ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def jax_forward(work: Workload, parameters: Any, x: Any) -> Any:
    """The last weighted sums."""
    import jax

    hidden = jax.nn.relu if work.hidden == "relu" else jax.nn.sigmoid
    for weight, bias in parameters[:-1]:
        x = hidden(x @ weight + bias)
    weight, bias = parameters[-1]
    return x @ weight + bias


class Jax(Contestant):
    """JAX, a whole epoch in one compiled function."""

    def __init__(self, threads: int) -> None:
        if threads == 1 and hasattr(os, "sched_setaffinity"):
            # XLA takes as many threads as there are cores it may run on, whatever else it is told.
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        import jax

        assert jax.default_backend() == "cpu"

    def packages(self) -> tuple[str, ...]:
        return ("jax", "jaxlib")

    def trainers(
        self, work: Workload, inputs: Any, targets: Any, network: Any, steps: int | None = None
    ) -> dict[str, Callable[[], Trainer]]:
        return {"one lax.scan": lambda: JaxTrainer(work, inputs, targets, network)}

    def answerers(self, work: Workload, network: Any) -> dict[str, Callable[[], Answerer]]:
        import jax
        import numpy as np

        parameters = jax_parameters(network)

        def outputs(x: Any) -> Any:
            z = jax_forward(work, parameters, x)
            return jax.nn.softmax(z) if work.output == "softmax" else jax.nn.sigmoid(z)

        function = jax.jit(outputs)
        return whole_and_in_pieces(work, {"jit": lambda: lambda x: np.asarray(function(x))})


def jax_parameters(network: Any) -> list[Any]:
    """Weight (in, out) and bias of each layer, on the device: so a product needs no turning around."""
    import jax.numpy as jnp
    import numpy as np

    return [
        (jnp.array(np.ascontiguousarray(layer.weight.T), copy=True), jnp.array(layer.bias, copy=True))
        for layer in network.layers
    ]


@lru_cache(maxsize=4)
def jax_epoch(work: Workload) -> Any:
    """One lax.scan over the minibatches, compiled once in a process for each length of an epoch."""
    import jax
    import jax.numpy as jnp

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        z = jax_forward(work, parameters, x)
        if work.cost == "squared_error":
            return jnp.mean(jnp.sum((jax.nn.sigmoid(z) - y) ** 2, axis=1))
        if work.cost == "cross_entropy":
            return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(z), axis=1))
        return jnp.mean(jax.nn.softplus(z) - y * z)

    def adam(parameters: Any, gradient: Any, memory: Any, rate: Any) -> Any:
        beta1, beta2 = work.beta1, work.beta2
        mean, square, taken = memory
        taken = taken + 1
        mean = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, mean, gradient)
        square = jax.tree.map(lambda s, g: beta2 * s + (1 - beta2) * g * g, square, gradient)
        rise, spread = 1 - beta1**taken, jnp.sqrt(1 - beta2**taken)
        moved = jax.tree.map(
            lambda p, m, s: p - rate / rise * m / (jnp.sqrt(s) / spread + EPSILON), parameters, mean, square
        )
        return moved, (mean, square, taken)

    def sgd(parameters: Any, gradient: Any, memory: Any, rate: Any) -> Any:
        if work.momentum:
            memory = jax.tree.map(lambda v, g: work.momentum * v + g, memory, gradient)
            gradient = jax.tree.map(lambda g, v: g + work.momentum * v, gradient, memory) if work.nesterov else memory
        return jax.tree.map(lambda p, g: p - rate * g, parameters, gradient), memory

    update = adam if work.optimizer == "adam" else sgd

    def epoch(carry: Any, inputs: Any, targets: Any, rows: Any, rates: Any) -> Any:
        def step(carry: Any, batch: Any) -> Any:
            parameters, memory = carry
            batch, rate = (batch, work.rate) if rates is None else batch
            # "clip": the rows are known to be there, and asking costs time.
            x, y = jnp.take(inputs, batch, axis=0, mode="clip"), jnp.take(targets, batch, axis=0, mode="clip")
            value, gradient = jax.value_and_grad(loss)(parameters, x, y)
            return update(parameters, gradient, memory, rate), value

        return jax.lax.scan(step, carry, rows if rates is None else (rows, rates))

    return jax.jit(epoch, donate_argnums=0)


class JaxTrainer(Trainer):
    """All minibatches of an epoch in one call; they have one size, so the last short one is left out."""

    def __init__(self, work: Workload, inputs: Any, targets: Any, network: Any) -> None:
        import jax.numpy as jnp

        super().__init__(work, len(inputs), short=False)
        self.inputs, self.targets = jnp.asarray(inputs), jnp.asarray(targets)
        self.epoch, self.length = jax_epoch(work), 0
        self.restart(network)

    def restart(self, network: Any) -> None:
        import jax
        import jax.numpy as jnp

        parameters = jax_parameters(network)
        zeros = [jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)]
        memory = zeros[0] if self.work.momentum else ()
        self.carry = (parameters, (*zeros, jnp.float32(0)) if self.work.optimizer == "adam" else memory)

    def train(self, rows: Any, rates: Any = None) -> None:
        import numpy as np

        rows = rows.astype(np.int32).reshape(-1, self.work.batch)
        if rates is not None:
            # Another number of minibatches would be compiled again: at the end, some are done for nothing, at a rate of 0.
            self.length = max(self.length, len(rates))
            missing = self.length - len(rates)
            rows, rates = np.pad(rows, ((0, missing), (0, 0))), np.pad(rates, (0, missing))
        self.carry, costs = self.epoch(self.carry, self.inputs, self.targets, rows, rates)
        costs.block_until_ready()

    def weights(self) -> Weights:
        import numpy as np

        return [(np.asarray(weight).T, np.asarray(bias)) for weight, bias in self.carry[0]]

    def save(self) -> Any:
        import jax
        import jax.numpy as jnp

        # A copy: an epoch is given its state for good, to write the next one in its place.
        return jax.block_until_ready(jax.tree.map(lambda array: jnp.array(array, copy=True), self.carry))

    def load(self, saved: Any) -> None:
        self.carry = saved
        self.carry = self.save()


# ── scikit-learn ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Sklearn(Contestant):
    """scikit-learn's MLPClassifier, whose threads are those of NumPy's products."""

    def __init__(self, threads: int) -> None:
        import sklearn.neural_network  # noqa: F401

    def packages(self) -> tuple[str, ...]:
        return ("scikit-learn", "scipy")

    def trainers(
        self, work: Workload, inputs: Any, targets: Any, network: Any, steps: int | None = None
    ) -> dict[str, Callable[[], Trainer]]:
        return {"partial_fit": lambda: SklearnTrainer(work, inputs, targets, network)}

    def answerers(self, work: Workload, network: Any) -> dict[str, Callable[[], Answerer]]:
        import numpy as np

        random = np.random.default_rng(0)
        inputs = random.random((100, work.sizes[0]), dtype=np.float32)
        # Independent sigmoid outputs are what it makes of examples that may belong to several classes at once.
        labels = np.arange(100) % work.sizes[-1]
        targets = labels if work.output == "softmax" else random.integers(0, 2, (100, work.sizes[-1]))
        classifier = _fitted(work, inputs, targets, network, batch_size=100)
        single = work.kind == "latency"

        def ask(x: Any) -> Any:
            return classifier.predict_proba(x[None])[0] if single else classifier.predict_proba(x)

        return whole_and_in_pieces(work, {"predict_proba": lambda: ask})


def _fitted(work: Workload, inputs: Any, targets: Any, network: Any, **more: Any) -> Any:
    """A classifier of these shapes that holds this network's weights: it makes its own from the first examples it sees."""
    import numpy as np
    from sklearn.neural_network import MLPClassifier

    classifier = MLPClassifier(
        hidden_layer_sizes=work.sizes[1:-1],
        activation="relu" if work.hidden == "relu" else "logistic",
        alpha=0.0,
        shuffle=True,
        random_state=0,
        **more,
    )
    classifier.partial_fit(inputs, targets, classes=np.arange(max(work.sizes[-1], 2)))
    for i, layer in enumerate(network.layers):
        classifier.coefs_[i][...] = layer.weight.T
        classifier.intercepts_[i][...] = layer.bias
    return classifier


class SklearnTrainer(Trainer):
    """One call of ``partial_fit`` is one epoch: it shuffles by itself, unless it is given an order."""

    def __init__(self, work: Workload, inputs: Any, targets: Any, network: Any) -> None:
        super().__init__(work, len(inputs), short=True)
        self.inputs = inputs
        self.labels = targets.argmax(axis=1) if work.output == "softmax" else targets[:, 0].astype(int)
        self.restart(network)

    def restart(self, network: Any) -> None:
        work = self.work
        settings: dict[str, Any] = {"solver": work.optimizer, "learning_rate_init": work.rate, "batch_size": work.batch}
        if work.optimizer == "sgd":
            settings |= {"momentum": work.momentum, "nesterovs_momentum": work.nesterov, "learning_rate": "constant"}
        else:
            settings |= {"beta_1": work.beta1, "beta_2": work.beta2}
        self.classifier = _fitted(work, self.inputs[: work.batch], self.labels[: work.batch], network, **settings)
        if work.recipe:
            self.classifier.shuffle = False
            self.classifier._optimizer = _scheduled(self.classifier)

    def run(self, batches: int) -> None:
        part = slice(0, batches * self.work.batch)
        self.classifier.partial_fit(self.inputs[part], self.labels[part])

    def train(self, rows: Any, rates: Any = None) -> None:
        if rates is None:
            raise NotImplementedError  # it chooses its own order
        self.classifier._optimizer.rates = iter(rates.tolist())
        self.classifier.partial_fit(self.inputs[rows], self.labels[rows])

    def weights(self) -> Weights:
        return [(w.T, b) for w, b in zip(self.classifier.coefs_, self.classifier.intercepts_, strict=True)]

    def save(self) -> Any:
        from copy import deepcopy

        return deepcopy(self.classifier)  # with its optimizer, whose arrays are the classifier's own in the copy, too

    def load(self, saved: Any) -> None:
        from copy import deepcopy

        self.classifier = deepcopy(saved)


def _scheduled(classifier: Any) -> Any:
    """The classifier's optimizer before its first step, but with a learning rate for each: it has no such schedules."""
    from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

    kind: Any = AdamOptimizer if classifier.solver == "adam" else SGDOptimizer

    class Scheduled(kind):
        rates: Any = iter(())

        def _get_updates(self, gradients: Any) -> Any:
            self.learning_rate = self.learning_rate_init = next(self.rates)
            return super()._get_updates(gradients)

    parameters = classifier.coefs_ + classifier.intercepts_
    if classifier.solver == "adam":
        return Scheduled(parameters, 1.0, classifier.beta_1, classifier.beta_2, EPSILON)
    return Scheduled(parameters, 1.0, "constant", 0.0)


# ── onnxruntime ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Onnx(Contestant):
    """onnxruntime, which answers only."""

    def __init__(self, threads: int) -> None:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401

        self.threads = threads

    def packages(self) -> tuple[str, ...]:
        return ("onnx", "onnxruntime")

    def trainers(
        self, work: Workload, inputs: Any, targets: Any, network: Any, steps: int | None = None
    ) -> dict[str, Callable[[], Trainer]]:
        raise NotImplementedError

    def answerers(self, work: Workload, network: Any) -> dict[str, Callable[[], Answerer]]:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            onnx_graph(work, network).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        single = work.kind == "latency"

        def ask(x: Any) -> Any:
            return session.run(None, {"x": x[None]})[0][0] if single else session.run(None, {"x": x})[0]

        return whole_and_in_pieces(work, {"session": lambda: ask})


def onnx_graph(work: Workload, network: Any) -> Any:
    """The network as an ONNX model: a product and an activation for each layer."""
    from onnx import TensorProto, checker, helper, numpy_helper

    operators = {"sigmoid": "Sigmoid", "relu": "Relu", "softmax": "Softmax"}
    nodes, numbers, name = [], [], "x"
    for i, layer in enumerate(network.layers):
        numbers += [numpy_helper.from_array(layer.weight, f"w{i}"), numpy_helper.from_array(layer.bias, f"b{i}")]
        nodes.append(helper.make_node("Gemm", [name, f"w{i}", f"b{i}"], [f"z{i}"], transB=1))
        kind = work.output if i == len(network.layers) - 1 else work.hidden
        nodes.append(helper.make_node(operators[kind], [f"z{i}"], [f"a{i}"]))
        name = f"a{i}"

    def rows(name: str, width: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])

    graph = helper.make_graph(nodes, "mlp", [rows("x", work.sizes[0])], [rows(name, work.sizes[-1])], numbers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9  # old enough for any onnxruntime in use
    checker.check_model(model)
    return model
