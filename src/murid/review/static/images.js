// Images of frames: fetched few at a time, kept as JPEG up to a number of bytes.

import { getBlob } from "./api.js";

const MAX_BYTES = 96 * 2 ** 20;
const MAX_BITMAPS = 16;
// Browsers make six requests at a time to one server: answers must not wait behind images.
const MAX_REQUESTS = 2;

export class Images {
  constructor() {
    this.width = 0;
    this.blobs = new Map();
    this.bytes = 0;
    this.bitmaps = new Map();
    this.pending = new Map();
    this.wanted = [];
    this.failed = new Map();
    this.onLoad = () => {};
  }

  /** Ask for images of a width from now on, and forget the others if it changed. */
  setWidth(width) {
    if (width === this.width) return;
    this.width = width;
    this.blobs.clear();
    this.bytes = 0;
    this.bitmaps.clear();
    this.failed.clear();
    this.pending.forEach((request) => request.abort());
    this.pending.clear();
  }

  has(frame) { return this.blobs.has(frame); }

  /** Return why a frame has no image, or undefined. */
  getFailure(frame) { return this.failed.get(frame); }

  /** Return the decoded image of a frame, or undefined until it is there. */
  get(frame) {
    const bitmap = this.bitmaps.get(frame);
    if (bitmap === undefined && this.blobs.has(frame)) this.decode(frame);
    return bitmap === "decoding" ? undefined : bitmap;
  }

  /** Fetch these frames, the first ones first; requests for others that have not begun are dropped. */
  want(frames, later = []) {
    this.wanted = [
      ...frames.map((frame) => [frame, false]), ...later.map((frame) => [frame, true]),
    ].filter(([frame]) => !this.blobs.has(frame) && !this.pending.has(frame) && !this.failed.has(frame));
    this.fetchNext();
  }

  fetchNext() {
    while (this.pending.size < MAX_REQUESTS && this.wanted.length) {
      const [frame, isLater] = this.wanted.shift();
      // What is for later must not take the place of what is in view.
      if (isLater && this.pending.size > 0) {
        this.wanted.unshift([frame, isLater]);
        return;
      }
      if (!this.pending.has(frame) && !this.blobs.has(frame)) this.fetch(frame, isLater);
    }
  }

  async fetch(frame, isLater) {
    const controller = new AbortController();
    this.pending.set(frame, controller);
    try {
      const path = `api/frames/${frame}?width=${this.width}${isLater ? "&later=1" : ""}`;
      const blob = await getBlob(path, controller.signal);
      if (this.pending.get(frame) !== controller) return;
      this.keep(frame, blob);
      this.onLoad(frame);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.failed.set(frame, error.message);
      if (error.status === 0) setTimeout(() => this.failed.delete(frame), 2000);
      this.onLoad(frame);
    } finally {
      if (this.pending.get(frame) === controller) this.pending.delete(frame);
      this.fetchNext();
    }
  }

  keep(frame, blob) {
    this.blobs.set(frame, blob);
    this.bytes += blob.size;
    for (const [oldest, old] of this.blobs) {
      if (this.bytes <= MAX_BYTES) break;
      this.blobs.delete(oldest);
      this.bytes -= old.size;
    }
  }

  async decode(frame) {
    const blob = this.blobs.get(frame);
    this.bitmaps.set(frame, "decoding");
    const bitmap = await createImageBitmap(blob);
    if (this.blobs.get(frame) !== blob) {
      this.bitmaps.delete(frame);
      return;
    }
    this.bitmaps.set(frame, bitmap);
    for (const oldest of this.bitmaps.keys()) {
      if (this.bitmaps.size <= MAX_BITMAPS) break;
      if (oldest !== frame) this.bitmaps.delete(oldest);
    }
    this.onLoad(frame);
  }
}
