// A moment as a link, and back: how the run was made (only what differs from its recipe), the step, the image, the neuron that is
// picked, the page, and what is hidden. Texts only: nothing here asks or changes anything.
//
//   #network?recipe=plain&sizes=784,30,10&seed=3&then=120;lr:0.5&step=250&image=test:17&neuron=1:3&hide=settings,hands

/** @typedef {import("../core/types.js").Run} Run */
/** @typedef {import("../core/types.js").Place} Place */
/** @typedef {[number, number]} At epochs done, and examples of the next */
/** @typedef {{step: number}|{at: At}} Moment where in a run */
/** @typedef {{when: Moment, values: Record<string, any>}} Change */

/**
 * @typedef {object} Goal How a run is made.
 * @property {string} recipe
 * @property {string} data the name of its data
 * @property {number|null} validation
 * @property {number[]} inside neurons of the hidden layers
 * @property {string[]} hidden their activations
 * @property {string|null} output null where the cost decides
 * @property {string} initializer
 * @property {number} seed
 * @property {Record<string, any>} settings
 * @property {Change[]} changes
 *
 * @typedef {object} Link What a link says.
 * @property {string} view
 * @property {Record<string, string>} made how the run is made, as it stands there; empty: nothing is said of it
 * @property {string[]} then its changes, as they stand there
 * @property {Moment|null} when
 * @property {string|null} image
 * @property {Place|null} neuron
 * @property {string[]|null} hide
 * @property {"en"|"zh"|null} language
 * @property {string[]} wrong what makes no sense
 */

/** What a teacher can hide, by the names in the link. */
export const HIDABLE = ["transport", "settings", "new", "hands", "browse", "mistakes", "race", "runs", "data"];

/** Settings by their names in the link. */
const SHORT = /** @type {const} */ ({
  optimizer: "optimizer",
  lr: "learning_rate",
  schedule: "schedule",
  momentum: "momentum",
  nesterov: "nesterov",
  decay: "weight_decay",
  clip: "clip",
  dropout: "dropout",
  deform: "deform",
  batch: "batch_size",
  epochs: "epochs",
});
const LONG = Object.fromEntries(Object.entries(SHORT).map(([short, long]) => [long, short]));
const WORDS = new Set(["optimizer", "schedule"]);
const MADE = new Set(["recipe", "data", "validation", "sizes", "hidden", "output", "cost", "init", "seed", ...Object.keys(SHORT)]);
/** What stays as it is where the optimizer becomes another one, which begins with defaults of its own. */
const STAYS = ["dropout", "deform", "batch_size", "epochs"];
/** The images of MNIST that can be learned from, or held out to judge by. */
const MNIST = 60000;
const LONGEST = 20000;

/** How many images of MNIST a recipe holds out. @param {import("../core/types.js").Recipe} recipe */
const heldOut = ({ validation }) => (validation < 1 ? Math.round(validation * MNIST) : validation);

// ── Writing ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Letters that may stand in a link as they are stay readable. @param {string} text */
const plain = (text) => encodeURIComponent(text).replace(/%2C/g, ",").replace(/%3A/g, ":").replace(/%3B/g, ";").replace(/%2F/g, "/").replace(/%2B/g, "+").replace(/%3D/g, "=");

/** @param {At} at @param {boolean} even @param {number} batch @param {number} examples */
const whenText = ([epochs, example], even, batch, examples) => (even ? String(epochs * Math.ceil(examples / batch) + Math.ceil(example / batch)) : `${epochs}+${example}`);

/** @param {any} value */
const valueText = (value) => (value === null ? "none" : value === true ? "yes" : value === false ? "no" : String(value).replaceAll(", ", ","));

/**
 * The link's part behind the address: "#network?…".
 * @param {object} moment
 * @param {string} moment.view
 * @param {Run|null} moment.run
 * @param {At|null} moment.at
 * @param {string|null} [moment.image]
 * @param {Place|null} [moment.picked]
 * @param {string[]} [moment.hide]
 */
export function written({ view, run, at, image = null, picked = null, hide = [] }) {
  const parts = run && at && run.made?.fresh ? [...how(run), ...where(run, at)] : [];
  if (image) parts.push(["image", image]);
  if (picked) parts.push(["neuron", `${picked.layer}:${picked.neuron}`]);
  if (hide.length) parts.push(["hide", hide.join(",")]);
  const text = parts.map(([key, value]) => `${key}=${plain(value)}`).join("&");
  return `#${view}${text ? `?${text}` : ""}`;
}

