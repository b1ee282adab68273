// The shapes of what the server says (see docs/studio/session.md), for the type checker and for readers.

/**
 * @typedef {{layer: number, neuron: number}} Place A neuron: its layer (0 is the input) and its number from 0.
 *
 * @typedef {object} Settings
 * @property {string} cost
 * @property {string} optimizer
 * @property {number} learning_rate the schedule's highest
 * @property {string} schedule
 * @property {number} [momentum]
 * @property {boolean} [nesterov]
 * @property {number} [weight_decay]
 * @property {number|null} [clip]
 * @property {number} dropout
 * @property {string} deform "none", or how images are deformed: "affine(rotation=15)"
 * @property {number} batch_size
 * @property {number} epochs
 *
 * @typedef {{file: string, line: number, text: string}} Code A line of glassnet's own source.
 *
 * @typedef {object} Recipe
 * @property {string} name
 * @property {string} summary
 * @property {number[]} sizes
 * @property {string} hidden
 * @property {string} output
 * @property {string} initializer
 * @property {number} validation examples held out: a count, a share below 1, or 0 for none
 *
 * @typedef {object} Choices
 * @property {string[]} activations
 * @property {Record<string, string[]>} outputs fitting output activations, by cost
 * @property {string[]} costs
 * @property {Record<string, string[]>} optimizers each with its fields
 * @property {string[]} schedules
 * @property {string[]} initializers
 * @property {string[]} deformations "none" first
 * @property {string[]} pretrained the trained networks that come with glassnet, by name
 * @property {(Recipe & Settings)[]} recipes
 * @property {{sources: string[], name: string}[]} data what was named where the studio was started
 *
 * @typedef {object} Run
 * @property {number} run changes when another run takes its place
 * @property {string} name
 * @property {string} path
 * @property {number[]} sizes
 * @property {string[]} activations
 * @property {number} count
 * @property {string[]|null} classes
 * @property {number|null} side pixels wide and high of a square image
 * @property {{side: number, center: boolean}|null} pictures how its inputs were made of pictures; null: they were not, or nobody knows
 * @property {string} initializer
 * @property {number} seed
 * @property {string} recipe
 * @property {string} engine
 * @property {string|null} from
 * @property {{sources: string[], train: number, validation: number, test: number}} data
 * @property {Settings} settings
 * @property {Choices} choices
 * @property {{z: Code, a: Code, values: Code[]}} code
 * @property {({z: number[], a: number[]}|null)[]} curves
 * @property {Mark[]} marks changes, edits and bookmarks, in the order of the run
 * @property {string|null} title the name that somebody gave it
 * @property {Made} made how it was made, for links
 *
 * @typedef {object} Made
 * @property {boolean} fresh whether its first network is the one that its seed makes, so that a link can make it again
 * @property {Record<string, any>} settings those that it began with, by the names of Settings
 * @property {{at: [number, number], values: Record<string, any>}[]} changes of settings, in order
 * @property {[number, number][]} edits where a hand changed the network
 * @property {boolean} even whether minibatches have had one size all along
 *
 * @typedef {{cost: number, accuracy: number|null, examples: number}} Judged
 *
 * @typedef {object} Status
 * @property {"paused"|"playing"|"stepping"|"finished"|"diverged"|"watching"} mode
 * @property {number} step
 * @property {number} steps
 * @property {number} epoch
 * @property {number} epochs
 * @property {number} example
 * @property {number} examples
 * @property {number} seconds
 * @property {number|null} rate examples a second
 * @property {number|null} speed minibatches a second; null: as fast as it goes
 * @property {number} learning_rate
 * @property {number|null} cost
 * @property {{code: string, text: string}|null} notice
 * @property {{step: number, now: boolean, train: Judged|null, validation: Judged|null}|null} judged what the network of `step` was worth; `now`: it is the one that is shown
 * @property {number} tabs
 * @property {[number, number]} at epochs done, and examples of the next
 * @property {{step: number, at: [number, number]}} end how far the run has ever come
 * @property {boolean} past whether this is before the end: playing on does again, to the byte, what was done
 * @property {{count: number, redo: number}} edits by hand at this very place: how many can be undone, and done again
 *
 * @typedef {object} Mark A place of the run where something was done.
 * @property {"settings"|"edit"|"bookmark"} kind
 * @property {number} step
 * @property {[number, number]} at epochs done, and examples of the next
 * @property {string} text what was done, in English; a bookmark's name
 * @property {number|null} bookmark its number, if it is one
 * @property {Record<string, any>} [values] of settings: what was changed, by the names of Settings; of an edit: kind, layer, neuron, count
 *
 * @typedef {object} Race
 * @property {number} race its number: changes when another is begun
 * @property {any[]} lanes
 * @property {import("./types.js").Arrays} arrays those of the race, without their prefix "race_"
 *
 * @typedef {object} Change What one minibatch changed: new minus old.
 * @property {number} step
 * @property {number} size examples in the minibatch
 * @property {number} moved weights and biases that changed
 * @property {number|null} asked those for which the gradient of the minibatch is not 0; null: it was too large to ask
 * @property {number|null} followed those of them that moved
 * @property {("decay"|"earlier")[]} others what else moved weights and biases: weight decay; what is kept of earlier steps
 * @property {Float32Array[]} weights those of layer l at index l - 1
 * @property {Float32Array[]} biases
 *
 * @typedef {object} Look What this tab looks at.
 * @property {number} look
 * @property {"train"|"validation"|"test"|"drawing"|"picture"|"noise"|"blank"} source
 * @property {number|null} row
 * @property {number|null} label
 * @property {number|null} answer
 * @property {number|null} cost
 * @property {boolean|null} centered
 *
 * @typedef {object} Parameters
 * @property {number} version
 * @property {Float32Array[]} weights those of layer l at index l - 1, a row for each of its neurons
 * @property {Float32Array[]} biases
 *
 * @typedef {object} Forward
 * @property {Float32Array} input
 * @property {Float64Array[]} zs those of layer l at index l - 1
 * @property {Float64Array[]} as
 * @property {Float64Array|null} target
 * @property {Float64Array|null} terms each output's part of the cost
 *
 * @typedef {object} Charts
 * @property {Float64Array} cost_steps
 * @property {Float64Array} cost
 * @property {Float64Array} judged_steps
 * @property {Float64Array} train_cost
 * @property {Float64Array} train_accuracy
 * @property {Float64Array} validation_cost
 * @property {Float64Array} validation_accuracy
 * @property {Float64Array} change_steps
 *
 * @typedef {object} Minibatch
 * @property {number} step
 * @property {number} size
 * @property {string} which
 * @property {boolean} deformed whether its images are so in this epoch only
 * @property {boolean} dropout whether the step was taken with neurons silenced
 * @property {Int32Array} rows
 * @property {Int32Array} labels
 * @property {Int32Array} answers
 * @property {Uint8Array} inputs
 * @property {Float64Array} before
 * @property {Float64Array} after
 *
 * @typedef {Float32Array|Float64Array|Int32Array|Uint8Array} Numbers
 * @typedef {Record<string, {shape: number[], values: Numbers}>} Arrays
 * @typedef {Record<string, any> & {arrays?: Arrays}} Reply
 */

export {};
