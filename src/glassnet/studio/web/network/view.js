// The stage: the whole network, alive. The input at the left, every neuron lit by its activation, every edge drawn, the answer at the right.

import { calm, em, h, once, write } from "../core/dom.js";
import { confidence, outputName, surenessNamed } from "../core/names.js";
import { t } from "../core/words.js";
import { watching } from "../time/watching.js";
import { neuronBoard } from "./board.js";
import { edgesClient } from "./client.js";
import { filters } from "./filters.js";
import { gapsOf, layout } from "./layout.js";
import { litPart, onLight } from "./parts.js";
import { inputPicture } from "./picture.js";
import { propagation } from "./propagation.js";

/** Milliseconds between two new texts for those who listen, and how long a changed weight glows on. */
const SPOKEN = 500;
const GLOW = 150;
/** Sharper than this costs more than it shows. */
const SHARPEST = 1.5;

/** @type {import("../app.js").View} */
export function render({ model, el }) {
  const canvases = {
    edges: h("canvas", { class: "edges" }),
    glow: h("canvas", { class: "glow" }),
    front: h("canvas", { class: "front" }),
  };
  const light = h("canvas", { class: "light", hidden: true });
  const answer = h("p", { class: "aside", role: "status" });
  const picture = inputPicture(model, () => neurons.enter());
  const neurons = neuronBoard(model, {
    fold(layer) {
      opened.has(layer) ? opened.delete(layer) : opened.add(layer);
      arrange();
    },
    toPicture() {
      if (!board?.picture) return false;
      picture.el.focus();
      return true;
    },
  });
  const choice = filters(model);
  const thought = propagation(model, light, (gap) => edges.ask({ light: gap, activations: activations() }), () => update());
  const waiting = h("p", { class: "waiting" }, t("network.waiting"));
  const place = h("div", { class: "board" }, Object.values(canvases), picture.el, picture.caption, neurons.el, light, waiting);
  const [plus, minus] = [h("span", {}), h("span", {})];
  const legend = h(
    "p",
    { class: "legend" },
    h("span", {}, h("i", { class: "plus" }), plus),
    h("span", {}, h("i", { class: "minus" }), minus),
    h("span", {}, h("i", { class: "bright" }), t("network.legend.bright")),
  );
  const words = h("div", { class: "stage-words" }, choice.line, thought.words, legend);
  el.setAttribute("aria-label", t("network.stage"));
  el.append(
    h("div", { class: "stage-tools" }, choice.el, thought.el),
    place,
    words,
    answer,
  );

  /** @type {import("./layout.js").Layout|null} */
  let board = null;
  /** @type {Set<number>} */
  const opened = new Set();
  /** The run that the board was made for; new settings of the same run change nothing here. */
  let arranged = 0;
  let drawnVersion = -1;
  let spoken = 0;
  let lastSpoken = -Infinity;
  let fading = 0;
  let said = { look: -1, answer: -1 };

  const edges = edgesClient(canvases, (report) => {
    choice.say(report.drawn, hidden());
    if (report.light && board) thought.travel(report.light, board.width, board.height);
    // For tests and measurements: how long the last drawing took, and of which weights it was.
    place.dataset.milliseconds = report.milliseconds.toFixed(1);
    place.dataset.drawn = String(report.drawn);
    place.dataset.drawings = String(Number(place.dataset.drawings ?? 0) + 1);
  });

  /** What the last minibatch did to the weights, if it is to be drawn. */
  const changes = () => (model.get("filter").kind === "change" ? { changes: model.get("change")?.weights ?? [] } : {});

  const activations = () => {
    const forward = model.get("forward");
    return forward ? [forward.input, ...forward.as] : [];
  };

  /** @returns {import("./select.js").Wish} */
  function wish() {
    const { kind, count } = model.get("filter");
    const stage = model.get("stage");
    return { kind, count, place: model.get("hovered") ?? model.get("picked"), gaps: stage === null ? 1e9 : Math.ceil(stage / 2) };
  }

  /** How many edges belong to neurons that are folded away. */
  function hidden() {
    const sizes = model.get("run")?.sizes ?? [];
    if (!board) return 0;
    const shown = sizes.map((size, layer) => board?.columns.find((column) => column.layer === layer)?.shown.length ?? size);
    return sizes.slice(1).reduce((all, size, i) => all + size * sizes[i] - shown[i] * shown[i + 1], 0);
  }

  // ── Where everything is ─────────────────────────────────────────────────────────────────────────────────────────────

  function arrange() {
    const run = model.get("run");
    const box = place.getBoundingClientRect();
    waiting.hidden = run !== null && model.get("forward") !== null;
    if (!run || box.width < 50 || box.height < 50) return;
    const [width, height] = [Math.floor(place.clientWidth), Math.floor(place.clientHeight)];
    if (arranged !== run.run) {
      arranged = run.run;
      drawnVersion = -1;
      opened.clear();
    }
    board = layout({ width, height, sizes: run.sizes, side: run.side, names: namesWidth(run, width), opened, scale: em() / 15 });
    place.classList.toggle("small", board.small);
    picture.el.hidden = picture.caption.hidden = !board.picture;
    if (board.picture) picture.place(board.picture);
    neurons.build(board);
    const ratio = Math.min(devicePixelRatio || 1, SHARPEST);
    edges.ask({ board: { width, height, ratio, gaps: gapsOf(board, run.sizes) }, wish: wish(), focus: focus() });
    update();
    speak();
    mark();
  }

  /** How much room the outputs' names and numbers need. */
  function namesWidth(/** @type {import("../core/types.js").Run} */ run, /** @type {number} */ width) {
    const small = width < 520;
    const context = /** @type {CanvasRenderingContext2D} */ (h("canvas").getContext("2d"));
    context.font = `600 ${(small ? 0.93 : 1.07) * em()}px system-ui, sans-serif`;
    const outputs = run.sizes[run.sizes.length - 1];
    let widest = 0;
    for (let i = 0; i < Math.min(outputs, 200); i++) widest = Math.max(widest, context.measureText(outputName(run, i)).width);
    return Math.round(Math.min(widest + 8, (small ? 4.3 : 7.3) * em()) + (small ? 3.2 : 8.4) * em());
  }

  // ── What changes ────────────────────────────────────────────────────────────────────────────────────────────────────

  const update = once(() => {
    const run = model.get("run");
    const forward = model.get("forward");
    const parameters = model.get("parameters");
    if (!run || !board || arranged !== run.run || forward?.as.length !== run.sizes.length - 1) return;
    waiting.hidden = true;
    picture.update();
    neurons.update(thought.lit());
    picture.show();
    if (parameters && parameters.version !== drawnVersion) {
      // The first weights of a run are no change.
      const known = drawnVersion >= 0;
      drawnVersion = parameters.version;
      const mode = model.get("status")?.mode;
      // At full speed everything changes all the time; then a glow tells nothing.
      const slow = mode === "stepping" || (mode === "playing" && model.get("status")?.speed !== null);
      const glows = slow && known && model.get("filter").kind === "all" && !calm();
      edges.ask({ weights: parameters.weights, ...changes(), activations: activations(), ...(glows ? { glow: true } : {}) });
      if (glows) glow();
    } else if (model.get("filter").kind === "contribution") {
      edges.ask({ activations: activations() });
    }
    if (performance.now() - lastSpoken >= SPOKEN) speak();
    else if (!spoken) spoken = window.setTimeout(speak, SPOKEN);
  });

  function glow() {
    canvases.glow.classList.add("glowing");
    clearTimeout(fading);
    fading = window.setTimeout(() => canvases.glow.classList.remove("glowing"), GLOW);
  }

  /** Tells those who listen, at most twice a second. */
  function speak() {
    clearTimeout(spoken);
    spoken = 0;
    lastSpoken = performance.now();
    picture.label();
    neurons.relabel();
    const run = model.get("run");
    const forward = model.get("forward");
    const look = model.get("look");
    const mode = model.get("status")?.mode;
    if (!run || !forward || look?.answer === null || look?.answer === undefined || mode === "playing") return;
    const layer = run.sizes.length - 1;
    const sure = confidence(forward.as[layer - 1], look.answer);
    const name = outputName(run, look.answer);
    // A new image's answer is said by the view that chose it; here, that the network has changed its mind about the same one.
    const changed = said.look === look.look && said.answer !== look.answer;
    said = { look: look.look, answer: look.answer };
    if (changed) write(answer, t("network.says", { name, sure: surenessNamed(run, sure, look.answer) }));
  }

  const focus = () => model.get("hovered") ?? model.get("picked");

  /** What is picked or pointed at was changed. */
  const mark = once(() => {
    const place_ = focus();
    neurons.mark();
    picture.show();
    place.classList.toggle("pointing", place_ !== null);
    edges.ask({ focus: place_, ...(model.get("filter").kind === "neuron" ? { wish: wish() } : {}) });
    part();
  });

  function part() {
    const lit = litPart();
    const picked = model.get("picked") ?? model.get("hovered");
    place.dataset.part = lit ?? "";
    neurons.partOf(lit === "a" && picked ? picked.layer - 1 : null);
    picture.el.classList.toggle("part", lit === "a" && picked?.layer === 1);
  }

  const think = () => {
    for (const each of [words, place]) each.classList.toggle("thinking", model.get("stage") !== null);
  };
  /** @type {() => void} */
  let stop = () => {};
  let wasMoves = false;
  const rewish = () => {
    think();
    edges.ask({ wish: wish(), ...changes(), activations: activations() });
    update();
  };
  /** What is drawn is another thing: what it needs is asked for, and the legend says what the colors mean. */
  const refilter = () => {
    const moves = model.get("filter").kind === "change";
    if (moves !== wasMoves) {
      wasMoves = moves;
      stop();
      stop = moves ? watching(model, "change") : () => {};
    }
    write(plus, t(moves ? "network.legend.up" : "network.legend.positive"));
    write(minus, t(moves ? "network.legend.down" : "network.legend.negative"));
    rewish();
  };
  const changed = () => model.get("filter").kind === "change" && edges.ask(changes());
  const rearrange = once(arrange);
  const off = [
    model.on("change:run", () => model.get("run")?.run !== arranged && rearrange()),
    model.on("change:forward", update),
    model.on("change:parameters", update),
    model.on("change:look", update),
    model.on("change:filter", refilter),
    model.on("change:change", changed),
    model.on("change:stage", rewish),
    model.on("change:picked", mark),
    model.on("change:hovered", mark),
    onLight(part),
  ];
  refilter();
  const watcher = new ResizeObserver(rearrange);
  watcher.observe(place);
  place.addEventListener("click", (event) => {
    if (event.target === place || event.target === neurons.el) model.set("picked", null);
  });

  return () => {
    watcher.disconnect();
    for (const each of off) each();
    clearTimeout(spoken);
    clearTimeout(fading);
    for (const each of [update, mark, rearrange]) each.cancel();
    thought.close();
    choice.close();
    stop();
    edges.close();
    model.set("hovered", null);
  };
}
