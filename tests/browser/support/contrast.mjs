/*
 * contrast.mjs - every text that can be seen, against what lies behind it (WCAG 2.2, 1.4.3).
 *
 * Runs in the page. Colours of any notation are read by painting them; transparent ones are laid
 * over what is below. Returns a line for each text with less than 4.5:1.
 */
export function lowContrasts() {
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

  const over = (below, color) => {
    paint.fillStyle = `rgb(${below.join(" ")})`;
    paint.fillRect(0, 0, 1, 1);
    paint.fillStyle = color;
    paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const backgroundOf = (element) => {
    const below = element.parentElement ? backgroundOf(element.parentElement) : [255, 255, 255];
    return over(below, getComputedStyle(element).backgroundColor);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((byte) => {
      const value = byte / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  };

  const low = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const isSeen = element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    if (texts.currentNode.data.trim() === "" || !isSeen) continue;
    const background = backgroundOf(element);
    const found = ratio(over(background, getComputedStyle(element).color), background);
    if (found < 4.5) low.push(`${found.toFixed(2)}: "${texts.currentNode.data.trim()}"`);
  }
  return low;
}
