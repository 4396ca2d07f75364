/*
 * settings.js - what this browser remembers: the name and the rooms.
 *
 * Storage may be forbidden (private windows); then everything works and nothing is remembered.
 */
const PREFIX = "belfry.chat.";

function read(name) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name));
  } catch {
    return null;
  }
}

function write(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    /* not remembered */
  }
}

const isListOfNames = (value) =>
  Array.isArray(value) && value.every((name) => typeof name === "string" && name !== "");

export const settings = {
  get name() {
    const name = read("name");
    return typeof name === "string" ? name : "";
  },
  set name(name) {
    write("name", name);
  },
  get rooms() {
    const rooms = read("rooms");
    return isListOfNames(rooms) ? rooms : null;
  },
  set rooms(rooms) {
    write("rooms", rooms);
  },
};
