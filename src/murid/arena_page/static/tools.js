// Pointer and keys on the image: draw shapes, select and move them, set the line of the scale.

import {
  computeArea, contains, distance, listCorners, listMiddles, makeCircle, makeRectangle, round,
} from "./geometry.js";

const HIT_PX = 9;
const DRAG_PX = 4;
const DOUBLE_CLICK_MS = 400;
const MIN_PX_FOR_FRACTIONS = 4;
// Zoom for each pixel of the wheel: a wheel sends about 100 at once, a touch pad a few many times.
const WHEEL_ZOOM = 0.0015;
// Some browsers count lines of the wheel, not pixels.
const WHEEL_LINE_PX = 33;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Tools that are finished by a second point.
const TWO_POINTS = ["rectangle", "circle", "scale"];
const DRAWING = ["polygon", ...TWO_POINTS];

const HINTS = {
  select: "Click a shape to select it. Drag it or its corners, or move it with the arrow keys. b: next shape.",
  polygon: "Click the corners. Close with a double-click, Enter, or a click on the first corner. Or: arrow keys and Enter.",
  rectangle: "Drag, or click two opposite corners. Or: arrow keys and Enter.",
  circle: "Drag from the centre to the rim, or click both. Or: arrow keys and Enter.",
  scale: "Click two points of known distance, then enter it. Or: arrow keys and Enter.",
  move: "Drag, or use the arrow keys (Shift: 10 pixels), to move all shapes.",
};

export class Tools {
  constructor(view, model, host) {
    this.view = view;
    this.model = model;
    this.host = host;
    this.tool = "polygon";
    this.role = "arena";
    this.line = null;
    this.reset();
    const { svg } = view;
    svg.addEventListener("pointerdown", (event) => this.press(event));
    svg.addEventListener("pointermove", (event) => this.drag(event));
    svg.addEventListener("pointerup", (event) => this.release(event));
    svg.addEventListener("pointercancel", () => this.cancel());
    svg.addEventListener("wheel", (event) => this.turn(event), { passive: false });
  }

  get hint() { return HINTS[this.tool]; }

  get isDrawing() { return DRAWING.includes(this.tool); }

  get drawsShape() { return this.isDrawing && this.tool !== "scale"; }

  /** Forget the unfinished shape. */
  reset() {
    this.points = [];
    this.pointer = null;
    // The next shape begins where the keyboard left the cursor.
    this.lastCursor = this.cursor ?? this.lastCursor ?? null;
    this.cursor = null;
    this.cursorMoved = false;
    this.pressed = null;
    this.pressTime = 0;
  }

  choose(tool) {
    this.model.finishMove();
    this.reset();
    this.tool = tool;
    if (this.isDrawing) this.model.select(null);
    this.view.svg.focus({ preventScroll: true });
    this.host.show();
  }

  /** What the view shows of the tool. */
  describe() {
    const end = this.cursor ?? this.pointer;
    const open = [...this.points, ...(end && this.points.length ? [end] : [])];
    let draft = null;
    let line = this.tool === "scale" ? this.line : null;
    if (open.length >= 2) {
      if (this.tool === "scale") line = open.slice(0, 2);
      else if (this.tool === "polygon") draft = { open };
      else draft = this.makeShape(open);
    }
    return { draft, points: this.points, role: this.role, cursor: this.cursor, line };
  }

  makeShape(points) {
    if (this.tool === "rectangle") return makeRectangle(points[0], points[1]);
    if (this.tool === "circle") return makeCircle(points[0], points[1], this.view.size.pixel_aspect);
    return { polygon: points };
  }

  // ---- pointer --------------------------------------------------------------------------------

  /** Return the place of an event: whole pixels, unless they are large enough to point between. */
  locate(event) {
    const place = this.view.toImage(event.clientX, event.clientY);
    return place.map(this.view.scale.y < MIN_PX_FOR_FRACTIONS ? Math.round : round);
  }

  isNear(point, other, pixels = HIT_PX) {
    return distance(this.view.toScreen(point), this.view.toScreen(other)) <= pixels;
  }

  press(event) {
    if (!this.model.state) return;
    this.view.svg.setPointerCapture(event.pointerId);
    this.view.svg.focus({ preventScroll: true });
    const point = this.locate(event);
    this.pressed = { point, x: event.clientX, y: event.clientY, last: point, isDrag: false, action: "pan" };
    if (event.button !== 0) return;
    event.preventDefault();
    this.cursor = null;
    if (this.isDrawing) {
      this.pressed.action = "draw";
      this.pressToDraw(this.limit(point), event.timeStamp);
    } else if (this.tool === "move") {
      this.pressed.action = "move";
      this.pressed.id = null;
    } else this.pressToSelect(point);
    this.host.show();
  }

