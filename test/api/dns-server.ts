// A name server of its own on a free port of the loopback, that takes updates signed with a key; and a question to it.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../src/contracts/free-port.ts';

export interface NameServer extends AsyncDisposable {
  readonly port: number;
  readonly secret: string;
  /** What it answers, sorted; empty where there is nothing. */
  ask(name: string, type: 'A' | 'AAAA' | 'PTR'): Promise<string[]>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

export const knot = '/usr/sbin/knotd';

export async function startNameServer(zones: readonly string[], algorithm: string): Promise<NameServer> {
  const dir = await mkdtemp(join(tmpdir(), 'weft-dns-'));
  const port = await freePort();
  const secret = randomBytes(32).toString('base64');
  await mkdir(join(dir, 'zones'));
  for (const zone of zones) {
    const soa = `${zone} 60 IN SOA ns.${zone} admin.${zone} 1 60 60 60 1\n${zone} 60 IN NS ns.example.\n`;
    await writeFile(join(dir, 'zones', `${zone}zone`), `${soa}taken.${zone} 60 IN A 192.0.2.99\n`);
  }
  const zoneList = zones.map(z => `  - domain: "${z}"\n    file: "${join(dir, 'zones', `${z}zone`)}"\n    acl: weft\n`).join('');
  const config = [
    `server:\n    listen: 127.0.0.1@${port}\n    rundir: "${dir}"\n`,
    `log:\n  - target: stderr\n    any: error\n`,
    `database:\n    storage: "${dir}"\n`,
    `key:\n  - id: weft\n    algorithm: ${algorithm}\n    secret: ${secret}\n`,
    `acl:\n  - id: weft\n    key: weft\n    action: update\n`,
    `zone:\n${zoneList}`,
  ].join('');
  await writeFile(join(dir, 'knot.conf'), config);
  let child: ChildProcess | undefined;
  const resolver = new Resolver({ timeout: 2000, tries: 5 });
  resolver.setServers([`127.0.0.1:${port}`]);
  const ask: NameServer['ask'] = async (name, type) => {
    try {
      const answers = (await resolver.resolve(name, type)) as string[];
      return answers.sort();
    } catch (error) {
      if (['ENOTFOUND', 'ENODATA'].includes(String((error as { code?: string }).code))) return [];
      throw error;
    }
  };
  const start = async (): Promise<void> => {
    child = spawn(knot, ['-c', join(dir, 'knot.conf')], { stdio: 'inherit' });
    for (let i = 0; i < 600; i++) {
      const up = await ask(`taken.${zones[0]}`, 'A').catch(() => []);
      if (up.length > 0) return;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    throw new Error('the name server does not answer');
  };
  const stop = async (): Promise<void> => {
    if (!child || child.exitCode !== null) return;
    const ended = new Promise(resolve => child?.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  };
  await start();
  return {
    port,
    secret,
    ask,
    start,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
