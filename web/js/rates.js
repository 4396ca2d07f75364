/*
 * rates.js - from the server's totals to what happens per second. Totals only grow; a smaller uptime
 * means another life of the server, whose totals begin anew.
 */
export class Rates {
  #before = null;

  /** { seconds, of(name), cpu } of the time since the last figures; null: there were none. */
  take(now) {
    const before = this.#before;
    this.#before = now;
    if (before === null || now.uptime <= before.uptime) return null;
    const seconds = now.uptime - before.uptime;
    return {
      seconds,
      of: (name) => Math.max(0, (now[name] - before[name]) / seconds),
      cpu: Math.max(0, ((now.cpu - before.cpu) / seconds) * 100),
    };
  }

  /** Were the last figures those of an earlier life? */
  isAnew(now) {
    return this.#before !== null && now.uptime <= this.#before.uptime;
  }
}
