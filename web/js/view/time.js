/*
 * time.js - how moments are written.
 */
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

/** "14:05" */
export const clockTime = (at) => clock.format(at);

/** The machine's form, for <time datetime>. */
export const isoTime = (at) => new Date(at).toISOString();

/** A number that is the same for two moments of one local day. */
export const dayOf = (at) => new Date(at).setHours(0, 0, 0, 0);

/** "Today", "Yesterday", "Monday 3 June" */
export function dayName(at, now = Date.now()) {
  if (dayOf(at) === dayOf(now)) return "Today";
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  return dayOf(at) === dayOf(yesterday) ? "Yesterday" : day.format(at);
}
