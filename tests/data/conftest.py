"""Fixtures for the tests of data."""

import pytest
from jaxtyping import config


@pytest.fixture
def unchecked():
    """What users see: the suite's own checks of types would answer first, and in their own words."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)
