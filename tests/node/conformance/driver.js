// The driver's side of the protocol of conformance/spec/DRIVERS.md: makes the calls that the program asks for, and hears its verdicts.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** What the clients have no way to express. */
export class Cannot extends Error {}

/**
 * Has `altertable-conformance` run the spec, and returns its exit code. `kinds` has a function for each kind of call that can be made,
 * which takes the call and the `Running` of it and returns the answer; `onVerdict` hears what became of each case.
 */
export async function drive(kinds, floors, onVerdict) {
  const program = process.env.ALTERTABLE_CONFORMANCE ?? 'altertable-conformance';
  const flags = floors.flatMap((floor) => ['--floor', floor]);
  const child = spawn(program, ['drive', ...flags], { stdio: ['pipe', 'pipe', 'inherit'] });
  // What cannot be said to a program that is gone is told by its exit code.
  child.stdin.on('error', () => undefined);
  try {
    const [[code, signal]] = await Promise.all([once(child, 'close'), converse(child, kinds, onVerdict)]);
    return code ?? signal;
  } finally {
    child.kill();
  }
}

async function converse({ stdin, stdout }, kinds, onVerdict) {
  const say = (message) => stdin.write(`${JSON.stringify(message)}\n`);
  const running = new Map();
  say({ driver: 'node', calls: Object.keys(kinds) });
  for await (const line of linesOf(stdout)) {
    const { call, resume, hang_up: hangUp, verdict, ...fields } = JSON.parse(line);
    if (verdict) onVerdict(verdict);
    running.get(resume)?.resume();
    running.get(hangUp)?.hangUp();
    if (call !== undefined) {
      const started = new Running((reply) => say({ call, ...reply }));
      running.set(call, started);
      started.make(kinds[fields.kind], fields).finally(() => running.delete(call));
    }
  }
  stdin.end();
}

/** The lines of a stream; readline would also end them at U+2028. */
async function* linesOf(stream) {
  let line = [];
  for await (const text of stream.setEncoding('utf8')) {
    const [end, ...others] = text.split('\n');
    line.push(end);
    for (const start of others) {
      yield line.join('');
      line = [start];
    }
  }
}

/** A call while it is made. */
class Running {
  #controller = new AbortController();
  #reply;
  #resumed;

  constructor(reply) {
    this.#reply = reply;
    this.#resumed = new Promise((resolve) => (this.resume = resolve));
  }

  /** Aborted when the program hangs up. */
  get signal() {
    return this.#controller.signal;
  }

  /** Tells what has come so far, and waits until the program wants more. */
  pause(answer) {
    this.#reply({ paused: answer });
    return this.#resumed;
  }

  hangUp() {
    this.#controller.abort();
    this.resume();
  }

  /** Makes the call and replies, whatever becomes of it. */
  async make(act, fields) {
    try {
      this.#reply({ answer: await act(fields, this) });
    } catch (error) {
      this.#reply(error instanceof Cannot ? { cannot: error.message } : { broke: reasonOf(error) });
    }
  }
}

function reasonOf(error) {
  return error.cause ? `${error.message} (${error.cause.message ?? error.cause})` : error.message;
}
