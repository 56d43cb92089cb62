// The real doors of a host pass their suites, as root inside a sandbox of namespaces that this test makes; also without real root.
import { spawn } from 'node:child_process';
import { describe, test } from 'node:test';
import { asNobody, noSandbox, noSwitch, noUserNamespaces } from './need.ts';

const programs = ['host-doors.ts', 'host-doors-life.ts'];

/** A private /run/netns must be a shared mount of its own for ip(8). */
const prepare = [
  'mount --make-rprivate /',
  'mount -t tmpfs tmpfs /run',
  'mkdir -p /run/netns /run/lock',
  'mount --bind /run/netns /run/netns',
  'mount --make-shared /run/netns',
  'ip link set lo up',
  'exec "$@"',
].join(' && ');

interface AsUser {
  readonly before: readonly string[];
  readonly unshareOptions: readonly string[];
}

/** Runs the suites in a child under `unshare`; its last word is the exit status, its report is shown when that is not 0. */
async function inSandbox(run: readonly string[], checks: number, asUser: AsUser = { before: [], unshareOptions: [] }): Promise<void> {
  const { before, unshareOptions } = asUser;
  const node = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    '--test',
    '--test-reporter=spec',
    '--test-concurrency=1',
    ...run.map(program => `${import.meta.dirname}/programs/${program}`),
  ];
  const options = ['--mount', '--net', '--pid', '--fork', '--kill-child=KILL', '--mount-proc', ...unshareOptions];
  const argv = [...before, 'unshare', ...options, 'sh', '-c', prepare, 'sandbox', ...node];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // else the child reports in the parent's own protocol
  const child = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise<number | null>(resolve => child.once('close', resolve));
  if (code !== 0) throw new Error(`the suites failed (${code}):\n${output.slice(-8000)}`);
  const passed = Number(/^ℹ pass (\d+)/m.exec(output)?.[1] ?? 0);
  if (passed < checks) throw new Error(`only ${passed} checks ran:\n${output.slice(-4000)}`);
}

describe('doors of a host', () => {
  test('the real doors pass their suites as root', { skip: noSandbox(), timeout: 300_000 }, async () => {
    await inSandbox(programs, 50);
  });

  test('and for an ordinary user in a user namespace', { skip: noUserNamespaces(), timeout: 300_000 }, async () => {
    await inSandbox(programs, 50, { before: ['setpriv', ...asNobody], unshareOptions: ['--user', '--map-root-user'] });
  });

  test('the door to Open vSwitch passes its suite on ovsdb-server and ovs-vswitchd', {
    skip: noSandbox() || noSwitch(),
    timeout: 300_000,
  }, async () => {
    await inSandbox(['host-doors-ovsdb.ts'], 25);
  });

  test('devices of DHCP servers and routers are plugged into a real Open vSwitch', {
    skip: noSandbox() || noSwitch(),
    timeout: 300_000,
  }, async () => {
    await inSandbox(['interface-driver.ts'], 2);
  });
});
