import type { Graph, Value } from '../graph.js';
import { peakBytes, timesUpTo } from './cost.js';
import { coarseRowsOf, marginOf } from './halo.js';
import { isRowByRow, normsOf, type Section, section, waists } from './sections.js';
import type { Sizes } from './sizes.js';

/** A section of a network that is computed as a whole, or in bands of `rows` of the `coarseRows` of its coarsest image. */
export type Step =
  | { readonly kind: 'whole'; readonly section: Section }
  | { readonly kind: 'bands'; readonly section: Section; readonly rows: number; readonly coarseRows: number };
export type BandStep = Extract<Step, { kind: 'bands' }>;

export interface Plan {
  readonly steps: readonly Step[];
  /** Bytes of images that there are at once, at most, about. */
  readonly peak: number;
  /** What it takes to compute, about, in multiplications. */
  readonly time: number;
}

/** Bytes that the images of a network may take at once. */
export interface Budget {
  /** Kept to as long as that takes at most `MOST_TIME`. */
  readonly wanted: number;
  /** Kept to at any price in time, where it can be. */
  readonly most: number;
}

export const UNLIMITED: Budget = { wanted: Infinity, most: Infinity };

/** Rows of the finest image in a band, at least and at most. */
const FEWEST_ROWS = 64;
const MOST_ROWS = 256;
/** Times the time of the whole. */
const MOST_TIME = 2;

/** Something that a plan may do next. */
interface Move {
  readonly step: Step;
  readonly from: number;
  readonly to: number;
  readonly time: number;
  /** Bytes at most: where what it reads is freed as it goes, and where it is not. */
  readonly peak: { readonly freeing: number; readonly keeping: number };
}

interface Path {
  readonly peak: number;
  readonly time: number;
  readonly moves: readonly Move[];
}

/**
 * How a network is computed in the least time within a budget: as a whole, if that fits. What does not fit is cut at waists of the network. Between
 * two of them it is computed in bands of rows, each with as many rows about it as its convolutions see. A group normalisation needs the mean and
 * variance of the whole image first: what leads up to it is computed for that alone, and once more for what comes after it. So images are kept
 * where there is room, and computed again where there is not.
 */
export function plan(graph: Graph, sizes: Sizes, budget: Budget): Plan {
  const cuts = waists(graph);
  const [first, last] = [cuts[0]!, cuts[cuts.length - 1]!];
  const whole = section(graph, first, last);
  const atOnce = peakBytes(whole, sizes);
  const times = timesUpTo(graph, sizes);
  if (atOnce <= budget.wanted) return { steps: [{ kind: 'whole', section: whole }], peak: atOnce, time: times.get(last.name)! };
  const between = (i: number, j: number) =>
    movesOf(section(graph, cuts[i]!, cuts[j]!), sizes, times).map((move) => ({ ...move, from: i, to: j }));
  const moves = cuts.flatMap((_, i) => cuts.slice(i + 1).flatMap((_, k) => between(i, i + 1 + k)));
  const paths = trades(moves, cuts.length - 1);
  const leanest = paths.findLast(({ time }) => time <= MOST_TIME * paths[0]!.time)!;
  const allowed = Math.max(budget.wanted, Math.min(budget.most, leanest.peak));
  const path = paths.find(({ peak }) => peak <= allowed) ?? paths[paths.length - 1]!;
  const limit = Math.max(allowed, path.peak);
  const steps = path.moves.map((move, at) => widened(move, path.moves[at - 1], limit, sizes));
  return { steps, peak: limit, time: path.time };
}

/** The paths of which none takes both less time and less memory than another, the fastest first. */
function trades(moves: readonly Move[], last: number): Path[] {
  const found: Path[] = [];
  for (let path = fastest(moves, last, Infinity); path; path = fastest(moves, last, path.peak)) found.push(path);
  return found;
}

/** The ways of computing a section. */
function movesOf(whole: Section, sizes: Sizes, times: ReadonlyMap<string, number>): Omit<Move, 'from' | 'to'>[] {
  const { from, to } = whole;
  const timeTo = ({ name }: Value) => times.get(name)! - times.get(from.name)!;
  const inside = peakBytes(whole, sizes);
  const [before, after] = [sizes.bytes(from), sizes.bytes(to)];
  // Bands that come before are joined first.
  const peak = { freeing: Math.max(inside, 2 * before), keeping: inside };
  const atOnce = { step: { kind: 'whole', section: whole }, time: timeTo(to), peak } as const;
  if (!isRowByRow(whole)) return [atOnce];
  const coarseRows = coarseRowsOf(whole, sizes);
  const margin = marginOf(whole, coarseRows, sizes);
  const rows = coarse(FEWEST_ROWS, whole, coarseRows, sizes);
  const band = (inside * (rows + 2 * margin)) / coarseRows;
  if (band >= inside) return [atOnce];
  const passes = [...normsOf(whole).map(({ x }) => x), to];
  const time = passes.reduce((sum, end) => sum + timeTo(end), 0) * (1 + (2 * margin) / rows);
  const step = { kind: 'bands', section: whole, rows, coarseRows } as const;
  return [atOnce, { step, time, peak: { freeing: Math.max(before, after) + band, keeping: before + after + band } }];
}

/** So many rows of the finest image in a section, in its coarsest. */
function coarse(rows: number, { from, to }: Section, coarseRows: number, sizes: Sizes): number {
  return Math.max(1, Math.round((rows * coarseRows) / Math.max(sizes.height(from), sizes.height(to))));
}

/** The fastest path from the first waist to the last whose peak is below `limit`. */
function fastest(moves: readonly Move[], last: number, limit: number): Path | undefined {
  const best = new Map<string, Path>([['0 whole', { peak: 0, time: 0, moves: [] }]]);
  // Moves are in the order of where they begin.
  for (const move of moves) {
    for (const kind of ['whole', 'bands'] as const) {
      const before = best.get(`${move.from} ${kind}`);
      if (!before) continue;
      const peak = Math.max(before.peak, kind === 'bands' ? move.peak.freeing : move.peak.keeping);
      const time = before.time + move.time;
      const key = `${move.to} ${move.step.kind}`;
      if (peak < limit && time < (best.get(key)?.time ?? Infinity)) best.set(key, { peak, time, moves: [...before.moves, move] });
    }
  }
  const [one, other] = [best.get(`${last} whole`), best.get(`${last} bands`)];
  return one && (!other || one.time <= other.time) ? one : other;
}

/** With bands as high as there is room for: the higher, the fewer rows are computed twice. */
function widened({ step, peak }: Move, before: Move | undefined, limit: number, sizes: Sizes): Step {
  if (step.kind === 'whole') return step;
  const { coarseRows } = step;
  const stored = before?.step.kind === 'bands' ? peak.freeing : peak.keeping;
  const perRow = peakBytes(step.section, sizes) / coarseRows;
  const room = step.rows + Math.floor((limit - stored) / perRow);
  const most = coarse(MOST_ROWS, step.section, coarseRows, sizes);
  return { ...step, rows: Math.max(step.rows, Math.min(room, most)) };
}
