/*
 * connection.js - the pill that tells how the connection is, the switch that cuts it, and beside the
 * switch what goes on below: transports, and whether the server still knew us.
 */
import { byId } from "./dom.js";

export function connectionView(chat, line, network, announce) {
  const root = byId("connection");
  const retry = byId("retry");
  const unsent = byId("unsent");
  const cut = byId("network-switch");
  let hasBeenOpen = false;
  let countdown = null;
  let told = "";

  retry.addEventListener("click", () => {
    if (line.state.name === "closed") line.reconnect();
    else line.retryNow();
  });
  cut.addEventListener("change", () => {
    if (cut.checked) return network.cut();
    network.restore();
    line.retryNow(); // as a browser says "online" when a cable is plugged in
  });

  function render() {
    const { state } = line;
    hasBeenOpen ||= state.name === "open";
    const shown = describe(state, hasBeenOpen);
    root.dataset.state = shown.tone;
    setText(byId("connection-text"), shown.text);
    retry.hidden = shown.tone === "live" || !hasBeenOpen;
    retry.setAttribute("aria-disabled", String(state.name === "connecting"));
    unsent.hidden = state.name === "open" || chat.unsent === 0;
    setText(unsent, `${chat.unsent} unsent`);
    renderFacts(line);
    tell(shown);
    clearTimeout(countdown);
    if (state.name === "waiting") countdown = setTimeout(render, 200);
  }

  /* The seconds are for the eyes only: told are just the changes between lost and live. */
  function tell({ tone, told: text }) {
    if (tone === told) return;
    if (told !== "") announce(text);
    told = tone;
  }

  return render;
}

function renderFacts({ state, transports, isRecovered }) {
  setText(byId("transport"), state.name === "open" ? transports.join(" → ") : "none");
  byId("recovery").hidden = isRecovered === undefined || state.name !== "open";
  setText(byId("recovered"), isRecovered ? "recovered" : "new, rooms joined again");
}

function describe(state, hasBeenOpen) {
  switch (state.name) {
    case "open":
      return { tone: "live", text: "Live", told: "Connected" };
    case "connecting":
      return lost(hasBeenOpen ? "Reconnecting…" : "Connecting…");
    case "waiting": {
      const seconds = Math.ceil((state.retryAt - Date.now()) / 1000);
      return lost(seconds > 0 ? `Reconnecting in ${seconds} s` : "Reconnecting…");
    }
    case "offline":
      return { tone: "offline", text: "Offline", told: "You are offline" };
    case "closed":
      return {
        tone: "offline",
        text: state.reason ? `Disconnected: ${state.reason}` : "Disconnected",
        told: "Disconnected",
      };
  }
}

const lost = (text) => ({ tone: "reconnecting", text, told: "Connection lost, reconnecting" });

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
