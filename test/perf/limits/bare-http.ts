// A Fastify that does nothing but send bytes: a program of its own, which says its address. Usage: bare-http.ts PATH=FILE …
import { readFileSync } from 'node:fs';
import { fastify } from 'fastify';

const app = fastify();
for (const word of process.argv.slice(2)) {
  const [path = '', file = ''] = word.split('=');
  const body = readFileSync(file);
  app.get(path, (_, reply) => reply.header('content-type', 'application/json').send(body));
}
process.stdout.write(`${await app.listen({ host: '127.0.0.1', port: 0 })}\n`);
