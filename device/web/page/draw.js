// The page to draw on: what is drawn or chosen is sent to the device, and its reading is played.

import { inked, pixelsOf } from "./crop.js";
import { mark } from "./marks.js";
import { loadModel } from "./model.js";
import { Reading } from "./reading.js";
import { Sheet } from "./sheet.js";

// A 7 with a bar, a 4 or a 5 is written in two strokes: the second soon follows the first.
const PAUSE_MS = 350;
const LONGEST_SIDE_PX = 1600;
const MOST_BYTES = 2 ** 23;

const marks = document.getElementById("marks");
const canvas = document.getElementById("sheet");
const file = document.getElementById("file");
const model = await loadModel();
const reading = new Reading(document.getElementById("reading"), model, "Nothing drawn yet");
let waiting = 0;

const sheet = new Sheet(canvas, { onLift: readSoon, onChange: wipe });
document.getElementById("clear").addEventListener("click", () => {
  sheet.clear();
  reading.reset();
  canvas.focus({ preventScroll: true });
});
file.addEventListener("change", () => file.files.length && choose(file.files[0]));
canvas.addEventListener("pen", ({ detail }) => cursor(detail));
canvas.addEventListener("blur", () => marks.querySelector(".cursor, .cursor-down")?.remove());
canvas.addEventListener("dragover", (event) => event.preventDefault());
canvas.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) choose(event.dataTransfer.files[0]);
});

function wipe() {
  clearTimeout(waiting);
  reading.run++;
  marks.replaceChildren();
  if (sheet.isEmpty) reading.reset();
}

function readSoon() {
  clearTimeout(waiting);
  if (!sheet.isEmpty) waiting = setTimeout(async () => read(await sheet.png(), { x: 0, y: 0, scale: 1 }), PAUSE_MS);
}

async function choose(picture) {
  file.value = "";
  try {
    const bitmap = await createImageBitmap(picture);
    const place = sheet.place(bitmap);
    const asItIs = picture.type === "image/png" && picture.size <= MOST_BYTES;
    const scale = asItIs ? 1 : Math.min(1, LONGEST_SIDE_PX / Math.max(bitmap.width, bitmap.height));
    const png = asItIs ? picture : await encoded(bitmap, scale);
    await read(png, { ...place, scale: place.scale / scale });
  } catch (error) {
    reading.fail(error.name === "InvalidStateError" ? "This is no picture that can be shown" : error.message);
  }
}

function encoded(bitmap, scale) {
  const drawn = document.createElement("canvas");
  drawn.width = Math.max(1, Math.round(bitmap.width * scale));
  drawn.height = Math.max(1, Math.round(bitmap.height * scale));
  drawn.getContext("2d").drawImage(bitmap, 0, 0, drawn.width, drawn.height);
  return new Promise((resolve) => drawn.toBlob(resolve, "image/png"));
}

// Reads a PNG that lies on the sheet at a place.
async function read(png, place) {
  const run = ++reading.run;
  let answer;
  try {
    const response = await fetch("/classify", { method: "POST", headers: { "Content-Type": "image/png" }, body: png });
    answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
  } catch (error) {
    reading.fail(error instanceof TypeError ? "The device does not answer" : error.message);
    return;
  }
  if (run !== reading.run) return;
  const byColumns = model.time_axis === "columns";
  const [first, last] = answer.crop ? inked(pixelsOf(answer.crop), byColumns) : [0, 0];
  await reading.play(answer, (lines, end) => {
    if (!answer.box) return;
    const [x, y, width, height] = answer.box.map((length) => length * place.scale);
    const line = lines < end ? (lines - first) / (last - first + 1) : null;
    const kind = answer.label === null && lines === end ? "none" : "digit";
    mark(marks, canvas.width, canvas.height, [{ box: [x + place.x, y + place.y, width, height], kind, line, byColumns }]);
  });
}

function cursor({ x, y, down }) {
  marks.querySelector(".cursor, .cursor-down")?.remove();
  const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  for (const [name, value] of Object.entries({ cx: x, cy: y, r: 17 })) dot.setAttribute(name, value);
  dot.classList.add(down ? "cursor-down" : "cursor");
  marks.append(dot);
}
