// How a thought moves: layer by layer, first the weighted sums z, then the activations a; a light travels along the edges between.
// model "stage": 0 only the input is lit; 2l − 1 layer l has its sums; 2l it has its activations; null all is lit.

import { calm, h, sharp, write } from "../core/dom.js";
import { keys } from "../core/keys.js";
import { activationName } from "../core/names.js";
import { t } from "../core/words.js";

/** @typedef {import("../core/model.js").Model} Model */
/** @typedef {import("./painter.js").Spark} Spark */

/** Milliseconds that the light takes, that sums and activations are left to be looked at, and the answer. */
const TRAVEL = 750;
const SUMS = 1300;
const ACTIVATIONS = 800;
const ANSWER = 1800;

/**
 * @param {Model} model
 * @param {HTMLCanvasElement} canvas where the light travels
 * @param {(gap: number) => void} askSparks asks for the edges of a gap that carry most; they come by `travel`
 * @param {() => void} arrived the light has reached the layer
 */
export function propagation(model, canvas, askSparks, arrived) {
  const back = h("button", { class: "quiet symbol", type: "button", "aria-label": t("network.back"), title: `${t("network.back")} (,)`, onclick: () => move(-1) }, "‹");
  const play = h("button", { class: "quiet symbol", type: "button", onclick: toggle });
  const forward = h("button", { class: "quiet symbol", type: "button", "aria-label": t("network.forward"), title: `${t("network.forward")} (.)`, onclick: () => move(1) }, "›");
  const el = h("div", { class: "propagation", role: "group", "aria-label": t("network.propagation") }, h("span", { class: "muted" }, t("network.propagation")), back, play, forward);
  const words = h("p", { class: "thought", "aria-live": "polite" });
  let timer = 0;
  let playing = false;
  let of = model.get("run")?.run;
  let animation = 0;
  /** The light is still on its way: what it brings is not shown yet. */
  let travelling = false;

  const most = () => 2 * ((model.get("run")?.sizes.length ?? 1) - 1);

  /** @param {number} by */
  function move(by) {
    stop();
    const at = model.get("stage");
    if (at === null) go(by > 0 ? 0 : most() - 1);
    else go(at + by > most() || at + by < 0 ? null : at + by);
  }

  /** @param {number|null} stage */
  function go(stage) {
    const before = model.get("stage");
    const rises = stage !== null && stage % 2 === 1 && (before === null || stage > before);
    still();
    travelling = rises && !calm();
    if (stage !== null && travelling) askSparks((stage - 1) / 2);
    model.set("stage", stage);
  }

  function toggle() {
    if (playing) {
      stop();
      return;
    }
    playing = true;
    show();
    const at = model.get("stage");
    if (at === null || at >= most()) go(0);
    wait();
  }

  /** Waits as long as the present step is worth looking at, then takes the next. */
  function wait() {
    const at = model.get("stage");
    const time = at === most() ? ANSWER : at === null || at % 2 === 0 ? ACTIVATIONS : SUMS;
    timer = window.setTimeout(() => {
      const now = model.get("stage");
      if (now === null || now >= most()) {
        stop();
        go(null);
        return;
      }
      go(now + 1);
      wait();
    }, time);
  }

  function stop() {
    clearTimeout(timer);
    playing = false;
    show();
  }

  /** Ends the light where it is. */
  function still() {
    cancelAnimationFrame(animation);
    animation = 0;
    canvas.hidden = true;
    if (!travelling) return;
    travelling = false;
    arrived();
  }

  function show() {
    write(play, playing ? "❚❚" : "▶");
    const label = t(playing ? "network.stop" : "network.play");
    play.setAttribute("aria-label", label);
    play.title = `${label} (p)`;
    const run = model.get("run");
    const at = model.get("stage");
    if (!run || at === null) write(words, "");
    else if (at === 0) write(words, t("network.thought.input", { count: run.sizes[0] }));
    else {
      const layer = Math.ceil(at / 2);
      const name = run.activations[layer - 1];
      const values = { layer, activation: activationName(name) };
      write(words, t(at % 2 ? "network.thought.sum" : at === most() ? (run.classes && run.sizes[run.sizes.length - 1] > 1 ? "network.thought.answer" : "network.thought.outputs") : "network.thought.activation", values));
    }
  }

  const off = [
    model.on("change:stage", show),
    model.on("change:run", () => {
      if (of === model.get("run")?.run) return;
      of = model.get("run")?.run;
      stop();
      if (model.get("stage") !== null) model.set("stage", null);
    }),
    keys("network.keys", [
      { key: ",", words: "network.back", run: () => move(-1) },
      { key: ".", words: "network.forward", run: () => move(1) },
      { key: "p", words: "network.play", run: toggle },
    ]),
  ];
  show();

  return {
    el,
    words,
    /** How much of the network is lit: as the model says, but what the light brings only once it is there. */
    lit() {
      const stage = model.get("stage");
      return stage !== null && travelling ? stage - 1 : stage;
    },
    /**
     * Sends a light along each of these edges, as strong as what the edge carries.
     * @param {Spark[]} sparks
     * @param {number} width
     * @param {number} height
     */
    travel(sparks, width, height) {
      cancelAnimationFrame(animation);
      if (!travelling || !sparks.length) {
        still();
        return;
      }
      const context = sharp(canvas, width, height);
      const start = performance.now();
      canvas.hidden = false;
      // Three strengths of each sign, so that there are six strokes a picture and not one for each edge.
      const groups = [1, 2 / 3, 1 / 3].flatMap((top) =>
        [1, -1].map((sign) => ({
          color: sign > 0 ? "#7fd8ee" : "#ff8278",
          wide: 0.6 + 1.6 * top,
          edges: sparks.filter(({ value }) => Math.sign(value) === sign && Math.abs(value) <= top && Math.abs(value) > top - 1 / 3),
        })),
      );
      const draw = (/** @type {number} */ now) => {
        const way = (now - start) / TRAVEL;
        context.clearRect(0, 0, width, height);
        if (way >= 1.2) {
          still();
          return;
        }
        const ease = (/** @type {number} */ x) => (x <= 0 ? 0 : x >= 1 ? 1 : x * x * (3 - 2 * x));
        context.lineCap = "round";
        // Where many lights cross, they add up, as light does. Each has a bright head and a fainter tail.
        context.globalCompositeOperation = "lighter";
        for (const [behind, opacity, thin] of [[0.2, 0.28, 0.6], [0.07, 0.75, 1]]) {
          const [head, tail] = [ease(way), ease(way - behind)];
          context.globalAlpha = opacity;
          for (const { color, wide, edges } of groups) {
            context.strokeStyle = color;
            context.lineWidth = wide * thin;
            context.beginPath();
            for (const { x0, y0, x1, y1 } of edges) {
              context.moveTo(x0 + (x1 - x0) * tail, y0 + (y1 - y0) * tail);
              context.lineTo(x0 + (x1 - x0) * head, y0 + (y1 - y0) * head);
            }
            context.stroke();
          }
        }
        animation = requestAnimationFrame(draw);
      };
      animation = requestAnimationFrame(draw);
    },
    close() {
      stop();
      still();
      for (const each of off) each();
    },
  };
}
