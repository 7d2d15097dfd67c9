import type { Addon, Device, Session, Tensor } from '../device/addon.js';
import { marginOf } from '../graph/bands/halo.js';
import type { BandStep } from '../graph/bands/plan.js';
import { type Norm, normsOf, PART_OUTPUT, type Section } from '../graph/bands/sections.js';
import type { Sizes } from '../graph/bands/sizes.js';
import type { Value } from '../graph/graph.js';
import { Bands } from './bands.js';

/** What a run in bands is given. */
export interface BandRunParts {
  readonly addon: Pick<Addon, 'rows' | 'groupMoments' | 'pooledMoments'>;
  readonly device: Device;
  readonly step: BandStep;
  /** The image that the step begins with; freed from the top as it is used up. */
  readonly read: Bands;
  readonly sizes: Sizes;
  /** What computes bands of the step up to any value in it; the session is disposed here. */
  readonly open: (to: Value) => { readonly section: Section; readonly session: Session };
}

interface Band {
  readonly tensor: Tensor;
  /** What is read lies below this row from here on. */
  readonly done: number;
}

/** A step of a network at work on one image, band by band. */
export class BandRun {
  /** Of the normalisations whose input is known, by the name of the input of a part that takes them. */
  private readonly moments = new Map<string, Tensor>();

  constructor(private readonly parts: BandRunParts) {}

  /** Enqueues all of it; the caller disposes what it returns. */
  run(): Bands {
    const { addon, device, step, read } = this.parts;
    const written = new Bands(addon);
    try {
      for (const norm of normsOf(step.section)) this.moments.set(norm.moments.name, this.momentsOf(norm));
      for (const { tensor, done } of this.bands(step.section.to)) {
        written.push(tensor);
        // What is given back here is wanted in pieces of another size.
        if (read.disposeAbove(done)) device.trimFree();
      }
      return written;
    } catch (error) {
      written.dispose();
      throw error;
    } finally {
      for (const tensor of this.moments.values()) tensor.dispose();
    }
  }

  /** Over the whole image, which is computed for that where it is not at hand. */
  private momentsOf({ x, groups }: Norm): Tensor {
    const { addon, step, read } = this.parts;
    if (x === step.section.from) return read.moments(groups);
    const each: Tensor[] = [];
    try {
      for (const { tensor } of this.bands(x)) {
        using band = tensor;
        each.push(addon.groupMoments(band, groups));
      }
      return addon.pooledMoments(each);
    } finally {
      for (const tensor of each) tensor.dispose();
    }
  }

  private *bands(to: Value): Generator<Band> {
    const { addon, step, read, sizes, open } = this.parts;
    const { section, session } = open(to);
    const { rows, coarseRows } = step;
    const margin = marginOf(section, coarseRows, sizes);
    const [readScale, scale] = [section.from, to].map((value) => sizes.height(value) / coarseRows) as [number, number];
    const moments = Object.fromEntries(normsOf(section).map((norm) => [norm.moments.name, this.moments.get(norm.moments.name)!]));
    try {
      for (let first = 0; first < coarseRows; first += rows) {
        const last = Math.min(first + rows, coarseRows);
        const [above, below] = [Math.max(0, first - margin), Math.min(coarseRows, last + margin)];
        using x = read.rows(above * readScale, below * readScale);
        const shape = sizes.shape(to).with(2, (below - above) * scale);
        using withMargins = session.run({ [section.from.name]: x, ...moments }, { [PART_OUTPUT]: shape })[PART_OUTPUT];
        const tensor = addon.rows([withMargins], (first - above) * scale, (last - above) * scale);
        yield { tensor, done: (last - margin) * readScale };
      }
    } finally {
      session.dispose();
    }
  }
}
