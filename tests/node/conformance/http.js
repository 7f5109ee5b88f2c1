// HTTP steps: a request as the spec describes it, sent with fetch or through the published client, and its outcome.

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

import { AltertableLakehouseClient } from '../node_modules/@altertable/lakehouse/dist/src/index.js';
import { Digits, ifJson, parse, stringify } from './json.js';
import { SPEC, asText } from './spec.js';

const SOCKET_PATIENCE_MS = 15_000;
const LINES_PER_TURN = 10_000;

// What fetch sets itself, or takes no value for.
const FORBIDDEN = new Set(['connection', 'expect', 'host', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'content-length']);

/** Why fetch cannot send such a step; undefined if it can. */
export function unsendable(step) {
  const [method] = (step.lakehouse ?? step.analytics).split(' ');
  const headers = Object.entries(step.headers ?? {});
  if (step.arrow !== undefined) return 'sends Arrow data';
  if (headers.some(([name, value]) => FORBIDDEN.has(name.toLowerCase()) || Array.isArray(value))) {
    return 'sends headers that fetch does not let through';
  }
  if (headers.some(([, value]) => typeof value === 'string' && /[^\u0020-\u00ff]/.test(value))) {
    return 'sends headers that fetch does not let through';
  }
  if (['TRACE', 'CONNECT', 'TRACK'].includes(method)) return `sends ${method}`;
  if (['GET', 'HEAD'].includes(method) && bodyOf(step) !== undefined) return `sends ${method} with a body`;
  return undefined;
}

/** The request of a step: method, url, headers and body. */
export function request(step, server, account) {
  const style = step.lakehouse === undefined ? 'analytics' : 'lakehouse';
  const [, method, path] = /^(\S+) (.*)$/s.exec(step[style]);
  const url = new URL(server[style] + path);
  for (const [name, value] of Object.entries(step.query ?? {})) url.searchParams.append(name, asText(value));
  const headers = new Headers(step.json === undefined ? {} : { 'content-type': 'application/json' });
  for (const [name, value] of Object.entries(credentials(step.auth, style, account))) headers.set(name, latin1(value));
  for (const [name, value] of Object.entries(step.headers ?? {})) {
    if (value === null) headers.delete(name);
    else headers.set(name, latin1(asText(value)));
  }
  return { method, url, headers, body: bodyOf(step) };
}

/** Header values are bytes: fetch writes one per character. */
function latin1(value) {
  return Buffer.from(value, 'utf8').toString('latin1');
}

function credentials(auth, style, account) {
  const basic = (pair) => ({ authorization: `Basic ${Buffer.from(pair).toString('base64')}` });
  if (auth === 'none') return {};
  if (auth === 'basic' || (auth === undefined && style === 'lakehouse')) return basic(`${account.user}:${account.password}`);
  if (auth === undefined) return { 'x-api-key': account.api_key };
  if (auth.basic !== undefined) return basic(auth.basic);
  if (auth.bearer !== undefined) return { authorization: `Bearer ${auth.bearer}` };
  if (auth.header !== undefined) return { authorization: auth.header };
  return { 'x-api-key': auth.api_key };
}

function bodyOf(step) {
  if (step.json !== undefined) return Buffer.from(stringify(step.json));
  if (step.text !== undefined) return Buffer.from(asText(step.text));
  if (step.base64 !== undefined) return Buffer.from(step.base64, 'base64');
  if (step.file !== undefined) return readFileSync(join(SPEC, step.file));
  return step.fill === undefined ? undefined : filled(step.fill);
}

function filled({ head = '', repeat, times, tail = '' }) {
  return Buffer.from(head + repeat.repeat(Number(times.text)) + tail);
}

/** Sends a request; `gate` stops the reading between lines. */
export async function send({ method, url, headers, body }, gate, signal) {
  const response = await fetch(url, { method, headers, body, signal, redirect: 'manual' });
  const answer = { status: response.status, headers: Object.fromEntries(response.headers), chunks: [], lines: 0 };
  try {
    for await (const chunk of response.body ?? []) await read(answer, Buffer.from(chunk), gate);
  } catch (error) {
    if (signal?.aborted) throw error;
    answer.aborted = true;
  }
  return outcome(answer);
}

/** Takes bytes line by line, so that a gate can stop between lines that arrive together. */
async function read(answer, chunk, gate) {
  let from = 0;
  for (let end = chunk.indexOf(10) + 1; end > 0; end = chunk.indexOf(10, from) + 1) {
    answer.chunks.push(chunk.subarray(from, end));
    answer.lines += 1;
    from = end;
    if (gate && answer.lines === gate.after) await gate.stop(await outcome(answer));
  }
  answer.chunks.push(chunk.subarray(from));
}

