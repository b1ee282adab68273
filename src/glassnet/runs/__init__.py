"""Trainings on disk: a run's folder, what people ask for in words, recipes, edits by hand, and every moment again."""

from glassnet.runs.run import (
    Busy,
    Run,
    about_text,
    best_cost,
    event_data,
    event_line,
    event_of,
    is_checked,
    led_to,
    settled_place,
    since_cost,
)

__all__ = [
    "Busy",
    "Run",
    "about_text",
    "best_cost",
    "event_data",
    "event_line",
    "event_of",
    "is_checked",
    "led_to",
    "settled_place",
    "since_cost",
]
