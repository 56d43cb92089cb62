// Mariadb that is lost, or whose connections are.
import { describe } from 'node:test';
import { lossSuite } from '../remote/loss.suite.ts';
import { serverOf, skipOf } from '../remote/place.suite.ts';
import { mariadbGround } from './ground.suite.ts';

const sessions = "SELECT id FROM information_schema.processlist WHERE user = 'weft' AND db = database();";

describe('mariadb: losses', { skip: skipOf(mariadbGround) }, () => {
  lossSuite(mariadbGround, serverOf(mariadbGround), id => `KILL CONNECTION ${id};`, sessions);
});
