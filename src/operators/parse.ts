import { nearest } from '../schema.js';
import { descriptorOf } from './kind.js';
import { type AnyKind, KINDS, type Operator } from './registry.js';
import { type LoadFile, prefixOf, refused, type Spelling, splitOptions } from './spelling.js';

interface Entry {
  readonly kind: AnyKind;
  readonly spelling: Spelling;
  readonly prefix: string;
}

/** Longest prefix first: `deblur:motion:random:7` is no `deblur:motion:<length>:<angle>`. */
const ENTRIES: readonly Entry[] = KINDS.flatMap((kind) =>
  kind.spellings.map((spelling) => ({ kind, spelling, prefix: prefixOf(spelling) })),
).sort((a, b) => b.prefix.length - a.prefix.length);

/**
 * An operator from its spelling: `sr:8`, `deblur:gaussian:3`, `deblur:motion:25:30`, `deblur:motion:random:7`, `deblur:kernel:k.png`,
 * `inpaint:mask.png` (white where pixels are missing), `inpaint:box:40:36:48:56`, `denoise`, `colorize`, each followed by its options as
 * `,name=value`. Upper case counts in file paths only.
 *
 * @param loadFile reads the picture at a path that the spelling names
 * @throws LatinoError ERR_LATINO_OPERATOR when there is no such operator or option, or a value is out of range
 */
export async function parseOperator(spec: string, loadFile: LoadFile): Promise<Operator> {
  if (typeof spec !== 'string') throw refused('a spelling of an operator, such as sr:8,', spec);
  const entry = ENTRIES.find(({ prefix }) => startsWith(spec, prefix));
  if (!entry) throw refused(`an operator (${usages().join(', ')})`, spec, hint(spec));
  const { kind, spelling, prefix } = entry;
  const { argument, options } = splitOptions(spec.slice(prefix.length), spelling);
  if ((argument === '') !== (prefix === spelling.usage)) throw refused(spelling.usage, spec);
  return descriptorOf(kind, await spelling.parse(argument, options, loadFile), `the operator ${spec}`) as Operator;
}

/** `sr` starts with `sr:` too: only its argument is missing. */
function startsWith(spec: string, prefix: string): boolean {
  const text = spec.toLowerCase();
  return text.startsWith(prefix) || `${text}:` === prefix;
}

const usages = (): string[] => KINDS.flatMap(({ spellings }) => spellings.map(({ usage }) => usage));

/** `: did you mean sr:<factor>?` where the words of a spelling, or the name of its kind, are near. */
function hint(spec: string): string {
  const words = spec.replace(/,.*/, '').split(':');
  const names = new Map([
    ...KINDS.map(({ kind, spellings: [first] }) => [kind, first!.usage] as const),
    ...ENTRIES.map(({ prefix, spelling }) => [prefix.replace(/:$/, ''), spelling.usage] as const),
  ]);
  for (let count = words.length; count > 0; count--) {
    const near = nearest(words.slice(0, count).join(':'), [...names.keys()]);
    if (near !== undefined) return `: did you mean ${names.get(near)}?`;
  }
  return '';
}
