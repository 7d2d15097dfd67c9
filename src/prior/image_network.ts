import type { Addon, Device, Session, Tensor } from '../device/addon.js';
import { type BandStep, type Budget, plan, type Step } from '../graph/bands/plan.js';
import { bandPart, PART_OUTPUT, type Section, section, wholePart } from '../graph/bands/sections.js';
import { Sizes } from '../graph/bands/sizes.js';
import type { Graph, Value } from '../graph/graph.js';
import { BandRun } from './band_run.js';
import { Bands } from './bands.js';

/** Plans that are kept: a service may see pictures of any size. */
const MOST_PLANS = 64;

/** How a network is computed. */
export interface ImageNetworkOptions {
  /** The network, of one input [N, C, H, W] and one output, in one session. */
  readonly whole: Session;
  /** Compiles a part of it; what comes back gives a session of that part, at once. */
  readonly preparePart: (graph: Graph) => () => Session;
  readonly budget: Budget;
}

/**
 * A network from an image to an image, an encoder or a decoder, that keeps to a budget of memory: an image for which it does not fit as a whole
 * goes through it in bands of rows, with the same result but for the rounding of float32 (`plan` says how).
 */
export class ImageNetwork {
  private readonly plans = new Map<string, readonly Step[]>();
  private readonly parts = new Map<string, () => Session>();
  private hasRunInBands = false;

  constructor(
    private readonly addon: Addon,
    private readonly device: Device,
    private readonly graph: Graph,
    private readonly options: ImageNetworkOptions,
  ) {}

  /**
   * Enqueues the network on the device; the caller disposes what it returns.
   *
   * @param shape of the result, as the network makes it of an input like x
   */
  run(x: Tensor, shape: readonly number[]): Tensor {
    const { input, output } = this;
    const sizes = new Sizes([
      [input, x.shape],
      [output, shape],
    ]);
    const steps = this.stepsFor(sizes);
    if (isWhole(steps, output)) return this.options.whole.run({ [input.name]: x }, { [output.name]: shape })[output.name]!;
    this.hasRunInBands = true;
    if (x.shape[0] === 1) return this.runSteps(x, steps, sizes);
    // One after the other: together they would take the memory of all.
    const results: Tensor[] = [];
    try {
      for (let i = 0; i < x.shape[0]!; i++) {
        using image = this.addon.slice(x, i, i + 1);
        results.push(this.run(image, [1, ...shape.slice(1)]));
      }
      return this.addon.concatenate(results);
    } finally {
      for (const result of results) result.dispose();
    }
  }

  /** Bytes of its weights that have been read; all once it runs in bands, whose sessions come and go, each with weights of its own. */
  get readBytes(): number {
    return this.hasRunInBands ? this.weightBytes : this.options.whole.readBytes;
  }

  get weightBytes(): number {
    return this.options.whole.weightBytes;
  }

  dispose(): void {
    this.options.whole.dispose();
  }

  private get input(): Value {
    return this.graph.inputs[0]!;
  }

  private get output(): Value {
    return this.graph.outputs[0]!;
  }

  private stepsFor(sizes: Sizes): readonly Step[] {
    const key = [this.input, this.output].map((value) => sizes.shape(value).join('x')).join();
    const known = this.plans.get(key) ?? plan(this.graph, sizes, this.options.budget).steps;
    if (this.plans.size === MOST_PLANS) this.plans.clear();
    this.plans.set(key, known);
    return known;
  }

  private runSteps(x: Tensor, steps: readonly Step[], sizes: Sizes): Tensor {
    let images = new Bands(this.addon).push(this.addon.slice(x, 0, 1));
    try {
      for (const step of steps) {
        using read = images;
        images = step.kind === 'whole' ? this.runWhole(step.section, read, sizes) : this.runBands(step, read, sizes);
        this.device.trimFree();
      }
      return images.join();
    } finally {
      images.dispose();
    }
  }

  private runWhole(whole: Section, read: Bands, sizes: Sizes): Bands {
    using x = read.join();
    const session = this.open(`whole ${whole.from.name} ${whole.to.name}`, () => wholePart(this.graph, whole));
    try {
      return new Bands(this.addon).push(session.run({ [whole.from.name]: x }, { [PART_OUTPUT]: sizes.shape(whole.to) })[PART_OUTPUT]);
    } finally {
      session.dispose();
    }
  }

  private runBands(step: BandStep, read: Bands, sizes: Sizes): Bands {
    const { from } = step.section;
    const open = (to: Value) => {
      const part = section(this.graph, from, to);
      return { section: part, session: this.open(`bands ${from.name} ${to.name}`, () => bandPart(this.graph, part)) };
    };
    return new BandRun({ addon: this.addon, device: this.device, step, read, sizes, open }).run();
  }

  /** A session that is there for its passes only: of the packed weights of all parts, some twice, there need be no more than those of one. */
  private open(key: string, part: () => Graph): Session {
    const known = this.parts.get(key) ?? this.options.preparePart(part());
    this.parts.set(key, known);
    return known();
  }
}

const isWhole = ([first]: readonly Step[], output: Value): boolean => first!.kind === 'whole' && first!.section.to === output;
