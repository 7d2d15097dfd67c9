/** Files that are sent beside a picture, each for its task: what the command line names as `inpaint:mask.png`. */
export const SECOND_FILES = {
  mask: { task: 'inpaint', description: 'Of the size of the picture, white where pixels are missing; for the task inpaint' },
  kernel: { task: 'deblur:kernel', description: 'What one bright dot became, a small grey picture; for the task deblur:kernel' },
} as const;
export type SecondFile = keyof typeof SECOND_FILES;

export const secondFiles = Object.keys(SECOND_FILES) as SecondFile[];

/** For a form's description. */
export const secondFilesInWords = Object.fromEntries(secondFiles.map((file) => [file, SECOND_FILES[file].description]));

/** The file that belongs to a task, which is given without its options. */
export const fileFor = (task: string): SecondFile | undefined => secondFiles.find((file) => SECOND_FILES[file].task === task);
