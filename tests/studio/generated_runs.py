"""Runs made at random: rates, optimizers, costs, minibatches, deformations, patience, kills, edits, branches, engines, epochs
raised and lowered, finished and not; each with the truth about it, written down while it happened.
"""

import random
from dataclasses import dataclass, field

from glassnet import Run, record, train
from glassnet.errors import GlassnetError
from glassnet.events import EpochEnded, Finished, Started
from glassnet.runs import best_cost
from glassnet.runs.edits import Edit, effective
from glassnet.runs.plans import begun, numbered, reopened
from glassnet.runs.recipes import recipe
from glassnet.runs.replay import place_of, settled
from glassnet.studio.trainer import Trainer
from glassnet.training import Diverged
from glassnet.watch import patience


@dataclass
class Truth:
    """What happened, as it was seen when it did. Places at the very end of an epoch are at the beginning of the next.

    Attributes:
        examples: in an epoch.
        states: how it stood at each place it came to, with what was changed there; what was lost in a kill is not among them.
        settings: what it went on with, where that was chosen.
        edits: how many edits by hand, by place.
        judged: at the end of each epoch, its place, its network, and the cost it was judged by.
    """

    examples: int
    states: dict = field(default_factory=dict)
    settings: dict = field(default_factory=dict)
    edits: dict = field(default_factory=dict)
    judged: list = field(default_factory=list)

    def cut(self, place):
        """What came after did not happen."""
        self.states = {at: each for at, each in self.states.items() if at <= place}
        self.settings = {at: each for at, each in self.settings.items() if at <= place}
        self.edits = {at: each for at, each in self.edits.items() if at <= place}
        self.judged = [each for each in self.judged if each[0] <= place]

    def saw(self, checkpoint):
        here = place_of(settled(checkpoint, self.examples))
        self.states[here] = checkpoint
        at = max((each for each in self.settings if each <= here), default=None)
        if at is None or self.settings[at] != checkpoint.settings:
            self.settings[here] = checkpoint.settings


def words(dice, settings=None, examples=0):
    """Some settings in words, at random; with ``settings``, changes of these."""
    optimizer = dice.choice(["sgd", "sgd", "adam", "adamw", "rmsprop"])
    all_of_them = {
        "optimizer": optimizer,
        "learning_rate": dice.choice([0.01, 0.05, 0.2]) if optimizer != "sgd" else dice.choice([0.1, 0.5, 2.0]),
        "schedule": dice.choice(["constant", "cosine", "step", "warm_up", "one_cycle"]),
        "batch_size": dice.choice([3, 7, 10, 16, 64]),
        "deform": dice.choice(["none", "none", "affine(rotation=10)", "elastic(alpha=8, sigma=2)"]),
        "dropout": dice.choice([0.0, 0.0, 0.3]),
        "clip": dice.choice([0.0, 0.0, 0.5]),
        "weight_decay": dice.choice([0.0, 1e-3]),
        "epochs": dice.choice([1, 2, 3, 5]),
        "cost": dice.choice(["squared_error", "binary_cross_entropy", "huber(delta=0.5)"]),
    }
    if settings is None:
        return all_of_them
    chosen = {key: all_of_them[key] for key in dice.sample(sorted(all_of_them), dice.randint(0, 3))}
    if "optimizer" in chosen or "learning_rate" in chosen:
        chosen |= {key: all_of_them[key] for key in ("optimizer", "learning_rate")}
    return chosen


def of_the_command_line(dice, folder, source):
    """A run as the command line makes them: begun, stopped, killed, gone on with; and the truth about it."""
    begin = {**words(dice)}
    sizes = (None, *dice.choice([(6,), (5, 4)]), None)
    plan = begun(
        recipe("plain"), begin, sizes=_sized(sizes, source), hidden=[dice.choice(["sigmoid", "tanh", "relu"])],
        output="sigmoid", seed=dice.randrange(5), validation=40, sources=[str(source)],
    )  # fmt: skip
    engine = dice.choice([None, None, "reference", "fused"])
    bears = dice.choice([None, None, 1, 2])
    run = Run.create(numbered(folder), {**plan.about, "engine": engine, "patience": bears}, plan.checkpoint)
    truth = Truth(len(plan.splits.train))
    for _ in range(dice.randint(1, 4)):
        _go_on(dice, run, plan, truth)
        run = Run.open(run.path)
        checkpoint = run.checkpoint()
        truth.cut(place_of(settled(checkpoint, truth.examples)))
        changes = words(dice, checkpoint.settings)
        changes["epochs"] = max(checkpoint.epoch + 1, changes.get("epochs", checkpoint.settings.epochs))
        plan = reopened(run, changes)
        run.rewind(plan.checkpoint)
        if dice.random() < 0.3:
            run.note(engine=dice.choice([None, "reference", "fused"]))
    return Run.open(run.path), truth


