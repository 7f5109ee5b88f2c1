// Which servers are held to the spec: one started per set of flags, or the one that CONFORMANCE_URL names.

import { startServer } from '../server.js';
import { DEFAULT_FLAGS } from './spec.js';

const { CONFORMANCE_URL, CONFORMANCE_ANALYTICS_URL = 'http://127.0.0.1:15001', CONFORMANCE_USER, CONFORMANCE_API_KEY = '' } = process.env;

export const isRemote = Boolean(CONFORMANCE_URL);

const servers = new Map();

/** Why this target cannot run a case; undefined if it can. */
export function unfit({ server, tenants }) {
  if (isRemote && JSON.stringify(server) !== JSON.stringify(DEFAULT_FLAGS)) return 'needs a server started with other flags';
  if (isRemote && CONFORMANCE_USER && tenants.length > 1) return 'needs several tenants';
  return undefined;
}

/** The server with these flags, started by the first case that needs it. */
export function serverWith(flags) {
  if (isRemote) return { lakehouse: CONFORMANCE_URL, analytics: CONFORMANCE_ANALYTICS_URL, only: declared() };
  const key = JSON.stringify(flags);
  if (!servers.has(key)) servers.set(key, startServer(...flags));
  return servers.get(key);
}

/** The one user that a server knows if not everybody. */
function declared() {
  if (!CONFORMANCE_USER) return undefined;
  const [, user, password] = /^([^:]*):(.*)$/s.exec(CONFORMANCE_USER);
  return { user, password, api_key: CONFORMANCE_API_KEY };
}

export async function stopServers() {
  const started = await Promise.allSettled(servers.values());
  for (const { value } of started) value?.kill();
}
