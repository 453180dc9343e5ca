// SPDX-License-Identifier: GPL-2.0-only
//! How lines of a Makefile are written.

/// How a variable is assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    /// `=`, `:=`, `::=`.
    Set,
    /// `+=`.
    Append,
    /// `?=`.
    Default,
    /// `!=`.
    Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Assignment<'a> {
    pub(crate) name: &'a str,
    pub(crate) operator: Operator,
    pub(crate) value: &'a str,
}

/// An assignment, if a line is one.
pub(crate) fn assignment(text: &str) -> Option<Assignment<'_>> {
    let at = outside(text, |it| it == b'=')?;
    let before = &text[..at];
    let (name, operator) = match before.as_bytes().last() {
        Some(b'+') => (&before[..at - 1], Operator::Append),
        Some(b'?') => (&before[..at - 1], Operator::Default),
        Some(b'!') => (&before[..at - 1], Operator::Shell),
        _ => (before.trim_end_matches(':'), Operator::Set),
    };
    let name = name.trim();
    // `target: NAME = value` is a rule.
    let is_name =
        !name.is_empty() && outside(name, |it| it == b':' || it.is_ascii_whitespace()).is_none();
    is_name.then(|| Assignment {
        name,
        operator,
        value: text[at + 1..].trim(),
    })
}

/// Where the targets of a rule end.
pub(crate) fn colon(text: &str) -> Option<usize> {
    outside(text, |it| it == b':')
}

/// The first byte of a kind that is in no reference.
fn outside(text: &str, is: impl Fn(u8) -> bool) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'{' => depth += 1,
            b')' | b'}' => depth = depth.saturating_sub(1),
            byte if depth == 0 && is(byte) => return Some(at),
            _ => {}
        }
    }
    None
}

/// What `ifeq` compares: `(a,b)`, `"a" "b"` or `'a' 'b'`.
pub(crate) fn operands(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    if let Some(inner) = text.strip_prefix('(').and_then(|it| it.strip_suffix(')')) {
        let comma = outside(inner, |it| it == b',')?;
        return Some((inner[..comma].trim(), inner[comma + 1..].trim()));
    }
    let (a, rest) = quoted(text)?;
    let (b, _) = quoted(rest.trim_start())?;
    Some((a, b))
}

fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|it| matches!(it, '"' | '\''))?;
    text[1..].split_once(quote)
}

pub(crate) fn is_conditional(word: &str) -> bool {
    matches!(
        word,
        "ifdef" | "ifndef" | "ifeq" | "ifneq" | "else" | "endif"
    )
}

/// The first word, and what follows it. `ifeq(a,b)` is two words, too.
pub(crate) fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(|it: char| it.is_whitespace() || it == '(');
    text.split_at(end.unwrap_or(text.len()))
}

/// Lines with their numbers: continued ones as one, and without comments.
pub(crate) fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut current: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let slashes = line.len() - line.trim_end_matches('\\').len();
        let continued = slashes % 2 == 1;
        let part = &line[..line.len() - usize::from(continued)];
        let (_, joined) = current.get_or_insert_with(|| (index + 1, String::new()));
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(part);
        if !continued {
            lines.extend(current.take());
        }
    }
    lines.extend(current);
    for (_, text) in &mut lines {
        text.truncate(comment(text).unwrap_or(text.len()));
    }
    lines.retain(|(_, text)| !text.trim().is_empty());
    lines
}

/// Where a comment starts.
fn comment(text: &str) -> Option<usize> {
    let hashes = text.match_indices('#').map(|(at, _)| at);
    hashes.into_iter().find(|at| !text[..*at].ends_with('\\'))
}

pub(crate) fn shortened(text: &str) -> String {
    const MOST: usize = 120;
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}
