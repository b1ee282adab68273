// The worker that draws edges, so that the page itself never waits for them. It keeps the last numbers it was sent and draws three
// pictures: all edges that the filter lets through, those of the neuron somebody points at, and the glow of weights that just changed.

import { Painter } from "./painter.js";

const painter = new Painter();

self.onmessage = ({ data }) => {
  for (const [name, canvas] of Object.entries(data.canvases ?? {})) painter.canvas(name, /** @type {any} */ (canvas));
  const report = painter.take(data);
  self.postMessage({ ...report, asked: data.asked });
};
