// npm run conformance: the suites that others wrote for Neutron, and recorded answers of the real one, against a Weft behind a real
// Keystone. Prints a table; ends with 1 when anything differs that docs/conformance.md does not name.
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { endDaemons } from './daemon.ts';
import { differences } from './differences.ts';
import { type Documented, documentedDifferences } from './documented.ts';
import { whenEnded } from './end.ts';
import { type RunningKeystone, startKeystone } from './keystone.ts';
import { type Options, type Pairs, readOptions } from './options.ts';
import { whyNotHere } from './packages.ts';
import { connectPeer } from './peer.ts';
import { sequenceOf } from './random/sequences.ts';
import { recordedOutcomes, recordedSequences, type Sequence } from './recorded.ts';
import { makePeople, type People, replay } from './replay.ts';
import { runSuite, stopWorkers } from './suite.ts';
import { type Cloud, writeTempestSettings } from './tempest-settings.ts';
import { isGood, type Judged, judgeAnswers, judgeSuite, listOf, tableOf, type Verdict } from './verdict.ts';
import { ensureExternalNetwork, ensureSubnetPools, startWeft } from './weft.ts';

const began = performance.now();
/** By a signal: whoever was at work finds his world gone, which is not a result. */
let stopped = false;
// Nobody may be there any more to read.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const progress = (line: string): void => print(`[${Math.round((performance.now() - began) / 1000)} s] ${line}`);
const packages = { tempest: 'tempest.api.network', 'neutron-tempest-plugin': 'neutron_tempest_plugin.api' } as const;

interface Place {
  readonly folder: string;
  readonly keystone: RunningKeystone;
  readonly options: Options;
  readonly documented: readonly Documented[];
  readonly until: number;
  /** What has to end, whatever ends the run. */
  readonly stack: AsyncDisposableStack;
}

/** As of automake: a test that cannot run here. */
const cannotRun = 77;

async function conformance(options: Options): Promise<boolean> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'weft-conformance-'));
  stack.defer(() => (options.keep ? print(`everything is kept in ${folder}`) : rmSync(folder, { recursive: true, force: true })));
  whenEnded(async () => {
    stopped = true;
    stopWorkers();
    await endDaemons();
    await stack.disposeAsync();
  });
  progress('starting Keystone');
  const keystone = stack.use(await startKeystone(folder, randomBytes(12).toString('hex')));
  const place = { stack, folder, keystone, options, documented: documentedDifferences(), until: Date.now() + options.minutes * 60_000 };
  const verdicts: Verdict[] = [];
  if (options.suites.includes('answers')) verdicts.push(await answers(place));
  if (options.pairs) verdicts.push(await pairs(place, options.pairs));
  const written = options.suites.filter(suite => suite !== 'answers' && suite !== 'pairs');
  if (written.length > 0) verdicts.push(...(await suites(place, written)));
  return tell(verdicts, options);
}

async function answers(place: Place): Promise<Verdict> {
  const people = await makePeople(place.keystone.admin);
  const done = [];
  for (const sequence of recordedSequences(place.options.recorded)) done.push(await again(place, sequence, people));
  return judgeAnswers('answers', done, place.documented);
}

/** New sequences: first to the real server, then to Weft. */
async function pairs(place: Place, { seeds, length, record, ...address }: Pairs): Promise<Verdict> {
  const people = await makePeople(place.keystone.admin);
  const peer = place.stack.use(await connectPeer(address, process.env));
  const done = [];
  const sequences: Sequence[] = [];
  for (const seed of seeds) {
    if (Date.now() > place.until) break;
    const sequence = await peer.answer(seed, sequenceOf(seed, length));
    sequences.push(sequence);
    if (record !== undefined) writeFileSync(record, `${JSON.stringify(sequences)}\n`);
    done.push(await again(place, sequence, people));
  }
  return judgeAnswers('pairs', done, place.documented);
}

/** Each sequence has a Weft of its own, so that none finds what another has left. */
async function again({ stack, folder, keystone }: Place, { seed, steps }: Sequence, people: People): Promise<Judged> {
  const home = join(folder, `answers-${seed}`);
  mkdirSync(home);
  const weft = stack.use(await startWeft(home, 'server', keystone.admin));
  const requests = steps.map(step => step.request);
  const seen = await replay(requests, weft.url, people);
  await weft[Symbol.asyncDispose]();
  const found = differences(seed, steps, seen);
  progress(`seed ${seed}: ${steps.length} requests, ${found.length} differences`);
  return { seed, requests: steps.length, differences: found };
}

async function suites(place: Place, names: readonly (keyof typeof packages)[]): Promise<Verdict[]> {
  const { stack, folder, keystone, options, documented, until } = place;
  progress('starting Weft with its agents');
  const weft = stack.use(await startWeft(folder, 'up', keystone.admin));
  await ensureSubnetPools(weft);
  const { extensions } = await weft.call<{ extensions: { alias: string }[] }>('GET', '/extensions');
  const cloud: Cloud = {
    keystone: keystone.url,
    network: weft.url,
    region: weft.region,
    admin: keystone.admin.account,
    publicNetwork: await ensureExternalNetwork(weft),
    extensions: extensions.map(one => one.alias),
  };
  const settings = writeTempestSettings(folder, cloud);
  const env = { TEMPEST_CONFIG_DIR: folder, TEMPEST_CONFIG: settings, OS_TEST_TIMEOUT: '600' };
  const verdicts: Verdict[] = [];
  for (const suite of names) {
    const wanted = (test: string): boolean => options.include.test(test);
    const results = await runSuite({ pkg: packages[suite], folder, env, workers: options.workers, wanted, until, progress });
    verdicts.push(judgeSuite(suite, results, { recorded: recordedOutcomes(suite), documented }));
  }
  return verdicts;
}

function tell(verdicts: readonly Verdict[], { report }: Options): boolean {
  const good = verdicts.every(isGood);
  const section = (title: string, lines: readonly string[]): void => {
    if (lines.length > 0) print(`\n${title}\n${lines.map(line => `  ${line}`).join('\n')}`);
  };
  section('differences that docs/conformance.md names', listOf(verdicts, true));
  section('DIFFERENCES THAT NOTHING NAMES', listOf(verdicts, false));
  print('');
  for (const line of tableOf(verdicts)) print(line);
  if (report !== undefined) writeFileSync(report, `${JSON.stringify(verdicts, undefined, 1)}\n`);
  print(good ? '\nno undocumented difference' : '\nthere are undocumented differences');
  return good;
}

try {
  const options = readOptions(process.argv.slice(2));
  const whyNot = whyNotHere(options.suites.some(suite => suite in packages));
  if (whyNot !== undefined) print(whyNot);
  process.exitCode = whyNot !== undefined ? cannotRun : (await conformance(options)) ? 0 : 1;
} catch (error) {
  if (!stopped) process.stderr.write(`${inspect(error)}\n`);
  process.exitCode = 2;
}
if (!stopped) process.exit();
