/**
 * Where windows begin and end inside a picture, along one axis: they are as wide as what the model knows, and begin three quarters of that apart
 * (src/prior/windowed_prior.ts).
 */
export function bordersOf(length, windowSide) {
  const starts = [];
  for (let start = 0; start < length - windowSide; start += 0.75 * windowSide) starts.push(start);
  starts.push(length - windowSide);
  const borders = starts.flatMap((start) => [start, start + windowSide]).filter((at) => at > 0 && at < length);
  return [...new Set(borders)].sort((a, b) => a - b);
}

/**
 * The energy of the gradient across lines of a picture, as a part of that beside them: 1 where nothing shows that they are there.
 *
 * @param image planar, any range
 * @param lines the first column (or row) behind each vertical (or horizontal) line
 * @param apart pixels from a line to those that it is compared with, on either side
 */
export function energyAcross({ data, width, height, channels }, { columns, rows }, apart = 1) {
  let [on, beside] = [0, 0];
  const add = (i, step) => {
    const energy = (at) => (data[at] - data[at - step]) ** 2;
    on += energy(i);
    beside += (energy(i - apart * step) + energy(i + apart * step)) / 2;
  };
  for (let channel = 0; channel < channels; channel++) {
    const first = channel * width * height;
    for (const x of columns) for (let y = 0; y < height; y++) add(first + y * width + x, 1);
    for (const y of rows) for (let x = 0; x < width; x++) add(first + y * width + x, width);
  }
  return on / beside;
}
