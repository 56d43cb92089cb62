// The door to OpenFlow on a real Open vSwitch: its suite, and ovs-ofctl as the judge of what is written and read; as root, in a network
// namespace that this test makes.
import { spawn, spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { noSandbox } from './need.ts';

function noOvs(): string | false {
  const missing = ['ovs-vswitchd', 'ovsdb-server', 'ovs-vsctl', 'ovs-ofctl'].filter(p => spawnSync('which', [p]).status !== 0);
  return missing.length > 0 ? `missing here: ${missing.join(', ')}` : noSandbox();
}

/** A private /run/netns must be a shared mount of its own for ip(8). */
const prepare =
  'mount --make-rprivate / && mount -t tmpfs tmpfs /run && mkdir -p /run/netns && mount --bind /run/netns /run/netns && mount --make-shared /run/netns && exec "$@"';

async function inNamespace(program: string, least: number): Promise<void> {
  const path = `${import.meta.dirname}/programs/${program}`;
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', '--test', '--test-reporter=spec', path];
  const argv = ['--mount', '--net', '--pid', '--fork', '--kill-child=KILL', '--mount-proc', 'sh', '-c', prepare, 'sandbox', ...node];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // else the child reports in the parent's own protocol
  const child = spawn('unshare', argv, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise<number | null>(resolve => child.once('close', resolve));
  if (code !== 0) throw new Error(`${program} failed (${code}):\n${output.slice(-8000)}`);
  const passed = Number(/^ℹ pass (\d+)/m.exec(output)?.[1] ?? 0);
  if (passed < least) throw new Error(`only ${passed} checks ran:\n${output.slice(-4000)}`);
}

describe('OpenFlow', () => {
  test('the real door passes its suite', { skip: noOvs(), timeout: 300_000 }, () => inNamespace('openflow.ts', 14));
  test('ovs-ofctl reads what we write, and we read what it writes', { skip: noOvs(), timeout: 300_000 }, () =>
    inNamespace('openflow-oracle.ts', 6),
  );
  test('packets are handed over', { skip: noOvs(), timeout: 300_000 }, () => inNamespace('openflow-packets.ts', 2));
  test('tables are replaced without losing a packet', { skip: noOvs(), timeout: 300_000 }, () => inNamespace('openflow-traffic.ts', 1));
});
