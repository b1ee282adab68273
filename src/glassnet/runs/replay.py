"""Replay: every moment of a training, to the byte, from where it began, its seed, and the log of what was changed.

A training is a function of its first checkpoint, its data and its changes, so no moment of it needs to be kept: it can be
trained again. Some are kept nevertheless, in bounded memory and on disk, so that there is always one a little before the
moment that is asked for.

A *place* is a pair: how many epochs are complete, and how many examples of the next were looked at.
"""

from __future__ import annotations

import contextlib
import threading
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from glassnet.arrays import to_numpy
from glassnet.checkpoint import Checkpoint, Settings
from glassnet.data import Dataset
from glassnet.engine import ARITHMETIC, Engine
from glassnet.errors import GlassnetError, WrongFile, WrongValue
from glassnet.events import EpochEnded, Stepped
from glassnet.files import NotSaved
from glassnet.interchange import read_checkpoint, save_checkpoint
from glassnet.runs.edits import Edit, edited
from glassnet.runs.run import settled_place
from glassnet.training import as_engine, continued, train

__all__ = ["Interrupted", "Log", "Moment", "Past", "Place", "arithmetic_text", "engine_of", "place_of", "settled"]

Place: TypeAlias = tuple[int, int]
"""How many epochs are complete, and how many examples of the next were looked at."""

_BUDGET = 48 * 2**20
"""Bytes of moments kept in memory, at most; the first and the newest are kept however large they are."""
_MOMENTS = 256
"""Moments kept in memory, at most, and on disk."""
_RECENT = 12 * 2**20
"""Most bytes of the last minibatches walked that are kept in memory: stepping back usually wants a recent one."""
_WINDOW = 48
"""Minibatches before the one asked for that are walked one by one and kept, for the steps back that may follow."""
_A_SAVE = 8
"""Moments written to disk at once, at most."""
_DID = {1: "kept subnormal numbers, in float32 those below 1.2e-38"}
"""What each arithmetic of before did that the next one does otherwise."""


class Interrupted(GlassnetError):
    """A replay was stopped on the way. What it came by is kept."""


def place_of(checkpoint: Checkpoint) -> Place:
    """Where in its training a checkpoint is."""
    return checkpoint.epoch, checkpoint.example


def settled(checkpoint: Checkpoint, examples: int) -> Checkpoint:
    """The same moment as a place before a minibatch: an epoch of which all examples were looked at is over, though its end was
    not noted yet.
    """
    if checkpoint.example < examples:
        return checkpoint
    return replace(checkpoint, epoch=checkpoint.epoch + 1, example=0, cost_sum=0.0, cost_from=0)


def engine_of(name: str | None, checkpoint: Checkpoint) -> Engine:
    """The engine of that name (None: the best there is) for a training that goes on from many places of its course.

    Errors: :class:`~glassnet.errors.WrongValue` for an unknown name.
    """
    settings = checkpoint.settings
    found = as_engine(name, checkpoint.network, settings.cost, settings.optimizer)
    return _kept() if found.name == "fused" else found


def _engine_that_was(name: str | None, checkpoint: Checkpoint) -> Engine:
    """The engine of that name, or, where there is none here (it was somebody's own, or cannot be loaded), the best there is."""
    try:
        return engine_of(name, checkpoint)
    except (WrongValue, ImportError):
        return engine_of(None, checkpoint)


@lru_cache(maxsize=1)
def _kept() -> Engine:
    from glassnet.engine.fused import Fused  # here it can be loaded: as_engine has done so

    return Fused(keep=True)


def arithmetic_text(others: Sequence[int]) -> str:
    """That a run was trained by other arithmetics than today's, and what follows: the end of a sentence about it."""
    said = []
    for number in others:
        did = f", which {_DID[number]}" if number in _DID else ""
        when = "an earlier" if number < ARITHMETIC else "a later"
        said.append(f"arithmetic {number} ({when} version of glassnet{did})")
    return (
        f"trained, at least in part, by {' and '.join(said)}; training it again by arithmetic {ARITHMETIC} can differ in the "
        "last digits"
    )


