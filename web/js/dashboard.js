/*
 * dashboard.js - this server's figures, as they come, drawn as time goes by.
 *
 * Events may come in a bunch; each frame draws what is there, so the latest wins.
 */
import { Chart, short } from "./chart.js";
import { Events, publish, showState } from "./events.js";
import { Rates } from "./rates.js";

const MIB = 1024 * 1024;

/* Each line: what it is called, and what it is of figures and rates. */
const CARDS = [
  ["Connections", "", [
    ["websocket", (now) => now.websocket],
    ["sse", (now) => now.sse],
    ["socket.io", (now) => now["engine.io"]],
    ["http", (now) => now.http],
  ]],
  ["Messages", "/s", [
    ["out", (_, rates) => rates.of("messagesOut")],
    ["in", (_, rates) => rates.of("messagesIn") + rates.of("published")],
  ]],
  ["Bytes", "/s", [
    ["out", (_, rates) => rates.of("bytesOut")],
    ["in", (_, rates) => rates.of("bytesIn")],
  ]],
  ["Processor", " %", [["of one core", (_, rates) => rates.cpu]]],
  ["Memory", " MiB", [["resident", (now) => now.memory / MIB]]],
  ["Dropped", "/s", [
    ["slow members", (_, rates) => rates.of("droppedSlow")],
    ["volatile", (_, rates) => rates.of("droppedVolatile")],
  ]],
];

const cards = CARDS.map(([title, unit, lines]) => makeCard(title, unit, lines));
const rates = new Rates();
const isStill = matchMedia("(prefers-reduced-motion: reduce)");

function makeCard(title, unit, lines) {
  const card = document.createElement("section");
  const heading = document.createElement("h2");
  const list = document.createElement("dl");
  const canvas = document.createElement("canvas");
  card.className = "card";
  heading.textContent = title;
  list.className = "values";
  canvas.setAttribute("aria-hidden", "true");
  const swatches = lines.map((_, i) => {
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.dataset.color = i;
    return swatch;
  });
  const values = lines.map(([name], i) => {
    const row = document.createElement("div");
    const term = document.createElement("dt");
    const value = document.createElement("dd");
    term.append(swatches[i], name);
    value.textContent = "–";
    row.append(term, value);
    list.append(row);
    return value;
  });
  card.append(heading, list, canvas);
  document.getElementById("charts").append(card);
  return { unit, lines, values, chart: new Chart(canvas, swatches) };
}

function take(now) {
  const at = performance.now();
  if (rates.isAnew(now)) cards.forEach(({ chart }) => chart.interrupt(at));
  const since = rates.take(now);
  if (since === null) return;
  for (const { unit, lines, values, chart } of cards) {
    const figures = lines.map(([, figure]) => figure(now, since));
    figures.forEach((figure, i) => (values[i].textContent = short(figure) + unit));
    chart.add(at, figures);
  }
  if (isStill.matches) draw();
}

function draw() {
  const now = performance.now();
  cards.forEach(({ chart }) => chart.draw(now));
}

function frame() {
  if (!isStill.matches) draw();
  requestAnimationFrame(frame);
}

new Events("room=belfry-stats", { stats: ({ data }) => take(data) }, (text, isLive) => {
  showState(text, isLive);
  if (!isLive) cards.forEach(({ chart }) => chart.interrupt(performance.now()));
});
requestAnimationFrame(frame);

document.getElementById("burst").addEventListener("click", async () => {
  const said = document.getElementById("burst-said");
  try {
    await publish("dashboard-burst", Array.from({ length: 500 }, (_, i) => ({ text: `burst ${i}` })));
    said.textContent = "Said in the room dashboard-burst.";
  } catch (error) {
    said.textContent = `That did not work: ${error.message}`;
  }
});
