import type { Finding } from './finding.js';
import { nativeFindings, sharpFinding } from './installation.js';
import { memoryFinding, nodeFinding, platformFinding, processorFinding, threadsFinding } from './machine.js';
import { tryToRestore, untried } from './trial.js';

/** What is looked at. */
export type FindingName =
  | 'node'
  | 'platform'
  | 'processor'
  | 'threads'
  | 'memory'
  | 'sharp'
  | 'onnxruntime'
  | 'addon'
  | 'cuda'
  | 'model'
  | 'restoration';

/** What this installation consists of and runs on, and whether it works. */
export interface Diagnosis {
  /** Whether a picture could be restored. */
  readonly canRestore: boolean;
  readonly findings: Readonly<Record<FindingName, Finding>>;
  /** Of the default model, where it could be loaded. */
  readonly loadSeconds?: number;
  /** Of a picture of 128 × 128 with that model, where it could be restored. */
  readonly restoreSeconds?: number;
}

/**
 * Looks at this installation and restores a small picture with it. What is missing or broken is found, never thrown; native parts are first loaded
 * in a process of their own.
 *
 * @param onFinding told of each finding as it is made
 */
export async function diagnose(onFinding: (name: FindingName, finding: Finding) => void = () => undefined): Promise<Diagnosis> {
  const findings: Partial<Record<FindingName, Finding>> = {};
  const note = (name: FindingName, finding: Finding): void => {
    findings[name] = finding;
    onFinding(name, finding);
  };
  note('node', nodeFinding());
  note('platform', platformFinding());
  note('processor', processorFinding());
  const { threads, onnxruntime, addon, cuda } = await nativeFindings();
  note('threads', threadsFinding(threads));
  note('memory', memoryFinding());
  note('sharp', await sharpFinding());
  note('onnxruntime', onnxruntime);
  note('addon', addon);
  note('cuda', cuda);
  const { model, restoration, ...seconds } = await trial(findings);
  note('model', model);
  note('restoration', restoration);
  return { canRestore: restoration.status === 'ok', findings: findings as Diagnosis['findings'], ...seconds };
}

/** What is broken would end the process, or say less well what is wrong with it. */
async function trial(findings: Partial<Record<FindingName, Finding>>) {
  const broken = (['processor', 'sharp', 'onnxruntime', 'addon'] as const).filter((name) => findings[name]?.status === 'failed');
  return broken.length > 0 ? untried(broken) : tryToRestore();
}
