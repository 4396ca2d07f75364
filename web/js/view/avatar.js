/*
 * avatar.js - a name as a coloured disc with initials; the colours are in css/people.css.
 */
import { hueOf, initialsOf } from "../names.js";
import { h } from "./dom.js";

export function dressAvatar(element, name) {
  element.dataset.hue = hueOf(name);
  element.textContent = initialsOf(name);
  return element;
}

export function avatar(name) {
  return dressAvatar(h("span", { class: "avatar", "aria-hidden": "true" }), name);
}
