// Runs the steps of a case, one after another, those in the background beside them.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { compareOutcome } from './check.js';
import { clientCall, rawExchange, request, send, sendThroughClient, sqlOutcome, unsendable } from './http.js';
import { Digits, stringify } from './json.js';
import { asText, fill } from './spec.js';

const PATIENCE_MS = 60_000;
const VERBS = ['lakehouse', 'analytics', 'sql', 'socket', 'join', 'drop', 'pending', 'sleep'];

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Why this runner cannot run a case; undefined if it can. */
export function unsupported({ steps, door }) {
  if (door === 'flight') return 'speaks Flight SQL';
  for (const step of steps) {
    const verb = VERBS.find((name) => step[name] !== undefined);
    if (!verb || step.door === 'flight' || step.socket === 'flight') return 'speaks Flight SQL';
    if (step.expect?.parquet !== undefined || step.expect?.arrow !== undefined) return 'reads Parquet or Arrow';
    const reason = verb === 'lakehouse' || verb === 'analytics' ? unsendable(step) : undefined;
    if (reason) return reason;
  }
  return undefined;
}

/** An answer that was right, and only came too late. */
export class Late extends Error {}

/** One run of a case against a server. */
export class CaseRun {
  constructor(test, server) {
    this.server = server;
    this.legacy = test.server.includes('--legacy-query-stream');
    this.door = test.door;
    this.sessions = new Map();
    this.background = new Map();
    this.accounts = Object.fromEntries(test.tenants.map((name) => [name, server.only ?? account()]));
    [this.first] = test.tenants;
    this.variables = { uuid: randomUUID() };
    for (const [name, own] of Object.entries(this.accounts)) {
      for (const [field, value] of Object.entries(own)) {
        this.variables[`${name}.${field}`] = value;
        if (name === this.first) this.variables[field] = value;
      }
    }
  }

  async run(steps) {
    try {
      for (const [at, raw] of steps.entries()) {
        for (let round = 0; round < Number(raw.times?.text ?? 1); round += 1) {
          this.variables.i = new Digits(String(round));
          await this.inTime(at, this.step(fill(raw, this.variables)));
        }
      }
    } finally {
      for (const { abort } of this.background.values()) abort();
    }
  }

  async inTime(at, work) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Late(`nothing came back within ${PATIENCE_MS} ms`)), PATIENCE_MS);
    });
    try {
      await Promise.race([work, late]);
    } catch (error) {
      const cause = error.cause ? ` (${error.cause.message ?? error.cause})` : '';
      error.message = `step ${at + 1}: ${error.message}${cause}`;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async step(step) {
    const started = performance.now();
    if (step.sleep !== undefined) return sleep(milliseconds(step.sleep));
    if (step.pending !== undefined) {
      // What may be on its way gets a moment.
      await sleep(50);
      return assert.ok(!this.running(step.pending).ended, `the background step ${step.pending} has ended`);
    }
    if (step.drop !== undefined) return this.drop(step.drop);
    if (step.join !== undefined) {
      const running = this.running(step.join);
      this.background.delete(step.join);
      running.resume();
      return this.judge(running.verb, step, await running.outcome, started);
    }
    return step.background === undefined ? this.untilItHolds(step) : this.start(step);
  }

  running(name) {
    const running = this.background.get(name);
    assert.ok(running, `no background step is called ${name}`);
    return running;
  }

  async drop(name) {
    const running = this.running(name);
    this.background.delete(name);
    running.abort();
    await running.outcome.catch(() => undefined);
  }

  async untilItHolds(step) {
    const deadline = performance.now() + (step.eventually === undefined ? 0 : milliseconds(step.eventually));
    for (;;) {
      const began = performance.now();
      const outcome = await this.act(step);
      try {
        return this.judge(verbOf(step), step, outcome, began);
      } catch (error) {
        if (performance.now() >= deadline) throw error;
        await sleep(20);
      }
    }
  }

  async start(step) {
    const controller = new AbortController();
    const [resumed, resume] = signal();
    const [reached, reach] = signal();
    const stop = (outcome) => {
      reach(outcome);
      return resumed;
    };
    const gate = step.pause_after === undefined ? undefined : { after: Number(step.pause_after.text), stop };
    const abort = () => {
      controller.abort();
      resume();
    };
    const running = { verb: verbOf(step), resume, abort, ended: false };
    running.outcome = this.act(step, gate, controller.signal).finally(() => {
      running.ended = true;
      reach();
    });
    // Whoever joins the step meets its failure.
    running.outcome.catch(() => undefined);
    this.background.set(step.background, running);
    if (!gate) return;
    const soFar = await reached;
    assert.ok(soFar, 'the background step ended before the pause');
    this.capture(step, soFar);
  }

  /** What a step does, as its outcome. */
  async act(step, gate, signal) {
    const own = this.accounts[step.tenant ?? this.first];
    assert.ok(own, `no tenant is called ${step.tenant}`);
    if (step.socket !== undefined) return rawExchange(this.server[step.socket], step.send);
    if (step.sql !== undefined) {
      const key = `${step.tenant ?? this.first}/${step.session ?? 'main'}`;
      if (!this.sessions.has(key)) this.sessions.set(key, randomUUID());
      const json = { statement: step.sql, session_id: this.sessions.get(key) };
      const query = { ...step, lakehouse: 'POST /query', json, sql: undefined };
      return sqlOutcome(await send(request(query, this.server, own), gate, signal));
    }
    const wanted = request(step, this.server, own);
    const call = gate || signal ? undefined : clientCall(step, this.legacy);
    return call ? sendThroughClient(call, this.server, own, wanted.body) : send(wanted, gate, signal);
  }

  judge(verb, step, outcome, started) {
    const took = performance.now() - started;
    const differences = compareOutcome(expectation(verb, step.expect), outcome).map(({ path, told }) => `${path}: ${told}`);
    if (step.after !== undefined && took < milliseconds(step.after)) differences.push(`took only ${took} ms, not ${step.after}`);
    assert.ok(differences.length === 0, `${differences.join('\n')}\nof ${step[verb] ?? verb}\nwhich gave ${stringify(outcome).slice(0, 1500)}`);
    if (step.within !== undefined && took > milliseconds(step.within)) throw new Late(`took ${took} ms, not ${step.within}`);
    this.capture(step, outcome);
  }

  capture(step, outcome) {
    for (const [name, pointer] of Object.entries(step.capture ?? {})) {
      const found = pointer.split('/').slice(1).reduce((value, part) => value?.[part], outcome);
      assert.notEqual(found, undefined, `nothing to capture at ${pointer} in ${stringify(outcome).slice(0, 500)}`);
      this.variables[name] = found;
    }
  }
}

function verbOf(step) {
  return VERBS.find((name) => step[name] !== undefined);
}

/** A user whom nobody has seen before; its API key is its name (LX-13). */
function account() {
  const user = `user-${randomUUID()}`;
  return { user, password: `pw:${randomUUID()}`, api_key: user };
}

/** What the spec says, with success filled in where it says nothing. */
function expectation(verb, expect = {}) {
  if (verb === 'socket') return expect;
  if (verb === 'sql') return { error: null, ...expect };
  return { status: { $between: [new Digits('200'), new Digits('299')] }, ...expect };
}

function milliseconds(duration) {
  const [, count, unit] = /^(\d+)(ms|s)$/.exec(asText(duration));
  return Number(count) * (unit === 's' ? 1000 : 1);
}

/** A promise, and what fulfils it. */
function signal() {
  let fulfil;
  return [new Promise((resolve) => (fulfil = resolve)), (value) => fulfil(value)];
}
