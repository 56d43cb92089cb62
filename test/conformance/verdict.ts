// What a run means: which tests and answers are not as they should be, which of them are documented, and the table of it.
import type { Documented } from './documented.ts';
import type { Ending, TestResult } from './suite.ts';

export interface Verdict {
  readonly suite: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Chosen, and not reached within the time. */
  readonly notRun: number;
  /** `what`: with the reason from the documentation, or undefined. */
  readonly differing: readonly Differing[];
}

export interface Differing {
  readonly text: string;
  /** For the person who looks into it. */
  readonly detail: string;
  readonly documented: string | undefined;
}

/** Every test that was not skipped on the real one has to pass; what failed there failed for lack of agents, which Weft brings. */
export function judgeSuite(
  suite: string,
  results: ReadonlyMap<string, TestResult>,
  { recorded, documented }: { recorded: Readonly<Record<string, Ending>>; documented: readonly Documented[] },
): Verdict {
  const count = (outcome: Ending): number => [...results.values()].filter(result => result.outcome === outcome).length;
  const differing = [...results].flatMap(([test, { outcome, why }]): Differing[] => {
    const wanted = recorded[test] !== undefined && recorded[test] !== 'skipped';
    if (outcome === 'not run' || outcome === 'passed' || (outcome === 'skipped' && !wanted)) return [];
    const detail = `${outcome}: ${why.trim().split('\n').slice(-3).join(' ').slice(0, 400)}`;
    return [{ text: test, detail, documented: reasonFor(test, documented) }];
  });
  return { suite, passed: count('passed'), failed: count('failed'), skipped: count('skipped'), notRun: count('not run'), differing };
}

export interface Judged {
  readonly seed: number;
  readonly requests: number;
  readonly differences: readonly { readonly step: number; readonly text: string }[];
}

export function judgeAnswers(suite: string, sequences: readonly Judged[], documented: readonly Documented[]): Verdict {
  const differing = sequences.flatMap(({ seed, differences }) =>
    differences.map(({ step, text }) => ({
      text,
      detail: `seed ${seed}, request ${step}`,
      documented: reasonFor(text, documented),
      seed,
      step,
    })),
  );
  const bad = new Set(differing.filter(one => one.documented === undefined).map(one => `${one.seed}.${one.step}`)).size;
  const all = sequences.reduce((sum, { requests }) => sum + requests, 0);
  return { suite, passed: all - bad, failed: bad, skipped: 0, notRun: 0, differing };
}

function reasonFor(text: string, documented: readonly Documented[]): string | undefined {
  return documented.find(one => one.matches(text))?.why;
}

export function isGood({ differing, passed }: Verdict): boolean {
  return passed > 0 && differing.every(one => one.documented !== undefined);
}

export function tableOf(verdicts: readonly Verdict[]): string[] {
  const known = (verdict: Verdict): number => verdict.differing.filter(one => one.documented !== undefined).length;
  const head = ['', 'passed', 'failed', 'skipped', 'not run', 'documented', 'undocumented'];
  const rows = verdicts.map(v => [v.suite, v.passed, v.failed, v.skipped, v.notRun, known(v), v.differing.length - known(v)].map(String));
  const widths = head.map((word, i) => Math.max(word.length, ...rows.map(row => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ');
  return [line(head), ...rows.map(line)];
}

/** Each difference once, with how often it was seen. */
export function listOf(verdicts: readonly Verdict[], documented: boolean): string[] {
  return verdicts.flatMap(({ suite, differing }) => {
    const chosen = differing.filter(one => (one.documented !== undefined) === documented);
    const byText = Map.groupBy(chosen, one => one.text);
    return [...byText].flatMap(([text, [first, ...others]]) => [
      `${suite}: ${text}${others.length > 0 ? `  (${others.length + 1} times)` : ''}`,
      `    ${documented ? first?.documented : first?.detail}`,
    ]);
  });
}
