// Flow filters as arguments, and conntrack's lines as flows.
import assert from 'node:assert/strict';
import test from 'node:test';
import { deleteArgs, parseFlow, protocolName } from './filter.ts';

test('a filter says its family, and only what it was given', () => {
  assert.deepEqual(deleteArgs({ family: 4 }), ['-D', '-f', 'ipv4']);
  assert.deepEqual(
    deleteArgs({
      family: 6,
      zone: 5,
      protocol: 'ipv6-icmp',
      src: 'fd00::1',
      dst: 'fd00::2',
      replySrc: 'fd00::3',
      replyDst: 'fd00::4',
    }).join(' '),
    '-D -f ipv6 -w 5 -p icmpv6 -s fd00::1 -d fd00::2 -r fd00::3 -q fd00::4',
  );
  assert.equal(
    deleteArgs({ family: 4, protocol: '6', srcPort: 0, dstPort: 65_535 }).join(' '),
    '-D -f ipv4 -p tcp --sport 0 --dport 65535',
  );
});

test('a protocol goes by the tool’s name, or by number', () => {
  assert.deepEqual(['17', 'udp', 'vrrp', '58', '99'].map(protocolName), ['udp', 'udp', '112', 'icmpv6', '99']);
  assert.throws(() => protocolName('tcp -F'));
});

test('lines of the tool are flows in their original direction', () => {
  assert.deepEqual(
    parseFlow(
      'tcp      6 599 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1000 dport=80 [UNREPLIED] src=10.0.0.9 dst=10.0.0.1 sport=80 dport=1000 mark=0 zone=5 use=1',
    ),
    {
      family: 4,
      protocol: 'tcp',
      src: '10.0.0.1',
      dst: '10.0.0.2',
      replySrc: '10.0.0.9',
      replyDst: '10.0.0.1',
      srcPort: 1000,
      dstPort: 80,
      zone: 5,
    },
  );
  assert.deepEqual(
    parseFlow('icmpv6   58 599 src=fd00::1 dst=fd00::2 type=128 code=0 id=7 src=fd00::2 dst=fd00::1 type=129 code=0 id=7 mark=0 use=1'),
    {
      family: 6,
      protocol: 'icmpv6',
      src: 'fd00::1',
      dst: 'fd00::2',
      replySrc: 'fd00::2',
      replyDst: 'fd00::1',
      icmpType: 128,
      icmpCode: 0,
      zone: 0,
    },
  );
  assert.equal(parseFlow('unknown  112 599 src=10.0.0.1 dst=224.0.0.18 src=224.0.0.18 dst=10.0.0.1 mark=0 use=1')?.protocol, '112');
  assert.equal(parseFlow('conntrack v1.4.7 (conntrack-tools): 0 flow entries have been shown.'), undefined);
  assert.equal(parseFlow(''), undefined);
});
