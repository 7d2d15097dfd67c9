/** Good pictures to try with, of what the embedded models know; any other model is given the photographs. */
const SAMPLES = {
  photos: [
    { name: 'An astronaut', file: 'astronaut.webp' },
    { name: 'A cat', file: 'chelsea.webp' },
    { name: 'A cup of coffee', file: 'coffee.webp' },
  ],
  portraits: [
    { name: 'A drawn portrait, grey beard', file: 'grey-beard.webp' },
    { name: 'A drawn portrait, long black hair', file: 'black-hair.webp' },
    { name: 'A drawn portrait, short hair', file: 'short-hair.webp' },
  ],
};

/** @param {string} model */
export const samplesFor = (model) => SAMPLES[model] ?? SAMPLES.photos;
