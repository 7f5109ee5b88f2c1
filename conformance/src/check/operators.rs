//! Matchers with an argument: `{$contains: …}`, `{$unordered: …}`, ….

use super::{Found, matches, same};
use regex::Regex;
use serde_json::{Map, Value};

/// The operator of an object that is a matcher.
pub(super) fn single(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (key, value) = map.iter().next()?;
    (map.len() == 1 && key.starts_with('$')).then_some((key.as_str(), value))
}

impl Found {
    pub(super) fn operator(&mut self, name: &str, argument: &Value, actual: Option<&Value>, path: &str) {
        match (name, argument, actual) {
            ("$subset", Value::Object(wanted), Some(Value::Object(found))) => {
                self.subset(wanted, found, path);
            }
            ("$all_of", Value::Array(all), _) => {
                all.iter().for_each(|wanted| self.value(wanted, actual, path));
            }
            ("$each", wanted, Some(Value::Array(items))) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(index, item)| self.value(wanted, Some(item), &format!("{path}/{index}")));
            }
            ("$json", Value::String(text), _) => match serde_json::from_str(text) {
                Ok(value) => self.value(&value, actual, path),
                Err(error) => self.note(path, format!("JSON, but the spec has {text:?}: {error}"), actual),
            },
            ("$parsed", wanted, Some(Value::String(text))) => match serde_json::from_str(text) {
                Ok(value) => self.value(wanted, Some(&value), path),
                Err(error) => self.note(path, format!("JSON text ({error})"), actual),
            },
            _ => match holds(name, argument, actual) {
                Some(true) => {}
                Some(false) => self.note(path, format!("{name} {argument}"), actual),
                None => self.note(path, format!("no matcher is {name} {argument}"), actual),
            },
        }
    }
}

fn holds(name: &str, argument: &Value, actual: Option<&Value>) -> Option<bool> {
    let text = actual.and_then(Value::as_str);
    Some(match (name, argument) {
        ("$eq", wanted) => actual.is_some_and(|actual| same(wanted, actual)),
        ("$regex", Value::String(pattern)) => {
            text.is_some_and(|text| Regex::new(pattern).is_ok_and(|regex| regex.is_match(text)))
        }
        ("$contains", Value::String(part)) => text.is_some_and(|text| text.contains(part.as_str())),
        ("$contains", Value::Array(parts)) => {
            parts.iter().all(|part| part.as_str().zip(text).is_some_and(|(part, text)| text.contains(part)))
        }
        ("$starts", Value::String(start)) => text.is_some_and(|text| text.starts_with(start.as_str())),
        ("$starts", Value::Array(first)) => array(actual).is_some_and(|items| {
            items.len() >= first.len()
                && first.iter().zip(items).all(|(wanted, item)| matches(wanted, Some(item)))
        }),
        ("$ends", Value::String(end)) => text.is_some_and(|text| text.ends_with(end.as_str())),
        ("$ends", Value::Array(last)) => array(actual).is_some_and(|items| {
            items.len() >= last.len()
                && last.iter().rev().zip(items.iter().rev()).all(|(wanted, item)| matches(wanted, Some(item)))
        }),
        ("$any_of", Value::Array(options)) => options.iter().any(|option| matches(option, actual)),
        ("$not", wanted) => !matches(wanted, actual),
        ("$unordered", Value::Array(wanted)) => {
            array(actual).is_some_and(|items| items.len() == wanted.len() && holds_all(wanted, items))
        }
        ("$includes", Value::Array(wanted)) => array(actual).is_some_and(|items| holds_all(wanted, items)),
        ("$length", wanted) => {
            length(actual).is_some_and(|length| matches(wanted, Some(&Value::from(length))))
        }
        ("$between", Value::Array(ends)) => between(ends, actual),
        ("$float", Value::String(digits)) => {
            actual.and_then(Value::as_f64).is_some_and(|found| digits.parse() == Ok(found))
        }
        ("$subset" | "$each" | "$parsed", _) => false,
        _ => return None,
    })
}

fn array(actual: Option<&Value>) -> Option<&Vec<Value>> {
    actual.and_then(Value::as_array)
}

/// Whether each wanted element matches an element of its own.
fn holds_all(wanted: &[Value], items: &[Value]) -> bool {
    let mut left: Vec<&Value> = items.iter().collect();
    wanted.iter().all(|wanted| match left.iter().position(|item| matches(wanted, Some(item))) {
        Some(at) => {
            left.swap_remove(at);
            true
        }
        None => false,
    })
}

fn length(actual: Option<&Value>) -> Option<usize> {
    match actual? {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(items) => Some(items.len()),
        _ => None,
    }
}

fn between(ends: &[Value], actual: Option<&Value>) -> bool {
    match (ends, actual) {
        ([Value::String(low), Value::String(high)], Some(Value::String(text))) => low <= text && text <= high,
        ([low, high], Some(actual)) => {
            let ends = low.as_f64().zip(high.as_f64());
            ends.zip(actual.as_f64()).is_some_and(|((low, high), number)| low <= number && number <= high)
        }
        _ => false,
    }
}
