"""The picture of the network, without a browser: where everything stands, which edges are drawn, how lines become pixels."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import glassnet.studio

WEB = Path(glassnet.studio.__file__).parent / "web"
NODE = shutil.which("node")

if NODE is None and os.environ.get("CI") == "true":
    raise pytest.UsageError("node is missing, and under CI=true nothing may be skipped for it")

pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed, so the page's modules cannot be run alone")


@pytest.fixture
def script(tmp_path):
    """Runs JavaScript beside the page's modules; what it gives to ``tell`` comes back."""
    shutil.copytree(WEB, tmp_path / "web")
    (tmp_path / "package.json").write_text('{"type": "module"}')

    def run(code: str):
        file = tmp_path / "script.js"
        file.write_text("const tell = (value) => console.log(JSON.stringify(value));\n" + code)
        done = subprocess.run([NODE, str(file)], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


RASTER = 'import { Palette, Raster } from "./web/network/raster.js";\n'


def test_a_line_gives_its_opacity_to_every_step_of_its_longer_axis(script):
    columns = script(
        RASTER
        + """
        const raster = new Raster(40, 30);
        raster.line(5, 4, 35, 22, 0.5, 0);
        const columns = new Array(40).fill(0);
        for (let i = 0; i < 40 * 30; i++) columns[i % 40] += raster.sums[2 * i];
        tell(columns);
        """
    )
    assert columns == pytest.approx([0.5 if 5 <= x < 35 else 0 for x in range(40)], abs=1e-6)


def test_the_order_of_lines_and_of_their_ends_does_not_matter(script):
    forth, back = script(
        RASTER
        + """
        const lines = [[0, 0, 39, 29], [39, 3, 2, 25], [20, 1, 21, 28], [3, 15, 36, 15]];
        const drawn = (all) => {
          const raster = new Raster(40, 30);
          for (const [line, sign] of all) raster.line(...line, 0.3, sign);
          return Array.from(raster.sums);
        };
        const signed = lines.map((line, i) => [line, i % 2]);
        const turned = signed.map(([[a, b, c, d], s]) => [[c, d, a, b], s]).reverse();
        tell([drawn(signed), drawn(turned)]);
        """
    )
    assert forth == pytest.approx(back, abs=1e-6)
    assert sum(forth) > 0


def test_lines_that_leave_the_picture_are_cut_and_harm_nothing(script):
    total, finite = script(
        RASTER
        + """
        const raster = new Raster(20, 20);
        const lines = [[-50, -50, 70, 70], [5, -9, 5, 90], [-9, 5, 90, 5], [-5, -5, -1, -1], [3, 3, 3, 3], [0, 40, 40, 0]];
        for (const [x0, y0, x1, y1] of [...lines, [19.9, 0, 19.9, 20]]) raster.line(x0, y0, x1, y1, 1, 0);
        tell([raster.sums.length, raster.sums.every(Number.isFinite)]);
        """
    )
    assert (total, finite) == (800, True)


def test_sums_become_the_color_of_the_stronger_sign(script):
    blue, red, both, nothing, left = script(
        RASTER
        + """
        const raster = new Raster(4, 1);
        raster.sums.set([2, 0, 0, 2, 1, 1, 0, 0]);
        const out = new Uint8ClampedArray(16);
        raster.develop(out, new Palette([0, 0, 255], [255, 0, 0], 3));
        tell([...[0, 4, 8, 12].map((i) => Array.from(out.subarray(i, i + 4))), raster.sums.every((sum) => sum === 0)]);
        """
    )
    opacity = round(255 * (1 - np.exp(-2)))
    assert blue == pytest.approx([0, 0, 255, opacity], abs=1)
    assert red == pytest.approx([255, 0, 0, opacity], abs=1)
    assert both == pytest.approx([127, 0, 127, opacity], abs=2)
    assert nothing == [0, 0, 0, 0]
    assert left is True


@pytest.mark.parametrize(
    ("sizes", "side"),
    [
        ([784, 16, 16, 10], 28),
        ([784, 10], 28),
        ([784, 100, 10], 28),
        ([784, 800, 10], 28),
        ([784, *[16] * 19, 10], 28),
        ([64, 12, 1], 8),
        ([5, 8, 3], None),
        ([900, 30, 2], None),
    ],
)
@pytest.mark.parametrize(
    ("width", "height", "scale"), [(616, 586, 1), (1240, 800, 1), (366, 330, 1), (1900, 1300, 1.6)]
)
@pytest.mark.parametrize("opened", [False, True])
def test_every_network_fits_on_the_board(script, sizes, side, width, height, scale, opened):
    made = script(
        f"""
        import {{ gapsOf, layout }} from "./web/network/layout.js";
        const sizes = {json.dumps(sizes)};
        const board = layout({{ width: {width}, height: {height}, sizes, side: {json.dumps(side)},
          names: {110 * scale}, scale: {scale}, opened: new Set({"[0, 1, 2]" if opened else "[]"}) }});
        const plain = (each) => ({{ ...each, shown: [...each.shown], xs: [...each.xs], ys: [...each.ys] }});
        tell({{ picture: board.picture, columns: board.columns.map(plain),
          gaps: gapsOf(board, sizes).map(({{ from, to }}) => [from.length, to.length]) }});
        """
    )
    columns = made["columns"]
    assert [each["layer"] for each in columns] == list(range(1 if side else 0, len(sizes)))
    lefts = [min(each["xs"]) - each["radius"] for each in columns]
    rights = [max(each["xs"]) + each["radius"] for each in columns]
    before = made["picture"]["x"] + made["picture"]["size"] if side else 0
    assert before <= lefts[0] + 0.1
    assert all(right < left for right, left in zip(rights[:-1], lefts[1:], strict=True)), "layers overlap"
    assert rights[-1] <= width - 110 * scale + 1
    for each, size in zip(columns, sizes if side is None else sizes[1:], strict=True):
        assert min(each["ys"]) - each["radius"] >= 0
        assert max(each["ys"]) + each["radius"] <= height
        assert len(each["shown"]) + each["folded"] == size
        assert each["shown"] == sorted(set(each["shown"]))
        assert each["shown"][0] == 0
        assert each["shown"][-1] == size - 1 or each["open"]
        assert (each["fold"] is not None) == (each["folded"] > 0 or each["open"])
        places = list(zip(each["xs"], each["ys"], strict=True))
        nearest = min((np.hypot(x - u, y - v) for (x, y), (u, v) in pairwise(places)), default=99)
        assert nearest >= 2 * each["radius"], "neurons overlap"
    counts = [*([side * side] if side else []), *(len(each["shown"]) for each in columns)]
    assert made["gaps"] == [list(pair) for pair in pairwise(counts)]


def test_the_default_network_draws_every_edge(script):
    drawn = script(
        """
        import { gapsOf, layout } from "./web/network/layout.js";
        const sizes = [784, 16, 16, 10];
        const board = layout({ width: 616, height: 586, sizes, side: 28, names: 110, opened: new Set() });
        tell(gapsOf(board, sizes).reduce((all, { from, to }) => all + from.length * to.length, 0));
        """
    )
    assert drawn == 12_960


def test_the_strongest_are_the_largest(script):
    random = np.random.default_rng(3)
    values = random.normal(size=2000).astype(np.float32)
    values[:50] = 0
    values[50:60] = values[60]  # equal ones
    found = script(
        f"""
        import {{ threshold }} from "./web/network/select.js";
        const values = Float32Array.from({values.tolist()});
        const parts = [values.slice(0, 700), values.slice(700)];
        tell([1, 2, 10, 500, 1999, 2000, 5000].map((count) => threshold(parts, count)));
        """
    )
    ordered = np.sort(np.abs(values))[::-1]
    assert found == pytest.approx([ordered[0], ordered[1], ordered[9], ordered[499], ordered[1998], 0, 0], rel=1e-7)


def test_one_neurons_edges_and_contributions(script):
    own, carried = script(
        """
        import { onlyOf, strengths } from "./web/network/select.js";
        const gap = { layer: 2, inputs: 3, from: [0, 1, 2], to: [0, 1] };
        const weights = Float32Array.from([1, 2, 3, 4, 5, 6]);
        const into = strengths(gap, weights, null);
        onlyOf(gap, into, { layer: 2, neuron: 1 });
        const out = strengths(gap, weights, null);
        onlyOf(gap, out, { layer: 1, neuron: 0 });
        tell([[Array.from(into), Array.from(out)], Array.from(strengths(gap, weights, [0, 0.5, -1]))]);
        """
    )
    assert own == [[0, 0, 0, 4, 5, 6], [1, 0, 0, 4, 0, 0]]
    assert carried == [0, 1, -3, 0, 2.5, -6]


def test_the_largest_terms_come_first(script):
    assert script(
        """
        import { largestOf } from "./web/network/formula.js";
        tell([largestOf([0.1, -5, 3, 4, 0], 3), largestOf([1, 2], 3), largestOf([], 3)]);
        """
    ) == [[1, 3, 2], [1, 0], []]
