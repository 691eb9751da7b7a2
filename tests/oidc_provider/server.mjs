// A real OpenID provider on loopback: node server.mjs PACKAGES CONFIG
//
// CONFIG is JSON: {client, people: {login: claims}, algorithm, claims_in_token}. The first line on standard output is its
// address. PUT /control/people changes what it says of people, POST /control/rotate gives it other keys to sign with,
// POST /control/break makes it answer 503 to everything.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const [packages, text] = process.argv.slice(2);
const config = JSON.parse(text);
const require = createRequire(`${packages}/package.json`);
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));

let people = config.people;
let broken = false;
let answer;

function signingKey() {
  const pair = config.algorithm.startsWith('ES')
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...pair.privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: config.algorithm };
}

function makeProvider(issuer) {
  const provider = new Provider(issuer, {
    clients: [{ ...config.client, id_token_signed_response_alg: config.algorithm }],
    jwks: { keys: [signingKey()] },
    cookies: { keys: ['only for tests'] },
    claims: {
      openid: ['sub'],
      profile: ['preferred_username', 'name'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
    },
    scopes: ['openid', 'profile', 'email', 'groups'],
    conformIdTokenClaims: !config.claims_in_token,
    pkce: { required: () => true },
    findAccount: (_context, id) =>
      people[id] && { accountId: people[id].sub ?? id, claims: () => ({ sub: people[id].sub ?? id, ...people[id] }) },
  });
  return provider.callback();
}

async function body(request) {
  let read = '';
  for await (const piece of request) read += piece;
  return read;
}

const server = createServer(async (request, reply) => {
  if (request.url === '/control/rotate') {
    answer = makeProvider(address);
  } else if (request.url === '/control/break') {
    broken = !broken;
  } else if (request.url === '/control/people') {
    people = JSON.parse(await body(request));
  } else if (broken) {
    reply.writeHead(503).end();
    return;
  } else {
    answer(request, reply);
    return;
  }
  reply.writeHead(204).end();
});
let address;
server.listen(0, '127.0.0.1', () => {
  address = `http://127.0.0.1:${server.address().port}`;
  answer = makeProvider(address);
  console.log(address);
});
