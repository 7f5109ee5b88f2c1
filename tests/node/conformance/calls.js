// The calls that are made here: HTTP with fetch, or with the published client where it has such a call, and raw bytes to a port.

import { connect } from 'node:net';

import { AltertableLakehouseClient } from '../node_modules/@altertable/lakehouse/dist/src/index.js';
import { Cannot } from './driver.js';

const SOCKET_PATIENCE_MS = 15_000;

// What fetch sets itself, or takes no value for.
const FORBIDDEN = new Set(
  ['connection', 'content-length', 'expect', 'host', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
);
const NOT_IN_HEADERS = /[^\t\u0020-\u007e\u0080-\u00ff]/;

// Streams of POST /query: one with typed columns, which the published client cannot read (LQ-22), and one that ends with an error (LQ-09).
const TYPED = /^[^\n]*\n\[\s*\{/;
const FAILED = /\n\{\s*"error"[^\n]*\n?$/;

/** An HTTP request and what came back. */
export async function http(call, running) {
  const reason = unsendable(call);
  if (reason) throw new Cannot(reason);
  const body = call.body === null ? null : Buffer.from(call.body, 'base64');
  const byClient = clientCall(call, body);
  const answer = byClient ? await sendThroughClient(byClient, call, body, running) : await send(call.url, { ...call, body }, running);
  return told(answer);
}

/** Why fetch cannot send such a request; undefined if it can. */
function unsendable({ method, headers, body }) {
  const names = new Set(headers.map(([name]) => name));
  const refused = ([name, value]) => FORBIDDEN.has(name) || NOT_IN_HEADERS.test(latin1(value));
  if (names.size < headers.length || headers.some(refused)) return 'sends headers that fetch does not let through';
  if (['TRACE', 'CONNECT', 'TRACK'].includes(method)) return `sends ${method}`;
  if (['GET', 'HEAD'].includes(method) && body !== null) return `sends ${method} with a body`;
  return undefined;
}

/** Header values are bytes: fetch has one per character. */
function latin1(value) {
  return Buffer.from(value, 'utf8').toString('latin1');
}

async function send(url, { method, headers, body, pause_after: pauseAfter }, running) {
  const sent = new Headers([...headers].map(([name, value]) => [name, latin1(value)]));
  const response = await fetch(url, { method, headers: sent, body, signal: running.signal, redirect: 'manual' });
  const answer = { status: response.status, headers: response.headers, chunks: [], aborted: false };
  try {
    await read(response.body ?? [], answer.chunks, pauseAfter ?? 0, () => running.pause(told(answer)));
  } catch {
    answer.aborted = true;
  }
  return answer;
}

/** Reads a body, and stops after so many lines, even between lines that arrive together. */
async function read(body, chunks, lines, stop) {
  let left = lines;
  for await (const chunk of body) {
    let from = 0;
    for (let end = chunk.indexOf(10) + 1; left > 0 && end > 0; end = chunk.indexOf(10, from) + 1) {
      chunks.push(chunk.subarray(from, end));
      from = end;
      left -= 1;
      if (left === 0) await stop();
    }
    chunks.push(chunk.subarray(from));
  }
}

/** An answer as the protocol has it. */
function told({ status, headers, chunks, aborted }) {
  const utf8 = (value) => Buffer.from(value, 'latin1').toString('utf8');
  const named = Object.fromEntries([...headers].map(([name, value]) => [name, utf8(value)]));
  return { status, headers: named, body: Buffer.concat(chunks).toString('base64'), aborted };
}

/** The call of @altertable/lakehouse 0.2.2 that sends such a request; undefined if it has none. */
function clientCall({ method, url, headers, plain }, body) {
  const { pathname, search, searchParams } = new URL(url);
  const names = headers.map(([name]) => name).sort().join();
  const id = /^\/query\/([^/]+)$/.exec(pathname)?.[1];
  if (!plain) return undefined;
  if (names === 'authorization' && id && body === null) {
    if (method === 'GET' && !search) return (client) => client.getQuery(id);
    const only = [...searchParams.keys()].join() === 'session_id';
    if (method === 'DELETE' && only) return (client) => client.cancelQuery(id, searchParams.get('session_id'));
  }
  if (names === 'authorization,content-type' && method === 'POST' && !search) {
    const json = JSON.parse(body);
    if (pathname === '/validate') return (client) => client.validate(json);
    if (pathname === '/query' && json?.format === undefined) return (client) => client.queryAll(json);
  }
  return undefined;
}

/** Sends a request through the published client, which has to refuse what the server refuses, and to read what it knows. */
async function sendThroughClient(byClient, { url, plain }, body, running) {
  let answer;
  const client = new AltertableLakehouseClient({
    baseUrl: new URL(url).origin,
    username: plain.user,
    password: plain.password,
    retryPolicy: { maxAttempts: 1 },
    fetch: async (address, init) => {
      // The client writes numbers as doubles; the spec's digits are kept. Its name would choose the form of the answer
      // (LQ-22), which is the spec's to choose.
      const anonymous = new Headers(init.headers);
      anonymous.delete('user-agent');
      answer = await send(address, { ...init, headers: anonymous, body }, running);
      const { status, headers, chunks } = answer;
      return new Response(chunks.length > 0 ? Buffer.concat(chunks) : null, { status, headers });
    },
  });
  const failure = await byClient(client).then(() => undefined, (error) => error);
  if (!answer) throw failure;
  const stream = new URL(url).pathname === '/query' ? Buffer.concat(answer.chunks).toString('utf8') : '';
  const refused = answer.status >= 400 || FAILED.test(stream);
  if (refused && !failure) throw new Error('the published client took for an answer what the server refused');
  if (failure && !refused && !TYPED.test(stream)) throw new Error('the published client failed', { cause: failure });
  return answer;
}

/** Raw bytes to a port, and what comes until the server closes. */
export function socket({ address, body }, { signal }) {
  const { hostname, port } = new URL(`tcp://${address}`);
  return new Promise((resolve) => {
    const chunks = [];
    const connection = connect({ host: hostname, port: Number(port), allowHalfOpen: true, signal });
    const end = (closed) => {
      clearTimeout(timer);
      connection.destroy();
      resolve({ body: Buffer.concat(chunks).toString('base64'), closed });
    };
    const timer = setTimeout(end, SOCKET_PATIENCE_MS, false);
    connection.on('data', (chunk) => chunks.push(chunk));
    // A server that has seen enough closes before everything is sent; its answer still counts.
    for (const event of ['end', 'close', 'error']) connection.on(event, () => end(true));
    connection.write(Buffer.from(body, 'base64'));
  });
}
