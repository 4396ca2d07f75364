/*
 * people.js - who is in the room: the panel at the side, the number in the head.
 */
import { avatar } from "./avatar.js";
import { MAX_NAMED_MEMBERS } from "../chat.js";
import { byId, h, keyedList } from "./dom.js";

const WIDE = matchMedia("(min-width: 70rem)"); // as in css/layout.css: there is space beside

export function peopleView(chat, line, panel) {
  const toggle = byId("toggle-people");
  const show = keyedList(byId("people-list"), () => h("li", { class: "person" }), fill);

  toggle.addEventListener("click", () => panel.toggle(toggle));
  byId("close-people").addEventListener("click", () => panel.close());
  if (WIDE.matches) panel.open(toggle);
  WIDE.addEventListener("change", () => (WIDE.matches ? panel.open(toggle) : panel.close()));

  return () => {
    const room = chat.room;
    const isOpen = line.state.name === "open";
    if (room === null) return;
    byId("people-count").textContent = room.count.toLocaleString();
    show(peopleRows(room, chat.selfId));
    byId("people-note").textContent = note(room, isOpen);
    byId("typing").textContent = isOpen ? typingText(room) : "";
  };
}

function peopleRows(room, selfId) {
  const rows = [...room.members].map(([id, name]) => ({ key: id, name, isSelf: id === selfId }));
  return rows.sort((a, b) => b.isSelf - a.isSelf || a.name.localeCompare(b.name));
}

function fill(li, { name, isSelf }) {
  const you = isSelf ? h("span", { class: "you" }, "you") : null;
  li.replaceChildren(avatar(name), h("span", { class: "person-name", dir: "auto" }, name));
  if (you !== null) li.append(you);
}

function note({ count, members, isJoined }, isOpen) {
  if (isJoined && !isOpen) return "As it was when the connection was lost.";
  if (members.size > 0 || count <= MAX_NAMED_MEMBERS) return "";
  return `${count.toLocaleString()} people are here, too many to list.`;
}

function typingText({ typing }) {
  const names = [...typing.values()].map(({ name }) => name);
  if (names.length === 0) return "";
  if (names.length === 1) return `${names[0]} is typing…`;
  if (names.length === 2) return `${names[0]} and ${names[1]} are typing…`;
  return "Several people are typing…";
}
