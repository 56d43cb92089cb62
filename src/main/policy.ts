// The policy of a server: the rules of the model with the operator's files in front of them, read again when a file changes.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type PolicyPlaces, readPolicyFiles, watchPolicyFiles } from '../adapters/policy-files/policy-files.ts';
import type { Log } from '../contracts/log.ts';
import { problemText } from '../domain/policy/rules.ts';
import { policies } from '../model/policies.ts';
import type { PolicyConfig } from '../server/context.ts';
import { buildPolicy, type Policy, PolicyRefused } from '../server/policy.ts';

/** What was named, and without that `policy.yaml` or else `policy.json`, and `policy.d`, of the state directory. */
export function policyPlaces({ file, fileMayBeMissing, dirs }: PolicyConfig, stateDir: string): PolicyPlaces {
  const own = ['policy.yaml', 'policy.json'].map(name => join(stateDir, name));
  const named = file !== undefined && fileMayBeMissing && !existsSync(file) ? [file] : file;
  return { file: named ?? own, dirs: dirs ?? [join(stateDir, 'policy.d')] };
}

/** PolicyRefused where anything is wrong. */
export async function loadPolicy(config: PolicyConfig, places: PolicyPlaces): Promise<{ policy: Policy; files: readonly string[] }> {
  const { files, overrides, problems } = await readPolicyFiles(places);
  if (problems.length > 0) throw new PolicyRefused(problems);
  return { policy: buildPolicy(policies, overrides, config), files };
}

export interface LivePolicy extends AsyncDisposable {
  /** As of now: whoever decides several things by it takes it once. */
  readonly current: Policy;
  /** Reads the files again, which happens by itself too. Answers what was wrong: then the rules stay as they were. */
  reload(): Promise<readonly string[]>;
}

/** A change that is wrong changes nothing, and is logged. */
export async function openPolicy(config: PolicyConfig, stateDir: string, log: Log): Promise<LivePolicy> {
  let current: Policy | undefined;
  // A file that was there at the start is wanted from then on.
  const places = policyPlaces(config, stateDir);
  if (config.file !== undefined && typeof places.file !== 'string')
    log.warning(`policy: there is no ${config.file}, which policy_file names; the default rules count until it is there`);
  const load = async (): Promise<void> => {
    const { policy, files } = await loadPolicy(config, places);
    current = policy;
    log.info(`policy from ${['the defaults', ...files].join(', ')}`);
    for (const warning of policy.warnings) log.warning(`policy: ${problemText(warning)}`);
  };
  const reload = async (): Promise<string[]> => {
    try {
      await load();
      return [];
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.error(`policy: the rules stay as they were, since the files are wrong: ${why}`);
      return [`policy: ${why}`];
    }
  };
  const watch = await watchPolicyFiles(places, async () => void (await reload()));
  try {
    await load();
  } catch (error) {
    await watch[Symbol.asyncDispose]();
    throw error;
  }
  return {
    get current() {
      return current as Policy;
    },
    reload,
    [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose](),
  };
}
