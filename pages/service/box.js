/**
 * A box of pixels inside a picture, never all of it.
 *
 * @typedef {{ top: number, left: number, height: number, width: number }} Box
 * @typedef {{ width: number, height: number }} Size
 * @typedef {{ x: number, y: number }} Point in pixels of the picture
 */

/** A box in the middle to begin with, a third of each side. @param {Size} size @returns {Box} */
export function middleBox({ width, height }) {
  const [w, h] = [Math.ceil(width / 3), Math.ceil(height / 3)];
  return { top: Math.floor((height - h) / 2), left: Math.floor((width - w) / 2), height: h, width: w };
}

/** The box with these two points at opposite corners. @param {Point} a @param {Point} b @param {Size} size @returns {Box} */
export function spanned(a, b, size) {
  const [left, right] = sorted(a.x, b.x, size.width);
  const [top, bottom] = sorted(a.y, b.y, size.height);
  return smaller({ top, left, height: bottom - top, width: right - left }, size);
}

/** @param {Box} box @param {number} dx @param {number} dy @param {Size} size @returns {Box} */
export function moved(box, dx, dy, size) {
  const top = clamp(Math.round(box.top + dy), 0, size.height - box.height);
  const left = clamp(Math.round(box.left + dx), 0, size.width - box.width);
  return { ...box, top, left };
}

/** With its top left corner where it is. @param {Box} box @param {number} dx @param {number} dy @param {Size} size @returns {Box} */
export function resized(box, dx, dy, size) {
  const height = clamp(Math.round(box.height + dy), 1, size.height - box.top);
  const width = clamp(Math.round(box.width + dx), 1, size.width - box.left);
  return smaller({ ...box, height, width }, size);
}

/** What of the box lies in a picture of this size. @param {Box} box @param {Size} size @returns {Box} */
export function fitted(box, size) {
  const top = clamp(Math.round(box.top), 0, size.height - 1);
  const left = clamp(Math.round(box.left), 0, size.width - 1);
  return resized({ ...box, top, left }, 0, 0, size);
}

/** @param {Box} box @param {Size} size */
export const isInside = ({ top, left, height, width }, size) => top + height <= size.height && left + width <= size.width;

/** Two ends of at least a pixel between them, inside the side. @param {number} p @param {number} q @param {number} side */
function sorted(p, q, side) {
  const low = clamp(Math.floor(Math.min(p, q)), 0, side - 1);
  return [low, clamp(Math.ceil(Math.max(p, q)), low + 1, side)];
}

/** A hole as large as the picture would leave nothing to go by. @param {Box} box @param {Size} size @returns {Box} */
function smaller(box, size) {
  if (box.height < size.height || box.width < size.width) return box;
  return size.height > 1 ? { ...box, height: size.height - 1 } : { ...box, width: Math.max(1, size.width - 1) };
}

/** @param {number} value @param {number} low @param {number} high */
const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));
