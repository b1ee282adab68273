// For what comes faster than it can be sent: a slider under a hand, a drawing.

/**
 * A function that sends only the newest of what it is given while an answer is still awaited.
 * @template T
 * @param {(value: T) => Promise<unknown>} send
 * @returns {(value: T) => Promise<void>}
 */
export function latest(send) {
  let busy = false;
  /** @type {[T]|null} */
  let next = null;
  return async (value) => {
    next = [value];
    if (busy) return;
    busy = true;
    try {
      while (next) {
        const [newest] = /** @type {[T]} */ (next);
        next = null;
        await send(newest);
      }
    } finally {
      busy = false;
    }
  };
}
