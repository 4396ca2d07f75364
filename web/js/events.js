/*
 * events.js - a room over an EventSource, and its state in words. The browser connects again by itself,
 * and says where it was; after a status it gives up, so then a new one is made.
 */
const AGAIN_MS = 3000;

/** Follows @query of /events; @handlers by name of event get the parsed data. */
export class Events {
  #query;
  #handlers;
  #show;
  #source = null;
  #last = "";

  /** @show(text, isLive) says how it is. */
  constructor(query, handlers, show) {
    this.#query = query;
    this.#handlers = handlers;
    this.#show = show;
    this.#open();
  }

  #open() {
    const since = this.#last === "" ? "" : `&since=${encodeURIComponent(this.#last)}`;
    const source = new EventSource(new URL(`../events?${this.#query}${since}`, location.href));
    this.#source = source;
    source.addEventListener("joined", () => this.#show("live", true));
    for (const [name, handle] of Object.entries(this.#handlers)) {
      source.addEventListener(name, (event) => {
        if (event.lastEventId !== "") this.#last = event.lastEventId;
        handle(JSON.parse(event.data), event);
      });
    }
    source.onerror = () => {
      this.#show("connecting again", false);
      if (source.readyState !== EventSource.CLOSED || source !== this.#source) return;
      setTimeout(() => this.#open(), AGAIN_MS);
    };
  }
}

/** For @show: the pill at the top of each page. */
export function showState(text, isLive) {
  const pill = document.getElementById("state");
  pill.textContent = text;
  pill.toggleAttribute("data-live", isLive);
}

/** Says @message (an object, or an array of them) in @room; the answer. */
export async function publish(room, message) {
  const url = new URL(`../api/rooms/${encodeURIComponent(room)}/messages`, location.href);
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(message),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.reason ?? `status ${answer.status}`);
  return said;
}
