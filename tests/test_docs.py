"""Habits, kept by tests: what is public is documented, what is documented is true, and the examples run."""

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
import typer

import glassnet
from glassnet import cli

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def modules_in(package, prefix=""):
    return [prefix + name for _, name, _ in pkgutil.iter_modules(package.__path__) if not name.startswith("_")]


ROOMS = ("data", "engine", "explain", "interchange", "machine", "runs", "studio")
MODULES = sorted(
    [
        *modules_in(glassnet),
        *(each for room in ROOMS for each in modules_in(importlib.import_module(f"glassnet.{room}"), f"{room}.")),
    ]
)
PAGES = sorted([str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")] + [path.name for path in ROOT.glob("*.md")])


def page(name):
    folder = DOCS if (DOCS / name).exists() else ROOT
    return (folder / name).read_text(encoding="utf-8")


def page_of(module):
    """Where a module is documented: on its own page, or on that of its room."""
    own = module.replace(".", "/") + ".md"
    return own if (DOCS / own).exists() else module.split(".")[0] + ".md"


def fences(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_a_page_a_test_and_names_what_is_public(module):
    assert (DOCS / page_of(module)).exists()
    folder, _, name = module.rpartition(".")
    # A room that only hands out what its modules hold is tested with them.
    assert (ROOT / "tests" / folder / f"test_{name}.py").exists() or (
        module in ROOMS and (ROOT / "tests" / name).is_dir()
    )
    loaded = importlib.import_module(f"glassnet.{module}")
    assert loaded.__doc__
    text = page(page_of(module))
    missing = [name for name in getattr(loaded, "__all__", ()) if not re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", text)]
    assert not missing
    assert f"({page_of(module)})" in page("index.md")


def public_things():
    for module in MODULES:
        loaded = importlib.import_module(f"glassnet.{module}")
        for name in getattr(loaded, "__all__", ()):
            thing = getattr(loaded, name)
            if not (inspect.isclass(thing) or inspect.isfunction(thing)):
                continue
            yield f"{module}.{name}", thing
            if inspect.isclass(thing):
                for inner, method in vars(thing).items():
                    if inner.startswith("_") or not (
                        inspect.isfunction(method) or isinstance(method, property | classmethod)
                    ):
                        continue
                    yield f"{module}.{name}.{inner}", method


@pytest.mark.parametrize(("name", "thing"), [pytest.param(*each, id=each[0]) for each in public_things()])
def test_every_public_name_has_a_docstring(name, thing):
    text = inspect.getdoc(thing) or ""
    # A dataclass without a docstring is given its signature for one.
    assert text
    assert not text.startswith(f"{name.rpartition('.')[2]}(")


@pytest.mark.parametrize("module", MODULES)
def test_what_is_raised_is_documented(module):
    # A public function that raises WrongValue, WrongFile, … itself says so under Errors.
    loaded = importlib.import_module(f"glassnet.{module}")
    tree = ast.parse(Path(loaded.__file__).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_") or module == "cli":
            continue
        caught = {
            id(inner)
            for each in ast.walk(node)
            if isinstance(each, ast.Try)
            for inner in ast.walk(ast.Module(each.body, []))
        }
        raised = {
            each.exc.func.id
            for each in ast.walk(node)
            if id(each) not in caught
            and isinstance(each, ast.Raise)
            and isinstance(each.exc, ast.Call)
            and isinstance(each.exc.func, ast.Name)
        }
        for error in raised - {"ValueError", "Exit", "KeyboardInterrupt"}:
            assert error in (ast.get_docstring(node) or ""), f"{module}.{node.name} raises {error}"


def test_the_public_names_of_the_package():
    assert sorted(glassnet.__all__) == sorted(set(glassnet.__all__))
    for name in glassnet.__all__:
        assert getattr(glassnet, name) is not None


@pytest.mark.parametrize("name", PAGES)
def test_the_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "example"}
    for number, code in enumerate(fences(page(name), "python"), start=1):
        exec(compile(code, f"{name}, example {number}", "exec"), namespace)


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    folder = (DOCS / name if (DOCS / name).exists() else ROOT / name).parent
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page(name)):
        if not target.startswith(("http:", "https:")):
            assert (folder / target).exists(), f"{name} links to {target}"


COMMANDS = typer.main.get_command(cli.app).commands


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_line_option_is_in_the_docs(command):
    text = page("cli.md")
    assert f"glassnet {command}" in text
    for parameter in COMMANDS[command].params:
        for option in [*parameter.opts, *parameter.secondary_opts]:
            if option.startswith("--"):
                assert f"`{option}`" in text or f"{option}`" in text, f"{command} {option}"
                assert parameter.help, f"{command} {option} has no help"


def test_the_examples_in_help_and_readme_are_commands_that_exist():
    text = "\n".join([page("README.md"), page("README.zh.md"), page("cli.md"), *(c.epilog for c in COMMANDS.values())])
    for command, rest in re.findall(r"\bglassnet (\w+)((?: [^\n`#]*)?)", text):
        if command in COMMANDS:
            known = {option for p in COMMANDS[command].params for option in [*p.opts, *p.secondary_opts]} | {"--help"}
            for option in re.findall(r"(?<!\S)--[\w-]+", rest):
                assert option in known, f"glassnet {command} {option}"


def test_the_docstrings_examples_run():
    import doctest

    for module in MODULES:
        result = doctest.testmod(importlib.import_module(f"glassnet.{module}"))
        assert result.failed == 0


def test_results_are_of_the_recipes_as_they_are(monkeypatch):
    import json

    monkeypatch.syspath_prepend(ROOT / "bench")
    import records
    from glassnet.runs.recipes import RECIPES

    results = json.loads(records.RESULTS.read_text())
    assert list(results["recipes"]) == list(RECIPES)
    for name, result in results["recipes"].items():
        assert {key: result[key] for key in ("network", "training")} == records.in_words(RECIPES[name])
        assert len(result["runs"]) == records.FEWER.get(name, len(records.SEEDS))
    assert page("results.md") == records.page(results, json.loads(records.SEARCH.read_text()))
    begin, end = records.README_MARKS
    for name, words in records.READMES.items():
        assert page(name).partition(begin)[2].partition(end)[0] == records.readme_table(results, words)


def test_the_speed_of_deformations_is_what_was_measured(monkeypatch):
    import json

    monkeypatch.syspath_prepend(ROOT / "bench")
    import deform as measured

    begin, end = measured.MARKS
    results = json.loads(measured.RESULTS.read_text())
    assert page("data/deform.md").partition(begin)[2].partition(end)[0] == measured.text(results)
    assert min(each["all threads"]["ratio"] for each in results["kinds"].values()) >= 20


def test_the_readme_quotes_the_bench(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "bench")
    import report

    results = report.kept()[0]
    assert results["engine"] == "fused"
    assert not results["quick"]
    for name, words in report.READMES.items():
        begin, end = report.MARKS
        quoted = page(name).partition(begin)[2].partition(end)[0]
        assert quoted.strip() == "\n".join(report.readme_table(results, words))


def test_the_numbers_of_the_tour_are_those_that_were_measured(monkeypatch):
    import json

    monkeypatch.syspath_prepend(ROOT / "bench")
    import tour

    numbers = json.loads(tour.RESULTS.read_text())
    for language, path in tour.PAGES.items():
        assert path.read_text(encoding="utf-8") == tour.rendered(language, numbers)
    begin, end = tour.MARKS
    assert page("explain/patterns.md").partition(begin)[2].partition(end)[0] == tour.hope_text(numbers)


def test_the_times_of_explanations_are_those_that_were_measured(monkeypatch):
    import json

    monkeypatch.syspath_prepend(ROOT / "bench")
    import explaining as times

    begin, end = times.MARKS
    assert page("explain.md").partition(begin)[2].partition(end)[0] == times.text(json.loads(times.RESULTS.read_text()))


def test_the_figures_of_the_studio_are_those_that_were_measured(monkeypatch):
    import json

    monkeypatch.syspath_prepend(ROOT / "bench")
    import studio as measured

    begin, end = measured.MARKS
    results = json.loads(measured.RESULTS.read_text())
    assert page("studio.md").partition(begin)[2].partition(end)[0] == measured.report(results)


def test_the_tour_walks_all_25_ideas_in_both_languages():
    for name in ("tour.md", "tour.zh.md"):
        assert re.findall(r"^\*\*(\d+)\. ", page(name), re.MULTILINE) == [str(number) for number in range(1, 26)]
        assert "−0.00 " not in page(name)


def test_the_defaults_are_those_that_won_on_the_validation_split():
    import json

    from glassnet.checkpoint import Settings
    from glassnet.initializers import glorot

    search = json.loads((ROOT / "bench" / "results" / "search.json").read_text())["plain"]
    best = max(search.values(), key=lambda each: each["mean"])
    settings = Settings()
    assert (best["optimizer"], best["initializer"]) == (str(settings.optimizer), str(glorot))
    assert (best["batch_size"], best["epochs"]) == (settings.batch_size, settings.epochs)


def test_the_code_in_the_derivation_is_the_code():
    source = inspect.getsource(importlib.import_module("glassnet.backprop"))
    plain = "\n".join(line.strip() for line in source.splitlines())
    excerpts = fences(page("backprop.md"), "py")
    assert len(excerpts) == 3
    for excerpt in excerpts:
        assert "\n".join(line.strip() for line in excerpt.strip().splitlines()) in plain
