// What both clients in this folder need: a place where their redirect URIs lead, and somebody in front of a browser.
//
// The test that starts a client reads its output: at "visit URL" somebody opens the URL in a browser and does what the pages
// ask for; "passed WHAT" is written down. What the client is told, it is told by environment variables.
import { createServer } from 'node:http';
import assert from 'node:assert/strict';

const env = process.env;
export const issuer = new URL(env.ISSUER);
export const base = env.BASE; // of the redirect URIs
export const callback = `${base}/callback`;
export { assert };

const arrivals = [];
let waiting;
const server = createServer((request, response) => {
  response.setHeader('Content-Type', 'text/html');
  if (request.url === '/favicon.ico') return response.end();
  let body = '';
  request.on('data', (piece) => { body += piece; });
  request.on('end', () => {
    const headers = { 'content-type': request.headers['content-type'] ?? '' };
    arrivals.push(new Request(new URL(request.url, base), body ? { method: 'POST', body, headers } : {}));
    waiting?.();
    response.end('<!doctype html><title>arrived</title><h1>arrived</h1>');
  });
});
await new Promise((done) => { server.listen(new URL(base).port, '127.0.0.1', done); });

// visit has somebody open a URL and returns the request by which the browser comes back.
export const visit = async (url) => {
  console.log(`visit ${url}`);
  if (!arrivals.length) await new Promise((done) => { waiting = done; });
  return arrivals.shift();
};

// back is visit for answers that come in the query.
export const back = async (url) => new URL((await visit(url)).url);

export const passed = (what) => console.log(`passed ${what}`);

// refused checks that a promise is refused with an OAuth error code.
export const refused = async (promise, code) => {
  await assert.rejects(promise, (e) => {
    const said = e.error ?? e.cause?.error ?? e.cause?.parameters?.error;
    assert.equal(said, code, `refused with ${said}: ${e.message}`);
    return true;
  });
};

export const bye = () => { server.close(); server.closeAllConnections(); };