def _sized(sizes, source):
    from glassnet.data import load

    train_part = load(source).train
    return (train_part.inputs.shape[1], *sizes[1:-1], train_part.targets.shape[1])


def _go_on(dice, run, plan, truth):
    """Train until the end, a stop, or a kill."""
    splits, past = plan.splits, run.events()
    cost = {"event": "started", "settings": plan.checkpoint.settings.to_data()}
    events = train(
        None, splits.train, validation=splits.validation, start=plan.checkpoint, engine=run.about.get("engine"),
        every=dice.choice([1, 3, 20]), quiet=True,
    )  # fmt: skip
    if run.about.get("patience"):
        events = patience(events, run.about["patience"], past=[*past, cost], best=run.best())
    recorder = record(events, run, seconds=dice.choice([0.0, 1e9]), best=best_cost([*past, cost]))
    left = dice.choice([3, 10, 40, 10**6])
    iterator = iter(recorder)
    try:
        for event in iterator:
            truth.saw(event.checkpoint) if not isinstance(event, Finished) else None
            if isinstance(event, EpochEnded):
                truth.judged.append((place_of(event.checkpoint), event.checkpoint, event.checkpoint.settings.cost))
            left -= 1
            if left <= 0 and not isinstance(event, Started | Finished):
                iterator.close()
                if dice.random() < 0.5:  # else it is killed: what was not saved yet is lost
                    recorder.save(event.checkpoint)
                break
    except Diverged as error:
        recorder.save(error.checkpoint)


def of_the_studio(dice, folder, source):
    """A run as the studio makes them: stepped, changed, edited, branched, closed and opened again."""
    plan = begun(
        recipe("plain"), words(dice), sizes=_sized((None, 6, None), source), output="sigmoid", seed=dice.randrange(5),
        validation=40, sources=[str(source)],
    )  # fmt: skip
    run = Run.create(numbered(folder), {**plan.about, "engine": dice.choice([None, "reference"])}, plan.checkpoint)
    trainer = Trainer(run, plan, lambda: None, speed=None)
    truth = Truth(len(plan.splits.train))
    truth.saw(plan.checkpoint)
    try:
        for _ in range(dice.randint(4, 14)):
            trainer = _act(dice, trainer, truth)
        path = trainer.state.run.path
        if dice.random() < 0.3 and trainer.state.past:
            trainer.seek(trainer.state.end)
    finally:
        trainer.close()
    return Run.open(path), truth


def _act(dice, trainer, truth):
    state = trainer.state
    what = dice.choice(
        ["step", "step", "reach", "reach", "epoch", "change", "change", "edit", "back", "seek", "close", "undo"]
    )
    before = state.run
    try:
        if what == "step":
            trainer.step()
        elif what == "reach":
            trainer.reach(min(state.steps, state.step + dice.randint(1, 30)))
        elif what == "epoch":
            trainer.reach((state.at[0] + 1, 0))
        elif what == "change":
            changes = words(dice, state.checkpoint.settings)
            changes.pop("cost", None)
            changes["epochs"] = max(state.at[0] + 1, changes.get("epochs", state.checkpoint.settings.epochs))
            trainer.change(changes)
        elif what == "edit":
            layer = dice.choice([1, 2])
            trainer.edit(Edit("bias", layer, dice.randrange(3), (dice.uniform(-1, 1),)))
        elif what == "undo":
            trainer.undo()
        elif what == "back":
            trainer.back(dice.random() < 0.3)
        elif what == "seek":
            places = sorted(truth.states)
            if places:
                trainer.seek(dice.choice(places))
        elif what == "close":
            trainer.close()
            run = Run.open(before.path)
            trainer = Trainer(run, reopened(run), lambda: None, speed=None)
    except GlassnetError:  # nothing to undo, all epochs are trained, …: nothing happened
        pass
    now = trainer.state
    if now.run.path != before.path:
        truth.cut(now.at)
    if not now.past:
        truth.cut(now.at)
        truth.states[now.at] = now.checkpoint
        at = max((each for each in truth.settings if each <= now.at), default=None)
        if at is None or truth.settings[at] != now.checkpoint.settings:
            truth.settings[now.at] = now.checkpoint.settings
        truth.edits.pop(now.at, None)
        if now.edits:
            truth.edits[now.at] = len(effective(now.edits))
    return trainer


def made(seed, folder, source):
    """A run, and the truth about it."""
    dice = random.Random(seed)
    make = of_the_studio if seed % 2 else of_the_command_line
    return make(dice, folder, source)
