/*
 * rows.js - what the timeline shows, line by line: a pure function of what happened.
 *
 *   ---- Today ----
 *   Ada  14:02           a message opens a group when somebody else speaks, or after a pause
 *     Hello
 *     Anybody here?      and the next ones of the same person follow without name
 *   Bo joined
 *   ---- new ----
 *   Bo  14:03
 *     Yes!  (sent)
 */
import { listOf } from "../names.js";
import { clockTime, dayName, dayOf, isoTime } from "./time.js";

const PAUSE_MS = 5 * 60_000;

/** @isOpen: is there a connection? Without one, our messages wait instead of being under way. */
export function rowsOf(room, isOpen) {
  const rows = [];
  let previous = null; // the message just above, if nothing came between
  let lastDay = null;
  for (const entry of [...room.timeline.entries, ...room.timeline.pending]) {
    if (dayOf(entry.at) !== lastDay) {
      lastDay = dayOf(entry.at);
      rows.push({ key: `day:${entry.key}`, kind: "divider", tone: "day", text: dayName(entry.at) });
      previous = null;
    }
    if (entry.kind !== "message") {
      rows.push(noticeRow(entry));
      previous = null;
      continue;
    }
    if (entry.key === room.newFrom) {
      rows.push({ key: "new", kind: "divider", tone: "new", text: "New" });
      previous = null;
    }
    rows.push(messageRow(entry, previous, isOpen));
    previous = entry;
  }
  return rows;
}

function messageRow(entry, previous, isOpen) {
  const { key, name, text, at, mine, reason } = entry;
  const isSame = previous?.name === name && previous?.mine === mine;
  return {
    key,
    kind: "message",
    isHead: !isSame || at - previous.at > PAUSE_MS,
    name,
    text,
    time: clockTime(at),
    isoTime: isoTime(at),
    mine,
    status: entry.status === "sending" && !isOpen ? "unsent" : entry.status,
    reason,
  };
}

function noticeRow(entry) {
  const { key, kind } = entry;
  switch (kind) {
    case "presence":
      return { key, kind, text: presenceText(entry) };
    case "missed":
      return { key, kind: "divider", tone: "missed", text: missedText(entry.count) };
    case "gap":
      return { key, kind: "divider", tone: "gap", text: GAP_TEXT };
  }
}

const GAP_TEXT = "Some messages are missing here. The server does not remember that far back.";

function missedText(count) {
  return count === 1 ? "You missed 1 message" : `You missed ${count} messages`;
}

function presenceText({ joined, left }) {
  const parts = [];
  if (joined.length > 0) parts.push(`${listOf(joined)} joined`);
  if (left.length > 0) parts.push(`${listOf(left)} left`);
  return parts.join(" · ");
}
