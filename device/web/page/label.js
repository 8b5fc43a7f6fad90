// The page to label crops: shows one after another, and moves each to where its answer says.

import { loadModel } from "./model.js";

const DELETE = "delete";
const KEYS = { n: "none", Delete: DELETE, Backspace: DELETE };
const TEXTS = { none: "not a digit", [DELETE]: "delete" };

const canvas = document.getElementById("crop");
const answers = document.getElementById("answers");
const condition = document.getElementById("condition");

await loadModel();
const { crops, labels } = await (await fetch("/crops")).json();
const buttons = new Map([...labels, DELETE].map((label) => [label, build(label)]));
answers.append(...buttons.values());
document.addEventListener("keydown", ({ key, ctrlKey, metaKey, altKey }) => {
  const label = KEYS[key] ?? key;
  if (buttons.has(label) && !ctrlKey && !metaKey && !altKey) answer(label);
});
let busy = false;
await show();

function build(label) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: TEXTS[label] ?? label });
  button.addEventListener("click", () => answer(label));
  return button;
}

async function show() {
  for (const [label, button] of buttons) {
    button.disabled = !crops.length;
    button.classList.toggle("likely", crops.length > 0 && crops[0].startsWith(`${label}_`));
  }
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!crops.length) return say("all are sorted", "good");
  const response = await fetch(`/crops/${crops[0]}`);
  if (response.ok) context.drawImage(await createImageBitmap(await response.blob()), 0, 0);
  say(`${crops.length.toLocaleString("en")} left`, "idle");
}

async function answer(label) {
  if (busy || !crops.length) return;
  busy = true;
  try {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(`/crops/${crops[0]}`, { method: "POST", headers, body: JSON.stringify(label) });
    // A crop that is not there any more has been sorted elsewhere.
    if (!response.ok && response.status !== 404) throw new Error((await response.json()).error);
    crops.shift();
    await show();
  } catch (error) {
    say(error instanceof TypeError ? "The server does not respond" : error.message, "bad");
  } finally {
    busy = false;
  }
}

function say(text, kind) {
  condition.textContent = text;
  condition.className = `pill ${kind}`;
}
