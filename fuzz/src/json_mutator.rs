//! Changes documents where changes tell: one value of a JSON text at a time, which remains JSON.
//!
//! Changing bytes seldom leaves a document that is read to its end, and never makes a list of an object.

use libfuzzer_sys::fuzzer_mutate;
use serde_json::{Map, Value, json};

/// Changes `data[skip..size]` as JSON, in place, and returns the new size. Every fourth time, and where that can't be,
/// libFuzzer changes bytes.
///
/// For the body of `fuzz_mutator!`, whose arguments these are.
pub fn mutate_json(data: &mut [u8], size: usize, max_size: usize, seed: u32, skip: usize) -> usize {
    let mut dice = Dice(seed);
    let changed = data.get(skip..size).filter(|_| dice.roll(4) > 0).and_then(|text| change(text, &mut dice));
    match changed {
        Some(text) if skip + text.len() <= max_size => {
            data[skip..skip + text.len()].copy_from_slice(&text);
            skip + text.len()
        }
        _ => fuzzer_mutate(data, size, max_size),
    }
}

fn change(text: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let mut document: Value = serde_json::from_slice(text).ok()?;
    let at = dice.roll(count(&document));
    let value = find(&mut document, &mut { at }).expect("it was counted");
    *value = match (dice.roll(8), value.take()) {
        (0, _) => Value::Null,
        (1, value) => json!([value]),
        (2, Value::String(digits)) => serde_json::from_str(&digits).unwrap_or(Value::String(digits)),
        (2, value) => Value::String(value.to_string()),
        (_, value) => change_within(value, dice),
    };
    serde_json::to_vec(&document).ok()
}

fn change_within(value: Value, dice: &mut Dice) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(is_true) => Value::Bool(!is_true),
        Value::Number(number) => {
            let number = number.as_u64().unwrap_or_default();
            let others = [json!(0), json!(-1), json!(0.5), json!(u64::MAX), json!(number.wrapping_add(1))];
            others[dice.roll(others.len())].clone()
        }
        Value::String(text) => Value::String(change_text(text, dice)),
        Value::Array(mut items) => {
            if items.is_empty() {
                return json!([0]);
            }
            let (one, other) = (dice.roll(items.len()), dice.roll(items.len()));
            match dice.roll(3) {
                0 => drop(items.remove(one)),
                1 => items.swap(one, other),
                _ => items.insert(one, items[other].clone()),
            }
            Value::Array(items)
        }
        Value::Object(mut fields) => {
            let key = fields.keys().nth(dice.roll(fields.len().max(1))).cloned().unwrap_or_default();
            match dice.roll(4) {
                0 => drop(fields.remove(&key)),
                1 => drop(fields.insert(change_text(key, dice), Value::Null)),
                2 => rename(&mut fields, &key, &change_text(key.clone(), dice)),
                // What serde takes for the object, and nobody else.
                _ => return fields.into_iter().map(|(_, value)| value).collect(),
            }
            Value::Object(fields)
        }
    }
}

fn rename(fields: &mut Map<String, Value>, from: &str, to: &str) {
    let value = fields.remove(from).unwrap_or_default();
    fields.insert(to.to_owned(), value);
}

fn change_text(text: String, dice: &mut Dice) -> String {
    match dice.roll(5) {
        0 => text.to_uppercase(),
        1 => format!("+{text}"),
        2 => format!("{text}\n"),
        _ => {
            let size = text.len();
            let mut bytes = text.into_bytes();
            bytes.resize(size + 16, 0);
            let size = fuzzer_mutate(&mut bytes, size, size + 16);
            String::from_utf8_lossy(&bytes[..size]).into_owned()
        }
    }
}

/// Counts a document's values, itself among them.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum::<usize>(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// Returns the value that comes after `left` others.
fn find<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| find(item, left)),
        Value::Object(fields) => fields.values_mut().find_map(|field| find(field, left)),
        _ => None,
    }
}

/// Numbers that follow from libFuzzer's seed, so that a run can be repeated.
struct Dice(u32);

impl Dice {
    /// Returns a number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        // The generator of Numerical Recipes; its upper half is good enough for this.
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 16) as usize % sides
    }
}