@dataclass(slots=True, eq=False)
class Log:
    """What was changed along a training, by place; all of it happens before the next minibatch.

    Attributes:
        settings: the settings that it went on with, in the order in which they were chosen.
        edits: what a hand changed in the network.
        engines: the name of the engine that it went on with, where that was another one.
        arithmetics: the :data:`~glassnet.engine.ARITHMETIC` that it went on with, where that was another one.
    """

    settings: dict[Place, list[Settings]] = field(default_factory=dict)
    edits: dict[Place, list[Edit]] = field(default_factory=dict)
    engines: dict[Place, str] = field(default_factory=dict)
    arithmetics: dict[Place, int] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[dict[str, Any]]) -> Log:
        """The log in a run's recorded events (see :meth:`glassnet.runs.Run.events`), settled if they say how many examples
        there are.

        Errors: :class:`~glassnet.errors.WrongFile` if one of them is damaged.
        """
        log, last, engine, arithmetic, count = cls(), None, None, None, None
        for event in events:
            place = (event["at"][0], event["at"][1])
            if event["event"] == "started" and type(event.get("examples")) is int and event["examples"] > 0:
                count = event["examples"]
            try:
                if event["event"] == "started" and isinstance(event.get("engine"), str) and event["engine"] != engine:
                    engine = log.engines[place] = event["engine"]
                # The first arithmetic was not noted yet.
                number = event.get("arithmetic", 1) if event["event"] == "started" else None
                if type(number) is int and number > 0 and number != arithmetic:
                    arithmetic = log.arithmetics[place] = number
                if event["event"] == "started" and event.get("settings") != last:
                    last = event.get("settings")
                    log.settings.setdefault(place, []).append(Settings.from_data(last))
                elif event["event"] == "edited":
                    log.edits[place] = [Edit.from_data(each) for each in event.get("edits", ())]
            except (WrongValue, TypeError) as error:
                raise WrongFile(f"the record of changes is damaged: {error}") from error
        log.edits = {place: edits for place, edits in log.edits.items() if edits}
        return log if count is None else log.settled(count)

    def places(self) -> list[Place]:
        """Where something was changed, in order. Another arithmetic is no change of the run's: it came with another version."""
        return sorted({*self.settings, *self.edits, *self.engines})

    def settled(self, examples: int) -> Log:
        """The log with what was changed at the very end of an epoch as changed at the beginning of the next (see
        :func:`settled`).
        """
        settings: dict[Place, list[Settings]] = {}
        for at in sorted(self.settings):
            settings.setdefault(settled_place(at, examples), []).extend(self.settings[at])
        edits: dict[Place, list[Edit]] = {}
        for at in sorted(self.edits):
            edits.setdefault(settled_place(at, examples), []).extend(self.edits[at])
        engines = {settled_place(at, examples): self.engines[at] for at in sorted(self.engines)}
        arithmetics = {settled_place(at, examples): self.arithmetics[at] for at in sorted(self.arithmetics)}
        return Log(settings, edits, engines, arithmetics)

    def until(self, place: Place) -> Log:
        """What was changed up to a place, and at it."""
        return Log(
            {at: list(each) for at, each in self.settings.items() if at <= place},
            {at: list(each) for at, each in self.edits.items() if at <= place},
            {at: name for at, name in self.engines.items() if at <= place},
            {at: number for at, number in self.arithmetics.items() if at <= place},
        )


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """A moment of a training.

    Attributes:
        checkpoint: how it stands, with what was changed at this place.
        before: how it stood one minibatch earlier, with what was changed there; None at the beginning.
        arrived: what that minibatch made of it, before anything was changed here; None at the beginning.
        cost: that minibatch's; None at the beginning.
    """

    checkpoint: Checkpoint
    before: Checkpoint | None = None
    arrived: Checkpoint | None = None
    cost: float | None = None


