export { type ContactSheet, writeContactSheet } from './contact_sheet.js';
export { fromPlanar, type Image, upscale } from './image.js';
export { assertChartWritable, type LineChart, writeLineChart } from './line_chart.js';
export { psnr, ssim } from './metrics.js';
export { type ImageInput, type RawPixels, readImage } from './read.js';
export { assertWritable, type EncodeOptions, encodeImage, type ImageFormat, writeImage } from './write.js';
