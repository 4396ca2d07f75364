/*
 * protocol-tabs.js - the two tabs above the room: the same chat over a plain WebSocket, or over
 * Socket.IO's client.
 *
 * As ARIA has it for tabs that do something when chosen: arrows move the focus, Enter or Space chooses.
 */
import { byId } from "./dom.js";

export function protocolTabsView(line, { onSelect }) {
  const list = byId("protocols");
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const viaOf = (tab) => tab.dataset.via;

  for (const tab of tabs) {
    tab.addEventListener("click", async () => {
      if (viaOf(tab) === line.via || list.ariaBusy === "true") return;
      list.ariaBusy = "true";
      await onSelect(viaOf(tab));
      list.ariaBusy = "false";
    });
  }
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = tabs.indexOf(document.activeElement) + step;
    tabs[(next + tabs.length) % tabs.length].focus();
  });

  return () => {
    for (const tab of tabs) {
      const isSelected = viaOf(tab) === line.via;
      tab.ariaSelected = String(isSelected);
      tab.tabIndex = isSelected ? 0 : -1;
      if (isSelected) byId("chat-panel").setAttribute("aria-labelledby", tab.id);
    }
  };
}
