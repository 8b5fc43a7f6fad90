// The drawing page: sends the drawing or a chosen image to the server and plays the answer.

import { inked, pixelsOf } from "./crop.js";
import { mark } from "./marks.js";
import { loadModel } from "./model.js";
import { Reading } from "./reading.js";
import { Sheet } from "./sheet.js";

// The pause after a stroke, because a 4, a 5 or a crossed 7 has a second one.
const PAUSE_MS = 350;
const MAX_SIDE_PX = 1600;
const MAX_BYTES = 2 ** 23;

const marks = document.getElementById("marks");
const canvas = document.getElementById("sheet");
const file = document.getElementById("file");
const model = await loadModel();
const reading = new Reading(document.getElementById("reading"), model, "Nothing drawn yet");
let timer = 0;

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
  clearTimeout(timer);
  reading.run++;
  marks.replaceChildren();
  if (sheet.isEmpty) reading.reset();
}

function readSoon() {
  clearTimeout(timer);
  if (!sheet.isEmpty) timer = setTimeout(async () => read(await sheet.png(), { x: 0, y: 0, scale: 1 }), PAUSE_MS);
}

async function choose(image) {
  file.value = "";
  try {
    const bitmap = await createImageBitmap(image);
    const position = sheet.place(bitmap);
    const asItIs = image.type === "image/png" && image.size <= MAX_BYTES;
    const scale = asItIs ? 1 : Math.min(1, MAX_SIDE_PX / Math.max(bitmap.width, bitmap.height));
    const png = asItIs ? image : await encoded(bitmap, scale);
    await read(png, { ...position, scale: position.scale / scale });
  } catch (error) {
    const unknown = "The browser cannot open this file as an image. Try a JPEG or PNG file.";
    reading.fail(error.name === "InvalidStateError" ? unknown : error.message);
  }
}

function encoded(bitmap, scale) {
  const drawn = document.createElement("canvas");
  drawn.width = Math.max(1, Math.round(bitmap.width * scale));
  drawn.height = Math.max(1, Math.round(bitmap.height * scale));
  drawn.getContext("2d").drawImage(bitmap, 0, 0, drawn.width, drawn.height);
  return new Promise((resolve) => drawn.toBlob(resolve, "image/png"));
}

// Sends a PNG and plays the answer; `position` is where the image lies on the sheet.
async function read(png, position) {
  const run = ++reading.run;
  let answer;
  try {
    const response = await fetch("/classify", { method: "POST", headers: { "Content-Type": "image/png" }, body: png });
    answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
  } catch (error) {
    reading.fail(error instanceof TypeError ? "The server does not respond" : error.message);
    return;
  }
  if (run !== reading.run) return;
  const byColumns = model.time_axis === "columns";
  const [first, last] = answer.crop ? inked(pixelsOf(answer.crop), byColumns) : [0, 0];
  await reading.play(answer, (lines, end) => {
    if (!answer.box) return;
    const [x, y, width, height] = answer.box.map((length) => length * position.scale);
    const line = lines < end ? (lines - first) / (last - first + 1) : null;
    const kind = answer.label === null && lines === end ? "none" : "digit";
    mark(marks, canvas.width, canvas.height, [{ box: [x + position.x, y + position.y, width, height], kind, line, byColumns }]);
  });
}

function cursor({ x, y, down }) {
  marks.querySelector(".cursor, .cursor-down")?.remove();
  const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  for (const [name, value] of Object.entries({ cx: x, cy: y, r: 17 })) dot.setAttribute(name, value);
  dot.classList.add(down ? "cursor-down" : "cursor");
  marks.append(dot);
}
