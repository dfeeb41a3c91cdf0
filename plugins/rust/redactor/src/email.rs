//! Finds e-mail addresses in text.
//!
//! By hand rather than by regular expression: an engine for those would be ten times the size of
//! this plugin. ASCII addresses only, without quoted local parts or domain literals; each byte is
//! looked at a bounded number of times.

use std::ops::Range;

/// Replaces every address, and says how many there were; `None` when there was none.
pub(crate) fn redact(text: &str, replacement: &str) -> Option<(String, u64)> {
    let mut result = String::new();
    let mut count = 0;
    let mut copied = 0;
    while let Some(address) = next_address(text, copied) {
        result.push_str(text.get(copied..address.start)?);
        result.push_str(replacement);
        copied = address.end;
        count += 1;
    }
    result.push_str(text.get(copied..)?);
    (count > 0).then_some((result, count))
}

/// As many letters as a local part has at most. Nothing waits for the `@` of a longer one.
const LONGEST_LOCAL: usize = 64;

/// As many as a domain has at most.
const LONGEST_DOMAIN: usize = 253;

/// The addresses in the beginning of a text that goes on unless it has `ended`, and where what has to
/// wait begins: what may be an address, or more of one, once more of the text is there.
pub(crate) fn look(text: &str, ended: bool) -> (Vec<Range<usize>>, usize) {
    let mut addresses = Vec::new();
    let mut from = 0;
    let waits = if ended { None } else { open_domain(text) };
    while let Some(address) = next_address(text, from) {
        if waits.is_some_and(|at| address.contains(&at)) {
            break;
        }
        from = address.end;
        addresses.push(address);
    }
    let local = |end: usize| local_part(text.get(from..end).unwrap_or_default()).len();
    let waits = match waits.map(|at| (at, local(at))) {
        _ if ended => text.len(),
        Some((at, length)) if length > 0 => at - length,
        _ => text.len() - local(text.len()).min(LONGEST_LOCAL),
    };
    (addresses, waits)
}

/// The last `@`, if all that is behind it is of a domain that may go on.
fn open_domain(text: &str) -> Option<usize> {
    let at = text.rfind('@')?;
    let name = text.get(at + 1..)?;
    let known = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let may_go_on = name.len() <= LONGEST_DOMAIN
        && name.chars().all(known)
        && !name.starts_with(['.', '-'])
        && !name.contains("..");
    may_go_on.then_some(at)
}

/// The first address that begins at `from` or later.
fn next_address(text: &str, from: usize) -> Option<Range<usize>> {
    let rest = text.get(from..)?;
    rest.match_indices('@').find_map(|(at, _)| {
        let (before, after) = (rest.get(..at)?, rest.get(at + 1..)?);
        let start = at - local_part(before).len();
        let end = at + 1 + domain(after).len();
        (start < at && end > at + 1).then(|| from + start..from + end)
    })
}

/// The longest end of `text` that can stand before the `@`; empty if there is none.
fn local_part(text: &str) -> &str {
    let known = |c: char| c.is_ascii_alphanumeric() || "._%+-'".contains(c);
    let start = text.rfind(|c| !known(c)).map_or(0, |last| {
        last + text.get(last..).and_then(|end| end.chars().next()).map_or(0, char::len_utf8)
    });
    let part = text.get(start..).unwrap_or_default();
    // Punctuation of the sentence, or the quotation mark of an example.
    part.trim_start_matches(['.', '\'', '-'])
}

