// SPDX-License-Identifier: GPL-2.0-only
//! How text looks: its width and its colours.

/// How to lay out text for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns to stay within: the terminal's, or 72 for a cover letter.
    pub width: usize,
    /// Whether to emphasize with ANSI escapes. The text says everything
    /// without them.
    pub colour: bool,
}

/// An ANSI "select graphic rendition" parameter.
#[derive(Clone, Copy)]
pub(crate) enum Ink {
    Bold = 1,
    Dim = 2,
    Red = 31,
    Green = 32,
    Yellow = 33,
}

impl Style {
    /// The text in an ink, or as it is where there is no colour.
    pub(crate) fn paint(self, ink: Ink, text: &str) -> String {
        if self.colour {
            format!("\x1b[{}m{text}\x1b[0m", ink as u8)
        } else {
            text.to_owned()
        }
    }
}

/// Lines of at most `room` columns, broken between words. A line that fits,
/// and a word that does not, stays whole.
pub(crate) fn wrap(room: usize, line: &str) -> Vec<String> {
    if line.chars().count() <= room {
        return vec![line.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in line.split_whitespace() {
        let last = lines.last_mut().expect("there is one from the start");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= room {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::wrap;

    #[test_case("", &[""]; "nothing")]
    #[test_case("  left: 1", &["  left: 1"]; "what fits keeps its indentation")]
    #[test_case("one two three", &["one two", "three"]; "between words")]
    #[test_case("a incomprehensibilities b", &["a", "incomprehensibilities", "b"]; "a long word")]
    #[test_case("           ", &[""]; "only spaces")]
    #[test_case("größe größe", &["größe", "größe"]; "columns are characters")]
    fn wrapped_to_ten(line: &str, expected: &[&str]) {
        assert_eq!(wrap(10, line), expected);
    }
}
