// A program for tests: starts a daemon that outlives it, as agents do, and does nothing.
import { spawn } from 'node:child_process';

spawn('sleep', ['100000'], { detached: true, stdio: 'ignore' }).unref();
setInterval(() => {}, 60_000);
