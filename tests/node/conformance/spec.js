// The cases of the spec: files read, tables and doors expanded, `${variables}` filled in.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse as parseYaml } from 'yaml';

import { Digits, isObject, stringify } from './json.js';

export const DEFAULT_FLAGS = ['--allow-any-user'];
export const SPEC = fileURLToPath(new URL('../../../conformance/spec', import.meta.url));

/** Every case below the spec's folder, in order. */
export function loadCases() {
  const files = readdirSync(SPEC, { recursive: true }).filter((name) => name.endsWith('.yaml')).sort();
  return files.flatMap((file) => loadFile(file));
}

function loadFile(file) {
  const raw = exact(parseYaml(readFileSync(join(SPEC, file), 'utf8'), { schema: 'core', version: '1.2' }));
  const name = file.replace(/\.yaml$/, '').replaceAll('\\', '/');
  return raw.cases.flatMap((test) =>
    rowsOf(test).flatMap(({ suffix, variables }) => {
      const steps = [...(raw.before ?? []), ...test.steps].map((step) => fill(step, variables, true));
      const server = (test.server ?? raw.server ?? DEFAULT_FLAGS).map((flag) =>
        asText(fill(flag, { ...variables, spec: SPEC }, true)),
      );
      return doorsOf(test, steps).map((door) => ({
        id: `${name}/${test.name}${suffix}${door ? ` [${door}]` : ''}`,
        clauses: test.clauses,
        tenants: test.tenants ?? ['default'],
        server,
        steps,
        door,
      }));
    }),
  );
}

/** The same data with its numbers as digits. */
function exact(value) {
  if (typeof value === 'number') return new Digits(String(value));
  if (Array.isArray(value)) return value.map(exact);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, exact(item)]));
}

function rowsOf({ table }) {
  if (!table) return [{ suffix: '', variables: {} }];
  return table.rows.map((row, at) => ({
    suffix: ` [${at + 1}]`,
    variables: Object.fromEntries(table.columns.map((column, index) => [column, row[index]])),
  }));
}

function doorsOf(test, steps) {
  const open = steps.some((step) => step.sql !== undefined && step.door === undefined);
  return open ? (test.doors ?? ['rest', 'flight']) : [undefined];
}

/** How a value reads inside a longer string: strings as they are, the rest as JSON. */
export function asText(value) {
  return typeof value === 'string' ? value : stringify(value);
}

/** Replaces `${name}` in every string, keys included; `keep` leaves unknown names for a later pass. */
export function fill(value, variables, keep = false) {
  if (typeof value === 'string') return fillText(value, variables, keep);
  if (Array.isArray(value)) return value.map((item) => fill(item, variables, keep));
  if (!isObject(value)) return value;
  const filled = ([key, item]) => [asText(fillText(key, variables, keep)), fill(item, variables, keep)];
  return Object.fromEntries(Object.entries(value).map(filled));
}

function fillText(text, variables, keep) {
  const whole = /^\$\{([^{}]+)\}$/.exec(text);
  if (whole && Object.hasOwn(variables, whole[1])) return variables[whole[1]];
  return text.replace(/(\$?)\$\{([^}]*)\}/g, (reference, escape, name) => {
    if (escape) return keep ? reference : reference.slice(1);
    if (Object.hasOwn(variables, name)) return asText(variables[name]);
    if (keep) return reference;
    throw new Error(`no variable \${${name}} has been set`);
  });
}