/** @param {Run} run @param {At} at @returns {string[][]} */
function where(run, at) {
  const { settings, changes, even } = run.made;
  const [batch, examples] = [settings.batch_size, run.data.train];
  const before = changes.filter((change) => isBefore(change.at, at));
  const then = before.map((change) => [
    "then",
    [whenText(change.at, even, batch, examples), ...Object.entries(change.values).map(([name, value]) => `${LONG[name] ?? name}:${valueText(value)}`)].join(";"),
  ]);
  return [...then, ["step", whenText(at, even, batch, examples)]];
}

/** A change at the very place where one stands belongs to it. @param {number[]} one @param {number[]} other */
const isBefore = (one, other) => one[0] < other[0] || (one[0] === other[0] && one[1] <= other[1]);

/** @param {Run} run @returns {string[][]} */
function how(run) {
  const recipe = run.choices.recipes.find(({ name }) => name === run.recipe) ?? run.choices.recipes[0];
  const goal = made(run);
  /** @type {string[][]} */
  const parts = [["recipe", recipe.name]];
  const mnist = goal.data === "MNIST";
  if (!mnist) parts.push(["data", goal.data]);
  if (!mnist || goal.validation !== heldOut(recipe)) parts.push(["validation", String(goal.validation)]);
  if (goal.inside.join() !== recipe.sizes.slice(1, -1).join()) parts.push(["sizes", run.sizes.join()]);
  const one = new Set(goal.hidden).size === 1;
  if (goal.hidden.some((name) => name !== recipe.hidden)) parts.push(["hidden", one ? goal.hidden[0] : goal.hidden.join()]);
  const { cost, ...settings } = goal.settings;
  if (cost !== recipe.cost || goal.output !== recipe.output) parts.push(["output", String(goal.output)], ["cost", cost]);
  if (goal.initializer !== recipe.initializer) parts.push(["init", goal.initializer]);
  const other = settings.optimizer !== recipe.optimizer;
  for (const [name, value] of Object.entries(settings)) {
    const known = /** @type {any} */ (recipe)[name];
    // With another optimizer, all that is its own is said.
    if (value !== known || (other && !STAYS.includes(name))) parts.push([LONG[name] ?? name, valueText(value)]);
  }
  parts.push(["seed", String(goal.seed)]);
  return parts;
}

/**
 * How the run of now was made.
 * @param {Run} run
 * @returns {Goal}
 */
export function made(run) {
  const name = run.choices.data.find(({ sources }) => sources.join("\n") === run.data.sources.join("\n"))?.name;
  return {
    recipe: run.recipe,
    data: name ?? run.data.sources.join(),
    validation: run.data.validation,
    inside: run.sizes.slice(1, -1),
    hidden: run.activations.slice(0, -1),
    output: run.activations[run.activations.length - 1],
    initializer: run.initializer,
    seed: run.seed,
    settings: run.made.settings,
    changes: run.made.changes.map(({ at, values }) => ({ when: { at }, values })),
  };
}

// ── Reading ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * What a link says. Nothing in it is trusted: what makes no sense is named in `wrong`, and the rest is followed.
 * @param {string} hash from "#" on
 * @param {readonly string[]} views
 * @returns {Link}
 */