class Past:
    """The moments of one training. Not for several threads at once.

    Args:
        first: where it began.
        data: what it learned from.
        log: what was changed.
        engine: the name of what took its steps where the log does not say; see :func:`engine_of`.
        arithmetic: the :data:`~glassnet.engine.ARITHMETIC` of its steps where the log does not say.
        folder: where moments are kept for the next time, by :meth:`save`; None: nowhere.
        budget: bytes of moments kept in memory, at most.
    """

    def __init__(
        self,
        first: Checkpoint,
        data: Dataset,
        log: Log | None = None,
        *,
        engine: str | None = None,
        arithmetic: int = ARITHMETIC,
        folder: Path | None = None,
        budget: int = _BUDGET,
    ) -> None:
        self.first = settled(first, len(data))
        self.log = (log or Log()).settled(len(data))
        self._data = data
        self._engine = engine
        self._arithmetic = arithmetic
        self._folder = folder
        self._budget = budget
        self._kept: dict[Place, Checkpoint | None] = {self.begin: self.first}  # None: on disk
        self._places: list[Place] = [self.begin]
        self._fresh: list[Place] = []  # not on disk yet
        self._written: set[Place] = set()
        self._recent: OrderedDict[Place, tuple[Checkpoint, float]] = OrderedDict()
        self._filled: set[Place] = set()
        if folder is not None:
            for path in sorted(folder.glob("*-*.safetensors")):
                epoch, _, example = path.stem.partition("-")
                if epoch.isdecimal() and example.isdecimal() and (int(epoch), int(example)) > self.begin:
                    self._written.add((int(epoch), int(example)))
            for place in sorted(self._written):
                self._kept[place] = None
                insort(self._places, place)

    @property
    def begin(self) -> Place:
        """The place of the first checkpoint."""
        return place_of(self.first)

    # ── Places ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def settings_at(self, place: Place) -> Settings:
        """The settings that the next minibatch from a place is done with."""
        at = max((each for each in self.log.settings if each <= place), default=None)
        return self.first.settings if at is None else self.log.settings[at][-1]

    def _settings_before(self, place: Place) -> Settings:
        """The settings of the minibatch that leads to a place."""
        at = max((each for each in self.log.settings if each < place), default=None)
        return self.first.settings if at is None else self.log.settings[at][-1]

    def engine_at(self, place: Place) -> str | None:
        """The name of the engine that takes the next minibatch from a place; None: the best there is."""
        at = max((each for each in self.log.engines if each <= place), default=None)
        return self._engine if at is None else self.log.engines[at]

    def arithmetic_at(self, place: Place) -> int:
        """The :data:`~glassnet.engine.ARITHMETIC` of the next minibatch from a place, when it was done."""
        at = max((each for each in self.log.arithmetics if each <= place), default=None)
        return self._arithmetic if at is None else self.log.arithmetics[at]

    def other_arithmetics(self, end: Place) -> tuple[int, ...]:
        """The arithmetics, in order, by which the training up to a place was calculated otherwise than it is today: training
        it again can then give other last digits.
        """
        changed = {*self.log.places(), *self.log.arithmetics}
        found = set()
        for at in [self.begin, *(each for each in changed if each > self.begin)]:
            number = self.arithmetic_at(at)
            # What differed so far differed in compiled loops alone. Of later versions nobody knows that here.
            compiled = self.engine_at(at) in (None, "fused") or self.settings_at(at).deform is not None
            if at < end and number != ARITHMETIC and (compiled or number > ARITHMETIC):
                found.add(number)
        return tuple(sorted(found))

    def _base(self, epoch: int, below: int) -> int:
        """The last example of an epoch, up to ``below``, from which minibatches are counted."""
        inside = [example for at, example in self.log.places() if at == epoch and example <= below]
        begin = [self.begin[1]] if epoch == self.begin[0] and self.begin[1] <= below else []
        return max(0, *inside, *begin) if inside or begin else 0

    def floor(self, place: Place) -> Place:
        """The last place between two minibatches that does not come after this one."""
        n = len(self._data)
        epoch, example = place if place[1] < n else (place[0] + 1, 0)
        if (epoch, example) <= self.begin:
            return self.begin
        base = self._base(epoch, example)
        size = self.settings_at((epoch, base)).batch_size
        return epoch, base + (example - base) // size * size

    def before(self, place: Place) -> Place | None:
        """The place one minibatch earlier; None at the beginning."""
        if place <= self.begin:
            return None
        epoch, example = place if place[1] else (place[0] - 1, len(self._data))
        base = self._base(epoch, example - 1)
        size = self.settings_at((epoch, base)).batch_size
        return max((epoch, base + (example - 1 - base) // size * size), self.begin)

    def stop(self, place: Place) -> Place | None:
        """The next place after this one at which something was changed."""
        return min((each for each in self.log.places() if each > place), default=None)

    # ── Moments ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def applied(self, arrived: Checkpoint, edits: bool = True) -> Checkpoint:
        """A checkpoint as training arrived at it, with what was changed there; ``edits``: by hand too."""
        now, place = arrived, place_of(arrived)
        for settings in self.log.settings.get(place, ()):
            if settings != now.settings:
                now = continued(now, settings, len(self._data))
        if edits and place in self.log.edits:
            now = replace(now, network=edited(now.network, self.log.edits[place]))
        return now

    def at(self, place: Place, edits: bool = True, interrupt: threading.Event | None = None) -> Checkpoint:
        """The checkpoint at a place between two minibatches, with what was changed there; ``edits``: by hand too.

        Errors: :class:`~glassnet.errors.WrongValue` for a place before the beginning; :class:`Interrupted` when
        ``interrupt`` is set.
        """
        return self.applied(self._arrived(place, interrupt)[0], edits)

    def moment(self, place: Place, interrupt: threading.Event | None = None) -> Moment:
        """The moment at a place between two minibatches, and the minibatch that led to it.

        Errors: those of :meth:`at`.
        """
        earlier = self.before(place)
        if earlier is None:
            return Moment(self.at(place, interrupt=interrupt))
        arrived, cost = self._arrived(place, interrupt)
        if cost is None:  # it was kept, without the minibatch before it
            before = self.at(earlier, interrupt=interrupt)
            arrived, cost = self._one(before)
        else:
            before = self.at(earlier, interrupt=interrupt)
        return Moment(self.applied(arrived), before, arrived, cost)

    def along(
        self, end: Place, gap: Callable[[int], int] = lambda step: 1, interrupt: threading.Event | None = None
    ) -> Iterator[tuple[Checkpoint, int]]:
        """The way from the beginning to a place: moments with what was changed at them, each with how many minibatches lead
        there. The first and the last are always among them.

        Args:
            end: where the way ends.
            gap: from a number of minibatches that were done, how many to do until the next moment.
            interrupt: when it is set, the next moment is the last.

        Errors: those of training again: :class:`~glassnet.training.Diverged` where another processor's last digits lead
        elsewhere.
        """
        now, step, n = self.at(self.begin), 0, len(self._data)
        yield now, step
        while place_of(now) < end and not (interrupt is not None and interrupt.is_set()):
            here, every = place_of(now), max(1, gap(step))
            stop = self.stop(here)
            goal = end if stop is None else min(end, stop)
            room = goal[1] - now.example if goal[0] == now.epoch else n - now.example
            every = min(every, max(1, -(-room // now.settings.batch_size)))
            events = self._training(now, every)
            for event in events:
                if isinstance(event, Stepped):
                    step += len(event.costs)
                    arrived = event.examples == n
                    now = event.checkpoint
                    if arrived:  # the epoch's end comes with the next event
                        continue
                elif isinstance(event, EpochEnded):
                    now = event.checkpoint
                else:
                    continue
                place = place_of(now)
                left = goal[1] - now.example if goal[0] == now.epoch else n
                if place >= goal or gap(step) != every or left < every * now.settings.batch_size:
                    break
                yield now, step
            events.close()
            now = self.applied(now)
            yield now, step

    def keep(self, arrived: Checkpoint) -> None:
        """Keep a moment as training arrived at it, if there is room: others that are close to each other make it."""
        place = place_of(arrived)
        if place < self.begin or self._kept.get(place) is not None:
            return
        if place not in self._kept:
            insort(self._places, place)
            self._fresh.append(place)
        self._kept[place] = arrived
        self._thin()

    def pass_by(self, arrived: Checkpoint, cost: float) -> None:
        """Remember a moment for a while: whoever goes back goes to one of the last."""
        self._recent[place_of(arrived)] = arrived, cost
        self._recent.move_to_end(place_of(arrived))
        most = max(4, min(2 * _WINDOW, _RECENT // _size(arrived)))
        while len(self._recent) > most:
            self._recent.popitem(last=False)

    def cut(self, place: Place) -> None:
        """Forget what came after a place: it will not have happened."""
        self.log = self.log.until(place)
        for each in [each for each in self._places if each > place]:
            self._forget(each)
        self._recent.clear()

    def branched(self, place: Place, folder: Path | None) -> Past:
        """The past of a training that is the same up to a place."""
        log, engine, arithmetic = self.log.until(place), self._engine, self._arithmetic
        other = Past(self.first, self._data, log, engine=engine, arithmetic=arithmetic, budget=self._budget)
        other._folder = folder
        for each in [each for each in self._places if self.begin < each <= place]:
            arrived = self._load(each) if each in self._kept else None  # loading one may let go of another
            if arrived is not None:
                other.keep(arrived)
        return other

    def fill(self, end: Place, interrupt: threading.Event) -> bool:
        """Train one epoch again of which no moment is kept; whether there may be another up to ``end``.

        Errors: :class:`Interrupted` when ``interrupt`` is set.
        """
        whole = [each for each in self._places if not each[1] or each == self.begin]
        room = min(_MOMENTS, self._budget // _size(self.first)) // 2
        for one, other in zip(whole, [*whole[1:], end], strict=True):
            gap = max(1, -(-(end[0] - self.begin[0]) // max(1, room)))
            if one not in self._filled and one < other <= end and other[0] - one[0] > gap:
                self._filled.add(one)  # if there is no room for it, not for ever
                self._walk(self.at(one), (one[0] + 1, 0), interrupt)
                return True
        return False

    def save(self) -> None:
        """Write some of the new moments to disk, so that the next time need not begin at the beginning.

        Errors: :class:`~glassnet.files.NotSaved`.
        """
        if self._folder is None or not self._fresh:
            return
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise NotSaved(f"could not make the folder {self._folder}: {error.strerror or error}") from error
        fresh = sorted(place for place in self._fresh if self._kept.get(place) is not None)
        self._fresh = []
        step = -(-len(fresh) // _A_SAVE) if fresh else 1
        for place in fresh[::-1][::step]:
            kept = self._kept[place]
            assert kept is not None
            save_checkpoint(self._path(place), kept)
            self._written.add(place)
        most = min(_MOMENTS, max(8, self._budget // _size(self.first)))
        while len(self._written) > most:
            self._unlink(_closest(sorted(self._written), len(self._data)))

    # ── Training again ───────────────────────────────────────────────────────────────────────────────────────────────

    def _arrived(self, place: Place, interrupt: threading.Event | None = None) -> tuple[Checkpoint, float | None]:
        """The checkpoint as training arrived at a place, and the cost of the minibatch that led there, where it is known."""
        if place < self.begin:
            raise WrongValue(
                f"the training began at epoch {self.begin[0]}, example {self.begin[1]}: there is nothing before"
            )
        if place in self._recent:
            return self._recent[place]
        while True:
            at = bisect_right(self._places, place) - 1
            nearest = self._places[at]
            found = self._load(nearest)
            if found is not None:
                break
        if nearest == place:
            return found, None
        now = self.applied(found)
        # The last minibatches one by one, since who goes back one minibatch will go back another.
        size = self.settings_at((place[0], 0)).batch_size
        window: Place = (place[0], max(0, (place[1] or len(self._data)) - _WINDOW * size))
        if not place[1]:
            window = (place[0] - 1, window[1])
        window = self.floor(window)
        if place_of(now) < window:
            now = self.applied(self._walk(now, window, interrupt))
        cost = None
        while place_of(now) < place:
            now, cost = self._singly(now if cost is None else self.applied(now), place, interrupt)
        return now, cost

    def _singly(
        self, now: Checkpoint, target: Place, interrupt: threading.Event | None = None
    ) -> tuple[Checkpoint, float]:
        """Minibatch by minibatch to a place, or to the next place at which something was changed, or the epoch's end."""
        stop = self.stop(place_of(now))
        limit = target if stop is None else min(target, stop)
        events = self._training(now, 1)
        next(events)
        cost = 0.0
        while place_of(now) < limit:
            _check(interrupt)
            event = next(events)
            assert isinstance(event, Stepped)
            cost = float(event.costs[-1])
            ended = event.examples == len(self._data)
            now = (next(events) if ended else event).checkpoint
            self.pass_by(now, cost)
            if ended:
                break
        events.close()
        return now, cost

    def _one(self, now: Checkpoint) -> tuple[Checkpoint, float]:
        """One minibatch."""
        events = self._training(now, 1)
        next(events)
        event = next(events)
        assert isinstance(event, Stepped)
        arrived = (next(events) if event.examples == len(self._data) else event).checkpoint
        events.close()
        self.pass_by(arrived, float(event.costs[-1]))
        return arrived, float(event.costs[-1])

    def _walk(self, now: Checkpoint, target: Place, interrupt: threading.Event | None = None) -> Checkpoint:
        """From a checkpoint, with what was changed at its place, to how training arrived at another place."""
        n = len(self._data)
        while True:
            here = place_of(now)
            stop = self.stop(here)
            goal = target if stop is None else min(target, stop)
            limit = goal[1] if goal[0] == now.epoch else n
            count = -(-(limit - now.example) // now.settings.batch_size)
            events = self._training(now, max(count, 1), interrupt)
            next(events)
            event = next(events)
            assert isinstance(event, Stepped)
            if event.examples == n:
                event = next(events)
                assert isinstance(event, EpochEnded)
            events.close()
            now = event.checkpoint
            if not now.example:
                self.keep(now)
            if place_of(now) >= target:
                return now
            _check(interrupt)
            now = self.applied(now)

    def _training(self, start: Checkpoint, every: int | None, interrupt: threading.Event | None = None) -> Any:
        engine = _engine_that_was(self.engine_at(place_of(start)), start)
        return train(None, self._data, start=start, engine=engine, every=every, interrupt=interrupt, quiet=True)

    # ── What is kept ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _path(self, place: Place) -> Path:
        assert self._folder is not None
        return self._folder / f"{place[0]}-{place[1]}.safetensors"

    def _load(self, place: Place) -> Checkpoint | None:
        """A kept moment, from disk if need be; None, and forgotten, if that cannot be read."""
        kept = self._kept[place]
        if kept is not None:
            return kept
        try:
            found = read_checkpoint(self._path(place))[0]
            if (
                place_of(found) != place
                or found.network.sizes != self.first.network.sizes
                or found.settings != self._settings_before(place)
            ):
                raise WrongFile("another moment's, or one of another course")
        except GlassnetError:
            self._forget(place)
            return None
        self._kept[place] = found
        self._thin()
        return found

    def _thin(self) -> None:
        loaded = [place for place in self._places if self._kept[place] is not None]
        most = min(_MOMENTS, max(4, self._budget // _size(self.first)))
        while len(loaded) > most:
            place = _closest(loaded, len(self._data))
            loaded.remove(place)
            if place in self._written:
                self._kept[place] = None
            else:
                del self._kept[place]
                self._places.remove(place)

    def _forget(self, place: Place) -> None:
        if place == self.begin:
            return
        del self._kept[place]
        self._places.pop(bisect_left(self._places, place))
        self._fresh = [each for each in self._fresh if each != place]
        self._unlink(place)

    def _unlink(self, place: Place) -> None:
        if place in self._written:
            self._written.discard(place)
            with contextlib.suppress(OSError):
                self._path(place).unlink(missing_ok=True)
            if self._kept.get(place, self.first) is None:
                del self._kept[place]
                self._places.remove(place)


def _check(interrupt: threading.Event | None) -> None:
    if interrupt is not None and interrupt.is_set():
        raise Interrupted("the replay was stopped")


def _size(checkpoint: Checkpoint) -> int:
    """Bytes of a checkpoint's numbers."""
    sets = [checkpoint.network.layers, *checkpoint.memory.moments.values()]
    return sum(to_numpy(array).nbytes for layers in sets for layer in layers for array in (layer.weight, layer.bias))


def _closest(places: list[Place], examples: int) -> Place:
    """The place between the first and the last without which the gap that is left is smallest."""
    numbers = [epoch * examples + example for epoch, example in places]
    gaps = [numbers[i + 1] - numbers[i - 1] for i in range(1, len(numbers) - 1)]
    return places[1 + gaps.index(min(gaps))]
