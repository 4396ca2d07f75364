/*
 * judge.mjs - what is wrong with what was heard. Each client's list is in the order of hearing; GAP
 * stands where it was told that something may be missing.
 */
export const GAP = Symbol("gap");

/**
 * The first fault of the lists, in words; null: none. @order: everything that was said, in its order,
 * acknowledged. A list must be all of it, but for what lies where it was told of a gap.
 */
export function faultIn(lists, order) {
  const places = new Map(order.map((text, place) => [text, place]));
  for (const [i, list] of lists.entries()) {
    const fault = faultOf(list, order, places);
    if (fault !== null) return `client ${i} ${fault}`;
  }
  return null;
}

function faultOf(list, order, places) {
  let next = 0; // the place of what must come
  let mayMiss = false;
  const seen = new Set();
  for (const text of list) {
    if (text === GAP) {
      mayMiss = true;
      continue;
    }
    const place = places.get(text);
    if (place === undefined) return `heard ${text}, which nobody was told of`;
    if (seen.has(text)) return `heard ${text} twice`;
    seen.add(text);
    if (place < next) return `heard ${text} behind ${order[next - 1]}`;
    if (place > next && !mayMiss) return `never heard ${order[next]}, and of no gap`;
    mayMiss = false;
    next = place + 1;
  }
  return next < order.length && !mayMiss ? `never heard ${order[next]}, and of no gap` : null;
}

/** mulberry32: numbers from 0 to 1 that a seed repeats. */
export function randomOf(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
