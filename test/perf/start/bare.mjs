// What any server here stands on: Node.js and Fastify, which answer something. Usage: bare.mjs PORT
import fastify from 'fastify';

const app = fastify();
app.get('/v2.0/networks', async () => ({ networks: [] }));
await app.listen({ host: '127.0.0.1', port: Number(process.argv[2]) });
