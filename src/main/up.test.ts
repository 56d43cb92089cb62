import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StatusView } from '../cli/control.ts';
import { readyLines } from './up.ts';

const view: StatusView = {
  pid: 7,
  since: '',
  url: 'http://127.0.0.1:9696',
  identity_url: 'http://127.0.0.1:9696/identity/v3',
  state_dir: "/home/me/it's here",
  clouds_yaml: "/home/me/it's here/clouds.yaml",
  mode: 'contained',
  rootless: false,
  ready: true,
  missing: [],
  hosts: [],
  published: [],
};

test('one line begins with ready and names the URLs; the export lines can be pasted', () => {
  const lines = readyLines(view);
  assert.equal(lines.filter(line => line.startsWith('ready')).length, 1);
  assert.match(lines[0] ?? '', /^ready: API http:\/\/127\.0\.0\.1:9696, identity http:\/\/127\.0\.0\.1:9696\/identity\/v3, clouds /);
  assert.ok(lines.includes(`  export OS_CLIENT_CONFIG_FILE='/home/me/it'\\''s here/clouds.yaml'`));
  assert.ok(lines.some(line => line.startsWith('  export OS_CLOUD=weft ')));
});

test('whether instances have a way out is said plainly, and how to stop', () => {
  for (const mode of ['contained', 'on-host'] as const) {
    const text = readyLines({ ...view, mode }).join('\n');
    assert.match(text, /Instances have no way out to the internet/);
    assert.match(text, /Stop it with Ctrl-C/);
  }
});

test('behind a Keystone there are no clouds of ours, and the server alone has no public network', () => {
  const { clouds_yaml: _, ...behind } = view;
  const text = readyLines({ ...behind, mode: 'server', identity_url: 'http://k:5000/v3' }).join('\n');
  assert.match(text, /^ready: API http:\/\/127\.0\.0\.1:9696, identity http:\/\/k:5000\/v3$/m);
  assert.doesNotMatch(text, /OS_CLOUD|172\.24/);
  assert.match(text, /Stop it with/);
});
