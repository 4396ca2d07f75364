/*
 * app.js - puts the page together.
 *
 *   NetworkSwitch --> Line (WebSocket or Socket.IO) --> Chat --> views
 *
 * Start reading at rooms.js or socketio-rooms.js: they are what you would copy.
 */
import { Chat } from "./chat.js";
import { Line, SOCKET_IO, WEBSOCKET } from "./line.js";
import { NetworkSwitch } from "./network-switch.js";
import { settings } from "./settings.js";
import { namesOfTabs, tellTabs } from "./tabs.js";
import { dressAvatar } from "./view/avatar.js";
import { composerView } from "./view/composer.js";
import { connectionView } from "./view/connection.js";
import { askName, askRoom, cleanRoom, explainMissing, linkTo, showInvite } from "./view/dialogs.js";
import { byId } from "./view/dom.js";
import { makePanel } from "./view/panels.js";
import { peopleView } from "./view/people.js";
import { protocolTabsView } from "./view/protocol-tabs.js";
import { roomListView } from "./view/room-list.js";
import { timelineView } from "./view/timeline-view.js";

const FIRST_ROOMS = ["lobby", "ideas", "music"];

const sidebar = makePanel(byId("sidebar"), "(max-width: 47.99rem)", byId("close-sidebar"));
const people = makePanel(byId("people"), "(max-width: 69.99rem)", byId("close-people"));

/* A tab keeps its name; a new one takes the browser's, unless another tab goes by it. */
if (!settings.isNamed && (settings.name === "" || (await namesOfTabs()).has(settings.name))) {
  settings.name = await askName("");
}
tellTabs(() => settings.name);
const network = new NetworkSwitch();
network.install(); // before anybody takes hold of WebSocket
const line = new Line(() => settings.name);
const wanted = new URLSearchParams(location.search).get("via");
const missing = wanted === SOCKET_IO ? await goOver(SOCKET_IO) : null;
if (line.via === null) await line.use(WEBSOCKET);
start();
if (missing !== null) explainMissing(missing);

function start() {
  byId("app").hidden = false;
  const chat = new Chat(line.rooms, settings.name);
  openRooms(chat);
  line.addEventListener("exchange", () => chat.use(line.rooms));

  const invite = () => showInvite(chat.current, announce);
  const views = [
    roomListView(chat, { onSelect: (name) => enter(chat, name) }),
    timelineView(chat, line, { onInvite: invite }),
    protocolTabsView(line, { onSelect: select }),
    connectionView(chat, line, network, announce),
    peopleView(chat, line, people),
    composerView(chat),
    meView(chat),
    terminalView(chat),
    memory(chat, line),
  ];
  renderOn(
    [
      [chat, "change"],
      [line, "change"],
    ],
    views,
  );

  chat.addEventListener("heard", ({ detail }) => {
    if (detail.room === chat.current) announce(`${detail.name}: ${detail.text}`);
  });
  const look = () => chat.setSeen(document.visibilityState === "visible");
  document.addEventListener("visibilitychange", look);
  look();

  byId("open-sidebar").addEventListener("click", (event) => sidebar.open(event.currentTarget));
  byId("close-sidebar").addEventListener("click", () => sidebar.close());
  byId("invite").addEventListener("click", invite);
  byId("add-room").addEventListener("click", async () => {
    const name = await askRoom();
    if (name !== null) enter(chat, name);
  });
  byId("me").addEventListener("click", async () => {
    const name = await askName(settings.name);
    if (name === null || name === settings.name) return;
    settings.name = chat.name = name;
    line.reconnect();
  });
  byId("composer-text").focus();
}

/* Null, or why it cannot be. */
async function goOver(via) {
  try {
    await line.use(via);
    return null;
  } catch (error) {
    return error;
  }
}

async function select(via) {
  const missing = await goOver(via);
  if (missing !== null) explainMissing(missing);
}

function openRooms(chat) {
  const invited = cleanRoom(new URLSearchParams(location.search).get("room") ?? "");
  const names = new Set(settings.rooms ?? FIRST_ROOMS);
  if (invited !== "") names.add(invited);
  for (const name of names) chat.join(name);
  chat.select(invited !== "" ? invited : [...names][0]);
}

function enter(chat, name) {
  chat.join(name);
  chat.select(name);
  sidebar.putAway();
  byId("composer-text").focus();
}

/* Many changes in a row are one rendering. (Not by frames: a hidden page has a title, but none.) */
function renderOn(sources, views) {
  let isDue = false;
  const render = () => {
    isDue = false;
    for (const view of views) view();
  };
  const schedule = () => {
    if (isDue) return;
    isDue = true;
    setTimeout(render);
  };
  for (const [source, type] of sources) source.addEventListener(type, schedule);
  render();
}

/* The same room for curl, as it stands. */
function terminalView(chat) {
  return () => {
    const room = encodeURIComponent(chat.current);
    const near = (path) => new URL(path, new URL(".", location.href)).href;
    const said = `'{"text":"hello from curl"}'`;
    byId("say-command").textContent = `curl -d ${said} ${near(`api/rooms/${room}/messages`)}`;
    byId("follow-command").textContent = `curl -N '${near(`events?room=${room}&user=curl`)}'`;
  };
}

function meView(chat) {
  return () => {
    byId("me-name").textContent = chat.name;
    dressAvatar(byId("me-avatar"), chat.name);
  };
}

/* The rooms are in this browser's memory; the one that is shown, and how, is in the address. */
function memory(chat, line) {
  let remembered = "";
  return () => {
    const present = JSON.stringify([line.via, chat.current, ...chat.rooms.keys()]);
    if (present === remembered) return;
    remembered = present;
    settings.rooms = [...chat.rooms.keys()];
    const how = line.via === SOCKET_IO ? { via: SOCKET_IO } : {};
    history.replaceState(null, "", linkTo(chat.current, how));
  };
}

function announce(text) {
  byId("announcer").textContent = text;
}
