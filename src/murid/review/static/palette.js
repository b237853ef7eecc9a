// Colours of animals: the palette of Okabe and Ito, as in the annotated video, which colour-blind
// people can tell apart. More animals get the same colours again, with another dash.

const PALETTE = [
  "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2", "#bbbbbb",
];
const DASHES = [[], [8, 5], [2, 4], [12, 4, 2, 4]];

/** Return the colour of an animal; grey for a box without one. */
export function getColour(animal) {
  return animal > 0 ? PALETTE[(animal - 1) % PALETTE.length] : "#9a9a9a";
}

/** Return the dash of an animal's box, in pixels. */
export function getDash(animal) {
  const turn = animal > 0 ? Math.floor((animal - 1) / PALETTE.length) : 0;
  return DASHES[turn % DASHES.length];
}