  pressToDraw(point, time) {
    const last = this.points.at(-1);
    const isDouble = last && this.isNear(point, last, DRAG_PX) && time - this.pressTime < DOUBLE_CLICK_MS;
    this.pressTime = time;
    if (this.tool === "polygon" && this.points.length >= 3 && (isDouble || this.isNear(point, this.points[0]))) {
      this.finish();
    } else if (!last || !this.isNear(point, last, DRAG_PX)) {
      this.addPoint(point);
    }
  }

  pressToSelect(point) {
    const { model, pressed } = this;
    const shape = model.selectedShape;
    if (shape) {
      const corner = listCorners(shape).findIndex((each) => this.isNear(point, each));
      if (corner >= 0) {
        Object.assign(pressed, { action: "move", id: shape.id, corner });
        model.select(shape.id, shape.circle ? 0 : corner);
        return;
      }
      const middle = shape.circle ? -1 : listMiddles(shape).findIndex((each) => this.isNear(point, each));
      if (middle >= 0) {
        this.insertCorner(shape, middle, point);
        return;
      }
    }
    const hit = model.shapes.filter((each) => contains(each, point))
      .sort((a, b) => computeArea(a) - computeArea(b));
    // A second click takes the shape behind.
    const place = hit.findIndex((each) => each.id === model.selected);
    pressed.behind = place >= 0 && hit.length > 1 ? hit[(place + 1) % hit.length].id : null;
    const chosen = place >= 0 ? hit[place] : hit[0];
    model.select(chosen?.id ?? null);
    if (chosen) Object.assign(pressed, { action: "move", id: chosen.id });
  }

  async insertCorner(shape, after, point) {
    const polygon = [...shape.polygon.slice(0, after + 1), point, ...shape.polygon.slice(after + 1)];
    this.pressed = null;
    if (await this.model.change({ kind: "edit", shape: shape.id, polygon }, shape.id)) {
      this.model.select(shape.id, after + 1);
    }
  }

