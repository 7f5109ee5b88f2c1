// The server under test as a process of its own, on free ports.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

// FX-1: the line that says that a door is open, and where.
const STARTED = /Starting (Flight SQL|Lakehouse HTTP|Product Analytics HTTP|PostgreSQL) server on (\S+:\d+)/;
const COLOUR = /\u001b\[[0-9;]*m/g;

export const ALICE = { username: 'alice', password: 'a:colon, a comma and ünïcode' };
export const BOB = { username: 'bob', password: 'secret' };

/** Starts the binary that ALTERTABLE_MOCK_BINARY names; `stop()` or `kill()` ends it. */
export async function startServer(...flags) {
  const binary = process.env.ALTERTABLE_MOCK_BINARY;
  if (!binary) throw new Error("ALTERTABLE_MOCK_BINARY must name the server's binary");
  const ports = ['--bind=127.0.0.1', '--flight-port=0', '--lakehouse-port=0', '--analytics-port=0', '--postgres-port=0'];
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ALTERTABLE_')));
  const child = spawn(binary, [...ports, ...flags], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  child.stderr.resume();
  const doors = {};
  const log = [];
  const open = new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const plain = line.replace(COLOUR, '');
      log.push(plain);
      const found = STARTED.exec(plain);
      if (found) doors[found[1]] = `http://${found[2]}`;
      if (Object.keys(doors).length === 4) resolve();
    });
    ended.then(([code]) => reject(new Error(`the server ended with ${code}:\n${log.join('\n')}`)), reject);
  });
  await open;
  return {
    lakehouse: doors['Lakehouse HTTP'],
    analytics: doors['Product Analytics HTTP'],
    async stop() {
      child.kill();
      await ended;
    },
    /** Ends it at once, for those that have made a thousand tenants, which it would close one by one. */
    kill() {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the server ended during the tests:\n${log.join('\n')}`);
      child.kill('SIGKILL');
    },
  };
}
