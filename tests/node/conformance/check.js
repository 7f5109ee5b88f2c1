// Compares an outcome with what the spec expects, matchers included (conformance/spec/README.md, "Matchers").

import { Digits, ifJson, isObject, parse, same, stringify } from './json.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIMESTAMP = /^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

const isText = (value) => typeof value === 'string';
const isInteger = (value) => value instanceof Digits && !/[.eE]/.test(value.text);
const number = (value) => (value instanceof Digits ? Number(value.text) : NaN);

const NAMED = {
  $any: (actual) => actual !== undefined,
  $absent: (actual) => actual === undefined,
  $string: isText,
  $text: (actual) => isText(actual) && actual !== '',
  $boolean: (actual) => typeof actual === 'boolean',
  $number: (actual) => actual instanceof Digits,
  $integer: isInteger,
  $natural: (actual) => isInteger(actual) && !actual.text.startsWith('-'),
  $array: Array.isArray,
  $object: isObject,
  $uuid: (actual) => isText(actual) && UUID.test(actual),
  $uuidv7: (actual) => isText(actual) && UUID_V7.test(actual),
  $timestamp: (actual) => isText(actual) && TIMESTAMP.test(actual),
};

/** Matchers that only hold or do not. */
const HOLDS = {
  $eq: same,
  $regex: (pattern, actual) => isText(actual) && expression(pattern).test(actual),
  $contains: (parts, actual) => isText(actual) && [parts].flat().every((part) => actual.includes(part)),
  $starts: (start, actual) => edge(start, actual, (items, length) => items.slice(0, length), 'startsWith'),
  $ends: (end, actual) => edge(end, actual, (items, length) => items.slice(items.length - length), 'endsWith'),
  $any_of: (options, actual) => options.some((option) => matches(option, actual)),
  $not: (wanted, actual) => !matches(wanted, actual),
  $unordered: (wanted, actual) =>
    Array.isArray(actual) && actual.length === wanted.length && eachFound(wanted, actual),
  $includes: (wanted, actual) => Array.isArray(actual) && eachFound(wanted, actual),
  $length: (wanted, actual) =>
    (isText(actual) || Array.isArray(actual)) && matches(wanted, new Digits(String([...actual].length))),
  $between: ([low, high], actual) =>
    isText(low) ? isText(actual) && low <= actual && actual <= high : number(low) <= number(actual) && number(actual) <= number(high),
  $float: (digits, actual) => number(actual) === Number(digits),
};

/** Matchers that say where below them something differs. */
const DEEP = {
  $subset: (wanted, actual, path) => (isObject(actual) ? subset(wanted, actual, path) : differ(wanted, actual, path)),
  $all_of: (all, actual, path) => all.flatMap((wanted) => compare(wanted, actual, path)),
  $each: (wanted, actual, path) =>
    Array.isArray(actual)
      ? actual.flatMap((item, at) => compare(wanted, item, `${path}/${at}`))
      : differ(wanted, actual, path),
  $json: (text, actual, path) => compare(parse(text), actual, path),
  $parsed: (wanted, actual, path) => {
    const parsed = isText(actual) ? ifJson(() => parse(actual)) : undefined;
    return parsed === undefined ? differ(wanted, actual, path) : compare(wanted, parsed, path);
  },
};

/** Every place, as JSON pointer, where `actual` differs from `expected`, and how. */
export function compare(expected, actual, path = '') {
  if (isText(expected) && expected.startsWith('$')) {
    if (!NAMED[expected]) return [{ path, told: `no matcher is called ${expected}` }];
    return NAMED[expected](actual) ? [] : differ(expected, actual, path);
  }
  if (isObject(expected)) {
    if (isOperator(expected)) return operator(...Object.entries(expected)[0], actual, path);
    if (!isObject(actual)) return differ(expected, actual, path);
    const surplus = Object.keys(actual).filter((key) => !Object.hasOwn(expected, key));
    return [...subset(expected, actual, path), ...surplus.map((key) => ({ path: `${path}/${key}`, told: 'no such key is expected' }))];
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return differ(expected, actual, path);
    return expected.flatMap((item, at) => compare(item, actual[at], `${path}/${at}`));
  }
  return same(expected, actual) ? [] : differ(expected, actual, path);
}

/** As `compare` for a whole outcome: what the spec does not mention is not looked at, headers included. */
export function compareOutcome(expected, outcome) {
  return Object.entries(expected).flatMap(([key, wanted]) =>
    key === 'headers' && isObject(wanted) && !isOperator(wanted) && isObject(outcome.headers)
      ? subset(wanted, outcome.headers, '/headers')
      : compare(wanted, outcome[key], `/${key}`),
  );
}

function isOperator(object) {
  const [name, ...others] = Object.keys(object);
  return others.length === 0 && name?.startsWith('$') === true;
}

function operator(name, argument, actual, path) {
  if (DEEP[name]) return DEEP[name](argument, actual, path);
  if (!HOLDS[name]) return [{ path, told: `no matcher is called ${name}` }];
  return HOLDS[name](argument, actual) ? [] : differ({ [name]: argument }, actual, path);
}

function subset(expected, actual, path) {
  return Object.entries(expected).flatMap(([key, wanted]) => compare(wanted, own(actual, key), `${path}/${key}`));
}

function own(object, key) {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function matches(expected, actual) {
  return compare(expected, actual).length === 0;
}

function edge(wanted, actual, cut, textual) {
  if (isText(wanted)) return isText(actual) && actual[textual](wanted);
  return Array.isArray(actual) && actual.length >= wanted.length && matches(wanted, cut(actual, wanted.length));
}

/** Whether each wanted element matches an element of its own. */
function eachFound(wanted, items) {
  const left = [...items];
  return wanted.every((want) => {
    const at = left.findIndex((item) => matches(want, item));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

/** The spec's patterns may begin with flags, as `(?s)`. */
function expression(pattern) {
  const [, flags = '', rest] = /^(?:\(\?([a-z]+)\))?(.*)$/s.exec(pattern);
  return new RegExp(rest, `u${flags}`);
}

function differ(expected, actual, path) {
  const short = (value) => (value === undefined ? 'nothing' : stringify(value).slice(0, 600));
  return [{ path, told: `expected ${short(expected)}, found ${short(actual)}` }];
}
