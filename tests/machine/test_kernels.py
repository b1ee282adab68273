"""What the kernels promise to those who call them. That they do what the reference does: tests/engine/test_fused.py."""

import ast
import inspect
import textwrap

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from glassnet.activations import ACTIVATIONS
from glassnet.costs import COSTS
from glassnet.data import warp
from glassnet.machine import kernels
from glassnet.optimizers import OPTIMIZERS


def test_every_activation_cost_and_optimizer_has_a_code_of_its_own():
    for codes, table in (
        (kernels.ACTIVATION_CODES, ACTIVATIONS),
        (kernels.COST_CODES, COSTS),
        (kernels.OPTIMIZER_CODES, OPTIMIZERS),
    ):
        assert set(codes) == set(table)
        assert sorted(codes.values()) == list(range(len(codes)))


def test_the_loops_ask_for_the_codes_by_the_same_names():
    names = [
        (kernels.ACTIVATION_CODES, {"leaky_relu": "LEAKY"}),
        (
            kernels.COST_CODES,
            {"squared_error": "SQUARED", "absolute_error": "ABSOLUTE", "binary_cross_entropy": "BINARY"},
        ),
        (kernels.OPTIMIZER_CODES, {}),
    ]
    for codes, other in names:
        for name, code in codes.items():
            assert getattr(kernels, other.get(name, name.upper())) == code


@pytest.mark.parametrize("name", ["learn", "answer", "list_inks"])
def test_what_python_calls_is_compiled_and_lets_go_of_the_interpreter(name):
    kernel = getattr(kernels, name)
    assert isinstance(kernel, Dispatcher)
    assert kernel.targetoptions["nogil"]


@pytest.mark.parametrize("module", [kernels, warp])
def test_no_loop_raises(module):
    # The caller's control word is put back even then; but there is nobody in a thread of the crew to catch it.
    functions = [
        each for each in vars(module).values() if isinstance(each, Dispatcher) and each.__module__ == module.__name__
    ]
    assert functions
    for each in functions:
        tree = ast.parse(textwrap.dedent(inspect.getsource(each.py_func)))
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Raise | ast.Assert | ast.Try)], each


@pytest.mark.parametrize("kernel", [kernels.learn, kernels.answer, kernels.list_inks, warp.warp])
def test_what_python_calls_does_nothing_but_call_its_kernel_with_subnormal_numbers_as_0(kernel):
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(kernel.py_func))).body
    _, only = function.body
    assert only.value.func.id == "flushed"
    own, arguments = only.value.args
    assert own.id == f"_{kernel.py_func.__name__}"
    assert [each.id for each in arguments.elts] == [each.arg for each in function.args.args]


def test_not_a_number_must_stay_one():
    # fastmath=True would let LLVM take "x is not a number" for never true.
    for kernel in (kernels.learn, kernels.answer, kernels._activate, kernels._output_error):
        assert not {"nnan", "ninf", "fast"} & set(kernel.targetoptions["fastmath"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("share", [0, 0.2, 1])
def test_inks_are_the_numbers_that_are_not_zero(rng, dtype, share):
    x = (rng.random((50, 37)) * (rng.random((50, 37)) < share)).astype(dtype)
    starts = np.zeros(51, np.int64)
    none = np.zeros(1, np.uint16), np.zeros(1, dtype)
    kernels.list_inks(x.reshape(-1), 37, starts, *none, False, 0, len(x))
    rows, columns = np.nonzero(x)
    assert starts.tolist() == [0, *np.cumsum(np.count_nonzero(x, axis=1))]
    positions, values = np.zeros(len(rows) + 1, np.uint16), np.zeros(len(rows) + 1, dtype)
    kernels.list_inks(x.reshape(-1), 37, starts, positions, values, True, 0, len(x))
    assert positions[:-1].tolist() == columns.tolist()
    assert values[:-1].tolist() == x[rows, columns].tolist()
    assert none[0][0] == 0  # nothing was written while they were counted
