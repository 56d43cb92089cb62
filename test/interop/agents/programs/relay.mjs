// Two ends of a way for TCP between hosts that share no network: `listen-tcp PORT SOCKET` on the one, `listen-unix SOCKET PORT` on the other.
import { connect, createServer } from 'node:net';

const [mode, from, to] = process.argv.slice(2);
const onward = () => (mode === 'listen-tcp' ? connect(to) : connect(Number(to), '127.0.0.1'));

const server = createServer(near => {
  const far = onward();
  for (const [one, other] of [
    [near, far],
    [far, near],
  ]) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
    one.pipe(other);
  }
});
if (mode === 'listen-tcp') server.listen(Number(from), '127.0.0.1', () => console.log('ready'));
else server.listen(from, () => console.log('ready'));
