import { KINDS } from './registry.js';
import type { Spelling } from './spelling.js';

const spellings = (): readonly Spelling[] => KINDS.flatMap((kind) => kind.spellings);

/** The operators for `--help`: an example of each, what it does, and its options. */
export function operatorsHelp(): string {
  const width = Math.max(...spellings().map(({ example }) => example.length));
  const lines = spellings().flatMap(({ example, help, options }) => {
    const names = Object.entries(options).map(([name, values]) => `,${name}=${values}`);
    return [`  ${example.padEnd(width)}  ${help}`, ...names.map((option) => `  ${' '.repeat(width)}    ${option}`)];
  });
  return ['Operators (--task):', ...lines].join('\n');
}

/** The operators as a Markdown table, for README. */
export function operatorsTable(): string {
  const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``;
  const rows = spellings().map(({ usage, example, help, options }) => {
    const names = Object.entries(options).map(([name, values]) => code(`${name}=${values}`));
    return [code(usage), code(example), help, names.join(', ')];
  });
  return [['`--task`', 'for example', 'what it is', 'options'], ['---', '---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** The operators as data, each as it is spelled. */
export const operatorSpellings = (): readonly Pick<Spelling, 'usage' | 'example' | 'help' | 'options' | 'path'>[] =>
  spellings().map(({ usage, example, help, options, path }) => ({ usage, example, help, options, path }));
