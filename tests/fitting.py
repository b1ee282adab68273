"""Which costs go with which outputs, from the tables themselves: a new entry is tested by being there."""

from itertools import product

from glassnet.activations import ACTIVATIONS, as_activation
from glassnet.costs import COSTS, as_cost, check_fit
from glassnet.errors import WrongValue


def fits(cost, output):
    """Whether the cost can judge what this output activation says; both by name."""
    try:
        check_fit(as_cost(cost), as_activation(output))
    except WrongValue:
        return False
    return True


FITTING = [pair for pair in product(COSTS, ACTIVATIONS) if fits(*pair)]
