import { fitted, isInside, middleBox } from './box.js';

/** @typedef {import('./box.js').Box} Box @typedef {import('./picture.js').Picture} Picture */

/** The task whose hole is drawn on the picture. */
export const HOLE = 'inpaint:box:<top>:<left>:<height>:<width>';

/** The hole that stands in the fields of its task. @param {any} form a `<task-form>` @param {Picture} picture */
export function holeIn(form, { width, height }) {
  if (form.task.name !== HOLE || !width || !height) return undefined;
  return fitted(boxOf(form), { width, height });
}

/** A hole in the middle to begin with; the one that was made here stays where it is. @param {any} form @param {Picture} picture @param {boolean} wasMade */
export function placeHole(form, { width, height }, wasMade) {
  if (!width || !height) return;
  const size = { width, height };
  if (!wasMade || !isInside(boxOf(form), size)) enterHole(form, middleBox(size));
}

/** @param {any} form @param {Box} box */
export function enterHole(form, box) {
  form.preset(HOLE, Object.fromEntries(Object.entries(box).map(([name, value]) => [name, String(value)])));
}

/** @param {any} form @returns {Box} */
function boxOf(form) {
  const { top, left, height, width } = form.valuesOf(HOLE);
  return { top: Number(top), left: Number(left), height: Number(height), width: Number(width) };
}
