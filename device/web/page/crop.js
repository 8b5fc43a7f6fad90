// Draws the crop that the model reads, 28 x 28 pixels: lines already read are bright, the current line is highlighted.

const SIDE = 28;
const CELL = 20;
const GAP = 2;

export class Crop {
  constructor(canvas, byColumns) {
    this.canvas = canvas;
    this.byColumns = byColumns;
    canvas.width = canvas.height = SIDE * CELL;
    this.draw(null, 0, false);
  }

  // Draws pixels <Uint8Array>[784], or an empty crop for null. `isReading` highlights the last line read.
  draw(pixels, linesRead, isReading) {
    const context = this.canvas.getContext("2d");
    context.fillStyle = "#0b0d10";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const line = this.byColumns ? x : y;
        const lit = isReading && line === linesRead - 1;
        const ink = pixels ? pixels[y * SIDE + x] / 255 : 0;
        context.fillStyle = colour(ink, line < linesRead, lit);
        context.fillRect(x * CELL + GAP / 2, y * CELL + GAP / 2, CELL - GAP, CELL - GAP);
      }
    }
  }
}

// Decodes the pixels of a crop.
export function pixelsOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

// Returns the first and the last line with ink.
export function inked(pixels, byColumns) {
  const lines = [];
  pixels.forEach((ink, index) => {
    if (ink > 25) lines.push(byColumns ? index % SIDE : Math.floor(index / SIDE));
  });
  return [Math.min(...lines), Math.max(...lines)];
}

function colour(ink, read, lit) {
  const paper = lit ? [92, 50, 22] : read ? [27, 31, 38] : [20, 23, 28];
  const stroke = lit ? [255, 190, 130] : read ? [247, 243, 234] : [74, 82, 96];
  const mixed = paper.map((channel, index) => Math.round(channel + (stroke[index] - channel) * ink));
  return `rgb(${mixed.join(",")})`;
}
