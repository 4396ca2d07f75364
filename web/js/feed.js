/*
 * feed.js - posts, newest first, each once.
 */
import { Events, publish, showState } from "./events.js";

const ROOM = "feed";
const SHOWN = 100;
const posts = document.getElementById("posts");
const byId = (id) => document.getElementById(id);
const ago = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/* An id begins with its milliseconds; for people, not for order: that is the server's. */
const timeOf = (id) => new Date(Number(id.split("-")[0]));

function show({ id, data }) {
  if ([...posts.children].some((post) => post.dataset.id === id)) return; // behind a gap all comes again
  const item = document.createElement("li");
  const title = document.createElement("h2");
  const text = document.createElement("p");
  const time = document.createElement("time");
  item.className = "card";
  item.dataset.id = id;
  title.textContent = String(data?.title ?? "untitled");
  text.textContent = String(data?.body ?? "");
  time.dateTime = timeOf(id).toISOString();
  item.append(title, time, ...(text.textContent === "" ? [] : [text]));
  posts.prepend(item);
  while (posts.children.length > SHOWN) posts.lastElementChild.remove();
  byId("empty").hidden = true;
  tellTimes();
}

function tellTimes() {
  for (const time of posts.querySelectorAll("time")) {
    const seconds = Math.min(0, Math.round((new Date(time.dateTime) - Date.now()) / 1000));
    const [value, unit] =
      seconds > -60 ? [seconds, "second"]
      : seconds > -3600 ? [Math.round(seconds / 60), "minute"]
      : [Math.round(seconds / 3600), "hour"];
    time.textContent = ago.format(value, unit);
  }
}

new Events(`room=${ROOM}&history=20`, {
  "new-post": show,
  gap: ({ reason }) => {
    byId("gap").textContent = `Something may be missing here: ${reason}.`;
    byId("gap").hidden = false;
  },
}, showState);
setInterval(tellTimes, 10_000);

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const data = { title: byId("title").value, body: byId("body").value };
  try {
    await publish(ROOM, { event: "new-post", data, key: crypto.randomUUID() });
    byId("said").textContent = "";
    event.target.reset();
    byId("title").focus();
  } catch (error) {
    byId("said").textContent = `It was not posted: ${error.message}`;
  }
});

const url = new URL(`../api/rooms/${ROOM}/messages`, location.href);
const command = `curl -d '{"event":"new-post","data":{"title":"Hello"}}' ${url}`;
byId("command").textContent = command;
byId("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(command);
  byId("copy").textContent = "Copied";
});
