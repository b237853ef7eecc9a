// The list of shapes, each with the fields by which it is changed.

import { formatCoordinates, parseCircle, parsePoints } from "./geometry.js";

const ROLES = ["arena", "zone", "nest", "shelter", "ignore"];

/** Return an element. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** Offer choices, and keep the one that is made. */
export function setOptions(select, options, value = select.value) {
  const key = JSON.stringify(options);
  if (select.dataset.options !== key) {
    select.dataset.options = key;
    select.replaceChildren(...options.map(([id, text]) => make("option", { value: id }, text)));
  }
  if (options.some(([id]) => String(id) === String(value))) select.value = String(value);
}

/** The rows of the list. A row stays while its shape does, so that the focus stays in its fields. */
export class Panel {
  constructor(list, host) {
    this.list = list;
    this.host = host;
    this.rows = new Map();
  }

  show(shapes, selected) {
    const ids = new Set(shapes.map((shape) => shape.id));
    for (const [id, row] of this.rows) {
      if (ids.has(id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
    const arenas = shapes.filter((shape) => shape.role === "arena").map((shape) => [shape.id, shape.name]);
    shapes.forEach((shape, place) => {
      if (!this.rows.has(shape.id)) this.rows.set(shape.id, new Row(shape, this.host));
      const row = this.rows.get(shape.id);
      row.show(shape, shape.id === selected, arenas);
      // An element that is where it belongs is not moved, which would take the focus from it.
      if (this.list.children[place] !== row.element) this.list.insertBefore(row.element, this.list.children[place] ?? null);
    });
  }

  /** Forget all rows: the shapes of another video have the same numbers. */
  clear() {
    this.rows.clear();
    this.list.replaceChildren();
  }

  /** Show why a change of a shape was refused. */
  refuse(id, message) { this.rows.get(id)?.refuse(null, message); }

  focusName(id) {
    const input = this.rows.get(id)?.inputs.name;
    input?.focus();
    input?.select();
  }

  /** What was typed and refused is kept; this gives the values of the shapes back. */
  restore() { this.rows.forEach((row) => row.restore()); }
}

class Row {
  constructor(shape, host) {
    this.id = shape.id;
    this.host = host;
    // Fields whose text is not that of the shape: it was refused, or its answer is not there yet.
    this.kept = new Set();
    const prefix = `shape-${shape.id}`;
    this.problem = make("p", { class: "problem", role: "alert", id: `${prefix}-problem` });
    const input = (field, tag, attributes = {}) => {
      const element = make(tag, { id: `${prefix}-${field}`, "aria-describedby": this.problem.id, ...attributes });
      element.addEventListener("change", () => this.commit(field));
      element.addEventListener("keydown", (event) => this.press(event, field));
      return element;
    };
    this.inputs = {
      name: input("name", "input", { type: "text", maxlength: "80", autocomplete: "off" }),
      role: input("role", "select"),
      animals: input("animals", "input", { type: "number", min: "1", max: "1000", step: "1" }),
      arena: input("arena", "select"),
      coordinates: input("coordinates", "textarea", { rows: "2", spellcheck: "false" }),
    };
    setOptions(this.inputs.role, ROLES.map((role) => [role, role]));
    this.name = make("span", { class: "name" });
    this.what = make("span", { class: "what" });
    this.head = make("button", { class: "head", onclick: () => host.select(this.id) },
      make("i", { class: "swatch", "aria-hidden": "true" }), this.name, this.what);
    this.coordinatesLabel = make("span");
    this.labels = {
      animals: make("label", { class: "animals" }, "Animals, at most ", this.inputs.animals),
      arena: make("label", {}, "Belongs to ", this.inputs.arena),
    };
    this.fields = make("div", { class: "fields" },
      make("label", { class: "wide" }, "Name ", this.inputs.name), make("label", {}, "Kind ", this.inputs.role),
      this.labels.animals, this.labels.arena,
      make("label", { class: "wide" }, this.coordinatesLabel, this.inputs.coordinates),
      make("button", { onclick: () => host.deleteShape(this.id) }, "Delete"));
    this.element = make("li", { class: "shape" }, this.head, this.fields, this.problem);
  }

  show(shape, isSelected, arenas) {
    // A change that went through has settled what was refused before.
    if (this.shape !== shape && !this.kept.size) this.problem.textContent = "";
    this.shape = shape;
    this.element.className = `shape role-${shape.role}${isSelected ? " selected" : ""}`;
    this.head.setAttribute("aria-expanded", String(isSelected));
    this.fields.hidden = !isSelected;
    this.name.textContent = shape.name;
    this.what.textContent = describe(shape, arenas);
    this.labels.animals.hidden = shape.role !== "arena";
    this.labels.arena.hidden = shape.role === "arena" || shape.role === "ignore";
    this.coordinatesLabel.textContent = shape.circle ? "Centre and radius " : "Corners ";
    const chosen = this.kept.has("arena") ? this.inputs.arena.value : shape.arena ?? "";
    setOptions(this.inputs.arena, [["", "all arenas"], ...arenas], chosen);
    this.setValue("name", shape.name);
    this.setValue("role", shape.role);
    this.setValue("animals", shape.animals ?? "");
    this.setValue("coordinates", formatCoordinates(shape));
  }

  /** Show a value, unless the person is changing it or it was refused. */
  setValue(field, value) {
    const input = this.inputs[field];
    const isTyping = input === document.activeElement && input.value !== this.shown?.[field];
    if (this.kept.has(field) || isTyping) return;
    input.value = String(value);
    this.shown = { ...this.shown, [field]: input.value };
  }

  async commit(field) {
    const { value } = this.inputs[field];
    let change;
    try {
      change = this.read(field, value);
    } catch (error) {
      this.refuse(field, error.message);
      return;
    }
    // Until the answer is there, nothing replaces what was typed.
    this.kept.add(field);
    const isDone = await this.host.edit(this.id, change, (message) => this.refuse(field, message));
    if (isDone) this.accept(field);
  }

  read(field, value) {
    if (field === "coordinates") return this.shape.circle ? { circle: parseCircle(value) } : { polygon: parsePoints(value) };
    if (field === "arena") return { arena: value === "" ? null : Number(value) };
    if (field === "animals") {
      if (!this.inputs.animals.validity.valid) throw new Error(`${this.shape.name}.animals: expected 1 or more, got another value`);
      return { animals: value === "" ? null : Number(value) };
    }
    return { [field]: value };
  }

  accept(field) {
    this.kept.delete(field);
    this.shown = { ...this.shown, [field]: this.inputs[field].value };
    this.inputs[field].removeAttribute("aria-invalid");
    if (!this.kept.size) this.problem.textContent = "";
    this.host.refresh();
  }

  refuse(field, message) {
    if (field !== null) {
      this.kept.add(field);
      this.inputs[field].setAttribute("aria-invalid", "true");
    }
    this.problem.textContent = message;
    this.element.scrollIntoView({ block: "nearest" });
  }

  restore() {
    for (const field of this.kept) this.inputs[field].removeAttribute("aria-invalid");
    this.kept.clear();
    this.shown = {};
    this.problem.textContent = "";
  }

  press(event, field) {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") {
      this.restore();
      this.setAll();
    }
    // Leaving a field commits it.
    this.host.focusCanvas();
  }

  setAll() {
    this.inputs.name.value = this.shape.name;
    this.inputs.role.value = this.shape.role;
    this.inputs.animals.value = String(this.shape.animals ?? "");
    this.inputs.arena.value = String(this.shape.arena ?? "");
    this.inputs.coordinates.value = formatCoordinates(this.shape);
  }
}

function describe(shape, arenas) {
  const facts = [shape.role, shape.circle ? "circle" : `${shape.polygon.length} corners`];
  if (shape.animals) facts.push(`${shape.animals} animal${shape.animals === 1 ? "" : "s"}`);
  const arena = arenas.find(([id]) => id === shape.arena);
  if (arena) facts.push(`in ${arena[1]}`);
  return facts.join(" · ");
}
