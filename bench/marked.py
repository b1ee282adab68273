"""Pages of which a part is made by a script, between two marks."""

from __future__ import annotations

from pathlib import Path


def put(path: Path, marks: tuple[str, str], text: str) -> None:
    """Write the text between the marks of a page, in place of what was there. Both must be there."""
    before, begin, rest = path.read_text(encoding="utf-8").partition(marks[0])
    _, end, after = rest.partition(marks[1])
    assert begin, f"{path} has no {marks[0]!r}"
    assert end, f"{path} has no {marks[1]!r}"
    path.write_text(before + begin + text + end + after, encoding="utf-8")
