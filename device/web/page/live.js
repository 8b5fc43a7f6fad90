// The live page: shows the latest state of the source and plays the reading of each digit in turn.

import { mark } from "./marks.js";
import { loadModel, percent } from "./model.js";
import { Reading } from "./reading.js";

const HOLD_MS = 900;
const STALE_MS = 3000;
const RETRY_MS = 2000;

const canvas = document.getElementById("picture");
const marks = document.getElementById("marks");
const condition = document.getElementById("condition");
const model = await loadModel();
const reading = new Reading(document.getElementById("reading"), model, "No digit in view yet");
const counters = ["rate_hz", "frames", "dropped", "rejected"].map((name) => [name, document.getElementById(name)]);

let latest = null;
let drawing = false;
let arrived = 0;
let focus = null;

connect();
setInterval(checkAge, 500);
readInTurn();

function connect() {
  const events = new EventSource("/events");
  events.onmessage = ({ data }) => {
    latest = JSON.parse(data);
    arrived = performance.now();
    draw();
  };
  events.onerror = () => {
    say("no connection", "bad");
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_MS);
  };
}

// Draws the latest state; states that arrive during decoding are skipped, except for the last one.
async function draw() {
  if (drawing) return;
  drawing = true;
  let drawn = null;
  while (drawn !== latest) {
    drawn = latest;
    for (const [name, cell] of counters) cell.textContent = drawn[name].toLocaleString("en");
    if (!drawn.rate_hz) counters[0][1].textContent = "–";
    say(...(drawn.ended ? ["ended", "idle"] : drawn.picture ? ["live", "good"] : ["waiting for a frame", "idle"]));
    if (drawn.picture) await show(drawn);
  }
  drawing = false;
}

async function show({ picture, readings }) {
  const bytes = Uint8Array.from(atob(picture.jpeg), (character) => character.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  }
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  mark(marks, picture.width, picture.height, readings.filter(({ box }) => box).map(boxed));
}

function boxed({ box, label, probability }) {
  const isFocus = focus !== null && Math.abs(box[0] - focus[0]) + Math.abs(box[1] - focus[1]) < box[3] / 2;
  const text = label === null || !isFocus ? (label ?? "") : `${label}  ${percent(probability)}`;
  return { box, text, kind: label === null ? "none" : isFocus ? "focus" : "digit" };
}

// Plays the digits one after another in reading order, each from the latest state.
async function readInTurn() {
  for (let turn = 0; ; turn++) {
    const readable = (latest?.readings ?? []).filter(({ steps }) => steps.length);
    if (readable.length) {
      const next = readable[turn % readable.length];
      focus = next.box;
      draw();
      await reading.play(next);
    }
    await new Promise((resolve) => setTimeout(resolve, readable.length ? HOLD_MS : 200));
  }
}

function checkAge() {
  if (latest?.picture && !latest.ended && performance.now() - arrived > STALE_MS && condition.className.includes("good")) {
    say("no new frame", "bad");
  }
}

function say(text, kind) {
  condition.textContent = text;
  condition.className = `pill ${kind}`;
}
