/// A value as it may be shown: without the user and password before an `@`, and without a URL's
/// query, which may hold a password too.
///
/// Whatever is malformed is taken to hold a secret as well, so this looks at the signs alone and
/// does not parse.
pub fn redacted(value: &str) -> String {
    let (value, query) = match value.split_once('?') {
        Some((value, _)) => (value, "?…"),
        None => (value, ""),
    };
    match value.rsplit_once('@') {
        Some((before, after)) => {
            let scheme = before.find("://").map_or("", |end| &before[..end + 3]);
            format!("{scheme}…@{after}{query}")
        }
        None => format!("{value}{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_left_out() {
        for (given, shown) in [
            ("redis://alice:hunter2@db:6379/0", "redis://…@db:6379/0"),
            ("redis://:hunter2@db", "redis://…@db"),
            ("redis//alice:hunter2@db", "…@db"),
            ("redis://alice:hunter2/p@ss@db", "redis://…@db"),
            ("unix:///run/redis.sock?pass=hunter2", "unix:///run/redis.sock?…"),
            ("ws://host/ws?token=hunter2@x", "ws://host/ws?…"),
            ("alice:hunter2@db?x=hunter2", "…@db?…"),
        ] {
            assert_eq!(redacted(given), shown);
        }
    }

    #[test]
    fn other_values_are_shown_as_they_are() {
        for value in ["", "127.0.0.1:7400", "ws://host:9001/ws", "nowhere", "[::1]:7400"] {
            assert_eq!(redacted(value), value);
        }
    }
}
