/*
 * panels.js - the parts at the sides. On a narrow screen they lie over the room, one at a time, and
 * go with Escape, a tap beside them, or what was chosen in them.
 */
import { byId } from "./dom.js";

const scrim = byId("scrim");

/** @overlays: a media query, true while the panel lies over the room instead of beside it. */
export function makePanel(element, overlays, firstFocus) {
  const query = matchMedia(overlays);
  let opener = null;

  function render(isOpen) {
    element.classList.toggle("is-open", isOpen);
    element.inert = query.matches && !isOpen;
    opener?.setAttribute("aria-expanded", String(isOpen));
    scrim.hidden = document.querySelector(".is-open.is-overlay") === null;
  }

  const panel = {
    get isOpen() {
      return element.classList.contains("is-open");
    },
    open(from) {
      opener = from;
      element.classList.toggle("is-overlay", query.matches);
      render(true);
      if (query.matches) firstFocus.focus();
    },
    close() {
      const hadFocus = element.contains(document.activeElement);
      render(false);
      if (hadFocus) opener?.focus();
    },
    toggle(from) {
      if (panel.isOpen) panel.close();
      else panel.open(from);
    },
    /** Closes it if it is in the way. */
    putAway() {
      if (query.matches && panel.isOpen) panel.close();
    },
  };

  scrim.addEventListener("click", panel.putAway);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") panel.putAway();
  });
  query.addEventListener("change", () => {
    element.classList.toggle("is-overlay", query.matches);
    render(false);
  });
  render(false);
  return panel;
}
