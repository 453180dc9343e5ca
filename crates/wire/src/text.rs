// SPDX-License-Identifier: GPL-2.0-only
//! Numbers and lists in messages.

/// `1 test`, `2 tests`, `2 patches`.
#[must_use]
pub fn plural(count: usize, noun: &str) -> String {
    let ending = match noun {
        _ if count == 1 => "",
        noun if noun.ends_with("ch") => "es",
        _ => "s",
    };
    format!("{count} {noun}{ending}")
}

/// Returns a text without control characters other than line ends and tabs: what a guest
/// writes must not reach a terminal as escape sequences.
#[must_use]
pub fn printable(text: &str) -> String {
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    let shown = |c| if is_plain(c) { c } else { '\u{fffd}' };
    text.chars().map(shown).collect()
}

/// `a, b, c and 2 more`, with so many items at most.
#[must_use]
pub fn some_of<S: AsRef<str>>(items: &[S], most: usize) -> String {
    let named: Vec<_> = items.iter().take(most).map(AsRef::as_ref).collect();
    let named = named.join(", ");
    match items.len().saturating_sub(most) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// The count; `-` for 0.
#[must_use]
pub fn dash(count: usize) -> String {
    match count {
        0 => "-".to_owned(),
        count => count.to_string(),
    }
}

/// How many letters are wrong in a misspelt name, if that is what it is: at most a
/// quarter of them.
#[must_use]
pub fn misspelling(name: &str, meant: &str) -> Option<usize> {
    let most = name.len().div_ceil(4);
    if meant.len().abs_diff(name.len()) > most {
        return None;
    }
    Some(strsim::osa_distance(meant, name)).filter(|letters| *letters <= most)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case(0, "test" => "0 tests")]
    #[test_case(1, "patch" => "1 patch")]
    #[test_case(2, "patch" => "2 patches")]
    fn noun_agrees_with_the_count(count: usize, noun: &str) -> String {
        plural(count, noun)
    }

    #[test_case("a\tb\nc" => "a\tb\nc"; "lines and tabs")]
    #[test_case("\x1b[31mred\u{9b}2J" => "\u{fffd}[31mred\u{fffd}2J"; "escape sequences")]
    fn control_characters_are_replaced(text: &str) -> String {
        printable(text)
    }

    #[test_case(2 => "a, b and 1 more")]
    #[test_case(3 => "a, b, c")]
    fn long_list_is_cut(most: usize) -> String {
        some_of(&["a", "b", "c"], most)
    }
}
