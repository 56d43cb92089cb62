// MariaDB that is lost, or whose connections are.
import { describe } from 'node:test';
import { type Ends, lossSuite } from '../remote/loss.suite.ts';
import { serverOf, skipOf } from '../remote/place.suite.ts';
import { mariadbGround } from './ground.suite.ts';

const ends: Ends = {
  kill: id => `KILL CONNECTION ${id};`,
  sessions: "SELECT id FROM information_schema.processlist WHERE user = 'weft' AND db = database();",
  demote: only => `SET GLOBAL read_only = ${only ? 1 : 0};`,
};

describe('mariadb: losses', { skip: skipOf(mariadbGround) }, () => {
  lossSuite(mariadbGround, serverOf(mariadbGround), ends);
});
