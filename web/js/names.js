/*
 * names.js - what people are called and how a name looks as an avatar.
 */
const QUALITIES =
  "Amber Brisk Calm Clever Cosy Early Gentle Golden Happy Keen " +
  "Kind Lucky Mellow Merry Quiet Silver Sunny Swift Tidy Warm";
const ANIMALS =
  "Badger Beaver Crane Dormouse Falcon Finch Fox Hare Heron Jackdaw " +
  "Lark Lynx Marten Newt Otter Owl Robin Swan Swallow Wren";
const HUES = 10; // as many as css/people.css has colours

export const MAX_NAME_LENGTH = 32;

function pick(words) {
  const list = words.split(" ");
  return list[Math.floor(Math.random() * list.length)];
}

/** A name for somebody who has not chosen one: "Calm Otter". */
export function randomName() {
  return `${pick(QUALITIES)} ${pick(ANIMALS)}`;
}

/** A name as it may be used, or "" if nothing of it is left. */
export function cleanName(text) {
  return [...text.replace(/[\s\p{Cc}]+/gu, " ").trim()].slice(0, MAX_NAME_LENGTH).join("").trim();
}

/** How to call somebody: by name, or by a piece of the id if the name is not known. */
export function nameOf({ user, id }) {
  if (user) return user;
  return id ? `guest ${id.slice(0, 4)}` : "someone";
}

/** One or two letters that stand for a name. */
export function initialsOf(name) {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  return words
    .slice(0, 2)
    .map((word) => [...word][0].toUpperCase())
    .join("");
}

/** The colour of a name, 0 to HUES - 1, the same on every page (FNV-1a). */
export function hueOf(name) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return ((hash ^ (hash >>> 15)) >>> 0) % HUES;
}

/** "Ada", "Ada and Bo", "Ada, Bo and 3 others". */
export function listOf(names) {
  if (names.length <= 1) return names.join("");
  if (names.length === 2) return `${names[0]} and ${names[1]}`;
  if (names.length === 3) return `${names[0]}, ${names[1]} and ${names[2]}`;
  return `${names[0]}, ${names[1]} and ${names.length - 2} others`;
}
