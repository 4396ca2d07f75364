/*
 * room-list.js - the rooms at the side, with what is unread.
 */
import { byId, h, icon, keyedList } from "./dom.js";

const MAX_BADGE = 99;

export function roomListView(chat, { onSelect }) {
  const show = keyedList(byId("room-list"), (row) => createItem(row, chat, onSelect), updateItem);

  document.addEventListener("keydown", (event) => {
    if (!event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    const names = [...chat.rooms.keys()];
    const step = event.key === "ArrowDown" ? 1 : -1;
    const next = names.indexOf(chat.current) + step;
    chat.select(names[(next + names.length) % names.length]);
  });

  return () => {
    const isLast = chat.rooms.size === 1;
    show(
      [...chat.rooms.values()].map(({ name, unread }) => ({
        key: name,
        unread,
        isCurrent: name === chat.current,
        mayLeave: !isLast,
      })),
    );
    byId("unread-elsewhere").hidden = chat.unread === 0;
    byId("room-title").textContent = chat.current ?? "";
    document.title = titleOf(chat);
  };
}

function titleOf({ unread, current }) {
  const count = unread > 0 ? `(${unread}) ` : "";
  return `${count}${current ?? "Chat"} · Belfry`;
}

function createItem({ key: name }, chat, onSelect) {
  const open = h("button", { class: "room-open", type: "button" });
  open.append(
    h("span", { class: "room-name", dir: "auto" }, name),
    h("span", { class: "badge", hidden: true }),
  );
  open.addEventListener("click", () => onSelect(name));
  const leave = h(
    "button",
    { class: "room-leave icon-button", type: "button", "aria-label": `Leave ${name}` },
    icon("close"),
  );
  leave.addEventListener("click", () => chat.leave(name));
  return h("li", { class: "room-item" }, open, leave);
}

function updateItem(li, { unread, isCurrent, mayLeave }) {
  const open = li.querySelector(".room-open");
  const badge = li.querySelector(".badge");
  if (isCurrent) open.setAttribute("aria-current", "true");
  else open.removeAttribute("aria-current");
  li.classList.toggle("has-unread", unread > 0);
  li.querySelector(".room-leave").hidden = !mayLeave;
  badge.hidden = unread === 0;
  badge.replaceChildren(
    unread > MAX_BADGE ? `${MAX_BADGE}+` : String(unread),
    h("span", { class: "visually-hidden" }, " unread"),
  );
}
