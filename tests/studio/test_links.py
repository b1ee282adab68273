"""How a run was made, as a link tells it: from what it says, the same run is made again."""

import pytest
from small_run import same, until

from glassnet.studio.session import Session


@pytest.fixture
def session(tmp_path):
    made = Session(tmp_path / "home")
    yield made
    made.close()


def told(session):
    return session.describe()["made"]


def test_a_new_run_can_be_made_again_and_says_with_what(session):
    made = told(session)
    assert made["fresh"] is True
    assert made["settings"] == session.describe()["settings"]
    assert (made["changes"], made["edits"], made["even"]) == ([], [], True)


def test_changes_are_told_with_their_places_and_only_what_changed(session):
    tab = session.tab(lambda: None)
    tab.do({"do": "change", "learning_rate": 3.0})  # before the first minibatch: it began so
    tab.do({"do": "step", "what": "minibatch"})
    until(lambda: session.state()["status"]["step"] == 1)
    tab.do({"do": "change", "learning_rate": 0.5, "momentum": 0.9})
    tab.do({"do": "change", "momentum": 0.5})  # at the same place: the last one counts
    tab.do({"do": "step", "what": "minibatch"})
    until(lambda: session.state()["status"]["step"] == 2)
    tab.do({"do": "change", "batch_size": 20})
    made = told(session)
    assert made["settings"]["learning_rate"] == 3.0
    assert made["changes"] == [
        {"at": [0, 10], "values": {"learning_rate": 0.5, "momentum": 0.5}},
        {"at": [0, 20], "values": {"batch_size": 20}},
    ]
    assert made["even"] is False


def test_another_optimizer_is_told_with_all_its_fields(session):
    tab = session.tab(lambda: None)
    tab.do({"do": "step", "what": "minibatch"})
    until(lambda: session.state()["status"]["step"] == 1)
    tab.do({"do": "change", "optimizer": "adam"})
    (change,) = told(session)["changes"]
    assert change["values"]["optimizer"] == "adam"
    assert {"learning_rate", "schedule", "weight_decay", "clip"} <= set(change["values"])
    assert {"momentum", "epochs", "batch_size", "cost", "deform"}.isdisjoint(change["values"])


def test_deformations_are_told_as_they_are_asked_for(session):
    tab = session.tab(lambda: None)
    tab.do({"do": "restart", "deform": "affine(rotation=15)"})
    tab.do({"do": "step", "what": "minibatch"})
    until(lambda: session.state()["status"]["step"] == 1)
    tab.do({"do": "change", "optimizer": "adam", "deform": "none"})
    made = told(session)
    assert made["settings"]["deform"] == "affine(rotation=15)"
    (change,) = made["changes"]
    assert (change["values"]["optimizer"], change["values"]["deform"]) == ("adam", "none")


def test_edits_by_hand_are_named_but_not_told(session):
    tab = session.tab(lambda: None)
    tab.do({"do": "edit", "kind": "bias", "layer": 1, "neuron": 0, "value": 2.0})
    made = told(session)
    assert made["fresh"] is True  # the network was made at random, and a hand changed it then
    assert made["edits"] == [[0, 0]]


def test_a_run_that_goes_on_from_another_is_fresh_and_one_from_a_mere_network_is_not(session, tmp_path, trained):
    """The first begins with all that happened before; of the second, nobody knows how it came to be."""
    for source, fresh in ((trained, True), (trained / "best.safetensors", False)):
        made = Session(tmp_path / source.name, source)
        try:
            assert told(made)["fresh"] is fresh
        finally:
            made.close()


def test_a_damaged_beginning_is_no_error(session, tmp_path):
    run = tmp_path / "home" / "1"
    (run / "first.safetensors").write_bytes(b"damaged")
    assert told(session)["fresh"] is False
    (run / "first.safetensors").unlink()
    assert told(session)["fresh"] is False


def test_a_branch_of_a_fresh_run_is_fresh(session):
    tab = session.tab(lambda: None)
    for step in (1, 2, 3):
        tab.do({"do": "step", "what": "minibatch"})
        until(lambda step=step: session.state()["status"]["step"] == step)
    tab.do({"do": "seek", "step": 1})
    tab.do({"do": "change", "learning_rate": 0.1})
    description = session.describe()
    assert description["run"] == 2
    assert description["made"]["fresh"] is True
    assert description["made"]["changes"] == [{"at": [0, 10], "values": {"learning_rate": 0.1}}]


def test_what_is_told_makes_the_same_bytes(session, tmp_path):
    tab = session.tab(lambda: None)
    tab.do({"do": "restart", "recipe": "plain", "sizes": [784, 20, 10], "hidden": "relu", "seed": 5})
    tab.do({"do": "step", "what": "minibatch"})
    until(lambda: session.state()["status"]["step"] == 1)
    tab.do({"do": "change", "learning_rate": 0.1})
    tab.do({"do": "step", "what": "minibatch"})
    until(lambda: session.state()["status"]["step"] == 2)
    run, made = session.describe(), told(session)
    other = Session(tmp_path / "another")
    try:
        settings = {key: value for key, value in made["settings"].items() if value is not None}
        again = other.tab(lambda: None)
        again.do({"do": "restart", "sizes": run["sizes"], "hidden": run["activations"][0],
                  "output": run["activations"][-1], "initializer": run["initializer"], "seed": run["seed"],
                  **settings})  # fmt: skip
        again.do({"do": "step", "what": "minibatch"})
        until(lambda: other.state()["status"]["step"] == 1)
        again.do({"do": "change", **made["changes"][0]["values"]})
        again.do({"do": "step", "what": "minibatch"})
        until(lambda: other.state()["status"]["step"] == 2)
        assert same(session.now().weights.network, other.now().weights.network)
    finally:
        other.close()
