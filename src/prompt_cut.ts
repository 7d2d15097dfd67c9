import type { Warning } from './options.js';
import type { Embedding } from './prior/embedding.js';
import type { LatentModel } from './prior/latent_model.js';

/** The warnings for prompts of a batch that are longer than what the text encoder looks at; an embedding is never. */
export function cutPrompts(
  model: Pick<LatentModel, 'truncatedTokens' | 'embeddingShape'>,
  texts: readonly (string | Embedding)[],
): Warning[] {
  return [...new Set(texts)].flatMap((text) => {
    const cut = typeof text === 'string' ? model.truncatedTokens(text) : 0;
    const images = [...texts.keys()].filter((k) => texts[k] === text);
    return cut > 0 ? { ...promptCut(model.embeddingShape[1], cut), ...(texts.length > 1 && { images }) } : [];
  });
}

const promptCut = (tokens: number, cut: number): Warning => ({
  code: 'WARN_LATINO_PROMPT_CUT',
  message: `The prompt has ${cut} ${cut === 1 ? 'token' : 'tokens'} more than the ${tokens - 2} that the text encoder takes: its end is not looked at`,
});
