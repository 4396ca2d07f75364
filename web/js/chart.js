/*
 * chart.js - lines over the last minutes on a canvas. Values come when they come; what is drawn moves
 * with the clock, or stands still for who wants nothing to move.
 */
const SPAN_MS = 120_000;
export class Chart {
  #canvas;
  #swatches;
  #points = []; // { at, values } or { at, isBreak }

  /** @swatches: an element for each line, in its colour. */
  constructor(canvas, swatches) {
    this.#canvas = canvas;
    this.#swatches = swatches;
  }

  add(at, values) {
    this.#points.push({ at, values });
    while (this.#points.length > 2 && this.#points[1].at < at - SPAN_MS) this.#points.shift();
  }

  /** The server was away: no line across, and a mark. */
  interrupt(at) {
    if (this.#points.length > 0 && !this.#points.at(-1).isBreak) {
      this.#points.push({ at, isBreak: true });
    }
  }

  draw(now) {
    const canvas = this.#canvas;
    const scale = devicePixelRatio;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    const style = getComputedStyle(canvas);
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const x = (at) => width - ((now - at) / SPAN_MS) * width;
    const top = niceTop(this.#points);
    const y = (value) => height - 1 - (value / top) * (height - 14);
    this.#grid(pen, style, width, height, top);
    for (const { at } of this.#points.filter(({ isBreak }) => isBreak)) {
      pen.strokeStyle = style.outlineColor;
      pen.setLineDash([3, 3]);
      stroke(pen, [[x(at), 0], [x(at), height]]);
      pen.setLineDash([]);
    }
    const lines = this.#points.find(({ values }) => values)?.values.length ?? 0;
    for (let line = lines - 1; line >= 0; line--) {
      pen.strokeStyle = getComputedStyle(this.#swatches[line]).backgroundColor;
      pen.lineWidth = 1.75;
      for (const run of runs(this.#points)) {
        stroke(pen, run.map(({ at, values }) => [x(at), y(values[line])]));
      }
    }
  }

  #grid(pen, style, width, height, top) {
    pen.lineWidth = 1;
    pen.strokeStyle = style.borderTopColor;
    stroke(pen, [[0, height - 0.5], [width, height - 0.5]]);
    stroke(pen, [[0, 13.5], [width, 13.5]]);
    pen.fillStyle = style.color;
    pen.font = "11px system-ui, sans-serif";
    pen.fillText(short(top), 0, 10);
  }
}

/** Without breaks in them. */
function runs(points) {
  const found = [[]];
  for (const point of points) {
    if (point.isBreak) found.push([]);
    else found.at(-1).push(point);
  }
  return found.filter((run) => run.length > 1);
}

function stroke(pen, places) {
  pen.beginPath();
  places.forEach(([x, y], i) => (i === 0 ? pen.moveTo(x, y) : pen.lineTo(x, y)));
  pen.stroke();
}

/** The next of 1, 2, 5, 10, ... above all values. */
function niceTop(points) {
  const most = Math.max(1, ...points.flatMap(({ values }) => values ?? []));
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= most);
}

/** 1234567 as 1.2M. */
export function short(number) {
  if (number < 1000) return String(Math.round(number * 10) / 10);
  const [unit, name] = number < 1e6 ? [1e3, "k"] : number < 1e9 ? [1e6, "M"] : [1e9, "G"];
  return `${Math.round((number / unit) * 10) / 10}${name}`;
}
