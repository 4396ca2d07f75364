/*
 * wait.mjs - waits for what is awaited; the limit only ends tests that have failed.
 */
export const LIMIT_MS = Number(process.env.INTEROP_LIMIT_MS ?? 8_000);

/** @promise, or a failure that names @what after LIMIT_MS. */
export function within(what, promise, limitMs = LIMIT_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), limitMs);
    timer.unref(); // the fixture keeps the process alive; a lost race must not
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Asks @condition again and again until it is true. */
export async function until(what, condition, limitMs = LIMIT_MS) {
  const deadline = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await pause(10);
  }
}

/** Only for spans that are themselves measured, or in which nothing must happen. */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The next emission of @event, as an array of its arguments. */
export function heard(emitter, event, limitMs = LIMIT_MS) {
  const told = new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));
  return within(`event ${event}`, told, limitMs);
}

/** What comes in by push() goes out by next(), in order. */
export class Inbox {
  #items = [];
  #takers = [];

  push(item) {
    const taker = this.#takers.shift();
    if (taker) taker(item);
    else this.#items.push(item);
  }

  get size() {
    return this.#items.length;
  }

  next(what = "a message", limitMs = LIMIT_MS) {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift());
    return within(what, new Promise((resolve) => this.#takers.push(resolve)), limitMs);
  }
}
