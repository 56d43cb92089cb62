// What every door to iptables must do: restore without flushing, each table whole or not at all, and print what is there.
import assert from 'node:assert/strict';
import test from 'node:test';
import { HostRefusal } from './firewall.ts';
import type { Netns } from './netns.ts';
import { type HostUnderTest, inNamespace, type OpenHost } from './under-test.ts';

type Check = (what: string, body: (under: HostUnderTest, ns: Netns) => Promise<void>) => void;

export function iptablesContract(name: string, open: OpenHost): void {
  const check: Check = (what, body) => {
    test(`iptables ${name}: ${what}`, { timeout: 30_000 }, async () => {
      await using under = await open();
      await inNamespace(under, ns => body(under, ns));
    });
  };
  chains(check);
  refusals(check);
  printed(check);
  apart(check);
}

const table = (name: string, ...lines: string[]): string => `*${name}\n${lines.map(l => `${l}\n`).join('')}COMMIT\n`;
const filter = (...lines: string[]): string => table('filter', ...lines);

/** The declarations and rules of one table, without counters. */
async function saved({ host }: HostUnderTest, ns: Netns, family: 4 | 6 = 4, name = 'filter'): Promise<string[]> {
  const text = await host.iptables.save(ns, family, name);
  const lines = text.split('\n').filter(l => /^[:-]/.test(l));
  return lines.map(l => l.replace(/ \[\d+:\d+\]$/, ''));
}

async function rules(under: HostUnderTest, ns: Netns, chain: string): Promise<string[]> {
  return (await saved(under, ns)).filter(l => l.startsWith(`-A ${chain} `)).map(l => l.slice(`-A ${chain} `.length));
}

const builtin = [':INPUT ACCEPT', ':FORWARD ACCEPT', ':OUTPUT ACCEPT'];

function chains(check: Check): void {
  check('a table that nobody has touched has its own chains', async (under, ns) => {
    assert.deepEqual(await saved(under, ns), builtin);
    assert.deepEqual((await saved(under, ns, 6, 'raw')).sort(), [':OUTPUT ACCEPT', ':PREROUTING ACCEPT']);
    await assert.rejects(under.host.iptables.save(ns, 4, 'nosuch'), HostRefusal);
  });

  check('a chain that is declared is made or emptied, the others stay', async (under, ns) => {
    const { iptables } = under.host;
    await iptables.restore(ns, 4, filter(':two - [0:0]', ':one - [0:0]', '-A one -j DROP', '-A two -j one', '-A FORWARD -j two'));
    assert.deepEqual(await saved(under, ns), [...builtin, ':one -', ':two -', '-A FORWARD -j two', '-A one -j DROP', '-A two -j one']);
    await iptables.restore(ns, 4, filter(':one - [0:0]', '-A one -j ACCEPT', '-A one -j DROP'));
    assert.deepEqual(await rules(under, ns, 'one'), ['-j ACCEPT', '-j DROP']);
    assert.deepEqual(await rules(under, ns, 'two'), ['-j one']);
    await iptables.restore(ns, 4, filter(':FORWARD DROP [0:0]'));
    assert.deepEqual((await saved(under, ns))[1], ':FORWARD DROP');
    assert.deepEqual(await rules(under, ns, 'FORWARD'), ['-j two'], 'a built-in chain is not emptied');
  });

  check('rules are inserted by number, replaced, deleted by number and by text', async (under, ns) => {
    const { iptables } = under.host;
    const mark = (n: number): string => `-s 10.0.0.${n}/32 -j DROP`;
    await iptables.restore(ns, 4, filter(':c - [0:0]', `-A c ${mark(1)}`, `-A c ${mark(3)}`));
    await iptables.restore(ns, 4, filter(`-I c 2 ${mark(2)}`, `-I c ${mark(0)}`, `-I c 5 ${mark(4)}`));
    assert.deepEqual(await rules(under, ns, 'c'), [0, 1, 2, 3, 4].map(mark));
    await iptables.restore(ns, 4, filter('-D c 1', `-D c ${mark(3)}`, `-R c 1 ${mark(9)}`));
    assert.deepEqual(await rules(under, ns, 'c'), [9, 2, 4].map(mark));
    await iptables.restore(ns, 4, filter('-F c', '-N d', '-A d -j c', '-F d', '-X d', '-X c'));
    assert.deepEqual(await saved(under, ns), builtin);
  });
}

