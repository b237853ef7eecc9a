// The image with what is drawn on it, as SVG. Coordinates of the video become those of the screen.

import { computeArea, listCorners, listMiddles } from "./geometry.js";

const MAX_ZOOM = 12;
const HANDLE_PX = 5.5;
const MIDDLE_PX = 3.5;
const SCALE_BAR_FRACTION = 0.2;

/** Return an SVG element. */
function make(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

export class View {
  constructor(svg) {
    this.svg = svg;
    this.size = null;
    this.zoom = 1;
    this.centre = null;
    this.image = make("image", { preserveAspectRatio: "none" });
    this.layer = make("g");
    this.svg.append(makeHatch(), this.image, this.layer);
    this.scene = null;
    new ResizeObserver(() => this.draw()).observe(svg);
  }

  /** Show the image of another video. */
  setImage(address, size) {
    this.size = size;
    this.fit();
    this.image.setAttribute("href", address);
  }

  fit() {
    this.zoom = 1;
    this.centre = [this.size.width / 2, this.size.height / 2];
    this.draw();
  }

  /** Zoom, and keep a place of the screen where it is; by default the middle. */
  zoomBy(factor, clientX = null, clientY = null) {
    const frame = this.svg.getBoundingClientRect();
    const x = clientX ?? frame.left + frame.width / 2;
    const y = clientY ?? frame.top + frame.height / 2;
    const before = this.toImage(x, y);
    this.zoom = Math.min(Math.max(this.zoom * factor, 1), MAX_ZOOM);
    const after = this.toImage(x, y);
    this.panTo(this.centre[0] + before[0] - after[0], this.centre[1] + before[1] - after[1]);
  }

  /** Move the image with the pointer, by pixels of the screen. */
  panBy(dx, dy) {
    const { x, y } = this.scale;
    this.panTo(this.centre[0] - dx / x, this.centre[1] - dy / y);
  }

  panTo(x, y) {
    const { width, height } = this.size;
    // The middle of the screen stays on the image: nothing can be lost from view.
    this.centre = this.zoom === 1 ? [width / 2, height / 2]
      : [Math.min(Math.max(x, 0), width), Math.min(Math.max(y, 0), height)];
    this.draw();
  }

  /** Bring a point into view. */
  reveal(point) {
    const [x, y] = this.toScreen(point);
    const { clientWidth, clientHeight } = this.svg;
    if (x < 0 || y < 0 || x > clientWidth || y > clientHeight) this.panTo(...point);
  }

  /** Pixels of the screen for a pixel of the video. */
  get scale() {
    const { width, height, pixel_aspect: aspect } = this.size;
    const { clientWidth, clientHeight } = this.svg;
    const y = this.zoom * Math.min(clientWidth / (width * aspect), clientHeight / height);
    return { x: y * aspect, y };
  }

  toScreen([x, y]) {
    const scale = this.scale;
    return [
      this.svg.clientWidth / 2 + (x - this.centre[0]) * scale.x,
      this.svg.clientHeight / 2 + (y - this.centre[1]) * scale.y,
    ];
  }

  /** Return the place in the video of a place of the window. */
  toImage(clientX, clientY) {
    const frame = this.svg.getBoundingClientRect();
    const scale = this.scale;
    return [
      this.centre[0] + (clientX - frame.left - frame.width / 2) / scale.x,
      this.centre[1] + (clientY - frame.top - frame.height / 2) / scale.y,
    ];
  }

  /**
   * Draw a scene: `shapes`, numbers of the `selected` ones, `corner` of the selected one, `draft` (the
   * unfinished shape), `points` of it, `cursor`, `line` of the scale, and `cmPerPx`.
   */
  show(scene) {
    this.scene = scene;
    this.draw();
  }

  draw() {
    if (!this.size || !this.svg.clientWidth) return;
    const [left, top] = this.toScreen([0, 0]);
    const [right, bottom] = this.toScreen([this.size.width, this.size.height]);
    const place = { x: left, y: top, width: right - left, height: bottom - top };
    for (const [key, value] of Object.entries(place)) this.image.setAttribute(key, String(value));
    const { scene } = this;
    if (!scene) return;
    const isSelected = (shape) => scene.selected.includes(shape.id);
    // Small shapes lie over large ones, which would tint them.
    const sorted = [...scene.shapes].sort((a, b) => computeArea(b) - computeArea(a));
    this.layer.replaceChildren(
      ...sorted.map((shape) => this.makeShape(shape, isSelected(shape))),
      ...sorted.map((shape) => this.makeLabel(shape)),
      ...this.makeHandles(scene), ...this.makeDraft(scene), ...this.makeRuler(scene.line),
      ...this.makeCursor(scene.cursor), ...this.makeScaleBar(scene.cmPerPx, bottom));
    this.fitLabels();
  }

  makeOutline(shape, attributes) {
    if (shape.circle) {
      const [x, y, radius] = shape.circle;
      const [cx, cy] = this.toScreen([x, y]);
      return make("ellipse", { cx, cy, rx: radius * this.scale.x, ry: radius * this.scale.y, ...attributes });
    }
    return make("polygon", { points: this.format(shape.polygon), ...attributes });
  }

  format(points) { return points.map((point) => this.toScreen(point).join(",")).join(" "); }

  makeShape(shape, isSelected) {
    return make("g", { class: `role-${shape.role}${isSelected ? " selected" : ""}`, "data-shape": shape.id },
      this.makeOutline(shape, { class: "fill" }), this.makeOutline(shape, { class: "outline under" }),
      this.makeOutline(shape, { class: "outline over" }));
  }

  makeLabel(shape) {
    const points = shape.circle
      ? [[shape.circle[0], shape.circle[1] - shape.circle[2]]] : shape.polygon;
    const middle = shape.circle ? shape.circle[0]
      : (Math.min(...points.map(([x]) => x)) + Math.max(...points.map(([x]) => x))) / 2;
    const [x, y] = this.toScreen([middle, Math.min(...points.map((point) => point[1]))]);
    const count = shape.animals ? `, ${shape.animals}` : "";
    const isSaid = shape.name.startsWith(shape.role) && !count;
    const text = isSaid ? shape.name : `${shape.name} (${shape.role}${count})`;
    return make("g", { class: `label role-${shape.role}`, "data-x": x, "data-y": y },
      make("rect", { rx: 3, height: 19 }), make("text", {}, text));
  }

  /** Put each label at the top of its shape, inside the window. */
  fitLabels() {
    const { clientWidth, clientHeight } = this.svg;
    for (const label of this.layer.querySelectorAll(".label")) {
      const [box, text] = label.children;
      const width = text.getComputedTextLength() + 10;
      const x = Math.min(Math.max(Number(label.dataset.x) - width / 2, 2), clientWidth - width - 2);
      const y = Math.min(Math.max(Number(label.dataset.y) + 6, 2), clientHeight - 21);
      box.setAttribute("x", x);
      box.setAttribute("y", y);
      box.setAttribute("width", width);
      text.setAttribute("x", x + 5);
      text.setAttribute("y", y + 14);
    }
  }

  makeHandles({ shapes, selected, corner }) {
    const shape = shapes.find((each) => each.id === selected[0]);
    if (selected.length !== 1 || !shape) return [];
    const attributes = (point, r) => {
      const [cx, cy] = this.toScreen(point);
      return { cx, cy, r };
    };
    return [
      ...listMiddles(shape).map((point) => make("circle", { ...attributes(point, MIDDLE_PX), class: "handle middle" })),
      ...listCorners(shape).map((point, k) => make("circle", {
        ...attributes(point, HANDLE_PX), class: `handle role-${shape.role}${k === corner ? " chosen" : ""}`,
      })),
    ];
  }

  makeDraft({ draft, points, role }) {
    const marks = points.map((point) => {
      const [cx, cy] = this.toScreen(point);
      return make("circle", { cx, cy, r: HANDLE_PX - 1, class: `handle chosen role-${role}` });
    });
    if (!draft) return marks;
    const outline = (name) => (draft.open
      ? make("polyline", { points: this.format(draft.open), class: name })
      : this.makeOutline({ polygon: [], ...draft }, { class: name }));
    return [outline("draft under"), outline("draft"), ...marks];
  }

  makeRuler(line) {
    if (!line) return [];
    const [[x1, y1], [x2, y2]] = line.map((point) => this.toScreen(point));
    return ["ruler under", "ruler"].map((name) => make("line", { x1, y1, x2, y2, class: name }));
  }

  makeCursor(cursor) {
    if (!cursor) return [];
    const [x, y] = this.toScreen(cursor);
    return ["cursor under", "cursor"].flatMap((name) => [
      make("line", { x1: x - 14, y1: y, x2: x + 14, y2: y, class: name }),
      make("line", { x1: x, y1: y - 14, x2: x, y2: y + 14, class: name }),
    ]);
  }

  /** Return a bar of 1, 2, 5, 10, … cm at the bottom left of the image. */
  makeScaleBar(cmPerPx, bottom) {
    if (!cmPerPx) return [];
    const pxPerCm = this.scale.y / cmPerPx;
    const maxCm = (SCALE_BAR_FRACTION * this.svg.clientWidth) / pxPerCm;
    const power = 10 ** Math.floor(Math.log10(maxCm));
    const cm = power * Math.max(...[1, 2, 5].filter((step) => step === 1 || step * power <= maxCm));
    const length = cm * pxPerCm;
    const x = Math.max(this.toScreen([0, 0])[0], 0) + 16;
    const y = Math.min(bottom, this.svg.clientHeight) - 14;
    return [make("g", { class: "scale-bar" },
      make("rect", { x: x - 6, y: y - 22, width: Math.max(length, 34) + 12, height: 30, rx: 3 }),
      make("line", { x1: x, x2: x + length, y1: y, y2: y }),
      make("text", { x, y: y - 7 }, `${Number(cm.toPrecision(3))} cm`))];
  }
}

/** Return stripes, which show without colours that nothing is tracked in a region. */
function makeHatch() {
  return make("defs", {}, make("pattern", {
    id: "hatch", width: 9, height: 9, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)",
  }, make("rect", { width: 3, height: 9, fill: "#bbbbbb" })));
}
