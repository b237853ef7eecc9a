// Draws once before the next picture of the screen, however often it is asked to.

/** Return a function that asks for `draw` to be called. */
export function makeRedraw(draw) {
  let isRequested = false;
  return () => {
    if (isRequested) return;
    isRequested = true;
    requestAnimationFrame(() => {
      isRequested = false;
      draw();
    });
  };
}
