import pytest

from glassnet import Diverged, GlassnetError, TrainingWarning, WrongFile, WrongValue
from glassnet.files import NotSaved


@pytest.mark.parametrize(
    ("error", "also"),
    [(WrongValue, ValueError), (WrongFile, ValueError), (NotSaved, OSError), (Diverged, ArithmeticError)],
)
def test_every_error_is_glassnets_and_pythons(error, also):
    assert issubclass(error, GlassnetError)
    assert issubclass(error, also)


def test_the_text_is_the_sentence():
    assert str(NotSaved("could not save x: disk full")) == "could not save x: disk full"
    assert issubclass(TrainingWarning, UserWarning)
