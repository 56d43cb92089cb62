// Lines of `ip -o monitor link` as news, on lines that a kernel has printed.
import assert from 'node:assert/strict';
import test from 'node:test';
import { LinkNews, parseMonitorLine } from './monitor.ts';

const tail = 'state DOWN group default \\    link/ether 86:a6:5f:2b:02:2a brd ff:ff:ff:ff:ff:ff';
const hear = (news: LinkNews, line: string): string[] => {
  const parsed = parseMonitorLine(line);
  return parsed ? news.hear(parsed).map(e => `${e.kind} ${e.name}`) : [];
};

test('a link comes, changes, is renamed and goes', () => {
  const news = new LinkNews([{ index: 2, name: 'br0' }]);
  assert.deepEqual(hear(news, `2: br0: <BROADCAST,MULTICAST> mtu 1500 qdisc noop ${tail}`), ['changed br0']);
  assert.deepEqual(hear(news, `4: va@vb: <BROADCAST,M-DOWN> mtu 1500 qdisc noop ${tail}`), ['added va']);
  assert.deepEqual(hear(news, `4: va@if3: <BROADCAST,M-DOWN> mtu 1500 qdisc noop master br0 ${tail}`), ['changed va']);
  assert.deepEqual(hear(news, `4: vc@NONE: <BROADCAST,M-DOWN> mtu 1500 qdisc noop ${tail}`), ['removed va', 'added vc']);
  assert.deepEqual(hear(news, `Deleted 4: vc@NONE: <BROADCAST,M-DOWN> mtu 1500 qdisc noop ${tail}`), ['removed vc']);
  assert.deepEqual(hear(news, `4: vc: <BROADCAST> mtu 1500 qdisc noop ${tail}`), ['added vc']);
});

test('a port that leaves its bridge is "Deleted" without a qdisc: the link is still there', () => {
  const news = new LinkNews([{ index: 5, name: 'tapx' }]);
  const line = 'Deleted 5: tapx: <BROADCAST,MULTICAST> mtu 1500 master br0 state DOWN \\    link/ether 56:62:24:ab:8c:93';
  assert.deepEqual(hear(news, line), ['changed tapx']);
});

test('what is no link is no news', () => {
  for (const line of ['', 'Dump terminated', 'Deleted 10.0.0.1/24', '    link/ether 02:00:00:00:00:01'])
    assert.equal(parseMonitorLine(line), undefined);
});
