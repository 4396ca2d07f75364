/*
 * timeline-view.js - the messages of the room that is shown, and where one stands in them.
 *
 * At the bottom the view follows what comes in; above it stays where it is, and a button counts
 * what has come below.
 */
import { avatar } from "./avatar.js";
import { byId, h, icon, keyedList, linked } from "./dom.js";
import { rowsOf } from "./rows.js";

const NEAR_BOTTOM_PX = 48;

const STATUS = {
  sending: { icon: "clock", label: "Sending" },
  unsent: { icon: "clock", label: "Not sent yet" },
  sent: { icon: "sent", label: "Sent" },
  failed: { icon: "failed", label: "Not sent" },
};

export function timelineView(chat, line, { onInvite }) {
  const frame = byId("timeline");
  const messages = byId("messages");
  const jump = byId("jump");
  const show = keyedList(
    messages,
    () => h("li"),
    (li, row) => fill(li, row, chat),
  );
  let shownRoom = null;
  let lastKey = null;
  let below = 0; // messages that came while we stood above the bottom
  let follows = true;

  const toBottom = () => {
    frame.scrollTop = frame.scrollHeight;
  };
  const showJump = () => {
    jump.hidden = follows;
    byId("jump-text").textContent = below > 0 ? `${below} new` : "Latest";
  };

  frame.addEventListener("scroll", () => {
    follows = frame.scrollHeight - frame.scrollTop - frame.clientHeight < NEAR_BOTTOM_PX;
    if (follows) below = 0;
    showJump();
  });
  jump.addEventListener("click", () => {
    toBottom();
    frame.focus();
  });
  /* A keyboard on the screen, or a growing message field, takes room from below. */
  new ResizeObserver(() => follows && toBottom()).observe(frame);

  return () => {
    const room = chat.room;
    if (room === null) return;
    const hasMoved = room.name !== shownRoom;
    const rows = rowsOf(room, line.state.name === "open");
    const last = rows.findLast(({ kind }) => kind === "message");
    if (last?.key !== lastKey && !hasMoved) {
      if (last?.mine && last.status !== "sent") follows = true;
      else if (!follows) below++;
    }
    lastKey = last?.key;
    show(rows);
    showEmpty(room, onInvite);
    if (hasMoved) {
      shownRoom = room.name;
      follows = true;
      below = 0;
    }
    if (follows) toBottom();
    showJump();
  };
}

function fill(li, row, chat) {
  switch (row.kind) {
    case "divider":
      li.className = `divider divider-${row.tone}`;
      li.replaceChildren(h("span", {}, row.text));
      break;
    case "presence":
      li.className = "presence";
      li.replaceChildren(row.text);
      break;
    case "message":
      li.className = row.isHead ? "message is-head" : "message";
      li.dataset.status = row.status;
      li.replaceChildren(...messageParts(row, chat));
      break;
  }
}

function messageParts(row, chat) {
  const time = h("time", { datetime: row.isoTime }, row.time);
  const text = h("p", { class: "text", dir: "auto" }, ...linked(row.text));
  if (row.mine) text.append(" ", statusMark(row.status));
  const body = h("div", { class: "body" }, text);
  if (row.status === "failed") body.append(failure(row, chat));
  if (!row.isHead) return [h("span", { class: "side-time" }, time), body];
  body.prepend(h("p", { class: "who" }, h("strong", { dir: "auto" }, row.name), " ", time));
  return [avatar(row.name), body];
}

function statusMark(status) {
  const { icon: name, label } = STATUS[status];
  return h(
    "span",
    { class: "status", title: label },
    icon(name),
    h("span", { class: "visually-hidden" }, label),
  );
}

function failure({ key, reason }, chat) {
  const discard = h("button", { class: "link-button", type: "button" }, "Discard");
  discard.addEventListener("click", () => chat.discard(key));
  return h("p", { class: "failure" }, `Not sent: ${reason}. `, discard);
}

function showEmpty(room, onInvite) {
  const empty = byId("empty");
  const isEmpty = !room.timeline.hasMessages;
  const state = `${room.name}|${room.isJoined}|${room.refusal}`;
  empty.hidden = !isEmpty;
  if (!isEmpty || empty.dataset.state === state) return;
  empty.dataset.state = state;
  empty.replaceChildren(...emptyParts(room, onInvite));
}

function emptyParts(room, onInvite) {
  if (room.refusal !== "") {
    return [h("h2", {}, "This room cannot be joined"), h("p", { class: "hint" }, room.refusal)];
  }
  if (!room.isJoined) return [h("p", { class: "hint" }, "Waiting for the connection…")];
  const invite = h("button", { class: "primary-button", type: "button" }, "Invite somebody");
  invite.addEventListener("click", onInvite);
  return [
    h("img", { src: "favicon.svg", alt: "", width: 56, height: 56 }),
    h("h2", {}, "It is quiet in here"),
    h("p", { class: "hint" }, "Say hello, or bring somebody along. A second tab will do."),
    invite,
  ];
}
