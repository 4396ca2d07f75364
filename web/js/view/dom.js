/*
 * dom.js - small help with elements.
 *
 * What users wrote only ever becomes text nodes and attributes of links: nothing here, or in any
 * other module, makes markup from a string.
 */
const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** h("button", { class: "send", type: "button", hidden: false }, "Send", icon("send")) */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === undefined || value === null) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/**
 * Keeps the children of @parent equal to a list of rows, each with a `key` of its own, touching only
 * what changed: focus, selection and scroll position survive.
 *
 *     const show = keyedList(list, () => h("li"), (li, row) => li.replaceChildren(row.text));
 *     show([{ key: "a", text: "one" }, { key: "b", text: "two" }]);
 */
export function keyedList(parent, create, update) {
  const shown = new Map(); // key -> { node, signature }
  return (rows) => {
    const keys = new Set(rows.map(({ key }) => key));
    for (const [key, { node }] of shown) {
      if (keys.has(key)) continue;
      node.remove();
      shown.delete(key);
    }
    let next = parent.firstChild;
    for (const row of rows) {
      const item = shown.get(row.key) ?? { node: create(row), signature: "" };
      const signature = JSON.stringify(row);
      if (item.signature !== signature) update(item.node, row);
      item.signature = signature;
      shown.set(row.key, item);
      if (item.node === next) next = next.nextSibling;
      else parent.insertBefore(item.node, next);
    }
  };
}

/** Text with its web addresses made into links. */
export function linked(text) {
  return text.split(/(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]])/).map((part, index) => {
    if (index % 2 === 0) return part;
    return h("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part);
  });
}
