use std::cmp::Ordering;

use trunkline_protocol::Name;

/// Natural order: node-2 comes before node-10.
pub(crate) fn by_name(a: &Name, b: &Name) -> Ordering {
    let (mut a_rest, mut b_rest) = (a.as_str(), b.as_str());
    loop {
        let ((a_run, a_next), (b_run, b_next)) = (split(a_rest), split(b_rest));
        let order = match (number(a_run), number(b_run)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a_run.cmp(b_run),
        };
        if order.is_ne() || (a_next.is_empty() && b_next.is_empty()) {
            return order.then_with(|| a.cmp(b));
        }
        (a_rest, b_rest) = (a_next, b_next);
    }
}

/// Splits after the leading run of digits, or of other characters.
fn split(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|character: char| character.is_ascii_digit());
    let end = text.find(|character: char| character.is_ascii_digit() != digits);
    text.split_at(end.unwrap_or(text.len()))
}

/// The number of significant digits, and the digits: ordered like the number, of any size.
fn number(run: &str) -> Option<(usize, &str)> {
    let significant = run.trim_start_matches('0');
    run.starts_with(|character: char| character.is_ascii_digit())
        .then_some((significant.len(), significant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_ordered_by_value() {
        let sorted = ["a", "a-1", "a-2", "a-02", "a-10", "a-10-b", "a-100", "b-1", "9", "10"];
        let mut names: Vec<Name> = sorted.iter().map(|name| name.parse().unwrap()).collect();
        names.sort_by(by_name);
        let names: Vec<_> = names.iter().map(Name::as_str).collect();
        assert_eq!(names, ["9", "10", "a", "a-1", "a-02", "a-2", "a-10", "a-10-b", "a-100", "b-1"]);
    }
}
