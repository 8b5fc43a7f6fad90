// A canvas to draw on with finger, pen, mouse or keyboard, or to show an image.

const PAPER = "#fbfaf6";
const INK = "#16181d";
const PEN_PX = 34;
const STEP_PX = 14;

export class Sheet {
  // `onLift` is called when the pen is lifted, `onChange` when something is drawn or cleared.
  constructor(canvas, { onLift, onChange }) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.pen = { x: canvas.width / 2, y: canvas.height / 4, down: false };
    this.cursor = false;
    this.handlers = { onLift, onChange };
    this.wipe();
    this.listen();
  }

  clear() {
    this.wipe();
    this.handlers.onChange();
  }

  wipe() {
    this.pen.down = false;
    this.isEmpty = true;
    this.context.fillStyle = PAPER;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  // Fits an image into the canvas; returns its position and scale.
  place(bitmap) {
    this.clear();
    const scale = Math.min(this.canvas.width / bitmap.width, this.canvas.height / bitmap.height);
    const [width, height] = [bitmap.width * scale, bitmap.height * scale];
    const [x, y] = [(this.canvas.width - width) / 2, (this.canvas.height - height) / 2];
    this.context.drawImage(bitmap, x, y, width, height);
    return { x, y, scale };
  }

  png() {
    return new Promise((resolve) => this.canvas.toBlob(resolve, "image/png"));
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !event.isPrimary) return;
      canvas.setPointerCapture(event.pointerId);
      Object.assign(this.pen, this.at(event), { down: true });
      this.line(this.pen);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.pen.down || !canvas.hasPointerCapture(event.pointerId)) return;
      const passed = event.getCoalescedEvents?.() ?? [];
      for (const point of passed.length ? passed : [event]) this.line(this.at(point));
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => this.lift());
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (by) this.step(by[0] * STEP_PX, by[1] * STEP_PX);
    else if (event.key === " ") this.pen.down ? this.lift() : this.lower();
    else if (event.key === "Enter") this.handlers.onLift();
    else if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else return;
    event.preventDefault();
    this.canvas.dispatchEvent(new CustomEvent("pen", { detail: this.pen }));
  }

  step(x, y) {
    const margin = PEN_PX / 2;
    const to = {
      x: Math.min(Math.max(this.pen.x + x, margin), this.canvas.width - margin),
      y: Math.min(Math.max(this.pen.y + y, margin), this.canvas.height - margin),
    };
    if (this.pen.down) this.line(to);
    Object.assign(this.pen, to);
  }

  lower() {
    this.pen.down = true;
    this.line(this.pen);
  }

  lift() {
    if (!this.pen.down) return;
    this.pen.down = false;
    this.handlers.onLift();
  }

  line(to) {
    const { context, pen } = this;
    context.strokeStyle = INK;
    context.lineWidth = PEN_PX;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(pen.x, pen.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    Object.assign(pen, { x: to.x, y: to.y });
    this.isEmpty = false;
    this.handlers.onChange();
  }

  at(event) {
    const rect = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / rect.width;
    return { x: (event.clientX - rect.left) * scale, y: (event.clientY - rect.top) * scale };
  }
}
