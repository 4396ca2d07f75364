/*
 * tabs.js - which names the other tabs of this browser go by, so that a second tab can be somebody
 * else without being asked twice.
 */
const PATIENCE_MS = 150;
const channel = "BroadcastChannel" in window ? new BroadcastChannel("belfry.chat") : null;

/** Answers other tabs that ask; @name is a function that tells the name of this one. */
export function tellTabs(name) {
  channel?.addEventListener("message", ({ data }) => {
    if (data === "who?") channel.postMessage({ name: name() });
  });
}

/** The names of the other tabs, as far as they answer soon. */
export async function namesOfTabs() {
  const names = new Set();
  const hear = ({ data }) => data?.name && names.add(data.name);
  channel?.addEventListener("message", hear);
  channel?.postMessage("who?");
  await new Promise((resolve) => setTimeout(resolve, channel === null ? 0 : PATIENCE_MS));
  channel?.removeEventListener("message", hear);
  return names;
}
