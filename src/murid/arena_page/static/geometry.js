// Shapes in pixels of the video: a shape has a `polygon` of corners, or a `circle` of x, y and radius.

// Corners of a circle where pixels are not square, and a circle in the file would not look round.
const N_CORNERS = 36;

/** Round to a tenth of a pixel: nobody points more exactly. */
export function round(value) { return Math.round(value * 10) / 10; }

export function distance([x1, y1], [x2, y2]) { return Math.hypot(x2 - x1, y2 - y1); }

export function translate(shape, dx, dy) {
  return {
    ...shape,
    polygon: shape.polygon.map(([x, y]) => [x + dx, y + dy]),
    circle: shape.circle && [shape.circle[0] + dx, shape.circle[1] + dy, shape.circle[2]],
  };
}

/** Return the shape with a corner elsewhere; of a circle, corner 0 is a point on the rim. */
export function moveCorner(shape, corner, [x, y]) {
  if (shape.circle) {
    const [cx, cy] = shape.circle;
    return { ...shape, circle: [cx, cy, round(distance([cx, cy], [x, y]))] };
  }
  return { ...shape, polygon: shape.polygon.map((point, k) => (k === corner ? [x, y] : point)) };
}

/** Return the points by which a shape can be changed. */
export function listCorners(shape) {
  if (!shape.circle) return shape.polygon;
  const [x, y, radius] = shape.circle;
  return [[x + radius, y]];
}

/** Return the middle of each side of a polygon, where a corner can be added. */
export function listMiddles(shape) {
  return shape.polygon.map(([x, y], k) => {
    const [nextX, nextY] = shape.polygon[(k + 1) % shape.polygon.length];
    return [(x + nextX) / 2, (y + nextY) / 2];
  });
}

export function contains(shape, [x, y]) {
  if (shape.circle) return distance([x, y], shape.circle) <= shape.circle[2];
  let isInside = false;
  shape.polygon.forEach(([x1, y1], k) => {
    const [x2, y2] = shape.polygon[(k + 1) % shape.polygon.length];
    if ((y1 > y) !== (y2 > y) && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) isInside = !isInside;
  });
  return isInside;
}

export function computeArea(shape) {
  if (shape.circle) return Math.PI * shape.circle[2] ** 2;
  const sum = shape.polygon.reduce((total, [x1, y1], k) => {
    const [x2, y2] = shape.polygon[(k + 1) % shape.polygon.length];
    return total + x1 * y2 - x2 * y1;
  }, 0);
  return Math.abs(sum) / 2;
}

/** Return the corners of a rectangle with two opposite corners. */
export function makeRectangle([x1, y1], [x2, y2]) {
  return { polygon: [[x1, y1], [x2, y1], [x2, y2], [x1, y2]] };
}

/** Return a circle that looks round: a polygon where pixels are not square. */
export function makeCircle([x, y], rim, aspect) {
  const radius = Math.hypot((rim[0] - x) * aspect, rim[1] - y);
  if (aspect === 1) return { circle: [x, y, round(radius)] };
  const angles = Array.from({ length: N_CORNERS }, (_, k) => (2 * Math.PI * k) / N_CORNERS);
  return { polygon: angles.map((angle) => [
    round(x + (radius * Math.cos(angle)) / aspect), round(y + radius * Math.sin(angle))]) };
}

/** Return the coordinates of a shape as text. */
export function formatCoordinates(shape) {
  if (shape.circle) return shape.circle.map(round).join(",");
  return shape.polygon.map((point) => point.map(round).join(",")).join(" ");
}

/** Return the points of a text such as "10,20 30,40"; throws an error if there is anything else. */
export function parsePoints(text) {
  const numbers = parseNumbers(text);
  if (!numbers.length || numbers.length % 2) throw new Error(`expected x1,y1 x2,y2 …, got "${text}"`);
  return Array.from({ length: numbers.length / 2 }, (_, k) => numbers.slice(2 * k, 2 * k + 2));
}

/** Return centre and radius of a text such as "100,80,25". */
export function parseCircle(text) {
  const numbers = parseNumbers(text);
  if (numbers.length !== 3) throw new Error(`expected x,y,radius, got "${text}"`);
  return numbers;
}

/** Return the polygon or, of three numbers, the circle of a text. */
export function parseShape(text) {
  const numbers = parseNumbers(text);
  return numbers.length === 3 ? { circle: numbers } : { polygon: parsePoints(text) };
}

function parseNumbers(text) {
  const words = text.split(/[\s,;]+/).filter(Boolean);
  const numbers = words.map(Number);
  if (!numbers.every(Number.isFinite)) throw new Error(`expected x1,y1 x2,y2 …, got "${text}"`);
  return numbers;
}

/** Return a length such as "12.5" or "12,5"; throws an error if it is none. */
export function parseLength(text) {
  const length = Number(text.replace(",", "."));
  if (!text.trim() || !Number.isFinite(length)) throw new Error(`expected a length in cm, got "${text}"`);
  return length;
}