function refusals(check: Check): void {
  const refused = async (under: HostUnderTest, ns: Netns, text: string): Promise<HostRefusal> => {
    const before = await saved(under, ns);
    let words: HostRefusal | undefined;
    await assert.rejects(under.host.iptables.restore(ns, 4, text), error => {
      if (error instanceof HostRefusal) words = error;
      return error instanceof HostRefusal;
    });
    assert.deepEqual(await saved(under, ns), before, `changed by ${text}`);
    return words as HostRefusal;
  };

  check('a text with one bad line changes nothing', async (under, ns) => {
    await under.host.iptables.restore(ns, 4, filter(':kept - [0:0]', '-A kept -j DROP', '-A FORWARD -j kept'));
    const texts = [
      filter(':new - [0:0]', '-A new -j nosuch'),
      filter(':kept - [0:0]', '-A nosuch -j DROP'),
      filter('-D FORWARD -j nosuch'),
      filter('-D kept -j ACCEPT'),
      filter('-D kept 2'),
      filter('-I kept 3 -j DROP'),
      filter('-F kept', '-X kept'),
      filter('-X nosuch'),
      table('nosuch', ':a - [0:0]'),
      '*filter\n:a - [0:0]\n',
      filter('junk'),
      filter(`:${'x'.repeat(40)} - [0:0]`),
    ];
    for (const text of texts) await refused(under, ns, text);
    assert.equal((await refused(under, ns, filter(':kept - [0:0]', '-A nosuch -j DROP'))).line, 3);
  });

  check('of two tables in a text, the one before the bad one is taken', async (under, ns) => {
    const text = table('nat', ':a - [0:0]') + filter(':b - [0:0]', '-A b -j nosuch');
    await refused(under, ns, text);
    assert.ok((await saved(under, ns, 4, 'nat')).includes(':a -'));
  });

  check('a rule may name an ipset that there is, which then cannot go', async (under, ns) => {
    const { iptables, ipsets } = under.host;
    await refused(under, ns, filter('-A FORWARD -m set --match-set s4 src -j DROP'));
    await ipsets.restore(ns, 'create s4 hash:net family inet\n');
    await iptables.restore(ns, 4, filter('-A FORWARD -m set --match-set s4 src -j DROP'));
    assert.deepEqual(await rules(under, ns, 'FORWARD'), ['-m set --match-set s4 src -j DROP']);
    await assert.rejects(ipsets.restore(ns, 'destroy s4\n'), /in use/);
    await iptables.restore(ns, 4, filter('-D FORWARD -m set --match-set s4 src -j DROP'));
    await ipsets.restore(ns, 'destroy s4\n');
  });
}

function printed(check: Check): void {
  check('rules are printed in one form, however they were written', async (under, ns) => {
    const forms: readonly (readonly [written: string, printed: string])[] = [
      ['-s 10.0.0.1 -j DROP', '-s 10.0.0.1/32 -j DROP'],
      ['-s 10.0.0.7/24 -d 10.1.0.0/255.255.0.0 -j DROP', '-s 10.0.0.0/24 -d 10.1.0.0/16 -j DROP'],
      ['-p tcp --dport 22 -j ACCEPT', '-p tcp -m tcp --dport 22 -j ACCEPT'],
      ['-j ACCEPT -p udp -s 10.0.0.1/32', '-s 10.0.0.1/32 -p udp -j ACCEPT'],
      ['-p tcp -m tcp -m multiport --dports 80:90 -j RETURN', '-p tcp -m tcp -m multiport --dports 80:90 -j RETURN'],
      ['! -s 10.0.0.1/32 -i eth0 -j DROP', '! -s 10.0.0.1/32 -i eth0 -j DROP'],
      ['-m comment --comment "two words" -j DROP', '-m comment --comment "two words" -j DROP'],
      ['-m comment --comment word -j DROP', '-m comment --comment word -j DROP'],
      ['-m state --state RELATED,ESTABLISHED -j RETURN', '-m state --state RELATED,ESTABLISHED -j RETURN'],
      ['--source 10.0.0.1 --jump DROP', '-s 10.0.0.1/32 -j DROP'],
      ['-p 6 -j DROP', '-p tcp -j DROP'],
      ['-m mark --mark 0x1/0xffff -j DROP', '-m mark --mark 0x1/0xffff -j DROP'],
    ];
    await under.host.iptables.restore(ns, 4, filter(':c - [0:0]', ...forms.map(([written]) => `-A c ${written}`)));
    assert.deepEqual(
      await rules(under, ns, 'c'),
      forms.map(([, form]) => form),
    );
    const all = await under.host.iptables.save(ns, 4);
    await under.host.iptables.restore(ns, 4, filter('-F c', '-X c'));
    await under.host.iptables.restore(ns, 4, all);
    assert.equal((await rules(under, ns, 'c')).length, forms.length, 'what was saved can be restored');
  });
}

function apart(check: Check): void {
  check('families and namespaces do not see each other', async (under, ns) => {
    await under.host.iptables.restore(ns, 6, filter(':six - [0:0]', '-A six -s fd00::1 -j DROP'));
    assert.deepEqual(await saved(under, ns), builtin);
    assert.ok((await saved(under, ns, 6)).includes('-A six -s fd00::1/128 -j DROP'));
    await inNamespace(under, async other => assert.deepEqual(await saved(under, other, 6), builtin));
    await assert.rejects(under.host.iptables.restore(`${ns}-x`, 4, filter(':a - [0:0]')), HostRefusal);
    await assert.rejects(under.host.iptables.save(`${ns}-x`, 4), HostRefusal);
  });
}
