"""The session: one run, trained in a thread of its own, watched by any number of tabs.

A tab's picture is a projection of the newest state: every frame is whole, so whoever lost a connection, or reads slowly,
has lost nothing. Commands of any tab act on the one run; what each looks at is its own.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet import files
from glassnet.activations import Activation
from glassnet.engine import Engine
from glassnet.errors import GlassnetError, WrongFile, WrongValue
from glassnet.evaluation import evaluate
from glassnet.initializers import as_initializer
from glassnet.network import Network
from glassnet.runs import Busy, Run
from glassnet.runs.edits import Edit
from glassnet.runs.plans import CHANGES, DataGone, Plan, answer_of, begun, reopened
from glassnet.runs.questions import first_of
from glassnet.runs.recipes import Recipe, recipe
from glassnet.runs.replay import Place, engine_of
from glassnet.studio.commands import WATCHING, checked
from glassnet.studio.description import described, for_pupils, last_names, run_number, sources_of
from glassnet.studio.frames import pack
from glassnet.studio.links import made
from glassnet.studio.looks import Questions, answers, changes, first_look, lit, look_at, minibatch, thought
from glassnet.studio.parcels import plan_of_file
from glassnet.studio.preparation import deforms
from glassnet.studio.races import Races
from glassnet.studio.shelf import Shelf
from glassnet.studio.trainer import CARRIED, Notice, Refused, State, Trainer, bookmarks, check, new_run
from glassnet.studio.uploads import Uploads
from glassnet.studio.workers import Worker, failure

__all__ = ["MAX_COUNT", "MAX_LAYERS", "Session", "Tab", "check_size"]

MAX_COUNT = 2_000_000
"""Weights and biases of a network in the studio, at most: each frame holds them all."""
MAX_LAYERS = 20
"""Layers of a network in the studio, at most."""
_JUDGED = 10_000
"""Training images that the network is judged by."""
_JUDGE = 0.5
"""Seconds between two judgements, at least."""
_JUDGE_REST = 10
"""And so many times as long as one takes: a large network is judged less often, so that judging does not slow its learning."""
_RING = 1 / 60
"""Seconds between two calls of a tab, at least."""
_BOOKMARKS = 100
"""Bookmarks of a run, at most."""
_MINIBATCH = 0.25
"""Seconds between two minibatches shown, at least, while several are done between two frames."""


class Session:
    """One run, trained in a thread of its own, watched by any number of tabs. Every method may be called in any thread.

    Args:
        home: the studio's folder, in which runs are numbered 1, 2, …. What was going on in it when it was last closed goes
            on.
        source: a run's folder, or a network's file, to go on from in a new run; it is only read.
        data: the sources of data (see :func:`glassnet.runs.plans.sources`) to learn from: in the run that was going on, if it
            is on this very data, otherwise in a new one. With a ``source``: where that run's data lies now. It can be chosen
            from then on, in later sessions of this home too.

    Errors: :class:`~glassnet.errors.WrongFile` for a source or data that cannot be used;
    :class:`~glassnet.errors.WrongValue` for what cannot be trained or shown;
    :class:`~glassnet.files.NotSaved` if the home cannot be written.
    """

    def __init__(self, home: str | Path, source: str | Path | None = None, data: Sequence[str] | None = None) -> None:
        self.home = Path(home)
        self._lock = threading.Lock()  # guards _tabs, and changes of _known
        self._tabs: list[Tab] = []
        self._closed = threading.Event()
        self._restarting = threading.Lock()
        self._remembering = threading.Lock()
        self._questions = Questions()
        remembered, notice = _remembered(self.home)
        speed, playing = remembered.get("speed", 100.0), remembered.get("playing") is True
        if source is not None:
            run, plan = self._made(_from(Path(source), sources=data), source)
            playing = False
        else:
            opened = None
            if "run" in remembered:
                opened, notice = self._resumed(remembered, data)
            if opened is None:
                playing = False
                opened = self._made(_begun(recipe("plain"), sources=data or ["mnist"]))
            run, plan = opened
        # What a page may choose from: what was named where the studio was started, now or earlier, and nothing else.
        self._known = [["mnist"]]
        for each in (*_data_of(remembered), sources_of(plan.about)):
            if each not in self._known:
                self._known.append(each)
        good = speed is None or (isinstance(speed, int | float) and not isinstance(speed, bool) and 0.1 <= speed <= 1e6)
        speed = (None if speed is None else float(speed)) if good else 100.0
        at = _place(remembered.get("at")) if run.path.name == str(remembered.get("run")) else None
        self._bell = Worker("bell", self._ring, lambda: None, self._fail_ringing, retries=True)
        self._judging = Worker("judge", self._judge, self._patience, self._fail_judging, retries=True)
        self._judged: Any = None  # the weights that were judged last
        self._rested = 0.0  # when judging may be done again while the network learns
        self._trainer = Trainer(run, plan, self.changed, speed=speed, playing=playing, at=at, notice=notice)
        self.races = Races(self)
        self.shelf = Shelf(self)
        self.uploads = Uploads(self)
        self._written: dict[str, Any] | None = None
        self._remember()
        self._bell.start()
        self._judging.start()

    def tab(self, wake: Callable[[], None], *, watching: bool = False) -> Tab:
        """One more that watches.

        Args:
            wake: called, by a thread of the session's own and at most sixty times a second, whenever there may be something
                new. It must return at once, and not call the session.
            watching: whether it may only watch: it can do nothing that others would see.

        Errors: :class:`~glassnet.errors.WrongValue` if the session is closed.
        """
        if self._closed.is_set():
            raise WrongValue("the studio is closed")
        tab = Tab(self, wake, watching)
        with self._lock:
            self._tabs.append(tab)
        self.changed()
        return tab

    def now(self) -> State:
        """How things are: of the run that is trained here, or of the one of another process that is watched."""
        return self.shelf.watched() or self._trainer.state

    def trained(self) -> State:
        """How the run stands that is trained here, whatever is watched."""
        return self._trainer.state

    def retell(self) -> None:
        """Tell the tabs of the run anew: what it says of itself has changed."""
        self._trainer.retell()

    def changed(self) -> None:
        """Tell the tabs that there may be something new. Returns at once."""
        self._bell.wake()

    def state(self, *, watching: bool = False) -> dict[str, Any]:
        """What is going on, for programs: ``run``, as :meth:`describe` says it, and ``status``, as every frame does.

        ``watching``: as those are told it who may only watch.
        """
        state = self.now()
        return {"run": self._described(state, watching), "status": self._status(state, watching)}

    def describe(self) -> dict[str, Any]:
        """The ``run`` message: what the run is, how it is trained, what could be chosen instead."""
        return self._described(self.now())

    def _described(self, state: State, watching: bool = False) -> dict[str, Any]:
        run = {**described(state, self._known, self.uploads.name_of), "made": made(state)}
        return for_pupils(run) if watching else run

    def close(self) -> None:
        """Stop between two minibatches, save, and end the threads. May be called again."""
        self._closed.set()
        for each in (self.races, self.shelf, self.uploads):
            each.close()
        self._trainer.close()
        self._judging.close()
        self._bell.close()
        with self._lock:
            self._tabs.clear()
        self._remember()

    @property
    def unsaved(self) -> str | None:
        """Why the run's last state is not on disk; None if it is."""
        return self._trainer.unsaved

    # ── What the parts of the session are made of ────────────────────────────────────────────────────────────────────

    def tell(self, notice: Notice) -> None:
        """Show a notice in all tabs, until it is taken away by its code, or the run is another."""
        self._trainer.tell(notice)

    def untell(self, *codes: str) -> None:
        """Take notices away."""
        self._trainer.untell(*codes)

    def pause(self) -> None:
        """Stop training, between two minibatches."""
        self._trainer.pause()

    def engine(self, plan: Plan) -> Engine:
        """What takes the steps of a training that begins so.

        Errors: :class:`~glassnet.errors.WrongValue` if it does not know its engine.
        """
        return engine_of(plan.about.get("engine"), plan.checkpoint)

    def know(self, sources: Sequence[str]) -> None:
        """Data that can be chosen from now on, in later sessions of this home too as long as it is there."""
        with self._lock:
            new = list(sources) not in self._known
            if new:
                self._known = [*self._known, list(sources)]
        if new:
            self._trainer.retell()
            self._remember()

    def known(self) -> Sequence[Sequence[str]]:
        """The data that can be chosen."""
        return self._known

    def forget(self, sources: Sequence[str]) -> None:
        """Data that cannot be chosen any more."""
        with self._lock:
            there = list(sources) in self._known[1:]
            if there:
                self._known = [each for each in self._known if each != list(sources)]
        if there:
            self._trainer.retell()
            self._remember()

    def planned(self, fields: Mapping[str, Any]) -> Plan:
        """The training that the command ``restart`` would begin with these fields.

        Errors: those of ``restart``.
        """
        return self._planned(self._trainer.state, dict(fields))

    def begin(self, plan: Plan, source: str | Path | None = None) -> int:
        """Make a new run that begins so, and take it; its number. ``plan.about["events"]`` is what happened before.

        Errors: :class:`~glassnet.errors.WrongValue`, :class:`~glassnet.files.NotSaved`.
        """
        with self._restarting:
            run, plan = self._made(plan, source)
            self._trainer.take(run, plan)
            self._remember()
        self.shelf.unwatch()  # what was begun is to be seen
        return int(run.path.name)

    def begin_from(self, source: Path) -> int:
        """Make a new run that goes on from a run's folder or a network's file, which is only read; its number.

        Errors: :class:`~glassnet.errors.WrongFile`, :class:`~glassnet.errors.WrongValue`, :class:`~glassnet.files.NotSaved`.
        """
        return self.begin(_from(source, self._known), source)

    def resume(self, path: Path) -> int:
        """Go on with a run of the home, where it ended; its number.

        Errors: :class:`~glassnet.errors.WrongFile` if it cannot go on.
        """
        with self._restarting:
            if path.name == self._trainer.state.run.path.name:
                return int(path.name)
            self._trainer.take(*_opened(path, self._known))
            self._remember()
            return int(path.name)

    # ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _follow(self, name: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Do what acts on the run."""
        if self.shelf.watched() is not None:
            raise Refused(
                "this run is trained by another process, and only watched here: stop watching it first", "watching"
            )
        self.untell("thread")  # whoever goes on has seen what failed
        for each in (self._bell, self._judging):  # in case that one has ended
            each.start()
        match name:
            case "play":
                self._trainer.play()
            case "pause":
                self._trainer.pause()
            case "step":
                (self._trainer.step if fields["what"] == "minibatch" else self._trainer.epoch)()
            case "speed":
                self._trainer.set_speed(fields["value"])
            case "change":
                self._trainer.change(fields)
            case "restart":
                return {"run": self._restart(fields)}
            case "reach" | "seek":
                place = fields.get("at", fields.get("step"))
                if place is None:
                    raise WrongValue(f"{name} needs its field step or at")
                (self._trainer.reach if name == "reach" else self._trainer.seek)(place)
            case "back":
                self._trainer.back(fields["what"] == "epoch")
            case "bookmark" | "unbookmark":
                return self._bookmark(fields, gone=name == "unbookmark")
            case "edit" | "undo" | "redo" | "worth":
                return self._by_hand(name, fields)
        if name != "speed":  # at once: whoever is killed now goes on so
            self._remember()
        state = self._trainer.state
        return {"step": state.step, "at": list(state.at), "run": int(state.run.path.name)}

    def _bookmark(self, fields: dict[str, Any], gone: bool) -> dict[str, Any]:
        """Set, rename or take away a bookmark."""
        with self._restarting:
            state = self._trainer.state
            there = {each["bookmark"]: each for each in bookmarks(state.run.about)}
            number = fields.get("bookmark")
            if number is not None and number not in there:
                raise WrongValue(f"there is no bookmark {number}")
            if gone:
                del there[number]
            elif number is None:
                if len(there) >= _BOOKMARKS:
                    raise WrongValue(f"a run can have {_BOOKMARKS} bookmarks: take one away first")
                number = 1 + max(there, default=0)
                name = fields.get("name") or f"step {state.step:,}"
                there[number] = {"bookmark": number, "name": name, "at": state.at}
            elif "name" in fields:
                there[number] = {**there[number], "name": fields["name"]}
            state.run.note(bookmarks=[{**each, "at": list(each["at"])} for each in there.values()])
            self._trainer.retell()
            return {"bookmark": number}

    def _by_hand(self, name: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Change the network by hand, or take it back, or neither; and what it is worth then."""
        began = time.monotonic()
        if name == "undo":
            self._trainer.undo(fields.get("all", False))
        elif name == "redo":
            self._trainer.redo()
        elif name == "worth":
            pass
        elif fields["kind"] == "mute" and fields.get("muted") is False:
            self._trainer.unmute(fields["layer"], fields["neuron"])
        else:
            self._trainer.edit(_edit(fields))
        state = self._trainer.state
        self._remember()
        return {
            "run": int(state.run.path.name),
            "weights": state.weights.version,
            "edits": len(state.edits),
            "redo": len(state.redo),
            "judged": _worth(state, state.weights.network),
            "before": _worth(state, self._trainer.untouched()),
            "milliseconds": round(1000 * (time.monotonic() - began), 1),
        }

    def _restart(self, fields: dict[str, Any]) -> int:
        """Begin a new run; its number. What takes long is done here, while the run of now goes on."""
        with self._restarting:
            fields = {key: value for key, value in fields.items() if value is not None}
            plan = self._planned(self._trainer.state, fields)
            run, plan = self._made(plan)
            self._trainer.take(run, plan)
            self._remember()
            return int(run.path.name)

    def _planned(self, state: State, fields: dict[str, Any]) -> Plan:
        """What was asked for; whatever was not is as in the present run, or as in the recipe that was asked for."""
        about, network = state.run.about, state.weights.network
        known: dict[str, Any] = about["data"]
        sources: list[str] = fields.get("data", known["sources"])
        if sources not in self._known:
            raise WrongValue(
                "other data is named when the studio is started, by glassnet studio --data, not here: choose what it knows"
            )
        hidden: list[Activation | str] | None = fields.get("hidden")
        wanted: list[Any] | None = fields.get("sizes")
        if "recipe" in fields:
            base = recipe(fields["recipe"])
        else:
            base = Recipe(
                str(about.get("recipe") or "plain"),
                "",
                network.sizes,
                output=network.activations[-1],
                initializer=as_initializer(str(about.get("initializer") or "glorot")),
                settings=state.checkpoint.settings,
            )
            if hidden is None:
                hidden = list(network.activations[:-1])
        between = len(wanted or base.sizes) - 2
        if hidden and "hidden" not in fields:  # more layers are like the last, fewer like the first
            hidden = (hidden + [hidden[-1]] * between)[:between]
        if wanted and wanted[0] is None:  # between ends that follow the data
            base, wanted = replace(base, sizes=(1, *wanted[1:-1], 1)), None
        # So many as in the present run, if that is what is begun again; else as the recipe says.
        held = float(known["validation"]) if "recipe" not in fields and sources == known["sources"] else None
        plan = _begun(
            base,
            {key: fields[key] for key in CHANGES if key in fields},
            sizes=wanted,
            hidden=hidden or None,
            output=fields.get("output"),
            initializer=fields.get("initializer"),
            seed=fields.get("seed", state.checkpoint.settings.seed),
            validation=fields.get("validation", held),
            sources=sources,
        )
        if "recipe" not in fields:
            plan.about["recipe"] = about.get("recipe")
        size, n = plan.checkpoint.settings.batch_size, len(plan.splits.train)
        if size > n:
            raise WrongValue(f"there are {n:,} training examples: a minibatch cannot have {size:,}")
        return plan

    def _made(self, plan: Plan, source: str | Path | None = None) -> tuple[Run, Plan]:
        """The folder of a new run that begins so."""
        check(plan)  # before there is a folder for it
        past = plan.about.pop("events", [])
        first = plan.about.pop("first", plan.checkpoint)
        about = {**plan.about, "from": None if source is None else str(source)}
        return new_run(self.home, about, past, first, plan.checkpoint), plan

    # ── What is remembered ───────────────────────────────────────────────────────────────────────────────────────────

    def _resumed(
        self, remembered: Mapping[str, Any], data: Sequence[str] | None
    ) -> tuple[tuple[Run, Plan] | None, Notice | None]:
        """The run that was going on; None if other data is asked for, and, with a notice, if it cannot go on."""
        number = remembered["run"]
        path = self.home / str(number)
        try:
            if type(number) is not int or not 0 < number < 10**9:
                raise WrongFile(f"{self.home / 'session.json'} does not say which run was going on")
            if data is not None and sources_of(Run.open(path).about) != list(data):
                with contextlib.suppress(DataGone):  # it may be the run's own data, in another place
                    return _opened(path, sources=data), None
                return None, None
            run, plan = _opened(path, _data_of(remembered))
            with run.hold():  # of a run that another process trains, this one keeps its hands off
                return (run, plan), None
        except GlassnetError as error:
            why = str(error).rstrip(".")
            code = "busy" if isinstance(error, Busy) else "damaged"
            return None, Notice(code, f"{why}. So a new run was begun; what is in {path} is left as it is.")

    def _remember(self) -> None:
        """Note what is going on, for the next time, if it changed."""
        with self._remembering:  # two that write one file would take it from each other
            state = self._trainer.state
            now = {
                "run": int(state.run.path.name),
                "speed": state.speed,
                "playing": state.mode == "playing",
                "at": list(state.at) if state.past else None,
                "data": self._known[1:],
            }
            if now == self._written:
                return
            try:
                files.write(self.home / "session.json", (json.dumps(files.sealed(now)) + "\n").encode())
                self._written = now
                self._trainer.untell("unremembered")
            except files.NotSaved as error:
                self._trainer.tell(Notice("unremembered", str(error)))

    # ── Threads ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _ring(self) -> None:
        """Call the tabs when there is something new: here, so that the training never waits for one."""
        with self._lock:
            tabs = list(self._tabs)
        for tab in tabs:
            with contextlib.suppress(BaseException):  # one that cannot be called is going away
                tab.wake()
        self._closed.wait(_RING)

    def _fail_ringing(self, error: BaseException) -> None:
        text = failure("telling the pages what is new failed", error, "It is done again from now on.")
        self.tell(Notice("thread", text))

    def _patience(self) -> float:
        return 0 if self._judged is None else _JUDGE

    def _judge(self) -> None:
        """Judge the newest network, if it is time to; and note what is going on."""
        state, begun = self._trainer.state, time.monotonic()
        learning = state.mode in ("playing", "stepping")
        if state.judging != self._judged and (begun >= self._rested or not learning):
            self._judged = state.judging
            self._trainer.judge(state, _judgement(state, threads=1 if learning else None))
            # The first takes longest, since its loops are loaded; it is mostly that of a run at rest.
            if learning:
                self._rested = begun + _JUDGE_REST * (time.monotonic() - begun)
        self._remember()

    def _fail_judging(self, error: BaseException) -> None:
        text = failure(
            "judging the network failed", error, "Training is not touched; the next network is judged again."
        )
        self.tell(Notice("thread", text))

    def _status(self, state: State, watching: bool = False) -> dict[str, Any]:
        notice = None if state.notice is None else {"code": state.notice.code, "text": state.notice.text}
        if notice is not None and watching:  # where the home lies is nothing to them
            notice["text"] = notice["text"].replace(f"{self.home}{os.sep}", "").replace(str(self.home), "the home")
        settings, checkpoint, n = state.checkpoint.settings, state.checkpoint, len(state.splits.train)
        done = checkpoint.epoch >= settings.epochs
        return {
            "mode": state.mode,
            "step": state.step,
            "steps": state.steps,
            "epoch": min(checkpoint.epoch + 1, settings.epochs),
            "epochs": settings.epochs,
            "example": n if done else checkpoint.example,
            "examples": n,
            "seconds": round(state.seconds, 3),
            "rate": None if state.rate is None else round(state.rate, 1),
            "speed": state.speed,
            "learning_rate": state.learning_rate,
            "cost": state.cost if state.cost is not None and math.isfinite(state.cost) else None,
            "notice": notice,
            "judged": _told(state),
            "tabs": len(self._tabs),
            "at": list(state.at),
            "end": {"step": state.step_of(state.end), "at": list(state.end)},
            "past": state.past,
            "edits": {"count": len(state.edits), "redo": len(state.redo)},
        }


class Tab:
    """One that watches: a browser's tab, a phone. Made by :meth:`Session.tab`. Every method may be called in any thread."""

    def __init__(self, session: Session, wake: Callable[[], None], watching: bool = False) -> None:
        self._session = session
        self.wake = wake
        self.watching = watching
        self._lock = threading.Lock()  # guards all below: one frame at a time
        state = session.now()
        self._look = first_look(state.splits)
        self._run = (
            state.run
        )  # what the look is at the data of; the data itself would be kept in memory by a hidden tab
        self._watch: frozenset[str] = frozenset()
        self._told = -1
        self._number = 0
        self._seen: tuple[Any, ...] | None = None
        self._weights = -1
        self._charts: Any = None
        self._batch: Any = None
        self._batch_at = 0.0
        self._changes: tuple[Any] | None = None  # of which minibatch it was sent what it changed
        self._races: dict[str, Any] = {}  # what of a race this tab was sent already

    def do(self, message: dict[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> dict[str, Any] | bytes:
        """Follow a command: the fields of the ``done`` reply, or that reply whole and packed, if it has arrays.

        Commands that act on the run wait for the training to take note, some milliseconds; ``restart`` as long as the data
        takes to read.

        Errors: :class:`~glassnet.errors.WrongValue`, of which a :class:`~glassnet.studio.trainer.Refused` has a ``code``, and
        other :class:`~glassnet.errors.GlassnetError`.
        """
        arrays = arrays or {}
        name, fields = checked(message, arrays)
        session, state = self._session, self._session.now()
        if session._closed.is_set():
            raise WrongValue("the studio is closed")
        if self.watching and name not in WATCHING:
            raise Refused(
                "you were let in to watch: what happens to the run is for the one who teaches to say", "watching_only"
            )
        match name:
            case "view":
                with self._lock:
                    self._watch = frozenset(fields.get("watch", self._watch))
                    self._batch = self._changes = None
                    self._races.clear()
            case "look":
                look = look_at(fields, arrays.get("pixels"), state.splits)
                with self._lock:
                    self._look, self._run = look, state.run
            case "find":
                return _reply(message, *session._questions.find(state, fields))
            case "mistakes":
                return _reply(message, *session._questions.mistakes(state, fields))
            case "lit":
                return _reply(message, *lit(state, fields))
            case "answers":
                step = fields.get("step")
                if step and self.watching:  # the training would stand still while it is trained again
                    raise Refused(
                        "you were let in to watch: of the past, only step 0 can be asked about", "watching_only"
                    )
                if step is not None and state.mode == "watching":
                    raise Refused("the past of a run that is only watched is not known here", "watching")
                network = state.weights.network if step is None else session._trainer.network_at(step)
                return _reply(message, *answers(network, state.splits, fields["source"], fields["rows"]))
            case "edit" if fields["kind"] == "weights":
                if "values" not in arrays:
                    raise WrongValue(
                        "an edit of all weights of a neuron needs its values, as an array behind the command"
                    )
                return session._follow(name, {**fields, "values": arrays["values"]})
            case "race":
                return session.races.do(fields)
            case "runs" | "compare" | "rename" | "delete" | "restore" | "empty":
                return _answer(message, session.shelf.do(name, fields))
            case "open" | "pretrained" | "watch_run" | "unwatch":
                return _answer(message, session.shelf.do(name, fields))
            case "datasets" | "dataset" | "forget_data":
                found = session.uploads.do(name, fields)
                return _answer(message, _of_last_names(found) if self.watching else found)
            case _:
                return session._follow(name, fields)
        session.changed()
        return {}

    def news(self) -> list[dict[str, Any]]:
        """The text messages that are due: ``run``, if it changed since this was last asked."""
        state = self._session.now()
        with self._lock:
            if self._told == state.told:
                return []
            self._told = state.told
        return [self._session._described(state, self.watching)]

    def frame(self) -> bytes | None:
        """The newest frame; None if nothing changed since the last one."""
        with (
            self._lock,
            np.errstate(over="ignore", invalid="ignore"),
        ):  # a network that runs away has costs beyond all bounds
            return self._frame()

    def close(self) -> None:
        """Watch no more. May be called again."""
        session = self._session
        with session._lock:
            if self in session._tabs:
                session._tabs.remove(self)
        session.changed()

    def _frame(self) -> bytes | None:
        session, state = self._session, self._session.now()
        if self._run is not state.run:
            self._look, self._run = self._look.again(state.splits), state.run
        look = self._look
        tabs = len(session._tabs)
        racing = "race" in self._watch
        seen = (state.serial, look, tabs, self._watch, session.races.serial if racing else None)
        if self._seen is not None and all(a is b or a == b for a, b in zip(seen, self._seen, strict=True)):
            return None
        self._seen = seen
        about, arrays = thought(state.weights.precise, state.checkpoint.settings.cost, look, state.splits.train.labeled)
        self._number += 1
        header: dict[str, Any] = {
            "type": "frame",
            "frame": self._number,
            "run": run_number(state),
            "weights": state.weights.version,
            "status": session._status(state, self.watching),
            "look": about,
        }
        if self._weights != state.weights.version:
            self._weights = state.weights.version
            for l, layer in enumerate(state.weights.network.layers, start=1):
                arrays[f"weight{l}"] = np.asarray(layer.weight, np.float32)
                arrays[f"bias{l}"] = np.asarray(layer.bias, np.float32)
        size = state.checkpoint.settings.batch_size
        if self._charts != (state.charts, state.charts.version, size, state.told):
            version, series = state.charts.arrays(size)
            self._charts = (state.charts, version, size, state.told)
            arrays |= series
        if "change" in self._watch and (self._changes is None or self._changes[0] is not state.batch):
            self._changes = (state.batch,)
            header["change"], more = changes(state)
            arrays |= more
        if racing:
            header["race"], more = session.races.frame(self._races, look.input)
            arrays |= more
        if "minibatch" in self._watch and (found := self._minibatch(state)) is not None:
            header["minibatch"], more = found
            arrays |= more
        return pack(header, arrays)

    def _minibatch(self, state: State) -> Any:
        """The minibatch, if it is another than the last one sent, and not too soon after it."""
        now = time.monotonic()
        what = (state.told, state.weights.version, state.batch)
        if self._batch == what:
            return None
        if state.mode in ("playing", "stepping") and state.batch is None and now - self._batch_at < _MINIBATCH:
            return None
        if state.checkpoint.settings.deform is not None and not deforms():
            return None  # shown when it is loaded: the drawing of this tab is answered meanwhile
        self._batch, self._batch_at = what, now
        return minibatch(state)


def _answer(message: dict[str, Any], found: dict[str, Any] | tuple[dict[str, Any], dict[str, NDArray[Any]]]) -> Any:
    return _reply(message, *found) if isinstance(found, tuple) else found


def _of_last_names(found: Any) -> Any:
    """What is said of data, for those who only watch: where it lies on this machine is left out."""
    if isinstance(found, dict):
        return {key: last_names(value) if key == "sources" else _of_last_names(value) for key, value in found.items()}
    if isinstance(found, tuple):
        return _of_last_names(found[0]), found[1]
    return [_of_last_names(each) for each in found] if isinstance(found, list) else found


def _reply(message: dict[str, Any], about: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> bytes:
    number = message.get("id")
    return pack({"type": "done", "id": number if type(number) is int else None, **about}, arrays)


def _judgement(state: State, threads: int | None) -> dict[str, Any]:
    """What the network of a state is worth, as plain data."""
    network, cost = state.weights.network, state.checkpoint.settings.cost
    answer = answer_of(network, threads, loaded=True)
    parts = {"train": state.splits.train.take(slice(0, _JUDGED)), "validation": state.splits.validation}
    judged: dict[str, Any] = {"step": state.step}
    for name, data in parts.items():
        judged[name] = None
        if data is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                found = evaluate(network, data, cost, answer)
            if math.isfinite(found.cost):
                judged[name] = {"cost": found.cost, "accuracy": found.accuracy, "examples": found.examples}
    return judged


def _told(state: State) -> dict[str, Any] | None:
    """The newest judgement, as a frame tells it: its step in minibatches of today's size, as all steps are; and ``now``,
    whether it is of the very network that the frame shows, by the cost of now, rather than of one before an edit, a jump
    or more steps.
    """
    if state.judged is None:
        return None
    told = {key: value for key, value in state.judged.items() if key != "at"}
    at = _place(state.judged.get("at"))
    if at is not None:
        told["step"] = state.step_of(at)
    return {**told, "now": state.judged_of == state.judging}


def _worth(state: State, network: Network) -> dict[str, Any] | None:
    """What a network is worth on up to 10,000 validation images, or on training images where there are none."""
    data = (state.splits.train if state.splits.validation is None else state.splits.validation).take(slice(0, _JUDGED))
    with np.errstate(over="ignore", invalid="ignore"):
        found = evaluate(network, data, state.checkpoint.settings.cost, answer_of(network, loaded=True))
    if not math.isfinite(found.cost):
        return None
    return {"cost": found.cost, "accuracy": found.accuracy, "examples": found.examples}


def _edit(fields: Mapping[str, Any]) -> Edit:
    """An edit from the fields of its command."""
    kind, stroke = fields["kind"], fields.get("stroke")
    if kind == "weights":
        values = tuple(
            float(str(each)) for each in fields["values"]
        )  # as few digits as tell them apart: they are recorded
    elif kind == "mute":
        values = ()
    elif "value" in fields:
        values = (fields["value"],)
    else:
        raise WrongValue(f"an edit of a {kind} needs its value")
    number = fields.get("input") if kind == "weight" else None
    return Edit(kind, fields["layer"], fields["neuron"], values, number, stroke)


def _place(given: Any) -> Place | None:
    """A place as it was remembered."""
    good = isinstance(given, list) and len(given) == 2 and all(type(each) is int and each >= 0 for each in given)
    return (given[0], given[1]) if good else None


def _opened(path: Path, known: Sequence[Sequence[str]] = (), sources: Sequence[str] | None = None) -> tuple[Run, Plan]:
    """A run of the home, to go on with; nothing is written.

    Args:
        path: its folder.
        known: where its data may lie, if it is not where it was.
        sources: where its data lies now; None: where it lay.

    Errors: :class:`~glassnet.errors.WrongFile`, :class:`~glassnet.errors.WrongValue`.
    """
    run = Run.open(path)
    plan = reopened(run, sources=sources, known=known)
    check_size(plan.checkpoint.network.sizes)
    check(plan)
    run.events()  # refused now, if they are damaged, rather than when they are needed
    return run, plan


def check_size(sizes: Any) -> None:
    """Refuse a network too large to be shown.

    Errors: :class:`~glassnet.errors.WrongValue`.
    """
    count = sum(inputs * out + out for inputs, out in pairwise(sizes))
    if len(sizes) - 1 > MAX_LAYERS:
        raise WrongValue(f"the studio shows networks of up to {MAX_LAYERS} layers, this one has {len(sizes) - 1}")
    if count > MAX_COUNT:
        raise WrongValue(
            f"the studio shows networks of up to {MAX_COUNT:,} weights and biases, this one has {count:,}: train it with "
            "glassnet train"
        )


_begun = partial(begun, check=check_size)
"""A new training on a network that can be shown; too large a one is refused before there is memory taken for it."""


def _from(source: Path, known: Sequence[Sequence[str]] = (), sources: Sequence[str] | None = None) -> Plan:
    """What a run, or a file, begins a new run with; for ``known`` and ``sources`` see :func:`_opened`.

    Errors: :class:`~glassnet.errors.WrongFile`; :class:`~glassnet.errors.WrongValue` for sources of a file, which has none.
    """
    if not source.is_file():
        run = Run.open(source)
        plan = reopened(run, sources=sources, known=known)
        check_size(plan.checkpoint.network.sizes)
        here = [plan.checkpoint.epoch, plan.checkpoint.example]
        past = [event for event in run.events() if event["at"] <= here]
        about = {key: plan.about[key] for key in CARRIED if key in plan.about}
        first = first_of(run, plan.checkpoint, past)
        return replace(plan, about={**about, "events": past, **({} if first is None else {"first": first})})
    if sources is not None:
        raise WrongValue(f"{source} holds a network, which goes on with MNIST: leave out the data {', '.join(sources)}")
    return plan_of_file(
        source, str(source), check_size, "give the folder of its run, which says what it was trained on"
    )


def _data_of(remembered: Mapping[str, Any]) -> list[list[str]]:
    """The data that earlier sessions knew, as far as it is still there."""
    found = remembered.get("data")
    return [
        each
        for each in (found if isinstance(found, list) else [])
        if isinstance(each, list) and each and all(isinstance(path, str) and os.path.exists(path) for path in each)
    ]


def _remembered(home: Path) -> tuple[dict[str, Any], Notice | None]:
    """What ``session.json`` says; nothing, with a notice, if it is damaged."""
    path = home / "session.json"
    if not path.exists():
        return {}, None
    try:
        found = json.loads(path.read_bytes())
        if not isinstance(found, dict):
            raise ValueError("expected a JSON object")
        return files.check_seal(found, str(path)), None
    except WrongFile as error:
        return {}, Notice("damaged", f"{error}. A new run was begun; the others are still there.")
    except (OSError, ValueError, RecursionError) as error:
        return {}, Notice(
            "damaged", f"{path} is damaged ({error}), so a new run was begun. The others are still there."
        )
