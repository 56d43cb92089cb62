import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupMembersUpdated, groupRulesUpdated, type Message, portDelete } from './messages.ts';
import { Together } from './together.ts';

test('members of the same groups for the same hosts are one message, and nothing else waits', async () => {
  const together = new Together();
  assert.equal(together.keep(portDelete('p')), false);
  for (const [groups, member, hosts] of [
    [['g'], 1, ['h1', 'h2']],
    [['g'], 2, ['h1', 'h2']],
    [['g', 'k'], 3, ['h1', 'h2']],
    [['g'], 4, ['h1']],
    [['g'], 5, undefined],
    [['g'], 6, undefined],
  ] as const)
    assert.equal(together.keep(groupMembersUpdated(groups, [member], hosts)), true);
  const sent: Message[] = [];
  await assert.rejects(
    together.send(async message => {
      if (sent.length === 2) throw new Error('away');
      sent.push(message);
    }),
    /away/,
  );
  // What was sent is not sent again.
  await together.send(async message => void sent.push(message));
  assert.deepEqual(
    sent.map(({ target, args }) => [target.servers ?? target.fanout, args['security_groups'], args['members']]),
    [
      [['h1', 'h2'], ['g'], [1, 2]],
      [['h1', 'h2'], ['g', 'k'], [3]],
      [['h1'], ['g'], [4]],
      [true, ['g'], [5, 6]],
    ],
  );
  together.keep(groupMembersUpdated(['g'], [1], undefined));
  together.clear();
  await together.send(async () => assert.fail('nothing is left'));
});

test('rules are told as they were said last, and what makes agents ask is told besides', async () => {
  const together = new Together();
  together.keep(groupRulesUpdated(['g'], ['old'], ['h1']));
  together.keep(groupRulesUpdated(['g'], undefined, ['h1']));
  together.keep(groupRulesUpdated(['g'], ['new'], ['h1']));
  const sent: Message[] = [];
  await together.send(async message => void sent.push(message));
  assert.deepEqual(
    sent.map(({ args }) => args['rules']),
    [['new'], undefined],
  );
});