export function read(hash, views) {
  const [place, rest = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  /** @type {Link} */
  const link = { view: views.find((each) => each === place) ?? views[0], made: {}, then: [], when: null, image: null, neuron: null, hide: null, language: null, wrong: [] };
  for (const part of rest.slice(0, LONGEST).split("&").filter(Boolean)) {
    const [key, raw = ""] = part.split(/=(.*)/s);
    let value = raw;
    try {
      value = decodeURIComponent(raw);
    } catch {
      // What is no text at all is shown as it came.
    }
    const wrong = () => void link.wrong.push(`${key}=${value}`.slice(0, 60));
    if (MADE.has(key)) link.made[key] = value;
    else if (key === "then") link.then.push(value);
    else if (key === "step") (link.when = moment(value)) ?? wrong();
    else if (key === "image") (/^(train|validation|test|noise):\d{1,9}$|^blank$|^drawing:\d+x\d+[cw][rz]:[\w-]+$/.test(value) ? (link.image = value) : wrong());
    else if (key === "neuron") {
      const found = /^(\d{1,3}):(\d{1,9})$/.exec(value);
      found ? (link.neuron = { layer: Number(found[1]), neuron: Number(found[2]) }) : wrong();
    } else if (key === "hide") {
      const names = value.split(",");
      link.hide = names.filter((name) => HIDABLE.includes(name));
      if (link.hide.length < names.length) wrong();
    } else if (key === "lang" && (value === "en" || value === "zh")) link.language = value;
    else wrong();
  }
  return link;
}

/** @param {string} text @returns {Moment|null} */
function moment(text) {
  const found = /^(\d{1,9})(?:\+(\d{1,9}))?$/.exec(text);
  if (!found) return null;
  return found[2] === undefined ? { step: Number(found[1]) } : { at: [Number(found[1]), Number(found[2])] };
}

/**
 * How the run of a link is made, with what its recipe says for all else.
 * @param {Link} link
 * @param {Run} run what is offered here: recipes, data
 * @returns {{goal: Goal|null, wrong: string[]}} no goal: there is none, or what is said makes no sense
 */
export function goalOf(link, run) {
  const told = link.made;
  if (!Object.keys(told).length) return { goal: null, wrong: [] };
  /** @type {string[]} */
  const wrong = [];
  const { recipes, data } = run.choices;
  const bad = (/** @type {string} */ key) => void wrong.push(`${key}=${told[key]}`.slice(0, 60));
  const recipe = recipes.find(({ name }) => name === (told.recipe ?? recipes[0].name));
  if (!recipe) return { goal: null, wrong: [`recipe=${told.recipe}`.slice(0, 60)] };
  if (told.data !== undefined && !data.some(({ name }) => name === told.data)) bad("data");
  const whole = (/** @type {string} */ key, /** @type {number} */ most) => {
    if (told[key] === undefined) return null;
    const value = /^\d{1,16}$/.test(told[key]) ? Number(told[key]) : NaN;
    if (!(value <= most)) bad(key);
    return value;
  };
  let inside = recipe.sizes.slice(1, -1);
  if (told.sizes !== undefined) {
    const sizes = told.sizes.split(",").map((each) => (/^[1-9]\d{0,6}$/.test(each) ? Number(each) : NaN));
    if (sizes.length < 2 || sizes.some(Number.isNaN)) bad("sizes");
    inside = sizes.slice(1, -1);
  }
  const name = /^[a-z_]{1,40}(\([\w=., +-]{0,80}\))?$/;
  const hidden = told.hidden === undefined ? [recipe.hidden] : told.hidden.split(/,(?![^(]*\))/);
  if (!hidden.every((each) => name.test(each)) || (hidden.length > 1 && hidden.length !== inside.length)) bad("hidden");
  for (const key of ["output", "cost", "init"]) if (told[key] !== undefined && !name.test(told[key])) bad(key);
  /** @type {Record<string, any>} */
  const settings = {};
  const other = told.optimizer !== undefined && told.optimizer !== recipe.optimizer;
  for (const [short, long] of Object.entries(SHORT)) {
    const value = told[short] === undefined ? undefined : setting(long, told[short]);
    if (value === undefined && told[short] !== undefined) bad(short);
    const fallen = other && !STAYS.includes(long) ? undefined : /** @type {any} */ (recipe)[long];
    if (value !== undefined || fallen !== undefined) settings[long] = value === undefined ? fallen : value;
  }
  settings.cost = told.cost ?? recipe.cost;
  const changes = link.then.map((text) => {
    const change = changeOf(text);
    if (!change) wrong.push(`then=${text}`.slice(0, 60));
    return change;
  });
  const seed = whole("seed", Number.MAX_SAFE_INTEGER - 1) ?? 0;
  const validation = whole("validation", 1e9) ?? (told.data === undefined || told.data === "MNIST" ? heldOut(recipe) : null);
  if (wrong.length) return { goal: null, wrong };
  return {
    goal: {
      recipe: recipe.name,
      data: told.data ?? "MNIST",
      validation,
      inside,
      hidden: hidden.length === 1 ? inside.map(() => hidden[0]) : hidden,
      output: told.output ?? (told.cost === undefined || told.cost === recipe.cost ? recipe.output : null),
      initializer: told.init ?? recipe.initializer,
      seed,
      settings,
      changes: /** @type {Change[]} */ (changes),
    },
    wrong,
  };
}

/** @param {string} name as the server calls it @param {string} text @returns {any} undefined: it is none */
function setting(name, text) {
  if (WORDS.has(name)) return /^[a-z_]{1,40}$/.test(text) ? text : undefined;
  if (name === "nesterov") return text === "yes" ? true : text === "no" ? false : undefined;
  if (name === "clip" && text === "none") return null;
  // As the server writes it, so that the two can be compared.
  if (name === "deform") return /^[a-z_]{1,40}(\([\w=., +-]{0,150}\))?$/.test(text) ? text.replace(/\s/g, "").replaceAll(",", ", ") : undefined;
  const value = /^[\d.eE+-]{1,30}$/.test(text) ? Number(text) : NaN;
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** @param {string} text @returns {Change|null} */
function changeOf(text) {
  const [place, ...parts] = text.split(";");
  const when = moment(place);
  /** @type {Record<string, any>} */
  const values = {};
  for (const part of parts) {
    const [short, raw = ""] = part.split(/:(.*)/s);
    const long = /** @type {Record<string, string>} */ (SHORT)[short];
    const value = long && setting(long, raw);
    if (!long || value === undefined) return null;
    values[long] = value;
  }
  return when && parts.length ? { when, values } : null;
}

// ── Comparing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The place that a moment means: epochs done, and examples of the next.
 * @param {Moment} when
 * @param {number} batch
 * @param {number} examples
 * @returns {At}
 */
export function placeOf(when, batch, examples) {
  if ("at" in when) return when.at;
  const batches = Math.ceil(examples / batch);
  return [Math.floor(when.step / batches), (when.step % batches) * batch];
}

/**
 * Whether the run of now is the one of the link, up to the link's moment.
 * @param {Run} run
 * @param {Goal} goal
 * @param {Moment|null} when
 */
export function isSame(run, goal, when) {
  if (!run.made?.fresh) return false;
  const now = made(run);
  const { batch_size: batch } = run.made.settings;
  const until = when ? placeOf(when, batch, run.data.train) : /** @type {At} */ ([Infinity, 0]);
  const changes = (/** @type {Goal} */ of) =>
    of.changes.map((change) => ({ at: placeOf(change.when, batch, run.data.train), values: change.values })).filter(({ at }) => isBefore(at, until));
  const [here, there] = [changes(now), changes(goal)];
  return (
    now.data === goal.data &&
    (goal.validation === null || now.validation === goal.validation) &&
    now.inside.join() === goal.inside.join() &&
    now.hidden.join() === goal.hidden.join() &&
    (goal.output === null || now.output === goal.output) &&
    now.initializer === goal.initializer &&
    now.seed === goal.seed &&
    agree(now.settings, goal.settings) &&
    !run.made.edits.some((at) => isBefore(at, until)) &&
    here.length === there.length &&
    here.every(({ at, values }, i) => at.join() === there[i].at.join() && agree(values, there[i].values))
  );
}

/** Whether what is said is so. @param {Record<string, any>} now @param {Record<string, any>} said */
const agree = (now, said) => Object.entries(said).every(([name, value]) => (now[name] ?? null) === value);

/**
 * The command that begins the run of a link.
 * @param {Goal} goal
 * @param {Run} run what is offered here
 */
export function restartOf(goal, run) {
  /** @type {Record<string, any>} */
  const message = {
    do: "restart",
    recipe: goal.recipe,
    data: run.choices.data.find(({ name }) => name === goal.data)?.sources ?? ["mnist"],
    sizes: [null, ...goal.inside, null],
    initializer: goal.initializer,
    seed: goal.seed,
    ...goal.settings,
  };
  // The server takes null for "as it is", and leaves it out.
  for (const [name, value] of Object.entries(message)) if (value === null) delete message[name];
  if (goal.validation !== null) message.validation = goal.validation;
  if (goal.output !== null) message.output = goal.output;
  if (goal.inside.length) message.hidden = goal.hidden;
  return message;
}
