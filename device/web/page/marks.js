// Draws marks over a picture: a box around each digit, and the line that is being read.

const SVG = "http://www.w3.org/2000/svg";

// Draws boxes {box, text, kind, line} in the picture's pixels; `line` is the fraction of the box that has been read.
export function mark(svg, width, height, boxes) {
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const size = Math.max(width, height) / 26;
  svg.replaceChildren(...boxes.flatMap((entry) => shapes(entry, size)));
}

function shapes({ box: [x, y, width, height], text = "", kind = "digit", line = null, byColumns = false }, size) {
  const pad = size / 4;
  const outline = { x: x - pad, y: y - pad, width: width + 2 * pad, height: height + 2 * pad, rx: pad };
  const made = [shape("rect", outline, kind)];
  if (text) {
    const label = shape("text", { x: x - pad, y: Math.max(y - 2 * pad, size), "font-size": size }, kind);
    label.textContent = text;
    made.push(label);
  }
  if (line !== null && line > 0 && line < 1) {
    const [across, down] = [x + line * width, y + line * height];
    made.push(
      byColumns
        ? shape("line", { x1: across, x2: across, y1: y - pad, y2: y + height + pad }, "scan")
        : shape("line", { x1: x - pad, x2: x + width + pad, y1: down, y2: down }, "scan"),
    );
  }
  return made;
}

export function shape(name, attributes, kind) {
  const made = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.classList.add(kind);
  return made;
}
