/*
 * dialogs.js - what the page asks: your name, which room, whom to invite; and what it explains.
 */
import { cleanName, randomName } from "../names.js";
import { byId } from "./dom.js";

const MAX_ROOM_LENGTH = 48;

/** Resolves with the name that was chosen, or with null. The first time there is no way around. */
export function askName(present) {
  const dialog = byId("name-dialog");
  const input = byId("name-input");
  const isFirst = present === "";
  byId("name-cancel").hidden = isFirst;
  byId("name-submit").textContent = isFirst ? "Start chatting" : "Save";
  input.value = present || randomName();
  return ask(dialog, byId("name-cancel"), () => cleanName(input.value), {
    mayCancel: !isFirst,
    focus: input,
  });
}

/** Resolves with the name of a room, or with null. */
export function askRoom() {
  const input = byId("room-input");
  input.value = "";
  return ask(byId("room-dialog"), byId("room-cancel"), () => cleanRoom(input.value), {
    mayCancel: true,
    focus: input,
  });
}

export function cleanRoom(text) {
  return [
    ...text
      .trim()
      .replace(/^#+/, "")
      .replace(/[\s\p{Cc}]+/gu, " "),
  ]
    .slice(0, MAX_ROOM_LENGTH)
    .join("")
    .trim();
}

export function showInvite(room, announce) {
  const dialog = byId("invite-dialog");
  const link = byId("invite-link");
  const copy = byId("invite-copy");
  byId("invite-title").textContent = `Invite to ${room}`;
  link.value = linkTo(room);
  copy.textContent = "Copy link";
  copy.onclick = async () => {
    link.select();
    if (!(await copyText(link))) return;
    copy.textContent = "Copied";
    announce("Link copied");
  };
  dialog.showModal();
  link.select();
}

/** Why there is no Socket.IO client, and what to do about it. */
export function explainMissing({ isServerGone }) {
  byId("client-absent").hidden = isServerGone;
  byId("client-unreachable").hidden = !isServerGone;
  byId("client-title").textContent = isServerGone
    ? "The server does not answer"
    : "Socket.IO's client is not installed";
  byId("client-dialog").showModal();
}

/** The address of @room; @how may hold more for it. */
export function linkTo(room, how = {}) {
  const url = new URL(location.href);
  url.search = new URLSearchParams({ room, ...how });
  url.hash = "";
  return url.href;
}

/* The clipboard is for pages that came by https or from localhost; elsewhere the old way works. */
async function copyText(input) {
  try {
    await navigator.clipboard.writeText(input.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}

function ask(dialog, cancel, answer, { mayCancel, focus }) {
  return new Promise((resolve) => {
    const controller = new AbortController();
    const on = (target, type, handler) =>
      target.addEventListener(type, handler, { signal: controller.signal });
    const finish = (value) => {
      controller.abort();
      dialog.close();
      resolve(value);
    };
    on(dialog, "submit", (event) => {
      event.preventDefault();
      const value = answer();
      if (value === "") focus.value = "";
      else finish(value);
    });
    on(dialog, "cancel", (event) => {
      event.preventDefault();
      if (mayCancel) finish(null);
    });
    on(dialog, "close", () => (mayCancel ? finish(null) : dialog.showModal()));
    on(cancel, "click", () => finish(null));
    dialog.showModal();
    focus.select();
  });
}
