//! The nesting depth of a JSON text, which is limited because recipients may parse recursively.

/// Whether the arrays and objects in `json`, one valid JSON value, are nested deeper than `max`
/// levels.
pub(super) fn is_deeper_than(max: usize, json: &str) -> bool {
    // Each level has two brackets. Almost every body is too short or has too few of them, and needs
    // no second pass.
    if json.len() < 2 * (max + 1) || opening_brackets(json.as_bytes()) <= max {
        return false;
    }
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest > max
}

/// Counts the opening brackets, including those within strings. `{` and `[` differ in one bit;
/// without a branch the compiler vectorizes the loop.
fn opening_brackets(bytes: &[u8]) -> usize {
    // A byte can count a chunk of 255.
    let count = |chunk: &[u8]| chunk.iter().map(|byte| u8::from(byte & !0x20 == b'[')).sum::<u8>();
    bytes.chunks(255).map(|chunk| usize::from(count(chunk))).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn depth(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
            Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), "[\\[\\]{}\"\\\\a]{0,6}".prop_map(Value::from)];
        leaf.prop_recursive(6, 64, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[\\[{\"]{0,3}", inner, 0..4)
                    .prop_map(|fields| fields.into_iter().collect::<Value>()),
            ]
        })
    }

    proptest! {
        #[test]
        fn depth_equals_that_of_the_parsed_value(value in any_json(), max in 0_usize..8) {
            prop_assert_eq!(is_deeper_than(max, &value.to_string()), depth(&value) > max);
        }

        #[test]
        fn opening_brackets_are_counted(bytes: Vec<u8>) {
            let expected = bytes.iter().filter(|byte| b"[{".contains(byte)).count();
            prop_assert_eq!(opening_brackets(&bytes), expected);
        }
    }

    #[test]
    fn siblings_do_not_add_depth() {
        assert!(!is_deeper_than(128, &format!("[{}1]", "[],".repeat(1_000))));
        assert!(is_deeper_than(1, "[[]]   "));
    }
}
