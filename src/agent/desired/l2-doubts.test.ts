import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Doubts } from './l2-doubts.ts';
import { emptyFdb } from './l2-fdb.ts';

const network = (): ReturnType<typeof emptyFdb> => {
  const state = emptyFdb();
  for (const n of [1, 2]) {
    state.unicast.set(`mac ${n}`, 'end');
    state.neighbours.set(`address ${n}`, `mac ${n}`);
  }
  state.flood.add('end');
  return state;
};
const names = (state: ReturnType<typeof emptyFdb>): string[] => [...state.unicast.keys(), ...state.neighbours.keys(), ...state.flood];

test('what is told again stays, the rest goes after its time, and who is flooded to stays', () => {
  const [doubts, state] = [new Doubts(), network()];
  const fdb = new Map([['a', state]]);
  doubts.doubt('a', state);
  assert.equal(doubts.expire(fdb, 0, 10), false);
  doubts.settle({ network: 'a', ends: new Map([['end', [['mac 1', 'address 1']]]]) });
  doubts.settle({ network: 'b', ends: new Map([['end', [['mac 2', 'address 2']]]]) });
  assert.equal(doubts.expire(fdb, 9, 10), false);
  assert.deepEqual(names(state).length, 5);
  assert.equal(doubts.expire(fdb, 10, 10), true);
  assert.deepEqual(names(state), ['mac 1', 'address 1', 'end']);
  assert.equal(doubts.expire(fdb, 99, 10), false);
});

test('a new doubt has its whole time, and a network that has left is nobody in doubt', () => {
  const [doubts, state] = [new Doubts(), network()];
  const fdb = new Map([['a', state]]);
  doubts.doubt('a', state);
  doubts.expire(fdb, 0, 10);
  doubts.doubt('b', state);
  assert.equal(doubts.expire(fdb, 10, 10), false);
  assert.equal(doubts.expire(new Map(), 20, 10), false);
  assert.equal(names(state).length, 5);
});
