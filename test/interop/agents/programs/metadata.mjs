// In the place of Nova's metadata service: it tells what it was told of the instance that asks, where the agent has signed that.
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';

const [port, secret] = process.argv.slice(2);
createServer((request, reply) => {
  reply.setHeader('content-type', 'application/json');
  const id = String(request.headers['x-instance-id']);
  const signature = createHmac('sha256', secret).update(id).digest('hex');
  if (request.headers['x-instance-id-signature'] !== signature) reply.writeHead(403).end('the signature is wrong');
  else
    reply.end(JSON.stringify({ id, project: request.headers['x-tenant-id'], from: request.headers['x-forwarded-for'], path: request.url }));
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
