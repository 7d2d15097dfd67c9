/**
 * The tasks in the words of someone who has a picture. A task that is not here is shown as the service describes it.
 *
 * @typedef {{ label: string, value?: string, low?: number, high?: number, step?: number, choices?: Readonly<Record<string, string>>, hidden?: boolean }} FieldWords
 * @typedef {{ title: string, icon: string, hint: string, factory?: string, file?: string, fields: Readonly<Record<string, FieldWords>> }} TaskWords
 */

/** Beyond its border a photograph goes on; a convolution that wraps around, the default elsewhere, is for what was computed so. */
const boundary = {
  label: 'Beyond the border',
  value: 'reflect',
  choices: { reflect: 'mirrored, as photographs need it', replicate: 'the edge, repeated', circular: 'the other side', zero: 'black' },
};

/** @type {Readonly<Record<string, TaskWords>>} by name */
export const TASK_WORDS = {
  'sr:<factor>': {
    title: 'Too small',
    icon: 'small',
    hint: 'A small copy of a larger picture.',
    factory: 'superResolution',
    fields: {
      factor: { label: 'Times larger', value: '4', low: 2, high: 16, step: 1 },
      filter: {
        label: 'Shrunk by',
        choices: {
          bicubic: 'bicubic, as most programs do',
          bilinear: 'bilinear',
          gaussian: 'a Gaussian',
          box: 'averaging',
          lanczos: 'Lanczos',
        },
      },
      phase: { label: 'Pixels', hidden: true },
      boundary: { label: 'Beyond the border', hidden: true },
    },
  },
  'deblur:gaussian:<sigma>': {
    title: 'Out of focus',
    icon: 'focus',
    hint: 'Soft everywhere, the same in all directions.',
    factory: 'gaussianBlur',
    fields: { sigma: { label: 'Blur, in pixels', value: '2', low: 0.5, high: 8, step: 0.1 }, boundary },
  },
  'deblur:motion:<length>:<angle>': {
    title: 'Moved',
    icon: 'moved',
    hint: 'Drawn out along a straight line.',
    factory: 'motionBlur',
    fields: {
      length: { label: 'Length, in pixels', value: '15', low: 1, high: 60, step: 1 },
      angle: { label: 'Angle, in degrees', value: '30', low: -90, high: 90, step: 1 },
      boundary,
    },
  },
  'deblur:motion:random:<seed>': {
    title: 'Shaken',
    icon: 'shaken',
    hint: 'Drawn out along a path by chance, to try: of a real picture the path is not known.',
    factory: 'motionBlur',
    fields: {
      seed: { label: 'Path', value: '7', low: 0, high: 50, step: 1 },
      size: { label: 'Reach, in pixels', low: 3, high: 65, step: 1 },
      intensity: { label: 'Shakiness', low: 0, high: 1, step: 0.05 },
      boundary,
    },
  },
  'deblur:kernel': {
    title: 'Known blur',
    icon: 'kernel',
    hint: 'A small grey picture tells the blur: what one bright dot became.',
    file: 'The dot',
    fields: { boundary },
  },
  inpaint: {
    title: 'Masked parts',
    icon: 'mask',
    hint: 'A second picture of the same size is white where this one is missing. What lies there is never looked at.',
    file: 'The mask',
    fields: {},
  },
  'inpaint:box:<top>:<left>:<height>:<width>': {
    title: 'Missing part',
    icon: 'hole',
    hint: 'Draw a box around it on the picture. What lies inside is never looked at.',
    factory: 'inpainting',
    fields: { top: { label: 'Top' }, left: { label: 'Left' }, height: { label: 'Height' }, width: { label: 'Width' } },
  },
  denoise: { title: 'Noisy', icon: 'noisy', hint: 'Grain and nothing else.', factory: 'denoising', fields: {} },
  colorize: { title: 'Black and white', icon: 'grey', hint: 'Only the brightness was kept.', factory: 'colorization', fields: {} },
};
