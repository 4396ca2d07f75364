import assert from "node:assert/strict";
import { test } from "node:test";
import { Timeline } from "../../../web/js/timeline.js";
import { rowsOf } from "../../../web/js/view/rows.js";

const at = new Date(2024, 5, 3, 12, 0).getTime();
const said = (id, text, more = {}) => ({ id, name: "Ada", text, at, mine: false, ...more });
const pending = (key, text) => ({ key, name: "Me", text, at });

const showing = (timeline, isOpen = true) => rowsOf({ timeline, newFrom: null }, isOpen);
const textsOf = (timeline) => {
  return showing(timeline)
    .filter(({ tone }) => tone !== "day")
    .map(({ text }) => text);
};

test("a message is shown once, whatever the server repeats", () => {
  const timeline = new Timeline();
  assert.notEqual(timeline.addMessage(said("1", "hi")), null);
  assert.equal(timeline.addMessage(said("1", "hi")), null);
  assert.deepEqual(textsOf(timeline), ["hi"]);
});

test("a pending message moves to where the room put it, and stays the same line", () => {
  const timeline = new Timeline();
  timeline.addPending(pending("k", "mine"));
  timeline.addMessage(said("1", "theirs"));
  assert.deepEqual(textsOf(timeline), ["theirs", "mine"]);
  timeline.addMessage(said("2", "mine", { key: "k", mine: true }));
  timeline.addMessage(said("3", "later"));
  assert.deepEqual(textsOf(timeline), ["theirs", "mine", "later"]);
  assert.equal(timeline.entries[1].key, "k");
});

test("a confirmation after the copy, or without one, shows the message once", () => {
  const timeline = new Timeline();
  timeline.addPending(pending("a", "copied"));
  timeline.addMessage(said("1", "copied", { key: "a", mine: true }));
  timeline.confirm("a", "1");
  timeline.addPending(pending("b", "only confirmed"));
  timeline.confirm("b", "2");
  timeline.addMessage(said("2", "only confirmed", { mine: true }));
  assert.deepEqual(textsOf(timeline), ["copied", "only confirmed"]);
});

test("without connection our messages are unsent, a refused one says so until discarded", () => {
  const timeline = new Timeline();
  timeline.addPending(pending("a", "hi"));
  assert.equal(showing(timeline, true).at(-1).status, "sending");
  assert.equal(showing(timeline, false).at(-1).status, "unsent");
  timeline.fail("a", "too large");
  assert.equal(showing(timeline, false).at(-1).status, "failed");
  timeline.discard("a");
  assert.equal(timeline.hasMessages, false);
});

test("who comes and goes is told in one line, and not at all who comes back", () => {
  const timeline = new Timeline();
  timeline.addPresence("joined", "Ada");
  timeline.addPresence("joined", "Bo");
  timeline.addPresence("left", "Cy");
  assert.deepEqual(textsOf(timeline), ["Ada and Bo joined · Cy left"]);
  timeline.addPresence("joined", "Cy");
  assert.deepEqual(textsOf(timeline), ["Ada and Bo joined"]);
  timeline.addPresence("left", "Ada");
  timeline.addPresence("left", "Bo");
  assert.deepEqual(textsOf(timeline), []);
});

test("messages of one person are a group until somebody else speaks, or five minutes pass", () => {
  const timeline = new Timeline();
  const later = at + 5 * 60_000;
  timeline.addMessage(said("1", "one"));
  timeline.addMessage(said("2", "two", { at: later }));
  timeline.addMessage(said("3", "three", { at: later + 5 * 60_000 + 1 }));
  timeline.addMessage(said("4", "four", { name: "Bo", at: later + 5 * 60_000 + 2 }));
  const heads = showing(timeline).filter(({ isHead }) => isHead);
  assert.deepEqual(
    heads.map(({ text }) => text),
    ["one", "three", "four"],
  );
});

test("each day begins with its name", () => {
  const timeline = new Timeline();
  timeline.addMessage(said("1", "one"));
  timeline.addMessage(said("2", "two", { at: at + 86_400_000 }));
  const kinds = showing(timeline).map(({ kind }) => kind);
  assert.deepEqual(kinds, ["divider", "message", "divider", "message"]);
});

test("the line where the new begins stands before the first unread message", () => {
  const timeline = new Timeline();
  timeline.addMessage(said("1", "read"));
  const { key } = timeline.addMessage(said("2", "unread"));
  const rows = rowsOf({ timeline, newFrom: key }, true);
  assert.deepEqual(
    rows.slice(-2).map(({ text }) => text),
    ["New", "unread"],
  );
});

test("a room remembers its last 500 entries", () => {
  const timeline = new Timeline();
  for (let i = 0; i < 600; i++) timeline.addMessage(said(String(i), `number ${i}`));
  assert.equal(timeline.entries.length, 500);
  assert.equal(timeline.entries[0].text, "number 100");
});
