//! Whether what was printed is what a page says.

/// What stands for something that differs, and which characters that may have.
type Placeholder = (&'static str, fn(char) -> bool);

const PLACEHOLDERS: [Placeholder; 5] = [
    ("…", |_| true),
    ("<id>", |c| c.is_ascii_alphanumeric() || "-_.".contains(c)),
    // As HTTP has it, and as RFC 3339 does.
    ("<date>", |c| c.is_ascii_alphanumeric() || ":.,-+ ".contains(c)),
    ("<number>", |c| c.is_ascii_digit() || c == '.'),
    ("<hash>", |c| c.is_ascii_hexdigit()),
];

/// Holds lines against those of a page, and says where they first differ.
pub(super) fn compare(wanted: &[String], found: &str) -> Result<(), String> {
    let found: Vec<&str> = found.lines().map(|line| line.trim_end_matches('\r')).collect();
    let last = found.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    let (found, wanted): (_, Vec<&str>) =
        (&found[..last], wanted.iter().map(String::as_str).collect());
    match lines(&wanted, found) {
        true => Ok(()),
        false => Err(format!("wanted\n{}\nfound\n{}", wanted.join("\n"), found.join("\n"))),
    }
}

fn lines(wanted: &[&str], found: &[&str]) -> bool {
    let Some((first, rest)) = wanted.split_first() else { return found.is_empty() };
    if *first == "…" {
        return (0..=found.len()).any(|skipped| lines(rest, &found[skipped..]));
    }
    let Some((line, others)) = found.split_first() else { return false };
    if same(first, line) && lines(rest, others) {
        return true;
    }
    // One line of JSON may be several on the page.
    (2..=wanted.len()).take_while(|_| line.starts_with(['{', '['])).any(|count| {
        let (joined, rest) = wanted.split_at(count);
        same(&joined.join("\n"), line) && lines(rest, others)
    })
}

/// Whether one line is what the page says.
pub(super) fn same(wanted: &str, found: &str) -> bool {
    match found.starts_with(['{', '[']) {
        true => fits(&squeezed(wanted), &squeezed(found)),
        false => fits(wanted, found),
    }
}

fn fits(wanted: &str, found: &str) -> bool {
    let placeholder = PLACEHOLDERS.iter().find_map(|(name, allowed)| {
        let rest = wanted.strip_prefix(name)?;
        Some((*name == "…", rest, allowed))
    });
    if let Some((may_be_empty, rest, allowed)) = placeholder {
        let mut ends = found.char_indices().map(|(at, c)| (at, Some(c)));
        let mut reached = usize::from(may_be_empty);
        loop {
            let (at, next) = ends.next().unwrap_or((found.len(), None));
            if reached > 0 && fits(rest, &found[at..]) {
                return true;
            }
            match next {
                Some(next) if allowed(next) => reached += 1,
                _ => return false,
            }
        }
    }
    match (wanted.chars().next(), found.chars().next()) {
        (None, None) => true,
        (Some(a), Some(b)) if a == b => fits(&wanted[a.len_utf8()..], &found[b.len_utf8()..]),
        _ => false,
    }
}

/// JSON without white space between its tokens.
fn squeezed(json: &str) -> String {
    let (mut inside, mut escaped) = (false, false);
    let keep = |c: &char| {
        let kept = inside || !c.is_whitespace();
        inside ^= *c == '"' && !escaped;
        escaped = inside && *c == '\\' && !escaped;
        kept
    };
    json.chars().filter(keep).collect()
}

#[test]
fn what_is_the_same() {
    let check = |wanted: &str, found: &str| {
        let wanted: Vec<String> = wanted.lines().map(str::to_owned).collect();
        compare(&wanted, found).is_ok()
    };
    for (wanted, found, same) in [
        ("", "", true),
        ("a\nb", "a\r\nb\n\n", true),
        ("a", "a\nb", false),
        ("a\nb", "a", false),
        ("a…c", "abbc", true),
        ("a…c", "ac", true),
        ("a…", "b", false),
        ("id: <id>.", "id: 1f-_x.", true),
        ("id: <id>", "id: ", false),
        ("id: <id>", "id: a b", false),
        ("<date> x", "Sat, 28 Nov 2026 01:56:26 GMT x", true),
        ("<number> ms", "12.5 ms", true),
        ("<number> ms", "-12 ms", false),
        ("a\n…\nd", "a\nb\nc\nd", true),
        ("a\n…\nd", "a\nb\nc\ne", false),
        ("{\"a\": 1,\n \"b c\": [2]}", "{\"a\":1,\"b c\":[2]}", true),
        ("{\"b c\": 1}", "{\"bc\":1}", false),
        (r#"{"a": "\" b"}"#, r#"{"a":"\" b"}"#, true),
        (r#"{"a": "\" b"}"#, r#"{"a":"\"b"}"#, false),
        ("{\"a\": 1,\n …}\nnext", "{\"a\":1,\"b\":2}\nnext", true),
        ("a b", "a  b", false),
    ] {
        assert_eq!(check(wanted, found), same, "{wanted:?} {found:?}");
    }
}