  drag(event) {
    if (!this.model.state) return;
    const point = this.locate(event);
    this.pointer = this.isDrawing ? this.limit(point) : null;
    this.host.showPlace(point);
    const { pressed } = this;
    if (pressed) {
      const moved = Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y);
      if (!pressed.isDrag && moved < DRAG_PX) return;
      const [dx, dy] = [point[0] - pressed.last[0], point[1] - pressed.last[1]];
      pressed.isDrag = true;
      if (pressed.action === "move") {
        pressed.last = point;
        this.model.move(pressed.id, pressed.corner ?? null, dx, dy);
      } else if (pressed.action === "pan") this.view.panBy(event.movementX, event.movementY);
    }
    if (this.points.length) this.host.show();
  }

  release(event) {
    const { pressed } = this;
    this.pressed = null;
    if (!pressed) return;
    if (pressed.action === "move") {
      if (pressed.isDrag) this.model.finishMove();
      else if (pressed.behind) this.model.select(pressed.behind);
    }
    const isDragged = pressed.action === "draw" && pressed.isDrag && this.points.length === 1;
    if (isDragged && TWO_POINTS.includes(this.tool)) this.addPoint(this.limit(this.locate(event)));
    this.host.show();
  }

  cancel() {
    this.pressed = null;
    this.model.finishMove();
  }

  turn(event) {
    if (!this.model.state) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? WHEEL_LINE_PX : 1);
    this.view.zoomBy(Math.exp(-pixels * WHEEL_ZOOM), event.clientX, event.clientY);
  }

  /** Keep a corner in the image; the rim of a circle may lie outside. */
  limit([x, y]) {
    if (this.tool === "circle") return [x, y];
    const { width, height } = this.view.size;
    return [Math.min(Math.max(x, 0), width), Math.min(Math.max(y, 0), height)];
  }

  // ---- drawing --------------------------------------------------------------------------------

  addPoint(point) {
    this.points.push(point);
    this.cursorMoved = false;
    if (TWO_POINTS.includes(this.tool) && this.points.length === 2) this.finish();
    else this.host.say(`Point ${this.points.length} at ${point.join(", ")}`);
  }

  async finish() {
    const { points } = this;
    if (this.tool === "scale") {
      this.line = points;
      this.reset();
      this.host.setLine(points);
      return;
    }
    const shape = this.makeShape(points);
    const state = await this.host.addShape({ role: this.role, ...shape });
    // A shape that was refused stays, to be corrected.
    if (state) this.reset();
    else if (TWO_POINTS.includes(this.tool)) this.points = points.slice(0, 1);
    this.host.show();
  }

  takeBack() {
    this.points.pop();
    this.cursorMoved = false;
    this.host.show();
  }

  // ---- keys -----------------------------------------------------------------------------------

  /** Handle a key; return whether it had a meaning here. */
  key(event) {
    const arrow = ARROWS[event.key];
    const isNothingToMove = this.tool === "select" && this.model.selected === null;
    if (arrow && isNothingToMove) return false;
    if (arrow) {
      const step = event.shiftKey ? 10 : 1;
      this.pressArrow(arrow[0] * step, arrow[1] * step);
      return true;
    }
    if (this.isDrawing) return this.keyToDraw(event.key);
    return this.tool === "select" && this.keyToSelect(event.key);
  }

  pressArrow(dx, dy) {
    const { model } = this;
    if (this.isDrawing) this.moveCursor(dx, dy);
    else if (this.tool === "move") model.nudge(null, null, dx, dy);
    else if (model.selected !== null) model.nudge(model.selected, model.corner, dx, dy);
  }

  moveCursor(dx, dy) {
    const { width, height } = this.view.size;
    const start = this.cursor ?? this.points.at(-1) ?? this.lastCursor ?? [width / 2, height / 2];
    this.cursor = this.limit([Math.round(start[0] + dx), Math.round(start[1] + dy)]);
    this.cursorMoved = true;
    this.view.reveal(this.cursor);
    this.host.showPlace(this.cursor, true);
    this.host.show();
  }

  keyToDraw(key) {
    if (key === "Enter") this.pressEnter();
    else if ((key === "Backspace" || key === "z") && this.points.length) this.takeBack();
    else if (key === "Escape" && this.points.length + (this.cursor ? 1 : 0)) {
      this.reset();
      this.host.show();
    } else if (key === "Delete" && this.model.selectedShape) this.remove(this.model.selectedShape);
    else return false;
    return true;
  }

  pressEnter() {
    if (this.cursor && this.cursorMoved) {
      if (this.tool === "polygon" && this.points.length >= 3 && this.isNear(this.cursor, this.points[0], 1)) this.finish();
      else this.addPoint(this.cursor);
    } else if (this.tool === "polygon" && this.points.length >= 3) this.finish();
    else if (!this.points.length && this.model.selectedShape) this.host.editName(this.model.selected);
    else if (!this.points.length && !this.cursor) this.moveCursor(0, 0);
    else this.host.say("Move the cursor with the arrow keys first.");
    this.host.show();
  }

  keyToSelect(key) {
    const { model } = this;
    const shape = model.selectedShape;
    if (key === "b") this.selectNext();
    else if (!shape) return false;
    else if (key === "Escape") model.select(model.corner === null ? null : shape.id);
    else if (key === "Delete" || key === "Backspace") this.remove(shape);
    else if (key === "." || key === ",") this.selectCorner(shape, key === "." ? 1 : -1);
    else if (key === "Enter") this.host.editName(shape.id);
    else return false;
    return true;
  }

  selectNext() {
    const { shapes, selected } = this.model;
    const place = shapes.findIndex((shape) => shape.id === selected);
    const next = shapes[(place + 1) % shapes.length];
    if (!next) return;
    this.model.select(next.id);
    this.host.say(`${next.name}, ${next.role}`);
  }

  selectCorner(shape, by) {
    const corners = listCorners(shape);
    const before = this.model.corner ?? (by > 0 ? -1 : 0);
    const corner = (before + by + corners.length) % corners.length;
    this.model.select(shape.id, corner);
    this.host.say(`Corner ${corner + 1} of ${corners.length} at ${corners[corner].join(", ")}`);
  }

  remove(shape) {
    const { corner } = this.model;
    if (corner !== null && !shape.circle && shape.polygon.length > 3) {
      const polygon = shape.polygon.filter((_, k) => k !== corner);
      this.model.corner = null;
      this.model.change({ kind: "edit", shape: shape.id, polygon }, shape.id);
    } else this.host.deleteShape(shape.id);
  }
}