async function outcome({ status, headers, chunks, aborted = false }) {
  const text = Buffer.concat(chunks).toString('utf8');
  const found = { status: new Digits(String(status)), headers, text, aborted };
  // What broke off is not whole, and may be long.
  if (aborted) return found;
  const json = ifJson(() => parse(text));
  if (json !== undefined) found.json = json;
  const lines = await jsonLines(text);
  if (lines !== undefined) found.lines = lines;
  return found;
}

/** The values of the lines, if each is JSON and ends in \n; among millions of them, other cases get their turns. */
async function jsonLines(text) {
  if (!text.endsWith('\n')) return undefined;
  const values = [];
  for (const line of text.slice(0, -1).split('\n')) {
    const value = ifJson(() => parse(line));
    if (value === undefined) return undefined;
    if (values.push(value) % LINES_PER_TURN === 0) await setImmediate();
  }
  return values;
}

/** `sql` over REST: the stream of LQ-03 as columns, rows and error. */
export function sqlOutcome({ lines, text }) {
  if (!lines) throw new Error(`POST /query answered ${text.slice(0, 500)}`);
  const error = lines.at(-1)?.error ?? null;
  const [columns, ...rows] = error === null ? lines.slice(1) : lines.slice(1, -1);
  return {
    columns: columns?.map((column) => column.name) ?? null,
    rows,
    row_count: new Digits(String(rows.length)),
    error,
  };
}

/**
 * The call of @altertable/lakehouse 0.2.2 that sends such a step; undefined if it has none. It reads no typed columns, so
 * that it can query a server of the legacy stream alone.
 */
export function clientCall(step, legacy) {
  const [method, target] = (step.lakehouse ?? '').split(' ', 2);
  if (step.auth !== undefined || step.headers !== undefined || !target || /\?/.test(target)) return undefined;
  const { json, query } = step;
  const only = (...names) => Object.keys(query ?? {}).every((name) => names.includes(name));
  const id = /^\/query\/([^/]+)$/.exec(target)?.[1];
  if (method === 'GET' && id && !query) return (client) => client.getQuery(id);
  if (method === 'DELETE' && id && query?.session_id && only('session_id')) return (client) => client.cancelQuery(id, query.session_id);
  if (method === 'POST' && json !== undefined && !query) {
    if (target === '/validate') return (client) => client.validate(json);
    if (target === '/query' && legacy && json.format === undefined) return (client) => client.queryAll(json);
  }
  return undefined;
}

/** Sends a step through the published client, and returns what its fetch got. */
export async function sendThroughClient(call, server, account, body) {
  let found;
  const client = new AltertableLakehouseClient({
    baseUrl: server.lakehouse,
    username: account.user,
    password: account.password,
    retryPolicy: { maxAttempts: 1 },
    fetch: async (url, init) => {
      // The client writes numbers as doubles; the spec's digits are kept.
      const sent = body === undefined ? init : { ...init, body };
      const response = await fetch(url, sent);
      const bytes = Buffer.from(await response.arrayBuffer());
      found = await outcome({ status: response.status, headers: Object.fromEntries(response.headers), chunks: [bytes] });
      return new Response(bytes, { status: response.status, headers: response.headers });
    },
  });
  try {
    await call(client);
  } catch (error) {
    // What the client refuses has to be an error of the server: a status, or the last line of a stream.
    if (!found || (Number(found.status.text) < 400 && found.lines?.at(-1)?.error === undefined)) throw error;
  }
  return found;
}

/** `socket` steps: raw bytes to a port, and what comes until the server closes. */
export function rawExchange(url, send) {
  const { hostname, port } = new URL(url);
  const bytes = typeof send === 'string' ? Buffer.from(send) : send.fill ? filled(send.fill) : Buffer.from(send.base64, 'base64');
  return new Promise((resolve) => {
    const chunks = [];
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    const end = (closed) => {
      socket.destroy();
      resolve({ text: Buffer.concat(chunks).toString('utf8'), closed });
    };
    const timer = setTimeout(end, SOCKET_PATIENCE_MS, false);
    socket.on('data', (chunk) => chunks.push(chunk));
    // A server that has seen enough closes before everything is sent; its answer still counts.
    for (const event of ['end', 'close', 'error']) {
      socket.on(event, () => {
        clearTimeout(timer);
        end(true);
      });
    }
    socket.write(bytes);
  });
}
