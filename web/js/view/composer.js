/*
 * composer.js - where one writes. Each room keeps its own draft.
 */
import { byId } from "./dom.js";

export function composerView(chat) {
  const form = byId("composer");
  const text = byId("composer-text");
  let shownRoom = null;

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  text.addEventListener("input", () => {
    fit(text);
    if (chat.room !== null) chat.room.draft = text.value;
    if (text.value.trim() !== "") chat.tellTyping();
  });

  function send() {
    const said = text.value.trim();
    if (said === "" || chat.room === null) return;
    chat.say(said);
    chat.room.draft = "";
    text.value = "";
    fit(text);
    text.focus();
  }

  return () => {
    const room = chat.room;
    if (room === null || room.name === shownRoom) return;
    shownRoom = room.name;
    text.value = room.draft;
    text.placeholder = `Message ${room.name}`;
    fit(text);
  };
}

/* As high as what is written; css/composer.css sets the most. */
function fit(text) {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
}
