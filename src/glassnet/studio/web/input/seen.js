// What the network gets, and what it says: the same for a drawing, an image of the data, or noise.

import { gray, h, write } from "../core/dom.js";
import { number } from "../core/format.js";
import { t } from "../core/words.js";
import { areShares, className, confidence, imageName, quoted, sureness, surenessNamed } from "../core/names.js";

/** How long nothing must change before the answer is read out, in milliseconds. */
const QUIET = 700;

/**
 * @param {import("../core/model.js").Model} model
 * @param {import("../core/types.js").Run} run
 */
export function seen(model, run) {
  const canvas = h("canvas", { class: "pixels", role: "img", "aria-label": t("input.seen") });
  const values = h("p", { class: "values figures" });
  const name = h("bdi", { class: "name" });
  const sure = h("span", { class: "sure figures", title: areShares(run) ? null : t("name.activation.of") });
  const answer = h("p", { class: "answer" }, name, sure);
  const what = h("p", { class: "what" });
  const truth = h("p", { class: "truth" });
  const spoken = h("p", { class: "aside", role: "status" });
  const says = h("p", { class: "says" }, t(run.classes ? "input.says" : "input.outputs"));
  const element = h("div", { class: "seen" }, run.side ? canvas : values, h("div", { class: "said" }, says, answer, what, truth), spoken);
  let timer = 0;
  let shown = -1;

  function show() {
    const look = model.get("look");
    const forward = model.get("forward");
    if (!look || !forward || forward.input.length !== run.sizes[0]) return;
    const outputs = forward.as[forward.as.length - 1];
    const said = run.classes ? className(run, look.answer) : Array.from(outputs.subarray(0, 3), (a) => number(a, 2)).join("  ");
    const [share, shareNamed] = run.classes ? [sureness, surenessNamed].map((each) => each(run, confidence(outputs, look.answer), look.answer)) : ["", ""];
    if (run.side) gray(canvas, forward.input, run.side);
    else write(values, Array.from(forward.input.subarray(0, 8), (x) => number(x, 2)).join("  "));
    write(name, said);
    write(sure, share);
    answer.classList.toggle("long", said.length > 2);
    answer.dataset.answer = look.answer === null ? "" : String(look.answer);
    answer.dataset.look = String(look.look);
    const wrong = look.label !== null && look.answer !== null && look.label !== look.answer;
    answer.classList.toggle("wrong", wrong);
    write(what, imageName(run, look.source, look.row));
    const known = look.label !== null && look.answer !== null;
    truth.classList.toggle("wrong", wrong);
    truth.classList.toggle("right", known && !wrong);
    write(truth, !known ? "" : wrong ? t("input.truth.wrong", { truth: quoted(run, look.label) }) : t("input.truth.right"));
    if (look.look !== shown) {
      // Only what someone asked for is read out, once it is settled; not every change of a network that learns.
      shown = look.look;
      clearTimeout(timer);
      timer = setTimeout(() => write(spoken, [t("input.live", { answer: said, sure: shareNamed }), what.textContent, truth.textContent].filter(Boolean).join(". ")), QUIET);
    }
  }

  const off = model.on("frame", show);
  show();
  return {
    element,
    close: () => {
      off();
      clearTimeout(timer);
    },
  };
}
