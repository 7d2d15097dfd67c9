import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Image } from '../image/index.js';
import type { Operator, Size } from '../operators/index.js';
import type { Warning } from '../options.js';
import type { RestorationForm } from './forms.js';
import type { Problem } from './service_error.js';
import type { Upload } from './upload.js';

/** What was asked for, checked. */
export interface Order {
  readonly form: RestorationForm;
  readonly operator: Operator;
  /** Of what the picture is to become. */
  readonly size: Size;
  /** What it is restored with where the form says nothing. */
  readonly defaults: { readonly prompt: string; readonly steps: number };
  /** Its file named `file` is the picture. */
  readonly upload: Upload;
}

export type TicketState = 'waiting' | 'running' | 'done' | 'failed' | 'stopped';

interface TicketEvents {
  state: [];
  step: [{ readonly step: number; readonly steps: number }];
  preview: [{ readonly step: number; readonly preview: Image }];
  fetched: [];
}

interface TicketEnd {
  /** That it took to solve. */
  readonly seconds?: number;
  /** The noise level that was used. */
  readonly sigma?: number;
  /** What it failed of. */
  readonly problem?: Problem;
}

/** One restoration, from when it is asked for until it is forgotten. */
export class Ticket {
  readonly id = randomUUID();
  readonly events = new EventEmitter<TicketEvents>().setMaxListeners(0);
  readonly warnings: Warning[] = [];
  private readonly controller = new AbortController();
  private current: TicketState = 'waiting';
  private progress: { readonly step: number; readonly steps: number };
  private end: TicketEnd = {};

  constructor(readonly order: Order) {
    this.progress = { step: 0, steps: order.form.steps ?? order.defaults.steps };
  }

  get state(): TicketState {
    return this.current;
  }

  get step(): number {
    return this.progress.step;
  }

  get steps(): number {
    return this.progress.steps;
  }

  get seconds(): number | undefined {
    return this.end.seconds;
  }

  /** The noise level: that was given, or was found once it is done. */
  get sigma(): number | undefined {
    const { sigma } = this.order.form;
    return typeof sigma === 'number' ? sigma : this.end.sigma;
  }

  /** Whether it is for the service to find, or was found. */
  get sigmaEstimated(): boolean {
    return typeof this.order.form.sigma !== 'number';
  }

  get problem(): Problem | undefined {
    return this.end.problem;
  }

  get hasEnded(): boolean {
    return this.current !== 'waiting' && this.current !== 'running';
  }

  /** Aborts when it is to stop. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  stop(reason: Error): void {
    this.controller.abort(reason);
  }

  begin(): void {
    this.become('running');
  }

  advance(step: number, steps: number, preview?: Image): void {
    if (this.hasEnded) return;
    this.progress = { step, steps };
    this.events.emit('step', { step, steps });
    if (preview) this.events.emit('preview', { step, preview });
  }

  finish(state: 'done' | 'failed' | 'stopped', end: TicketEnd): void {
    this.end = end;
    this.become(state);
  }

  private become(state: TicketState): void {
    this.current = state;
    this.events.emit('state');
  }
}
