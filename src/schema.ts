import type { z } from 'zod';
import { type ErrorCode, LatinoError } from './errors.js';

/** Where a value comes from, for the sentence that refuses it. */
export interface Origin {
  readonly code: ErrorCode;
  /** What the value is, as in `the options of restore`. */
  readonly what: string;
}

/**
 * The value as a schema gives it back. The sentence of a refusal says what the schema asks for, ranges and choices included; a message of the
 * schema's own (`z.string('a path')`, `.refine(fits, 'a box inside the image')`) takes that phrase's place.
 *
 * @throws LatinoError with the origin's code: "Expected a number in (0, 1] for sigma but received '0.01'"
 */
export function parseOptions<T extends z.ZodType>(schema: T, value: unknown, { code, what }: Origin): z.output<T> {
  const result = schema.safeParse(value, { error: expectation });
  if (result.success) return result.data;
  const issue = mostTelling(result.error.issues);
  const place = issue.path.length > 0 ? pathText(issue.path) : what;
  const received = valueAt(value, issue.path);
  if (issue.code !== 'unrecognized_keys')
    throw new LatinoError(code, `Expected ${issue.message} for ${place} but received ${show(received)}`);
  const key = issue.keys[0]!;
  const known = issue.message === '' ? [] : issue.message.split(', ');
  throw new LatinoError(code, `Expected ${issue.message || 'no keys'} in ${place} but received ${key}${suggestion(key, known)}`);
}

/** `: did you mean filter?` where one of the known words is near. */
export function suggestion(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near === undefined ? '' : `: did you mean ${near}?`;
}

/** The known word that the fewest slips of a finger turn into this one, where that is at most two letters in five; case does not count. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known.map((candidate) => ({ candidate, slips: editDistance(word.toLowerCase(), candidate.toLowerCase()) }));
  const best = ranked.sort((a, b) => a.slips - b.slips)[0];
  return best && best.slips <= 0.4 * Math.max(word.length, best.candidate.length) ? best.candidate : undefined;
}

/** A value in an error message: short, and never by its `toString`, which may throw. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return value.length > 80 ? `'${value.slice(0, 77)}...'` : `'${value}'`;
  if (typeof value === 'number' && Object.is(value, -0)) return '-0';
  if (typeof value === 'function') return 'a function';
  if (value === null || typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (ArrayBuffer.isView(value)) {
    const size = 'length' in value ? value.length : `${value.byteLength} bytes`;
    return `${article(Object.prototype.toString.call(value).slice(8, -1))} of ${size}`;
  }
  const keys = Object.keys(value);
  return keys.length === 0 ? 'an object without keys' : `an object with ${keys.slice(0, 5).join(', ')}${keys.length > 5 ? ', ...' : ''}`;
}

type Issue = z.core.$ZodIssue;

/** What zod takes as an issue's message: the phrase between "Expected" and "for", or the keys that are known. */
function expectation({ code, schema }: z.core.$ZodRawIssue): string | undefined {
  if (!schema) return undefined;
  if (code === 'unrecognized_keys') return Object.keys((schema as z.ZodObject).shape).join(', ');
  return listed([...new Set(alternatives(schema))]);
}

/** One issue of many: keys that are unknown explain those that are missing; of a union, the branch that the value resembles most. */
function mostTelling(issues: readonly Issue[]): Issue {
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!;
  if (issue.code !== 'invalid_union') return issue;
  const inside = issue.errors.filter((branch) => branch.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'));
  const closest = inside.sort((a, b) => slipsIn(a) - slipsIn(b))[0];
  if (!closest) return issue;
  const found = mostTelling(closest);
  return { ...found, path: [...issue.path, ...found.path] };
}

const slipsIn = (issues: readonly Issue[]): number =>
  issues.reduce((total, issue) => total + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);

/** What a schema takes, in words; several for a choice. */
function alternatives(schema: z.core.$ZodType): string[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'optional':
    case 'default':
    case 'prefault':
    case 'nullable':
    case 'readonly':
      return alternatives(def.innerType);
    case 'pipe':
      return alternatives(def.in);
    case 'union':
      return def.options.flatMap(alternatives);
    case 'enum':
      return Object.values(def.entries).map(String);
    case 'literal':
      return def.values.map(String);
    case 'number':
      return [numberPhrase(schema as z.ZodNumber)];
    case 'boolean':
      return ['true', 'false'];
    case 'array':
      return ['an array'];
    case 'tuple':
      return [`an array of ${def.items.length}`];
    case 'object':
      return ['an object'];
    case 'custom': {
      const { Class } = schema._zod.bag as { Class?: { name: string } };
      return [Class ? article(Class.name) : 'another value'];
    }
    default:
      return [article(def.type)];
  }
}

function numberPhrase(schema: z.ZodNumber): string {
  const { def } = schema._zod;
  const noun = 'format' in def && String(def.format).endsWith('int') ? 'an integer' : 'a number';
  let low = { value: -Infinity, inclusive: false };
  let high = { value: Infinity, inclusive: false };
  for (const check of def.checks ?? []) {
    const bound = check._zod.def as z.core.$ZodCheckGreaterThanDef | z.core.$ZodCheckLessThanDef;
    const { value, inclusive } = bound;
    if (bound.check === 'greater_than' && Number(value) >= low.value) low = { value: Number(value), inclusive };
    if (bound.check === 'less_than' && Number(value) <= high.value) high = { value: Number(value), inclusive };
  }
  const below = high.value < Number.MAX_SAFE_INTEGER;
  const above = low.value > Number.MIN_SAFE_INTEGER;
  if (below && above) {
    if (low.inclusive && high.inclusive) return `${noun} from ${low.value} to ${high.value}`;
    return `${noun} in ${low.inclusive ? '[' : '('}${low.value}, ${high.value}${high.inclusive ? ']' : ')'}`;
  }
  if (above) return `${noun} ${low.inclusive ? 'of at least' : 'above'} ${low.value}`;
  return below ? `${noun} ${high.inclusive ? 'of at most' : 'below'} ${high.value}` : noun;
}

const article = (noun: string): string => `${/^([aeio]|u(?!int))/i.test(noun) ? 'an' : 'a'} ${noun}`;

const listed = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? 'nothing') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

/** `taps.values`, `box[2]`. */
const pathText = (path: readonly PropertyKey[]): string =>
  path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`)).join('');

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((inside, key) => (inside as Record<PropertyKey, unknown> | null | undefined)?.[key], value);

/** Letters to add, drop, change or swap with their neighbour, each pair swapped at most once (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i]);
  for (let j = 1; j <= b.length; j++) rows[0]![j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const changed = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? rows[i - 2]![j - 2]! + 1 : Infinity;
      rows[i]![j] = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, changed, swapped);
    }
  }
  return rows[a.length]![b.length]!;
}
