// The drawing of the video that is shown: what the server holds, and moves that are under way.

import { post } from "./api.js";
import { moveCorner, translate } from "./geometry.js";

// Arrow keys are one change until they rest for so long.
const NUDGE_REST_MS = 500;

export class Model {
  constructor() {
    this.state = null;
    this.selected = null;
    this.corner = null;
    // Moves that the server has not confirmed, in their order; the last one may still grow.
    this.moves = [];
    this.growing = null;
    // Requests are sent one after the other: undo never overtakes the change before it.
    this.sending = Promise.resolve();
    this.onChange = () => {};
    this.onError = () => {};
  }

  /** The shapes as they are shown. */
  get shapes() {
    if (!this.state) return [];
    return this.moves.reduce((shapes, move) => shapes.map((shape) => applyMove(shape, move)), this.state.shapes);
  }

  find(id) { return this.shapes.find((shape) => shape.id === id) ?? null; }

  get selectedShape() { return this.find(this.selected); }

  select(id, corner = null) {
    if (id !== this.selected || corner !== this.corner) this.finishMove();
    this.selected = id;
    this.corner = corner;
    this.onChange();
  }

  /** Send a request about this video after those before it, and show the state of the answer. */
  send(action, content, place = null) {
    this.finishMove();
    return this.enqueue(action, content, place);
  }

  /** Send a change; `place` tells where an error is shown. */
  change(change, place = null) { return this.send("changes", { change }, place); }

  async enqueue(action, content, place = null, move = null) {
    const video = this.state?.video;
    const before = this.sending;
    const request = (async () => {
      await before;
      return post(`api/videos/${content.video ?? video}/${action}`, content.body ?? content);
    })();
    this.sending = request.catch(() => {});
    try {
      const state = await request;
      this.forget(move);
      this.setState(state);
      return state;
    } catch (error) {
      this.forget(move);
      this.onChange();
      this.onError(error, place, action);
      return null;
    }
  }

  setState(state) {
    if (state.video !== this.state?.video) {
      this.selected = null;
      this.corner = null;
    }
    this.state = state;
    const shape = state.shapes.find((each) => each.id === this.selected);
    if (!shape) this.selected = null;
    if (!shape || (!shape.circle && this.corner >= shape.polygon.length)) this.corner = null;
    this.onChange();
  }

  // ---- moves ----------------------------------------------------------------------------------

  /**
   * Move shapes by pixels: all (`id` null), one with its zones, or one corner of it. The move is shown
   * at once, and sent by `finishMove`.
   */
  move(id, corner, dx, dy) {
    const { growing } = this;
    if (growing && (growing.id !== id || growing.corner !== corner)) this.finishMove();
    if (!this.growing) {
      this.growing = { id, corner, dx: 0, dy: 0, ids: this.findGroup(id) };
      this.moves.push(this.growing);
    }
    this.growing.dx += dx;
    this.growing.dy += dy;
    this.onChange();
  }

  /** Move by an arrow key: further keys belong to the same move. */
  nudge(id, corner, dx, dy) {
    this.move(id, corner, dx, dy);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.finishMove(), NUDGE_REST_MS);
  }

  /** Send the move that is under way, if there is one. */
  finishMove() {
    const move = this.growing;
    if (!move) return;
    clearTimeout(this.timer);
    this.growing = null;
    if (move.dx === 0 && move.dy === 0) {
      this.forget(move);
      return;
    }
    let change = { kind: "move", shape: move.id, dx: move.dx, dy: move.dy };
    if (move.corner !== null) {
      const shape = this.find(move.id);
      change = { kind: "edit", shape: move.id };
      if (shape.circle) change.circle = shape.circle;
      else change.polygon = shape.polygon;
    }
    this.enqueue("changes", { change }, move.id, move);
  }

  forget(move) { this.moves = this.moves.filter((each) => each !== move); }

  findGroup(id) {
    return this.shapes.filter((shape) => id === null || shape.id === id || shape.arena === id).map((shape) => shape.id);
  }
}

function applyMove(shape, { id, corner, dx, dy, ids }) {
  if (corner === null) return ids.includes(shape.id) ? translate(shape, dx, dy) : shape;
  if (shape.id !== id) return shape;
  if (shape.circle) {
    const [x, y, radius] = shape.circle;
    return moveCorner(shape, corner, [x + Math.max(radius + dx, 1), y]);
  }
  const [x, y] = shape.polygon[corner] ?? [0, 0];
  return moveCorner(shape, corner, [x + dx, y + dy]);
}
