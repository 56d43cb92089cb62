// What the real Neutron (Zed, with all its service plug-ins, without agents) was seen to do: outcomes of the suites' tests, and whole
// sequences of requests with its answers, in which everything that differs from one run to the next is replaced by its name. Some are
// random; the others, of refusals, send each resource what it does not take, and ask its list what it does not answer.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ending } from './suite.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface RecordedRequest {
  readonly who: 'admin' | 'member' | 'reader' | 'other' | 'none' | 'badtoken';
  readonly method: string;
  /** Below `/v2.0`, or below the root when it begins with `@`. `${name}` is the id of what an earlier step has made. */
  readonly path: string;
  readonly body?: Json;
  /** The name of what this makes; several of a bulk request. */
  readonly bind?: string | readonly string[];
  /** Where in the answer that is: `network`. */
  readonly key?: string;
  /** Of a bulk request: `networks`. */
  readonly bulk?: string;
  /** Only the form of the answer counts: what is in it depends on the place. */
  readonly shape?: true;
}

export interface Answer {
  readonly status: number;
  /** Without parameters. */
  readonly ctype: string;
  readonly body: Json;
  /** Whether it made what `bind` names. */
  readonly bound: boolean;
}

export interface Step {
  readonly request: RecordedRequest;
  readonly answer: Answer;
}

export interface Sequence {
  readonly seed: number;
  readonly steps: readonly Step[];
}

const read = <T>(name: string): T => JSON.parse(readFileSync(join(import.meta.dirname, 'recorded', `${name}.json`), 'utf8')) as T;

export const randomSequences = (): readonly Sequence[] => read('sequences');

/** Those that come with Weft, random ones and what each resource refuses, or those of a file. */
export const recordedSequences = (file?: string): readonly Sequence[] =>
  file === undefined
    ? [...randomSequences(), ...read<readonly Sequence[]>('refusals')]
    : (JSON.parse(readFileSync(file, 'utf8')) as readonly Sequence[]);

export const recordedOutcomes = (suite: string): Readonly<Record<string, Ending>> => read(suite);
