/**
 * A picture that someone gave. Its size is not known where the browser cannot show it, as with TIFF; the service may read it all the same.
 *
 * @typedef {{ file: File, url: string, width?: number, height?: number }} Picture
 */

/** @param {File} file @returns {Promise<Picture>} */
export async function openPicture(file) {
  const url = URL.createObjectURL(file);
  const image = await decoded(url).catch(() => undefined);
  return { file, url, width: image?.naturalWidth, height: image?.naturalHeight };
}

/** @param {Picture} picture */
export const closePicture = ({ url }) => URL.revokeObjectURL(url);

/**
 * The picture at a size that can be tried in seconds: no side longer than `longest`, both multiples of `multiple`, as a task may want it. The
 * picture itself where it is so already.
 *
 * @param {Picture} picture @param {{ longest: number, multiple: number }} size @returns {Promise<File>}
 */
export async function trialCopy({ file, url, width, height }, { longest, multiple }) {
  if (!width || !height) return file;
  const scale = Math.min(1, longest / Math.max(width, height));
  const [fittedWidth, fittedHeight] = [width, height].map((side) =>
    Math.max(multiple, Math.floor((side * scale) / multiple + 1e-6) * multiple),
  );
  if (fittedWidth === width && fittedHeight === height) return file;
  const canvas = Object.assign(document.createElement('canvas'), { width: fittedWidth, height: fittedHeight });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.imageSmoothingQuality = 'high';
  // Cut off at the right and below rather than squeezed.
  context.drawImage(await decoded(url), 0, 0, Math.round(width * scale), Math.round(height * scale));
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
  return new File([blob], `${file.name.replace(/\.[^.]+$/, '')}.png`, { type: 'image/png' });
}

/** @param {string} url @returns {Promise<HTMLImageElement>} */
async function decoded(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}
