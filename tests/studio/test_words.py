"""The words of the page: each is said somewhere, and nothing is said that has none. Read from the sources, in no browser."""

import re
from pathlib import Path

import pytest

import glassnet.studio
from glassnet.runs.recipes import PRETRAINED, RECIPES

WEB = Path(glassnet.studio.__file__).parent / "web"
WORDS = sorted(WEB.rglob("words.js"))
SOURCES = {
    path.relative_to(WEB).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(WEB.rglob("*.js"))
    if path not in WORDS or path.parent.name == "core"
}
KEY = r"[a-z]\w*(?:\.\w+)+"


def words(path, language):
    """The texts of one language of one file, by their keys."""
    text = path.read_text(encoding="utf-8")
    part = re.search(rf"^  {language}: \{{(.*?)^  \}},", text, re.DOTALL | re.MULTILINE)
    pairs = re.findall(r'^    "([^"]+)":\s*"(.*)",$', part[1], re.MULTILINE)
    assert len(pairs) == len(dict(pairs)) == part[1].count('": ')
    return dict(pairs)


KNOWN = {key for path in WORDS if path.parent.name != "core" for key in words(path, "en")}


def used():
    """The keys as they stand in the code, and the patterns of those that are put together there."""
    whole, patterns = set(), set()
    for text in SOURCES.values():
        whole |= set(re.findall(rf'["\'`]({KEY})["\'`]', text))
        for template in re.findall(r"`([a-z]\w*\.[\w.]*\$\{[^`]*)`", text):
            # What is filled in is one part of a key, or another part behind it (".other"), or nothing.
            parts = re.split(r"\$\{[^}]*\}", template)
            patterns.add(re.compile(r"(?:\w+|(?:\.\w+)?)".join(map(re.escape, parts))))
    return whole, patterns


def test_every_word_is_said_somewhere():
    whole, patterns = used()
    unsaid = {key for key in KNOWN - whole if not any(pattern.fullmatch(key) for pattern in patterns)}
    assert unsaid == set()


def test_everything_said_has_words():
    said = {key for text in SOURCES.values() for key in re.findall(rf'\bt\(\s*"({KEY})"', text)}
    said |= {key for text in SOURCES.values() for key in re.findall(rf'words: "({KEY})"', text)}
    assert len(said) > 100
    assert said - KNOWN == set()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_recipes_and_trained_networks_have_a_sentence_each(language):
    for page, key, names in (("learning", "recipe", RECIPES), ("runs", "pretrained", PRETRAINED)):
        said = words(WEB / page / "words.js", language)
        texts = {name: said[f"{page}.{key}.{name}"] for name in names}
        assert all(text.endswith((".", "。")) for text in texts.values())
        assert len(set(texts.values())) == len(texts)
        known = {each for each in said if each.startswith(f"{page}.{key}.")} - {
            f"{page}.{key}.{name}" for name in names
        }
        assert known <= {"runs.pretrained.what", "runs.pretrained.right"}


@pytest.mark.parametrize(
    "path", [path for path in WORDS if path.parent.name != "core"], ids=lambda path: path.parent.name
)
def test_both_languages_have_the_same_words_and_the_same_holes_in_them(path):
    english, chinese = words(path, "en"), words(path, "zh")
    assert list(english) == list(chinese)

    def holes(text):
        return sorted(re.findall(r"\{(\w+)\}", text))

    assert [key for key in english if holes(english[key]) != holes(chinese[key])] == []


def test_no_key_is_used_by_two_views():
    every = [key for path in WORDS if path.parent.name != "core" for key in words(path, "en")]
    assert sorted(every) == sorted(set(every))
