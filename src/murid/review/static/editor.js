// Free corrections: choose a box with the mouse or the keyboard, and say what it is.

import { makeAnimal } from "./panel.js";

const MIN_SIDE_PX = 3;
// A key moves a drawn box by this share of the width of the image: fine enough, and quick if held.
const KEY_STEP = 1 / 200;
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Editor {
  constructor(viewer, elements, send) {
    this.viewer = viewer;
    this.elements = elements;
    this.send = send;
    this.isDrawing = false;
    this.listen();
    this.show();
  }

  /** Offer these animals, and whether anything may be changed. */
  setAnimals(animals, names, isReader) {
    this.names = names;
    this.isReader = isReader;
    const { animal } = this.elements;
    const chosen = animal.value;
    animal.replaceChildren(...[...animals].sort((a, b) => a.id - b.id).map(({ id, name }) => {
      const option = document.createElement("option");
      option.value = String(id);
      option.textContent = name === String(id) ? `animal ${id}` : `${name} (${id})`;
      return option;
    }));
    if (chosen) animal.value = chosen;
    this.show();
  }

  listen() {
    const { canvas } = this.viewer;
    const { assign, swap, drop, rename, name, draw } = this.elements;
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.end(event));
    assign.addEventListener("click", () => this.assign());
    swap.addEventListener("click", () => this.swap());
    drop.addEventListener("click", () => this.drop());
    rename.addEventListener("click", () => this.rename());
    this.elements.animal.addEventListener("change", () => this.show());
    name.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.rename();
    });
    draw.addEventListener("click", () => this.setDrawing(!this.isDrawing));
  }

  setDrawing(isDrawing) {
    this.isDrawing = isDrawing && !this.isReader;
    this.start = null;
    this.viewer.drawn = null;
    this.viewer.canvas.classList.toggle("drawing", this.isDrawing);
    this.elements.draw.setAttribute("aria-pressed", String(this.isDrawing));
    if (this.isDrawing) {
      this.viewer.pause();
      this.viewer.selected = null;
    }
    this.viewer.requestDraw();
    this.show();
  }

  /** Move the box that is drawn, or its lower right corner, by an arrow key; true if it did. */
  nudge(key, isCorner) {
    const direction = DIRECTIONS[key];
    if (!this.isDrawing || !direction) return false;
    const { width, height } = this.viewer.recording;
    const box = this.viewer.drawn ?? this.suggestBox();
    const step = Math.max(1, width * KEY_STEP);
    const sides = [["x1", "x2", width, direction[0]], ["y1", "y2", height, direction[1]]];
    for (const [low, high, most, sign] of sides) {
      const least = isCorner ? box[low] + MIN_SIDE_PX - box[high] : -box[low];
      const by = Math.min(Math.max(step * sign, least), most - box[high]);
      box[high] += by;
      if (!isCorner) box[low] += by;
    }
    this.viewer.drawn = box;
    this.viewer.requestDraw();
    this.show();
    return true;
  }

  /** Return a box in the middle of the image, as large as the animals of the frame. */
  suggestBox() {
    const { width, height } = this.viewer.recording;
    const boxes = (this.viewer.boxes.get(this.viewer.frame) ?? []).filter((box) => box.identity > 0);
    const average = (measure, otherwise) => (boxes.length
      ? boxes.reduce((sum, box) => sum + measure(box), 0) / boxes.length : otherwise);
    const halfWidth = average((box) => box.x2 - box.x1, width / 8) / 2;
    const halfHeight = average((box) => box.y2 - box.y1, height / 8) / 2;
    return {
      x1: width / 2 - halfWidth, x2: width / 2 + halfWidth,
      y1: height / 2 - halfHeight, y2: height / 2 + halfHeight,
    };
  }

  begin(event) {
    if (!this.isDrawing) return;
    this.start = this.viewer.toImage(event.clientX, event.clientY);
    this.viewer.canvas.setPointerCapture(event.pointerId);
  }

  move(event) {
    if (!this.start) return;
    const [x, y] = this.viewer.toImage(event.clientX, event.clientY);
    const [x0, y0] = this.start;
    const { width, height } = this.viewer.recording;
    const limit = (value, most) => Math.min(Math.max(value, 0), most);
    this.viewer.drawn = {
      x1: limit(Math.min(x, x0), width), x2: limit(Math.max(x, x0), width),
      y1: limit(Math.min(y, y0), height), y2: limit(Math.max(y, y0), height),
    };
    this.viewer.requestDraw();
  }

  end(event) {
    if (!this.isDrawing) {
      this.click(event);
      return;
    }
    this.move(event);
    this.start = null;
    const box = this.viewer.drawn;
    if (!box || box.x2 - box.x1 < MIN_SIDE_PX || box.y2 - box.y1 < MIN_SIDE_PX) this.viewer.drawn = null;
    this.show();
  }

  click(event) {
    const [x, y] = this.viewer.toImage(event.clientX, event.clientY);
    const boxes = this.viewer.boxes.get(this.viewer.frame) ?? [];
    const area = (box) => (box.x2 - box.x1) * (box.y2 - box.y1);
    const hit = boxes
      .filter((box) => box.x1 <= x && x <= box.x2 && box.y1 <= y && y <= box.y2)
      .sort((a, b) => area(a) - area(b));
    // A second click takes the box behind.
    const place = hit.findIndex((box) => this.viewer.isSelected(box));
    this.select(hit.length ? hit[(place + 1) % hit.length] : null);
  }

  /** Choose the next box of the frame, for those who use the keyboard. */
  selectNext() {
    const boxes = this.viewer.boxes.get(this.viewer.frame) ?? [];
    const place = boxes.findIndex((box) => this.viewer.isSelected(box));
    this.select(boxes.length ? boxes[(place + 1) % boxes.length] : null);
  }

  select(box) {
    this.viewer.pause();
    this.viewer.selected = box && { ...box, frame: this.viewer.frame };
    this.suggestAnimal(box);
    this.viewer.requestDraw();
    this.show();
    if (box) this.elements.text.parentElement.scrollIntoView({ block: "nearest" });
  }

  /** Offer the other animal of the crossing, or the one that is nearest in the frame. */
  suggestAnimal(box) {
    if (!box) return;
    const ids = [...this.elements.animal.options].map((option) => Number(option.value));
    const others = [...this.viewer.pair, ...this.listNearest(box), ...ids].filter((id) => id !== box.identity);
    if (others.length) this.elements.animal.value = String(others[0]);
  }

  /** Return the animals of the frame, the one next to a box first. */
  listNearest(box) {
    const distance = (other) => Math.hypot(
      other.x1 + other.x2 - box.x1 - box.x2, other.y1 + other.y2 - box.y1 - box.y2);
    return (this.viewer.boxes.get(this.viewer.frame) ?? [])
      .filter((other) => other.identity > 0)
      .sort((a, b) => distance(a) - distance(b))
      .map((other) => other.identity);
  }

  /** The box belongs to a frame: another frame ends the choice. */
  follow(frame) {
    const { selected } = this.viewer;
    if (selected && selected.frame !== frame) {
      this.viewer.selected = null;
      this.show();
    }
  }

  show() {
    const { text, actions, assign, swap, drop, rename, name } = this.elements;
    const box = this.viewer.selected;
    const hasDrawn = this.isDrawing && this.viewer.drawn !== null;
    actions.hidden = (!box && !hasDrawn) || this.isReader;
    if (this.isReader) text.textContent = "This page only reads.";
    else if (hasDrawn) text.textContent = "Which animal is in the box that you drew?";
    else if (this.isDrawing) text.textContent = "Drag a box around the animal that was not found, or move one with the arrow keys (with Shift: its size).";
    else if (!box) text.textContent = "Click a box in the video (or press b) to correct it.";
    else this.describe(text, box);
    if (actions.hidden) return;
    const isDetected = hasDrawn || box.row >= 0;
    const isAnimal = !hasDrawn && box.identity > 0;
    assign.disabled = !isDetected || (isAnimal && this.animal === box.identity);
    swap.disabled = !isAnimal || this.animal === box.identity;
    drop.disabled = hasDrawn || !isDetected;
    rename.disabled = !isAnimal;
    name.disabled = !isAnimal;
    if (isAnimal) {
      const given = this.names.get(box.identity) ?? "";
      name.value = given === String(box.identity) ? "" : given;
    }
  }

  describe(text, box) {
    const kind = box.row < 0 ? "An interpolated position of " : "The box of ";
    const about = box.merged ? "; it holds another animal as well" : "";
    if (box.identity === 0) text.textContent = `A detection without an animal, score ${box.score}.`;
    else text.replaceChildren(kind, makeAnimal(box.identity, this.names), ` in frame ${box.frame}${about}.`);
  }

  get animal() { return Number(this.elements.animal.value); }

  assign() {
    const { drawn, frame, selected } = this.viewer;
    if (this.isDrawing && drawn) {
      const box = [drawn.x1, drawn.y1, drawn.x2, drawn.y2];
      this.finish({ kind: "add", frame, box, animal: this.animal });
      this.setDrawing(false);
    } else if (selected) {
      this.finish({ kind: "assign", frame: selected.frame, row: selected.row, animal: this.animal });
    }
  }

  swap() {
    const box = this.viewer.selected;
    this.finish({ kind: "swap", identities: [box.identity, this.animal], first_frame: box.frame });
  }

  drop() {
    const box = this.viewer.selected;
    this.finish({ kind: "drop", frame: box.frame, row: box.row });
  }

  rename() {
    const box = this.viewer.selected;
    if (!box || box.identity === 0) return;
    this.finish({ kind: "rename", animal: box.identity, name: this.elements.name.value });
  }

  finish(edit) {
    this.send(edit);
    this.viewer.selected = null;
    this.viewer.requestDraw();
    this.show();
  }
}