/// The longest start of `text` that is a domain of two labels or more; empty if there is none.
fn domain(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-');
    let name = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
    // No label is empty.
    let mut name = name.split("..").next().unwrap_or_default();
    if name.starts_with(['.', '-']) {
        return "";
    }
    loop {
        // The full stop after an address ends the sentence.
        name = name.trim_end_matches(['.', '-']);
        let Some((labels, top)) = name.rsplit_once('.') else { return "" };
        if top.len() >= 2 && top.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return name;
        }
        name = labels;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, wanted: &str, count: u64) {
        assert_eq!(redact(text, "#"), Some((wanted.to_owned(), count)), "{text}");
    }

    #[test]
    fn addresses_are_found_where_people_put_them() {
        check("ada@example.org", "#", 1);
        check("Write to ada.l+tag@mail.example.org.", "Write to #.", 1);
        check("<ada@example.org>, bob_9@example.co.uk; done", "<#>, #; done", 2);
        check("mailto:ada@example.org?subject=x", "mailto:#?subject=x", 1);
        check("'ada@example.org'", "'#'", 1);
        check("Grüße an ada@example.org – danke", "Grüße an # – danke", 1);
        check("ada@example.org@bob@example.net", "#@#", 2);
        check("o'neil@x-y.example", "#", 1);
        check("ada@example.org.5", "#.5", 1);
        check("ada@example.org...", "#...", 1);
    }

    #[test]
    fn other_text_is_left_alone() {
        for text in [
            "", "@", "@@", "a@", "@b.cc", "a@b", "a@b.c", "a@.cc", "a@b..cc", "tag @ada", "1@2.34",
            "ä@ö.ü",
        ] {
            assert_eq!(redact(text, "#"), None, "{text}");
        }
    }

    /// What is before `|` is decided, and `#` stands for each address in it.
    #[test]
    fn a_text_that_goes_on_waits_where_it_has_to() {
        let (local, domain) = ("l".repeat(65), format!("a@{}", "d.".repeat(127)));
        for (text, wanted) in [
            ("", "|"),
            ("one two ", "one two |"),
            ("one two", "one |two"),
            ("Grüße", "Grüß|e"),
            ("end.", "|end."),
            ("'quoted", "'|quoted"),
            ("...", "...|"),
            ("x @", "x @|"),
            ("x @ada", "x @|ada"),
            ("to ada@", "to |ada@"),
            ("to ada@exa", "to |ada@exa"),
            ("to ada@exa mple", "to ada@exa |mple"),
            ("to ada@example.org", "to |ada@example.org"),
            ("to ada@example.org.", "to |ada@example.org."),
            ("to ada@example.org. ", "to #. |"),
            ("to ada@example.org, bob", "to #, |bob"),
            ("to ada@example.org..", "to #..|"),
            ("ada@example.org@", "#@|"),
            ("ada@example.org@bob", "#@|bob"),
            ("a@b@c", "a@|b@c"),
            ("a@.x", "a@.|x"),
            ("a@-", "a@-|"),
            ("@ada@example.org", "@|ada@example.org"),
            ("a@b.cc c@d.ee", "# |c@d.ee"),
            (&local, &format!("l|{}", "l".repeat(64))),
            (&domain, &format!("{}|{}", &domain[..192], &domain[192..])),
        ] {
            let (addresses, waits) = look(text, false);
            let mut told = String::new();
            let mut at = 0;
            for address in addresses {
                told += &text[at..address.start];
                told.push('#');
                at = address.end;
            }
            told = told + &text[at..waits] + "|" + &text[waits..];
            assert_eq!(told, wanted, "{text}");
            let (addresses, waits) = look(text, true);
            let redacted = redact(text, "#").map_or(0, |(_, count)| count);
            assert_eq!((addresses.len() as u64, waits), (redacted, text.len()), "{text}");
        }
    }

    #[test]
    fn a_replacement_is_not_looked_at_again() {
        assert_eq!(redact("a@b.cc", "x@y.zz"), Some(("x@y.zz".to_owned(), 1)));
    }

    #[test]
    fn long_hostile_text_takes_no_time() {
        let text = "a@".repeat(200_000) + &"a.".repeat(200_000) + "@";
        assert_eq!(redact(&text, "#"), None);
        assert_eq!(look(&text, false).0, []);
    }
}
