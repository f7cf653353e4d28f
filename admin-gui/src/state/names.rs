use std::cmp::Ordering;

use trunkline_protocol::Name;

/// The order of names as people count: node-2 comes before node-10.
pub(crate) fn by_name(a: &Name, b: &Name) -> Ordering {
    let (mut a_rest, mut b_rest) = (a.as_str(), b.as_str());
    loop {
        let ((a_part, a_next), (b_part, b_next)) = (split(a_rest), split(b_rest));
        let order = match (number(a_part), number(b_part)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a_part.cmp(b_part),
        };
        if order.is_ne() || (a_next.is_empty() && b_next.is_empty()) {
            return order.then_with(|| a.cmp(b));
        }
        (a_rest, b_rest) = (a_next, b_next);
    }
}

/// Splits off the digits, or the other characters, that a text begins with.
fn split(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|letter: char| letter.is_ascii_digit());
    let end = text.find(|letter: char| letter.is_ascii_digit() != digits);
    text.split_at(end.unwrap_or(text.len()))
}

/// What digits count, by how many there are and then by each: no number is too large for that.
fn number(part: &str) -> Option<(usize, &str)> {
    let significant = part.trim_start_matches('0');
    part.starts_with(|letter: char| letter.is_ascii_digit())
        .then_some((significant.len(), significant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted() {
        let sorted = ["a", "a-1", "a-2", "a-02", "a-10", "a-10-b", "a-100", "b-1", "9", "10"];
        let mut names: Vec<Name> = sorted.iter().map(|name| name.parse().unwrap()).collect();
        names.sort_by(by_name);
        let names: Vec<_> = names.iter().map(Name::as_str).collect();
        assert_eq!(names, ["9", "10", "a", "a-1", "a-02", "a-2", "a-10", "a-10-b", "a-100", "b-1"]);
    }
}
