/*
 * settings.js - what is remembered: by this tab its name, by this browser the last name and rooms.
 *
 * Storage may be forbidden (private windows); then everything works and nothing is remembered.
 */
const PREFIX = "belfry.chat.";

function read(name, storage = () => localStorage) {
  try {
    return JSON.parse(storage().getItem(PREFIX + name));
  } catch {
    return null;
  }
}

function write(name, value, storage = () => localStorage) {
  try {
    storage().setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    /* not remembered */
  }
}

const thisTab = () => sessionStorage;

const isListOfNames = (value) =>
  Array.isArray(value) && value.every((name) => typeof name === "string" && name !== "");

export const settings = {
  get name() {
    const name = read("name", thisTab) ?? read("name");
    return typeof name === "string" ? name : "";
  },
  set name(name) {
    write("name", name, thisTab);
    write("name", name);
  },
  get isNamed() {
    return read("name", thisTab) !== null;
  },
  get rooms() {
    const rooms = read("rooms");
    return isListOfNames(rooms) ? rooms : null;
  },
  set rooms(rooms) {
    write("rooms", rooms);
  },
};
